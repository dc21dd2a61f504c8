#include "teacher/synthetic/synthetic_shapes.h"
#include "teacher/synthetic/scene.h"

#include <math.h>

static const struct {
    const char *name;
    double share; /* of 2.4, item 4 */
    cairn_status (*draw)(cairn_scene *);
} shapes[CAIRN_SHAPE_COUNT] = {
    {"lines", 1, cairn_scene_lines},       {"polygon", 1, cairn_scene_polygon},
    {"polygons", 1, cairn_scene_polygons}, {"ellipses", 0.3, cairn_scene_ellipses},
    {"star", 1, cairn_scene_star},         {"checkerboard", 1, cairn_scene_checkerboard},
    {"stripes", 0.2, cairn_scene_stripes}, {"cube", 1, cairn_scene_cube},
    {"noise", 0.1, cairn_scene_noise},
};

const char *cairn_shape_name(cairn_primitive shape)
{
    return (unsigned)shape < CAIRN_SHAPE_COUNT ? shapes[shape].name : "any";
}

double cairn_shape_share(cairn_primitive shape)
{
    CAIRN_ASSERT((unsigned)shape < CAIRN_SHAPE_COUNT);
    return shapes[shape].share;
}

/* The final blur and reduction, 2.4, as one filter along one axis: the Gaussian (21 taps, sigma 3.5 on the published
 * canvas) at the two pixels that bilinear sampling reads, evaluated only there. */
typedef struct filter {
    int taps, *first; /* first[i]: leftmost source index of output i, may lie outside */
    float *weights;   /* [outputs, taps] */
} filter;

static void filter_free(filter *f)
{
    free(f->first);
    free(f->weights);
    *f = (filter){0};
}

static cairn_status filter_create(filter *f, int from, int to, double unit)
{
    int radius = (int)ceil(10 * unit - 1e-9), width = 2 * radius + 1;
    double sigma = 3.5 * unit, sum = 0, kernel[1024];
    CAIRN_ASSERT(width <= 1024);
    for (int i = 0; i < width; i++) sum += kernel[i] = exp(-0.5 * (i - radius) * (i - radius) / (sigma * sigma));
    *f = (filter){.taps = width + 1};
    f->first = malloc((size_t)to * sizeof *f->first);
    f->weights = calloc((size_t)to * (size_t)f->taps, sizeof *f->weights);
    if (!f->first || !f->weights) {
        filter_free(f);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory to reduce a canvas to %d pixels", to);
    }
    for (int i = 0; i < to; i++) {
        double at = fmax(0, fmin(from - 1, (i + 0.5) * from / to - 0.5)), part = at - floor(at);
        f->first[i] = (int)at - radius;
        for (int k = 0; k < width; k++) {
            f->weights[i * f->taps + k] += (float)((1 - part) * kernel[k] / sum);
            f->weights[i * f->taps + k + 1] += (float)(part * kernel[k] / sum);
        }
    }
    return CAIRN_OK;
}

static cairn_status reduce(cairn_image *out, const cairn_canvas *canvas, double unit)
{
    filter fx = {0}, fy = {0};
    float *memory = NULL;
    cairn_status st = CAIRN_OK;
    int w = canvas->w;
    CAIRN_TRY(filter_create(&fx, w, out->w, unit));
    CAIRN_TRY(filter_create(&fy, canvas->h, out->h, unit));
    int pad = fx.taps + 1;
    memory = malloc((size_t)(w + 2 * pad) * sizeof *memory);
    if (!memory) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to reduce a canvas of %d columns", w));
    float *line = memory + pad;
    for (int y = 0; y < out->h; y++) {
        for (int x = 0; x < w; x++) line[x] = 0;
        for (int k = 0; k < fy.taps; k++) {
            float weight = fy.weights[y * fy.taps + k] / 255;
            const uint8_t *row = canvas->pixels + (size_t)cairn_mirror(fy.first[y] + k, canvas->h) * w;
            for (int x = 0; x < w; x++) line[x] += weight * (float)row[x];
        }
        for (int x = 1; x <= pad; x++) {
            line[-x] = line[cairn_mirror(-x, w)];
            line[w - 1 + x] = line[cairn_mirror(w - 1 + x, w)];
        }
        for (int x = 0; x < out->w; x++) {
            const float *from = line + fx.first[x], *weights = fx.weights + x * fx.taps;
            float sum = 0;
            for (int k = 0; k < fx.taps; k++) sum += weights[k] * from[k];
            out->pixels[(size_t)y * out->w + x] = fminf(sum, 1);
        }
    }
done:
    filter_free(&fx);
    filter_free(&fy);
    free(memory);
    return st;
}

