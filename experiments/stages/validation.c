#include "experiments/stages/validation.h"

#include "geometry/postprocess.h"
#include "graph/program.h"
#include "system/parallel.h"
#include "teacher/augment.h"
#include "teacher/synthetic/synthetic_shapes.h"

#include <math.h>
#include <string.h>

enum { STAGE = 0x56414c49, DRAW = 0, NOISE = 1, BATCH = 8 };
static const double exact_least = 0.001, map_least = 1e-4, error_least = 0.1, reach = 4, near_reach = 3;
static const cairn_suppression boxes = {CAIRN_SUPPRESS_BOX, 4}, squares = {CAIRN_SUPPRESS_SQUARE, 4};

struct cairn_validation {
    int n, h, w;
    cairn_graph *g;
    cairn_model model;
    cairn_tid image, heatmap;
    cairn_program *program;
    float *batch; /* [n,h,w] */
};

/* ---- sets ---- */
void cairn_validation_set_free(cairn_validation_set *set)
{
    for (int i = 0; set->points && i < set->count; i++) cairn_keypoints_free(&set->points[i]);
    free(set->points);
    free(set->images);
    *set = (cairn_validation_set){0};
}

cairn_status cairn_validation_set_create(cairn_validation_set *out, const char *prefix, int count, int h, int w)
{
    CAIRN_ASSERT(count > 0 && h >= 32 && w >= 32 && h % 8 == 0 && w % 8 == 0);
    *out = (cairn_validation_set){.prefix = prefix, .count = count, .h = h, .w = w};
    out->images = calloc((size_t)count * (size_t)h * (size_t)w, sizeof *out->images);
    out->points = calloc((size_t)count, sizeof *out->points);
    if (out->images && out->points) return CAIRN_OK;
    cairn_validation_set_free(out);
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d images to validate with", count);
}

typedef struct drawing {
    cairn_validation_set *clean, *noisy;
    cairn_shapes_options shapes;
} drawing;

static cairn_status draw(void *payload, int i)
{
    const drawing *d = payload;
    const size_t pixels = (size_t)d->shapes.h * (size_t)d->shapes.w;
    const cairn_photometric_options light = cairn_photometric_preset(CAIRN_AUGMENT_SYNTHETIC);
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    cairn_keypoints *points = &d->clean->points[i], *again = &d->noisy->points[i];
    cairn_rng rng = cairn_rng_stream(0, STAGE, 0, (uint32_t)i, DRAW);
    CAIRN_TRY(cairn_shapes_draw(&gray, points, &rng, CAIRN_SHAPES_ANY, &d->shapes));
    memcpy(d->clean->images + (size_t)i * pixels, gray.pixels, pixels * sizeof(float));
    CAIRN_TRY(cairn_keypoints_create(again, points->count, 0));
    if (points->count) memcpy(again->points, points->points, sizeof *points->points * (size_t)points->count);
    rng = cairn_rng_stream(0, STAGE, 0, (uint32_t)i, NOISE);
    CAIRN_TRY(cairn_augment_photometric(&gray, &rng, &light));
    memcpy(d->noisy->images + (size_t)i * pixels, gray.pixels, pixels * sizeof(float));
done:
    cairn_image_free(&gray);
    return st;
}

cairn_status cairn_validation_set_shapes(cairn_validation_set *clean, cairn_validation_set *noisy, int count, int h,
                                         int w, int canvas_height, bool literal_labels)
{
    cairn_status st = CAIRN_OK;
    drawing d = {clean, noisy, {h, w, canvas_height, literal_labels}};
    *clean = *noisy = (cairn_validation_set){0};
    CAIRN_TRY(cairn_validation_set_create(clean, "validation", count, h, w));
    CAIRN_TRY(cairn_validation_set_create(noisy, "validation_noisy", count, h, w));
    CAIRN_TRY(cairn_parallel_for(count, 0, draw, &d));
done:
    if (st < 0) {
        cairn_validation_set_free(clean);
        cairn_validation_set_free(noisy);
    }
    return st;
}

