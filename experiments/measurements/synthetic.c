#include "experiments/measurements/synthetic.h"

#include "experiments/measurements/synthetic_detect.h"
#include "system/interrupt.h"
#include "system/parallel.h"
#include "system/progress.h"
#include "teacher/augment.h"
#include "teacher/synthetic/synthetic_shapes.h"

#include <math.h>
#include <stdlib.h>

enum { MAP_CLEAN, MAP_NOISY, ERROR_CLEAN, ERROR_NOISY, MEASURES };
static const cairn_sheet_measure measures[MEASURES] = {
    {"map_clean", "Mean average precision, clean", "detection", "", "mAP", 1, true},
    {"map_noisy", "Mean average precision, with noise", "detection", "", "noisy", 1, true},
    {"error_clean", "Localisation error, clean", "detection", "px", "error", -1, false},
    {"error_noisy", "Localisation error, with noise", "detection", "px", "noisy", -1, false},
};
enum { STAGE = 0x53594e54, DRAW = 0, NOISE = 1, RESAMPLE = 2, BLOCK = 32 };
static const double reach = 4, sp_fpn_reach = 8;

const char *cairn_synthetic_rules_name(cairn_synthetic_rules rules)
{
    static const char *const names[] = {"recommended", "rpautrat", "sp-fpn"};
    return (unsigned)rules < CAIRN_SYNTHETIC_RULES ? names[rules] : "unknown";
}

/* What one method found in all images, clean or noisy. */
typedef struct findings {
    cairn_detections pool;
    size_t *start;      /* [images + 1] first detection of each image in the pool */
    int *positives;     /* [images] */
    double *error_sum;  /* [images] */
    size_t *error_count;
} findings;

typedef struct example {
    cairn_image images[2]; /* clean, noisy */
    double *corners;
    int count;
} example;

typedef struct run {
    const cairn_synthetic_options *o;
    const cairn_predictions *methods;
    cairn_synthetic_method *settings; /* [methods] */
    findings *found;                  /* [methods][2] */
    int method_count, images, first;  /* first: image of the block */
    example block[BLOCK];
} run;

/* Images of a primitive: all as many, or for the TensorFlow code its test split, with the kept parts (teacher.md 2.4). */
static int images_of(const cairn_synthetic_options *o, int shape)
{
    if (o->rules != CAIRN_SYNTHETIC_RPAUTRAT) return o->count;
    const int kept = (int)lround(o->count * cairn_shape_share((cairn_primitive)shape));
    return kept < 1 ? 1 : kept;
}

static bool is_used(const cairn_synthetic_options *o, int image)
{
    return image / CAIRN_SHAPE_COUNT < images_of(o, image % CAIRN_SHAPE_COUNT);
}

/* Image i shows primitive i mod 9. */
static cairn_status draw(void *payload, int i)
{
    run *r = payload;
    const cairn_synthetic_options *o = r->o;
    example *e = &r->block[i];
    const uint32_t number = (uint32_t)((r->first + i) / CAIRN_SHAPE_COUNT);
    const cairn_primitive shape = (cairn_primitive)((r->first + i) % CAIRN_SHAPE_COUNT);
    const cairn_shapes_options shapes = {o->h, o->w, o->canvas_height, o->rules == CAIRN_SYNTHETIC_RPAUTRAT};
    const cairn_photometric_options noise = cairn_photometric_preset(CAIRN_AUGMENT_SYNTHETIC);
    cairn_rng rng = cairn_rng_stream(o->seed, STAGE, number, shape, DRAW);
    cairn_keypoints drawn = {0};
    cairn_status st = CAIRN_OK;
    if (!is_used(o, r->first + i)) return CAIRN_OK;
    CAIRN_TRY(cairn_shapes_draw(&e->images[0], &drawn, &rng, shape, &shapes));
    CAIRN_TRY(cairn_synthetic__corners(&e->corners, &e->count, &drawn, o->rules));
    CAIRN_TRY(cairn_image_copy(&e->images[1], &e->images[0]));
    rng = cairn_rng_stream(o->seed, STAGE, number, shape, NOISE);
    CAIRN_TRY(cairn_augment_photometric(&e->images[1], &rng, &noise));
done:
    cairn_keypoints_free(&drawn);
    return st;
}

