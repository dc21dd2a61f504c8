#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/baselines/fast_scores.h"
#include "experiments/baselines/gradient_matrix.h"

#include <math.h>
#include <string.h>

enum {
    BITS = 256,
    LEVELS = 8,
    RADIUS = 15, /* of the disc whose brightness turns the point */
    REACH = 13,  /* farthest compared pixel */
    BORDER = 16, /* of each level: the disc fits, and one pixel of rounding */
    LEAST_SIDE = 40,
    BLUR = 3, /* radius of the smoothing */
    USUAL_POINTS = 5000,
    MOST_POINTS = 50000,
    PURPOSE = 0x4f5242
};
static const double factor = 1.2, blur_sigma = 2, harris_k = 0.04;
static const float fast_threshold = 10.0f / 255;

typedef struct orb {
    float pattern[BITS][4]; /* x, y of the two compared places, pixels around the point */
} orb;

/* Places from a normal distribution of a fifth of the patch's width, as the published study found best. */
static void draw_pattern(orb *self)
{
    cairn_rng rng = cairn_rng_stream(0, 0, 0, 0, PURPOSE);
    for (int i = 0; i < BITS; i++)
        for (int end = 0; end < 2; end++) {
            double x, y;
            do {
                x = cairn_rng_normal(&rng) * (2 * RADIUS + 1) / 5.0;
                y = cairn_rng_normal(&rng) * (2 * RADIUS + 1) / 5.0;
            } while (x * x + y * y > REACH * REACH);
            self->pattern[i][2 * end] = (float)x;
            self->pattern[i][2 * end + 1] = (float)y;
        }
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static cairn_status smooth(cairn_image *out, const cairn_image *image)
{
    float weights[2 * BLUR + 1], sum = 0;
    cairn_image rows = {0};
    cairn_status st = CAIRN_OK;
    int h = image->h, w = image->w;
    for (int k = -BLUR; k <= BLUR; k++) sum += weights[k + BLUR] = (float)exp(-k * k / (2 * blur_sigma * blur_sigma));
    for (int k = 0; k <= 2 * BLUR; k++) weights[k] /= sum;
    CAIRN_TRY(cairn_image_create(&rows, h, w, 1));
    CAIRN_TRY(cairn_image_create(out, h, w, 1));
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int k = -BLUR; k <= BLUR; k++)
                rows.pixels[(size_t)y * w + x] += weights[k + BLUR] * image->pixels[(size_t)y * w + clamp(x + k, w)];
    for (int y = 0; y < h; y++)
        for (int k = -BLUR; k <= BLUR; k++)
            for (int x = 0; x < w; x++)
                out->pixels[(size_t)y * w + x] += weights[k + BLUR] * rows.pixels[(size_t)clamp(y + k, h) * w + x];
done:
    cairn_image_free(&rows);
    return st;
}

/* The direction from the point to the centroid of the brightness in the disc. */
static void orientation(float *c, float *s, const cairn_image *image, int px, int py)
{
    double mx = 0, my = 0;
    for (int dy = -RADIUS; dy <= RADIUS; dy++)
        for (int dx = -RADIUS; dx <= RADIUS; dx++) {
            if (dx * dx + dy * dy > RADIUS * RADIUS) continue;
            double v = image->pixels[(size_t)(py + dy) * image->w + px + dx];
            mx += dx * v;
            my += dy * v;
        }
    double length = hypot(mx, my);
    *c = length > 0 ? (float)(mx / length) : 1;
    *s = length > 0 ? (float)(my / length) : 0;
}

static void describe(float *out, const orb *self, const cairn_image *image, const cairn_image *smoothed, int px, int py)
{
    float c, s;
    orientation(&c, &s, image, px, py);
    for (int i = 0; i < BITS; i++) {
        float v[2];
        for (int end = 0; end < 2; end++) {
            float x = self->pattern[i][2 * end], y = self->pattern[i][2 * end + 1];
            int dx = (int)lrintf(c * x - s * y), dy = (int)lrintf(s * x + c * y);
            v[end] = smoothed->pixels[(size_t)(py + dy) * image->w + px + dx];
        }
        out[i] = v[0] < v[1] ? 0.0625f : -0.0625f;
    }
}

