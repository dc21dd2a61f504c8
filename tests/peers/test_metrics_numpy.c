/* Every metric, measured by us and by the independent NumPy and OpenCV program beside this file: on random cases, and
 * on SIFT points of real sequences where CAIRN_TEST_SEQUENCES names a folder of them. Skipped where NumPy or OpenCV is
 * absent.
 *
 * Counts and what follows from them must agree to the last digits (1e-12), distances to 1e-9. Matches are equal one by
 * one: the sets have no two descriptors nearer to each other than the rounding of our single-precision search. Robust
 * homographies are compared by the estimator that draws the same samples as OpenCV: the same inliers, and corners
 * within 1e-3 px, since its last refinement stops elsewhere. Intervals come from other random numbers. */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/evaluation/metrics/metrics.h"
#include "experiments/evaluation/pairs/pairs.h"
#include "support/scratch.h"
#include "support/test.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <sys/wait.h>

enum { DIMENSION = 24, RANDOM_CASES = 4, SKIPPED = 77, MMA = 10, CORNERS = 40, MOST_CASES = 64, REAL_POINTS = 350 };

typedef struct sample {
    char name[128];
    cairn_keypoints a, b;
    int sizes[4], top_k; /* ha, wa, hb, wb */
    double eps;
    cairn_homography h;
} sample;

static void unit(float *d, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)d[i] * d[i];
    for (int i = 0; i < n; i++) d[i] = (float)(d[i] / sqrt(sum));
}

/* Half of b's points are a's, moved by the homography and a little noise, with noisy descriptors. */
static void make(sample *s, uint32_t seed)
{
    cairn_rng rng = cairn_rng_stream(seed, 7, 0, 0, 0);
    int na = cairn_rng_integer(&rng, 150, 400), nb = cairn_rng_integer(&rng, 150, 400);
    *s = (sample){.sizes = {240, 320, 200, 300}, .top_k = cairn_rng_integer(&rng, 40, 300), .eps = 3};
    snprintf(s->name, sizeof s->name, "random %u", seed);
    s->h = (cairn_homography){{1.05, 0.08, -12, -0.06, 0.97, 9, 2e-4, -1e-4, 1}};
    assert_ok(cairn_keypoints_create(&s->a, na, DIMENSION));
    assert_ok(cairn_keypoints_create(&s->b, nb, DIMENSION));
    for (int i = 0; i < na; i++) {
        s->a.points[i] = (cairn_keypoint){(float)cairn_rng_between(&rng, 0, 319),
                                          (float)cairn_rng_between(&rng, 0, 239), (float)cairn_rng_uniform(&rng)};
        for (int d = 0; d < DIMENSION; d++) s->a.descriptors[i * DIMENSION + d] = (float)cairn_rng_normal(&rng);
        unit(s->a.descriptors + i * DIMENSION, DIMENSION);
    }
    for (int i = 0; i < nb; i++) {
        double x = cairn_rng_between(&rng, 0, 299), y = cairn_rng_between(&rng, 0, 199);
        bool twin = i < na && i % 2 == 0;
        if (twin) {
            cairn_homography_apply(&s->h, s->a.points[i].x, s->a.points[i].y, &x, &y);
            x += cairn_rng_normal(&rng);
            y += cairn_rng_normal(&rng);
        }
        s->b.points[i] = (cairn_keypoint){(float)x, (float)y, (float)cairn_rng_uniform(&rng)};
        for (int d = 0; d < DIMENSION; d++)
            s->b.descriptors[i * DIMENSION + d] =
                (float)((twin ? s->a.descriptors[i * DIMENSION + d] : 0) + 0.16 * cairn_rng_normal(&rng));
        unit(s->b.descriptors + i * DIMENSION, DIMENSION);
    }
}

static void save(const sample *s, const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    const int32_t head[] = {s->a.count,  s->b.count,  s->a.dimension, s->sizes[0],
                            s->sizes[1], s->sizes[2], s->sizes[3],    s->top_k};
    size_t na = (size_t)s->a.count, nb = (size_t)s->b.count, row = (size_t)s->a.dimension * sizeof(float);
    bool ok = fwrite(head, sizeof head, 1, file) == 1 && fwrite(&s->eps, sizeof s->eps, 1, file) == 1;
    ok = ok && fwrite(s->h.m, sizeof s->h.m, 1, file) == 1;
    ok = ok && fwrite(s->a.points, sizeof *s->a.points, na, file) == na;
    ok = ok && fwrite(s->a.descriptors, row, na, file) == na;
    ok = ok && fwrite(s->b.points, sizeof *s->b.points, nb, file) == nb;
    ok = ok && fwrite(s->b.descriptors, row, nb, file) == nb;
    assert_true(fclose(file) == 0 && ok);
}