/* ---- measuring ---- */
void cairn_validation_destroy(cairn_validation **validation)
{
    cairn_validation *v = *validation;
    if (!v) return;
    cairn_program_destroy(&v->program);
    cairn_model_uninit(&v->model);
    cairn_graph_destroy(&v->g);
    free(v->batch);
    free(v);
    *validation = NULL;
}

static cairn_status compile(cairn_validation **out, const cairn_training *t, const cairn_network_spec *spec,
                            const cairn_validation_set *set)
{
    cairn_status st = CAIRN_OK;
    cairn_validation *v = calloc(1, sizeof *v);
    if (!v) return cairn_error_set(CAIRN_E_NOMEM, "no memory to validate");
    v->n = set->count < BATCH ? set->count : BATCH;
    v->h = set->h;
    v->w = set->w;
    v->batch = calloc((size_t)v->n * (size_t)v->h * (size_t)v->w, sizeof *v->batch);
    if (!v->batch) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to validate"));
    CAIRN_TRY(cairn_graph_create(&v->g));
    cairn_model_init(&v->model, v->g, false);
    v->image = cairn_graph_input(v->g, "image", (cairn_shape){v->n, v->h, v->w, 1});
    v->heatmap = cairn_network_build(&v->model, spec, v->image).heatmap;
    cairn_graph_output(v->g, v->heatmap, "heatmap");
    CAIRN_TRY(cairn_program_create(&v->program, t->gpu, v->g, t->store, NULL));
    *out = v;
    v = NULL;
done:
    cairn_validation_destroy(&v);
    return st;
}

void cairn_validation_sum_free(cairn_validation_sum *sum)
{
    cairn_detections_free(&sum->all);
    cairn_detections_free(&sum->sure);
    *sum = (cairn_validation_sum){0};
}

static int to_pixel(float v, int size)
{
    const double r = rint(v);
    return r < 0 ? 0 : r > size - 1 ? size - 1 : (int)r;
}

/* Pixels with a label count once; map [h,w] is zero on entry and on return. */
static void count_pixels(cairn_validation_sum *c, uint8_t *map, const cairn_keypoints *found,
                         const cairn_keypoints *points, int h, int w)
{
    for (int i = 0; i < points->count; i++) {
        uint8_t *at = map + (size_t)to_pixel(points->points[i].y, h) * w + to_pixel(points->points[i].x, w);
        c->labels += !*at;
        *at = 1;
    }
    for (int i = 0; i < found->count; i++) c->right += map[(size_t)found->points[i].y * w + (size_t)found->points[i].x];
    c->found += found->count;
    for (int i = 0; i < points->count; i++)
        map[(size_t)to_pixel(points->points[i].y, h) * w + to_pixel(points->points[i].x, w)] = 0;
}

/* found: best first. */
static void count_near(cairn_validation_sum *c, const cairn_keypoints *found, const cairn_keypoints *points)
{
    const int best = found->count < points->count ? found->count : points->count;
    c->points += points->count;
    for (int i = 0; i < points->count; i++) {
        const cairn_keypoint p = points->points[i];
        bool near = false;
        for (int k = 0; k < best && !near; k++)
            near = hypot((double)found->points[k].x - (double)p.x, (double)found->points[k].y - (double)p.y) <=
                   near_reach;
        c->near += near;
    }
}