static void free_block(run *r)
{
    for (int i = 0; i < BLOCK; i++) {
        cairn_image_free(&r->block[i].images[0]);
        cairn_image_free(&r->block[i].images[1]);
        free(r->block[i].corners);
        r->block[i] = (example){0};
    }
}

/* Adds the distances to the nearest corner of the points that have one in reach. */
static void locate(findings *f, int image, const cairn_keypoints *points, const example *e)
{
    for (int i = 0; i < points->count; i++) {
        double least = INFINITY;
        for (int j = 0; j < e->count; j++)
            least = fmin(least, hypot(points->points[i].x - e->corners[2 * j],
                                      points->points[i].y - e->corners[2 * j + 1]));
        if (!(least <= reach)) continue;
        f->error_sum[image] += least;
        f->error_count[image]++;
    }
}

static cairn_status measure(run *r, int m, int noisy, int image, const example *e)
{
    cairn_status st = CAIRN_OK;
    static const cairn_detection_rule rules[] = {CAIRN_DETECTION_NEAREST_FREE, CAIRN_DETECTION_FIRST_IN_RANGE,
                                                 CAIRN_DETECTION_BOX};
    const bool sp_fpn = r->o->rules == CAIRN_SYNTHETIC_SP_FPN;
    findings *f = &r->found[2 * m + noisy];
    cairn_keypoints points = {0}, located = {0};
    const cairn_detections before = f->pool;
    f->start[image] = f->start[image + 1] = before.count;
    if (!is_used(r->o, image)) return CAIRN_OK;
    CAIRN_TRY(cairn_synthetic__detect(&points, &located, &r->settings[m], &e->images[noisy], r->o->rules));
    CAIRN_TRY(cairn_detections_add(&f->pool, &points, e->corners, e->count, sp_fpn ? sp_fpn_reach : reach,
                                   rules[r->o->rules]));
    f->start[image + 1] = f->pool.count;
    f->positives[image] = f->pool.positives - before.positives;
    if (sp_fpn) { /* of its box, to the nearest corner */
        f->error_sum[image] = f->pool.error_sum - before.error_sum;
        f->error_count[image] = f->pool.error_count - before.error_count;
    } else {
        locate(f, image, &located, e);
    }
done:
    cairn_keypoints_free(&points);
    cairn_keypoints_free(&located);
    return st;
}

static cairn_status run_block(run *r, int count)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_parallel_for(count, 0, draw, r));
    for (int m = 0; m < r->method_count; m++)
        for (int i = 0; i < count; i++)
            for (int noisy = 0; noisy < 2; noisy++) CAIRN_TRY(measure(r, m, noisy, r->first + i, &r->block[i]));
done:
    free_block(r);
    return st;
}

/* ---- summaries ---- */
typedef struct ranked {
    double score;
    int image;
    bool correct;
} ranked;

static int best_first(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->image < b->image ? -1 : a->image > b->image;
}

static cairn_status rank(ranked **out, const findings *f, int images)
{
    *out = malloc((f->pool.count + 1) * sizeof **out);
    if (!*out) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu detections", f->pool.count);
    for (int image = 0; image < images; image++)
        for (size_t i = f->start[image]; i < f->start[image + 1]; i++)
            (*out)[i] = (ranked){f->pool.score[i], image, f->pool.correct[i]};
    qsort(*out, f->pool.count, sizeof **out, best_first);
    return CAIRN_OK;
}

/* Average precision where image i counts weight[i] times; NaN without a corner. steps: [2 * detections] */
static double weighted_precision(const ranked *order, size_t count, const findings *f, const int *weight, int images,
                                 double *steps)
{
    double positives = 0, seen = 0, right = 0, sum = 0, highest = 0;
    size_t n = 0;
    for (int i = 0; i < images; i++) positives += (double)weight[i] * f->positives[i];
    if (!(positives > 0)) return NAN;
    for (size_t i = 0; i < count; i++) {
        const int w = weight[order[i].image];
        seen += w;
        right += order[i].correct ? w : 0;
        if ((i + 1 < count && order[i + 1].score == order[i].score) || seen == 0) continue;
        steps[2 * n] = right / seen;
        steps[2 * n++ + 1] = right;
    }
    for (size_t i = n; i-- > 0;) {
        highest = fmax(highest, steps[2 * i]);
        sum += highest * (steps[2 * i + 1] - (i ? steps[2 * i - 1] : 0));
    }
    return sum / positives;
}