/* The FAST points of one level with their Harris responses, the best `most` of them. */
static cairn_status choose_points(cairn_keypoints *out, const cairn_image *level, int most)
{
    cairn_status st = CAIRN_OK;
    float *scores = NULL, *matrix = NULL;
    size_t plane = (size_t)level->h * (size_t)level->w;
    CAIRN_TRY(cairn_baselines__fast_scores(&scores, level, fast_threshold));
    CAIRN_TRY(cairn_keypoints_from_heatmap(out, scores, level->h, level->w, fast_threshold, 1, BORDER, 0));
    CAIRN_TRY(cairn_baselines__gradient_matrix(&matrix, level));
    for (int i = 0; i < out->count; i++) {
        size_t at = (size_t)out->points[i].y * (size_t)level->w + (size_t)out->points[i].x;
        double xx = matrix[at], xy = matrix[plane + at], yy = matrix[2 * plane + at];
        out->points[i].score = (float)(xx * yy - xy * xy - harris_k * (xx + yy) * (xx + yy));
    }
    CAIRN_TRY(cairn_keypoints_sort(out, most));
done:
    free(scores);
    free(matrix);
    return st;
}

/* Appends the points of one level to `out`, which has room for them. */
static cairn_status add_level(cairn_keypoints *out, const orb *self, const cairn_image *gray, int h, int w, int most)
{
    cairn_status st = CAIRN_OK;
    cairn_image level = {0}, smoothed = {0};
    cairn_keypoints found = {0};
    CAIRN_TRY(cairn_image_resize(&level, gray, h, w));
    CAIRN_TRY(smooth(&smoothed, &level));
    CAIRN_TRY(choose_points(&found, &level, most));
    for (int i = 0; i < found.count; i++) {
        const cairn_keypoint p = found.points[i];
        describe(out->descriptors + (size_t)out->count * BITS, self, &level, &smoothed, (int)p.x, (int)p.y);
        out->points[out->count++] = (cairn_keypoint){(p.x + 0.5f) * (float)gray->w / (float)w - 0.5f,
                                                     (p.y + 0.5f) * (float)gray->h / (float)h - 0.5f, p.score};
    }
done:
    cairn_image_free(&level);
    cairn_image_free(&smoothed);
    cairn_keypoints_free(&found);
    return st;
}

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    const orb *self = state;
    cairn_status st = CAIRN_OK;
    const int wanted = top_k <= 0 ? USUAL_POINTS : top_k < MOST_POINTS ? top_k : MOST_POINTS;
    double areas = 0;
    cairn_keypoints all = {0};
    for (int i = 0; i < LEVELS; i++) areas += pow(factor, -2 * i);
    CAIRN_TRY(cairn_keypoints_create(&all, wanted + LEVELS, BITS));
    all.count = 0;
    for (int i = 0; i < LEVELS; i++) {
        const double scale = pow(factor, -i);
        const int h = (int)lrint(gray->h * scale), w = (int)lrint(gray->w * scale);
        const int most = (int)ceil(wanted * scale * scale / areas);
        if (h < LEAST_SIDE || w < LEAST_SIDE) break;
        CAIRN_TRY(add_level(&all, self, gray, h, w, most));
    }
    if (all.count > 0) CAIRN_TRY(cairn_keypoints_sort(&all, wanted));
    *out = all;
    all = (cairn_keypoints){0};
done:
    cairn_keypoints_free(&all);
    return st;
}

cairn_status cairn_baseline_orb(cairn_detector *out)
{
    *out = (cairn_detector){0};
    orb *self = malloc(sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the ORB-like detector");
    draw_pattern(self);
    *out = (cairn_detector){.name = "ORB-like", .dimension = BITS, .state = self, .detect = detect, .destroy = free};
    return CAIRN_OK;
}