cairn_status cairn_validation_add(cairn_validation_sum *c, const float *heatmap, const cairn_keypoints *points, int h,
                                  int w)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints exact = {0}, fine = {0};
    uint8_t *map = calloc((size_t)h * (size_t)w, 1);
    double *corners = malloc((2 * (size_t)points->count + 1) * sizeof *corners);
    if (!map || !corners) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to validate"));
    for (int i = 0; i < points->count; i++) {
        corners[2 * i] = points->points[i].x;
        corners[2 * i + 1] = points->points[i].y;
    }
    CAIRN_TRY(cairn_keypoints_choose(&exact, heatmap, h, w, (float)exact_least, &boxes, 0, 0));
    count_pixels(c, map, &exact, points, h, w);
    CAIRN_TRY(cairn_keypoints_choose(&fine, heatmap, h, w, (float)map_least, &squares, 0, 0));
    cairn_keypoints_refine(&fine, heatmap, h, w);
    count_near(c, &fine, points);
    CAIRN_TRY(cairn_detections_add(&c->all, &fine, corners, points->count, reach, CAIRN_DETECTION_NEAREST_FREE));
    int sure = 0;
    while (sure < fine.count && fine.points[sure].score > error_least) sure++;
    fine.count = sure;
    CAIRN_TRY(cairn_detections_add(&c->sure, &fine, corners, points->count, reach, CAIRN_DETECTION_NEAREST_FREE));
done:
    free(corners);
    free(map);
    cairn_keypoints_free(&exact);
    cairn_keypoints_free(&fine);
    return st;
}

cairn_status cairn_validation_numbers(cairn_train_measured *out, const char *prefix, const cairn_validation_sum *c)
{
    cairn_status st = CAIRN_OK;
    double precision, unused, error;
    CAIRN_TRY(cairn_detections_finish(&precision, &unused, &c->all));
    CAIRN_TRY(cairn_detections_finish(&unused, &error, &c->sure));
    if (c->all.positives == 0) precision = NAN;
    cairn_train_measured_add(out, prefix, "precision", c->found ? (double)c->right / c->found : NAN);
    cairn_train_measured_add(out, prefix, "recall", c->labels ? (double)c->right / c->labels : NAN);
    cairn_train_measured_add(out, prefix, "map", precision);
    cairn_train_measured_add(out, prefix, "error", error);
    cairn_train_measured_add(out, prefix, "recall3", c->points ? (double)c->near / c->points : NAN);
    const size_t used = strlen(out->note);
    snprintf(out->note + used, sizeof out->note - used, used ? ", %.3f" : "mAP %.3f", precision);
done:
    return st;
}

static double number(const cairn_train_measured *m, const char *prefix, const char *name)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s_%s", prefix, name);
    for (int i = 0; i < m->count; i++)
        if (!strcmp(m->values[i].name, wanted)) return m->values[i].value;
    return NAN;
}

cairn_status cairn_validation_check(int64_t every, int64_t patience, const char *where)
{
    if (!patience || every) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID, "%s: patience counts validations; set validate_every above 0", where);
}

double cairn_validation_score(const cairn_train_measured *measured, const char *prefix)
{
    const double precision = number(measured, prefix, "precision"), recall = number(measured, prefix, "recall");
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0; /* NaN: 0 */
}

cairn_status cairn_validation_measure(cairn_validation **validation, cairn_training *t, const cairn_network_spec *spec,
                                      const cairn_validation_set *set, cairn_train_measured *out)
{
    cairn_status st = CAIRN_OK;
    cairn_validation_sum sum = {0};
    const size_t pixels = (size_t)set->h * (size_t)set->w;
    if (!*validation) CAIRN_TRY(compile(validation, t, spec, set));
    cairn_validation *v = *validation;
    CAIRN_ASSERT(v->h == set->h && v->w == set->w);
    for (int first = 0; first < set->count; first += v->n) {
        const int n = set->count - first < v->n ? set->count - first : v->n;
        memcpy(v->batch, set->images + (size_t)first * pixels, (size_t)n * pixels * sizeof(float));
        CAIRN_TRY(cairn_program_write(v->program, v->image, v->batch));
        CAIRN_TRY(cairn_program_run(v->program));
        CAIRN_TRY(cairn_program_read(v->program, v->heatmap, v->batch));
        for (int i = 0; i < n; i++)
            CAIRN_TRY(
                cairn_validation_add(&sum, v->batch + (size_t)i * pixels, &set->points[first + i], set->h, set->w));
    }
    CAIRN_TRY(cairn_validation_numbers(out, set->prefix, &sum));
done:
    cairn_validation_sum_free(&sum);
    return st;
}