static double weighted_error(const findings *f, const int *weight, int images)
{
    double sum = 0, count = 0;
    for (int i = 0; i < images; i++) {
        sum += weight[i] * f->error_sum[i];
        count += (double)weight[i] * (double)f->error_count[i];
    }
    return count > 0 ? sum / count : NAN;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* The percentiles of values that are numbers. */
static void finish(cairn_interval *out, double value, double *values, int count, int images)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        if (!isnan(values[i])) values[n++] = values[i];
    *out = (cairn_interval){NAN, NAN, NAN, 0};
    if (isnan(value) || n == 0) return;
    qsort(values, (size_t)n, sizeof *values, ascending);
    *out = (cairn_interval){value, values[(int)(0.025 * (n - 1))], values[(int)ceil(0.975 * (n - 1))], images};
}

/* One group (0: all primitives): both measures of the findings, with intervals over resampled images. */
static cairn_status summarise(cairn_interval *precision, cairn_interval *error, const findings *f, const ranked *order,
                              int images, int group, const cairn_synthetic_options *o)
{
    cairn_status st = CAIRN_OK;
    const size_t resamples = (size_t)o->resamples;
    double *steps = malloc((2 * f->pool.count + 2) * sizeof *steps), *values = malloc(2 * resamples * sizeof *values);
    int *weight = calloc((size_t)images, sizeof *weight), *members = malloc((size_t)images * sizeof *members), n = 0;
    if (!steps || !values || !weight || !members) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a bootstrap over %d images", images);
        goto done;
    }
    for (int i = 0; i < images; i++)
        if (is_used(o, i) && (group == 0 || i % CAIRN_SHAPE_COUNT == group - 1)) members[n++] = i;
    for (size_t k = 0; k < resamples; k++) {
        cairn_rng rng = cairn_rng_stream(o->seed, STAGE, (uint32_t)k, (uint32_t)group, RESAMPLE);
        for (int i = 0; i < images; i++) weight[i] = 0;
        for (int i = 0; i < n; i++) weight[members[cairn_rng_integer(&rng, 0, n - 1)]]++;
        values[k] = weighted_precision(order, f->pool.count, f, weight, images, steps);
        values[resamples + k] = weighted_error(f, weight, images);
    }
    for (int i = 0; i < images; i++) weight[i] = 0;
    for (int i = 0; i < n; i++) weight[members[i]] = 1;
    finish(precision, weighted_precision(order, f->pool.count, f, weight, images, steps), values, o->resamples, n);
    finish(error, weighted_error(f, weight, images), values + resamples, o->resamples, n);
done:
    free(steps);
    free(values);
    free(weight);
    free(members);
    return st;
}

static cairn_status fill_sheet(cairn_sheet *sheet, const run *r)
{
    cairn_status st = CAIRN_OK;
    for (int m = 0; m < r->method_count; m++) {
        for (int noisy = 0; noisy < 2; noisy++) {
            const findings *f = &r->found[2 * m + noisy];
            ranked *order = NULL;
            CAIRN_TRY(rank(&order, f, r->images));
            for (int g = 0; g < sheet->group_count && st >= 0; g++) {
                cairn_interval *to = sheet->methods[m].summary[g];
                st = summarise(&to[MAP_CLEAN + noisy], &to[ERROR_CLEAN + noisy], f, order, r->images, g, r->o);
                if (g == 0) continue;
                *cairn_sheet_value(sheet, m, g - 1, MAP_CLEAN + noisy) = to[MAP_CLEAN + noisy].mean;
                *cairn_sheet_value(sheet, m, g - 1, ERROR_CLEAN + noisy) = to[ERROR_CLEAN + noisy].mean;
            }
            free(order);
            CAIRN_TRY(st);
        }
    }
done:
    return st;
}

