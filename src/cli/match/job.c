#include "cli/match/job.h"

#include "experiments/gallery/drawing.h"
#include "formats/npz.h"

#include <stdlib.h>
#include <string.h>

static void image_free(cairn_match_image *image)
{
    cairn_image_free(&image->rgb);
    cairn_keypoints_free(&image->points);
    *image = (cairn_match_image){0};
}

void cairn_match_job_free(cairn_match_job *job)
{
    image_free(&job->images[0]);
    image_free(&job->images[1]);
}

static cairn_status load(cairn_match_image *image, const cairn_match_job *job, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    image_free(image);
    CAIRN_TRY(cairn_image_load(&image->rgb, path, 3));
    CAIRN_TRY(cairn_image_to_gray(&gray, &image->rgb));
    st = job->detector->detect(job->detector->state, &gray, job->settings->top_k, &image->points);
    if (st < 0) CAIRN_TRY(cairn_error_set(st, "%s: %s", path, cairn_error_message()));
    image->path = path;
done:
    cairn_image_free(&gray);
    if (st < 0) image_free(image);
    return st;
}

static bool is(const cairn_match_image *image, const char *path)
{
    return image->path && !strcmp(image->path, path);
}

/* Both images; what is there already stays. */
static cairn_status both(cairn_match_job *job, const char *a, const char *b, int place[2])
{
    cairn_status st = CAIRN_OK;
    const char *paths[2] = {a, b};
    place[0] = is(&job->images[0], a) ? 0 : is(&job->images[1], a) ? 1 : -1;
    place[1] = is(&job->images[0], b) ? 0 : is(&job->images[1], b) ? 1 : -1;
    for (int k = 0; k < 2; k++) {
        if (place[k] >= 0) continue;
        if (k && !strcmp(a, b)) {
            place[1] = place[0];
            continue;
        }
        place[k] = place[1 - k] == 0; /* the place that the other does not need */
        CAIRN_TRY(load(&job->images[place[k]], job, paths[k]));
    }
done:
    return st;
}

typedef struct result {
    cairn_match *matches;
    int count;
    double *from, *to, *scores;
    uint8_t *inliers;
    cairn_homography h; /* all zero: none */
    cairn_match_counts counts;
} result;

static void result_free(result *r)
{
    free(r->matches);
    free(r->from);
    free(r->inliers);
    *r = (result){0};
}

static cairn_status estimate(result *r, const cairn_match_settings *s)
{
    cairn_status st = CAIRN_OK;
    cairn_homography h = {{0}};
    const cairn_robust_options options = {s->inlier_px, s->iterations, s->confidence, s->seed,
                                          s->ranked ? r->scores : NULL};
    if (s->estimator == CAIRN_MATCH_NONE)
        memset(r->inliers, 1, (size_t)r->count);
    else if (s->estimator == CAIRN_MATCH_CV)
        st = cairn_homography_ransac_cv(&h, r->from, r->to, r->count, s->inlier_px, s->iterations, s->confidence,
                                        r->inliers);
    else
        st = cairn_homography_robust(&h, r->inliers, NULL, r->from, r->to, r->count, &options);
    if (st == CAIRN_E_NUMERIC) { /* none found: a result */
        memset(r->inliers, 0, (size_t)r->count);
        return CAIRN_OK;
    }
    r->counts.model = st >= 0 && s->estimator != CAIRN_MATCH_NONE;
    if (r->counts.model) r->h = h;
    for (int i = 0; i < r->count && s->estimator != CAIRN_MATCH_NONE; i++) r->counts.inliers += r->inliers[i];
    return st;
}

static cairn_status match(result *r, const cairn_match_job *job, const cairn_match_image *a, const cairn_match_image *b)
{
    cairn_status st = CAIRN_OK;
    const cairn_match_side left = {&a->points, a->rgb.h, a->rgb.w}, right = {&b->points, b->rgb.h, b->rgb.w};
    CAIRN_TRY(cairn_matcher_run(job->matcher, &left, &right, &r->matches, &r->count));
    const size_t n = (size_t)r->count;
    r->from = malloc((5 * n + 1) * sizeof *r->from);
    r->inliers = calloc(n + 1, 1);
    if (!r->from || !r->inliers) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    r->to = r->from + 2 * n;
    r->scores = r->to + 2 * n;
    for (size_t i = 0; i < n; i++) {
        const cairn_keypoint p = a->points.points[r->matches[i].a], q = b->points.points[r->matches[i].b];
        r->from[2 * i] = p.x, r->from[2 * i + 1] = p.y;
        r->to[2 * i] = q.x, r->to[2 * i + 1] = q.y;
        r->scores[i] = r->matches[i].score;
    }
    r->counts = (cairn_match_counts){a->points.count, b->points.count, r->count, 0, false};
    CAIRN_TRY(estimate(r, job->settings));
done:
    return st;
}