/* The peer's answer on files 0..count-1 of the scratch folder; the program ends as skipped where it cannot run. */
static cJSON *ask_peer(int count)
{
    enum { MOST = 1 << 24 };
    char command[MOST_CASES * 128 + 4096], *text = malloc(MOST);
    const char *source = getenv("CAIRN_TEST_SOURCE");
    assert_non_null(text);
    int used = snprintf(command, sizeof command, "cd '%s' && /usr/bin/python3 '%s/tests/peers/metrics_peer.py'",
                        test_path("."), source ? source : ".");
    for (int i = 0; i < count; i++) used += snprintf(command + used, sizeof command - (size_t)used, " case%d", i);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(text, 1, MOST - 1, pipe);
    text[size] = 0;
    int code = pclose(pipe);
    if (WIFEXITED(code) && (WEXITSTATUS(code) == SKIPPED || WEXITSTATUS(code) == 127)) {
        free(text);
        return NULL;
    }
    if (code != 0) fail_msg("the peer failed: %s", command);
    cJSON *answer = cJSON_Parse(text);
    assert_non_null(answer);
    free(text);
    return answer;
}

/* ---- one case ---- */
static const sample *now;
static const cJSON *theirs;

static const cJSON *item(const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(theirs, name);
    if (!found) fail_msg("the peer's answer lacks %s", name);
    return found;
}

/* null stands for NaN or no model. */
static void same(const char *name, double ours, double tolerance)
{
    const cJSON *found = item(name);
    if (cJSON_IsNull(found) && !isfinite(ours)) return;
    if (!cJSON_IsNumber(found) || !(fabs(ours - found->valuedouble) <= tolerance))
        fail_msg("%s, %s: %.17g, the peer has %.17g", now->name, name, ours,
                 cJSON_IsNumber(found) ? found->valuedouble : NAN);
}

/* from[i] -> to[i] must be the peer's list of partners, -1 for none. */
static void same_partners(const char *name, const int *from, const int *to, int count, int points)
{
    const cJSON *list = item(name), *partner;
    int found = 0, i = 0, ours[4096];
    for (int k = 0; k < points; k++) ours[k] = -1;
    for (int k = 0; k < count; k++) ours[from[k]] = to[k];
    cJSON_ArrayForEach(partner, list)
    {
        if (ours[i] != partner->valueint)
            fail_msg("%s, %s: point %d has partner %d, the peer's %d", now->name, name, i, ours[i], partner->valueint);
        found += partner->valueint >= 0;
        i++;
    }
    assert_int_equal(i, points);
    assert_int_equal(found, count);
}

static void compare_repeatability(const cairn_view *a, const cairn_view *b)
{
    cairn_repeatability r;
    assert_ok(cairn_metric_repeatability(&r, a, b, &now->h, now->eps, now->top_k));
    same("repeatability", r.value, 1e-12);
    same("error", r.error, 1e-9);
    assert_ok(cairn_metric_repeatability_mutual(&r, a, b, &now->h, now->eps, now->top_k));
    same("mutual", r.value, 1e-12);
    same("mutual_error", r.error, 1e-9);
}

static void compare_labels(const cairn_view *a, const cairn_view *b)
{
    static const char *const names[][2] = {
        {"score", "precision"}, {"score", "ratio_precision"}, {"top_score", "top_precision"}};
    cairn_homography inverse;
    assert_ok(cairn_homography_invert(&inverse, &now->h));
    for (int k = 0; k < 3; k++) {
        cairn_labels there, back;
        double precision_there, precision_back;
        const cairn_label_options o = {now->eps, k == 2 ? now->top_k : 0, k == 1};
        assert_ok(cairn_metric_labels_with(&there, a, b, &now->h, &o));
        assert_ok(cairn_metric_labels_with(&back, b, a, &inverse, &o));
        assert_ok(cairn_labels_precision(&precision_there, &there));
        assert_ok(cairn_labels_precision(&precision_back, &back));
        same(names[k][0], (cairn_labels_score(&there) + cairn_labels_score(&back)) / 2, 1e-12);
        same(names[k][1], (precision_there + precision_back) / 2, 1e-12);
        cairn_labels_free(&there);
        cairn_labels_free(&back);
    }
}