static void describe(cairn_sheet *sheet, const run *r)
{
    const cairn_synthetic_options *o = r->o;
    cJSON *p = sheet->parameters;
    cJSON_AddNumberToObject(p, "images_of_each_primitive", o->count);
    cJSON_AddNumberToObject(p, "height", o->h);
    cJSON_AddNumberToObject(p, "width", o->w);
    cJSON_AddNumberToObject(p, "canvas_height", o->canvas_height);
    cJSON_AddNumberToObject(p, "seed", o->seed);
    cJSON_AddNumberToObject(p, "resamples", o->resamples);
    cJSON_AddNumberToObject(p, "eps", o->rules == CAIRN_SYNTHETIC_SP_FPN ? sp_fpn_reach : reach);
    cJSON *thresholds = cJSON_AddObjectToObject(p, "localisation_thresholds");
    for (int m = 0; m < r->method_count; m++)
        cJSON_AddNumberToObject(thresholds, r->methods[m].name, r->settings[m].operating);
    sheet->items[0] = 0;
    for (int g = 1; g <= CAIRN_SHAPE_COUNT; g++) {
        cairn_sheet_add_group(sheet, cairn_shape_name((cairn_primitive)(g - 1)));
        sheet->items[g] = images_of(o, g - 1);
        sheet->items[0] += sheet->items[g];
        snprintf(sheet->rows[g - 1].name, sizeof sheet->rows[g - 1].name, "%s", sheet->groups[g]);
        sheet->rows[g - 1].group = g;
    }
}

static cairn_status prepare(run *r)
{
    const size_t n = (size_t)r->images + 1, count = (size_t)r->method_count;
    r->settings = calloc(count + 1, sizeof *r->settings);
    r->found = calloc(2 * count + 1, sizeof *r->found);
    bool full = r->settings && r->found;
    for (size_t m = 0; full && m < count; m++) r->settings[m] = cairn_synthetic__method(r->methods[m].detector);
    for (size_t k = 0; full && k < 2 * count; k++) {
        findings *f = &r->found[k];
        f->start = calloc(n + 1, sizeof *f->start);
        f->positives = calloc(n, sizeof *f->positives);
        f->error_sum = calloc(n, sizeof *f->error_sum);
        f->error_count = calloc(n, sizeof *f->error_count);
        full = f->start && f->positives && f->error_sum && f->error_count;
    }
    return full ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for %d synthetic images", r->images);
}

static void release(run *r)
{
    for (int k = 0; r->found && k < 2 * r->method_count; k++) {
        findings *f = &r->found[k];
        cairn_detections_free(&f->pool);
        free(f->start);
        free(f->positives);
        free(f->error_sum);
        free(f->error_count);
    }
    free(r->found);
    free(r->settings);
    free(r);
}

static cairn_status run_all(run *r)
{
    cairn_status st = CAIRN_OK;
    cairn_progress bar;
    if (r->o->progress) cairn_progress_start(&bar, "synthetic shapes", r->images, 0);
    for (r->first = 0; r->first < r->images; r->first += BLOCK) {
        const int count = r->images - r->first < BLOCK ? r->images - r->first : BLOCK;
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        CAIRN_TRY(run_block(r, count));
        if (r->o->progress) cairn_progress_update(&bar, r->first + count, NULL);
    }
    if (r->o->progress) cairn_progress_finish(&bar);
done:
    return st;
}

cairn_status cairn_synthetic_run(cairn_sheet *out, const cairn_predictions *methods, int method_count,
                                 const cairn_synthetic_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_sheet sheet = {0};
    *out = (cairn_sheet){0};
    if (o->count < 1 || o->count > 10000 || o->h < 32 || o->w < 32 || o->h > 1024 || o->w > 1024 || o->resamples < 1 ||
        o->resamples > 100000 || (unsigned)o->rules >= CAIRN_SYNTHETIC_RULES)
        return cairn_error_set(CAIRN_E_INVALID, "synthetic shapes: 1 to 10000 images of each primitive, of 32 to 1024 "
                                                "pixels a side");
    run *r = calloc(1, sizeof *r);
    if (!r) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    r->o = o;
    r->methods = methods;
    r->method_count = method_count;
    r->images = o->count * CAIRN_SHAPE_COUNT;
    CAIRN_TRY(prepare(r));
    CAIRN_TRY(cairn_sheet_create(&sheet, cairn_synthetic_rules_name(o->rules), "synthetic shapes", measures, MEASURES,
                                 CAIRN_SHAPE_COUNT, methods, method_count));
    describe(&sheet, r);
    CAIRN_TRY(run_all(r));
    CAIRN_TRY(fill_sheet(&sheet, r));
    *out = sheet;
    sheet = (cairn_sheet){0};
done:
    cairn_sheet_free(&sheet);
    release(r);
    return st;
}