static cairn_status place_labels(cairn_keypoints *out, const cairn_scene *s, const cairn_shapes_options *o)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_keypoints_create(out, s->count, 0));
    double fx = (double)o->w / s->canvas.w, fy = (double)o->h / s->canvas.h, half = o->literal_labels ? 0 : 0.5;
    for (int i = 0; i < s->count; i++) {
        double x = (s->points[i].x + half) * fx - half, y = (s->points[i].y + half) * fy - half;
        /* The outermost canvas pixels lie up to half an image pixel outside the outermost pixel centres. */
        out->points[i] = (cairn_keypoint){(float)fmax(0, fmin(o->w - 1, x)), (float)fmax(0, fmin(o->h - 1, y)), 1.0f};
    }
done:
    return st;
}

cairn_status cairn_shapes_check(const cairn_shapes_options *o)
{
    if (o->h < 8 || o->w < 8 || o->h > 2048 || o->w > 2048 || o->canvas_height < o->h || o->canvas_height < 60 ||
        o->canvas_height > 4096 || o->w > 4 * o->h || o->h > 4 * o->w)
        return cairn_error_set(
            CAIRN_E_INVALID,
            "synthetic shapes: image %dx%d must have sides of 8..2048 in a ratio below 4, and a canvas "
            "of 60..4096 rows, not fewer than the image (got %d)",
            o->w, o->h, o->canvas_height);
    return CAIRN_OK;
}

cairn_status cairn_shapes_draw(cairn_image *gray, cairn_keypoints *corners, cairn_rng *rng, cairn_primitive shape,
                               const cairn_shapes_options *options)
{
    const cairn_shapes_options *o = options;
    cairn_scene scene = {.rng = rng};
    cairn_image made = {0};
    cairn_status st = CAIRN_OK;
    *gray = (cairn_image){0};
    *corners = (cairn_keypoints){0};
    CAIRN_ASSERT((unsigned)shape <= CAIRN_SHAPES_ANY);
    CAIRN_TRY(cairn_shapes_check(o));
    int canvas_width = (int)lround((double)o->canvas_height * o->w / o->h);
    CAIRN_TRY(cairn_canvas_create(&scene.canvas, o->canvas_height, canvas_width));
    scene.min_side = fmin(o->canvas_height, canvas_width);
    scene.max_side = fmax(o->canvas_height, canvas_width);
    scene.unit = scene.min_side / 960;
    if (shape == CAIRN_SHAPES_ANY) shape = cairn_shape_sample(rng, NULL);
    if (shape != CAIRN_SHAPE_NOISE) CAIRN_TRY(cairn_scene_blobs(&scene));
    CAIRN_TRY(shapes[shape].draw(&scene));
    CAIRN_TRY(cairn_image_create(&made, o->h, o->w, 1));
    CAIRN_TRY(reduce(&made, &scene.canvas, scene.unit));
    CAIRN_TRY(place_labels(corners, &scene, o));
    *gray = made;
    made = (cairn_image){0};
done:
    cairn_canvas_free(&scene.canvas);
    cairn_image_free(&made);
    return st;
}