/* Also all that is said of the mutual matches without a model. */
static void compare_matches(cairn_matches *mutual, const cairn_view *a, const cairn_view *b)
{
    cairn_matches m;
    double mma[MMA], value;
    cairn_match_options o = {0};
    assert_ok(cairn_metric_matches(mutual, a, b, &now->h, &o));
    same_partners("partner", mutual->a, mutual->b, mutual->count, a->points->count);
    o.max_distance = 0.7;
    assert_ok(cairn_metric_matches(&m, a, b, &now->h, &o));
    same("below", m.count, 0);
    cairn_matches_free(&m);
    o = (cairn_match_options){.ratio = 0.8};
    assert_ok(cairn_metric_matches(&m, a, b, &now->h, &o));
    same("ratio", m.count, 0);
    cairn_matches_free(&m);
    o = (cairn_match_options){.rule = CAIRN_MATCH_NEAREST};
    assert_ok(cairn_metric_matches(&m, a, b, &now->h, &o));
    same_partners("nearest", m.a, m.b, m.count, a->points->count);
    cairn_matches_free(&m);
    o.rule = CAIRN_MATCH_NEAREST_OF_B;
    assert_ok(cairn_metric_matches(&m, a, b, &now->h, &o));
    same_partners("nearest_of_b", m.b, m.a, m.count, b->points->count);
    cairn_matches_free(&m);
    o = (cairn_match_options){.shared = true, .top_k = now->top_k};
    assert_ok(cairn_metric_matches(&m, a, b, &now->h, &o));
    same_partners("partner_shared", m.a, m.b, m.count, a->points->count);
    cairn_matches_free(&m);
    cairn_metric_mma(mma, MMA, mutual, &now->h);
    for (int t = 0; t < MMA; t++) assert_near(mma[t], cJSON_GetArrayItem(item("mma"), t)->valuedouble, 1e-12);
    assert_ok(cairn_metric_transfer_precision(&value, mutual, &now->h, 1));
    same("precision_1", value, 1e-12);
    assert_ok(cairn_metric_transfer_precision(&value, mutual, &now->h, 3));
    same("precision_3", value, 1e-12);
}

/* Returns the corner error of the estimator for parity. */
static double compare_estimates(const cairn_matches *m, const cairn_view *a, const cairn_view *b)
{
    cairn_estimate_options o = CAIRN_ESTIMATE_OPTIONS_INIT;
    cairn_homography_estimate found;
    uint8_t *inliers = calloc((size_t)m->count + 1, 1);
    double *weights = malloc(((size_t)m->count + 1) * sizeof *weights), value, error;
    assert_true(inliers && weights);
    for (int i = 0; i < m->count; i++) weights[i] = exp(-3 * m->distance[i]);
    o.estimator = CAIRN_ESTIMATOR_DLT;
    assert_ok(cairn_metric_estimate(&found, NULL, m->from, m->to, NULL, m->count, a->h, a->w, &now->h, &o));
    same("corner_dlt", found.error, 1e-6 * fmax(1, found.error)); /* normal equations square the condition number */
    assert_ok(cairn_metric_estimate(&found, NULL, m->from, m->to, weights, m->count, a->h, a->w, &now->h, &o));
    same("corner_weighted", found.error, 1e-6 * fmax(1, found.error));
    o.corners = CAIRN_CORNERS_FRAME;
    assert_ok(cairn_metric_estimate(&found, NULL, m->from, m->to, NULL, m->count, a->h, a->w, &now->h, &o));
    same("corner_dlt_frame", found.error, 1e-6 * fmax(1, found.error));
    o.corners = CAIRN_CORNERS_CENTRES;
    o.estimator = CAIRN_ESTIMATOR_CV;
    assert_ok(cairn_metric_estimate(&found, inliers, m->from, m->to, NULL, m->count, a->h, a->w, &now->h, &o));
    error = found.error;
    same("corner_cv", error, 1e-3 * fmax(1, error));
    for (int i = 0; cJSON_IsArray(item("inliers")) && i < m->count; i++)
        assert_int_equal(inliers[i], cJSON_GetArrayItem(item("inliers"), i)->valueint);
    assert_ok(cairn_metric_inlier_precision(&value, m, inliers));
    same("ey_map", value, 1e-12);
    assert_ok(cairn_metric_inlier_score(&value, a, b, &now->h, found.inliers, false));
    same("ey_score", value, 1e-12);
    assert_ok(cairn_metric_inlier_score(&value, a, b, &now->h, found.inliers, true));
    same("ey_score_swapped", value, 1e-12);
    free(inliers);
    free(weights);
    return error;
}

static void compare_detections(void)
{
    static const char *const names[][2] = {
        {"map_nearest", "found_nearest"}, {"map_first", "found_first"}, {"map_box", "found_box"}};
    double corners[2 * CORNERS];
    for (int i = 0; i < CORNERS; i++) {
        corners[2 * i] = now->b.points[i].x;
        corners[2 * i + 1] = now->b.points[i].y;
    }
    for (cairn_detection_rule rule = 0; rule <= CAIRN_DETECTION_BOX; rule++) {
        cairn_detections pool = {0};
        double precision, error;
        const double eps = rule == CAIRN_DETECTION_BOX ? 8 : 4;
        assert_ok(cairn_detections_add(&pool, &now->a, corners, CORNERS, eps, rule));
        assert_ok(cairn_detections_finish(&precision, &error, &pool));
        same(names[rule][0], precision, 1e-12);
        same(names[rule][1], error, 1e-9);
        cairn_detections_free(&pool);
    }
}