static cairn_status write_npz(const char *path, const result *r, const cairn_match_image *a, const cairn_match_image *b)
{
    cairn_status st = CAIRN_OK;
    char names[8][16] = {"keypoints0", "keypoints1", "matches",    "scores",
                         "distances",  "inliers",    "homography", "sizes"};
    const size_t n = (size_t)r->count;
    int32_t sizes[4] = {a->rgb.h, a->rgb.w, b->rgb.h, b->rgb.w}, *indices = malloc((2 * n + 1) * sizeof *indices);
    float *scores = malloc((2 * n + 1) * sizeof *scores);
    double h[9];
    if (!indices || !scores) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    for (size_t i = 0; i < n; i++) {
        indices[2 * i] = r->matches[i].a, indices[2 * i + 1] = r->matches[i].b;
        scores[i] = r->matches[i].score, scores[n + i] = r->matches[i].distance;
    }
    memcpy(h, r->h.m, sizeof h);
    const cairn_npz_array arrays[] = {
        {.name = names[0], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {a->points.count, 3}, .data = a->points.points},
        {.name = names[1], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {b->points.count, 3}, .data = b->points.points},
        {.name = names[2], .type = CAIRN_NPZ_I32, .rank = 2, .shape = {r->count, 2}, .data = indices},
        {.name = names[3], .type = CAIRN_NPZ_F32, .rank = 1, .shape = {r->count}, .data = scores},
        {.name = names[4], .type = CAIRN_NPZ_F32, .rank = 1, .shape = {r->count}, .data = scores + n},
        {.name = names[5], .type = CAIRN_NPZ_U8, .rank = 1, .shape = {r->count}, .data = r->inliers},
        {.name = names[6], .type = CAIRN_NPZ_F64, .rank = 2, .shape = {3, 3}, .data = h},
        {.name = names[7], .type = CAIRN_NPZ_I32, .rank = 2, .shape = {2, 2}, .data = sizes},
    };
    _Static_assert(sizeof(cairn_keypoint) == 12, "a row of keypoints is x, y, score");
    CAIRN_TRY(cairn_npz_write(path, arrays, sizeof arrays / sizeof *arrays, false));
done:
    free(indices);
    free(scores);
    return st;
}

static const char *file_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static cairn_status write_png(const char *path, const result *r, const cairn_match_job *job, const cairn_match_image *a,
                              const cairn_match_image *b)
{
    cairn_status st = CAIRN_OK;
    cairn_image drawing = {0};
    char left_title[512], right_title[512];
    const cairn_match_counts *c = &r->counts;
    if (job->settings->estimator == CAIRN_MATCH_NONE)
        snprintf(left_title, sizeof left_title, "%d matches", c->matches);
    else if (c->model)
        snprintf(left_title, sizeof left_title, "%d matches, %d (%.0f %%) on one homography within %g px", c->matches,
                 c->inliers, c->matches ? 100.0 * c->inliers / c->matches : 0, job->settings->inlier_px);
    else
        snprintf(left_title, sizeof left_title, "%d matches, no homography", c->matches);
    const size_t used = strlen(left_title);
    snprintf(left_title + used, sizeof left_title - used, "; %s: %d points", file_of(a->path), c->points_a);
    snprintf(right_title, sizeof right_title, "%s: %d points", file_of(b->path), c->points_b);
    const cairn_picture left = {&a->rgb, NULL, left_title}, right = {&b->rgb, NULL, right_title};
    CAIRN_TRY(cairn_draw_matches(&drawing, &left, &right, r->from, r->to, r->inliers, r->count, job->settings->lines));
    CAIRN_TRY(cairn_image_save_png(&drawing, path));
done:
    cairn_image_free(&drawing);
    return st;
}

cairn_status cairn_match_job_run(cairn_match_job *job, const char *a, const char *b, const char *npz, const char *png,
                                 cairn_match_counts *counts)
{
    cairn_status st = CAIRN_OK;
    int place[2];
    result r = {0};
    *counts = (cairn_match_counts){0};
    CAIRN_TRY(both(job, a, b, place));
    const cairn_match_image *left = &job->images[place[0]], *right = &job->images[place[1]];
    st = match(&r, job, left, right);
    if (st < 0) CAIRN_TRY(cairn_error_set(st, "%s and %s: %s", a, b, cairn_error_message()));
    if (png) CAIRN_TRY(write_png(png, &r, job, left, right));
    if (npz) CAIRN_TRY(write_npz(npz, &r, left, right)); /* the last: where it is, the pair is done */
    *counts = r.counts;
done:
    result_free(&r);
    return st;
}