static void compare_intervals(void)
{
    double *scores = malloc((size_t)now->a.count * sizeof *scores);
    cairn_interval interval;
    assert_non_null(scores);
    for (int i = 0; i < now->a.count; i++) scores[i] = now->a.points[i].score;
    assert_ok(cairn_metric_bootstrap(&interval, scores, (size_t)now->a.count, 2000, 1));
    const double tolerance = 0.15 * (interval.high - interval.low);
    same("low", interval.low, tolerance);
    same("high", interval.high, tolerance);
    free(scores);
}

static void compare_all(const sample *samples, int count, const cJSON *answer)
{
    static const double limits[] = {1, 3, 5, 10};
    const cJSON *cases = cJSON_GetObjectItemCaseSensitive(answer, "cases");
    double errors[MOST_CASES], area;
    int matches = 0, inlying = 0;
    for (int n = 0; n < count; n++) {
        now = &samples[n];
        theirs = cJSON_GetArrayItem(cases, n);
        cairn_view a = {&now->a, now->sizes[0], now->sizes[1]}, b = {&now->b, now->sizes[2], now->sizes[3]};
        cairn_matches mutual;
        compare_repeatability(&a, &b);
        compare_labels(&a, &b);
        compare_matches(&mutual, &a, &b);
        errors[n] = compare_estimates(&mutual, &a, &b);
        matches += mutual.count;
        inlying += isfinite(errors[n]);
        cairn_matches_free(&mutual);
        compare_detections();
        compare_intervals();
    }
    for (int k = 0; k < 4; k++) {
        assert_ok(cairn_metric_auc(&area, errors, (size_t)count, limits[k]));
        assert_near(area, cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(answer, "auc"), k)->valuedouble, 1e-4);
    }
    print_message("%d pairs with %d mutual matches and %d homographies agree\n", count, matches, inlying);
}

static void finish(sample *samples, int count)
{
    for (int n = 0; n < count; n++) save(&samples[n], test_path("case%d", n));
    cJSON *answer = ask_peer(count);
    if (answer) compare_all(samples, count, answer);
    for (int n = 0; n < count; n++) {
        cairn_keypoints_free(&samples[n].a);
        cairn_keypoints_free(&samples[n].b);
    }
    cJSON_Delete(answer);
    if (!answer) skip();
}

static void random_cases_agree(void **state)
{
    (void)state;
    static sample samples[RANDOM_CASES];
    for (int n = 0; n < RANDOM_CASES; n++) make(&samples[n], (uint32_t)n + 1);
    finish(samples, RANDOM_CASES);
}

static void real_sequences_agree(void **state)
{
    (void)state;
    static sample samples[MOST_CASES];
    const char *folder = getenv("CAIRN_TEST_SEQUENCES");
    cairn_pair_source source;
    cairn_detector sift;
    int count = 0;
    if (!folder) {
        print_message("CAIRN_TEST_SEQUENCES names no folder of sequences: real images are not compared\n");
        skip();
    }
    const cairn_protocol_view view = {.used = true, .resize = CAIRN_RESIZE_CROP, .h = 240, .w = 320};
    assert_ok(cairn_pairs_from_sequences(&source, folder, &view, false, 0));
    assert_ok(cairn_baseline_sift(&sift, true));
    for (int i = 0; i < source.count && count < MOST_CASES; i++) {
        cairn_pair pair;
        sample *s = &samples[count];
        assert_ok(source.get(source.state, i, &pair));
        *s = (sample){.sizes = {240, 320, 240, 320}, .top_k = 200, .eps = 3, .h = pair.a_to_b};
        snprintf(s->name, sizeof s->name, "%.100s", pair.name);
        assert_ok(cairn_detector_run(&s->a, &sift, &pair.a, 1, 4, 0, REAL_POINTS));
        assert_ok(cairn_detector_run(&s->b, &sift, &pair.b, 1, 4, 0, REAL_POINTS));
        cairn_pair_free(&pair);
        if (s->a.count >= CORNERS && s->b.count >= CORNERS) {
            count++;
        } else { /* too dark for points */
            cairn_keypoints_free(&s->a);
            cairn_keypoints_free(&s->b);
        }
    }
    cairn_detector_free(&sift);
    cairn_pair_source_free(&source);
    assert_true(count > 0);
    finish(samples, count);
}

int main(void)
{
    if (system("/usr/bin/python3 -c 'import cv2, numpy' >/dev/null 2>&1") != 0) return SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_cases_agree), cmocka_unit_test(real_sequences_agree)};
    return cmocka_run_group_tests_name("metrics against NumPy and OpenCV", tests, test_scratch_create,
                                       test_scratch_remove);
}
