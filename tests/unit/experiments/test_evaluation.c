/* Generated pairs, and the evaluation as a whole on methods whose results are known. */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/evaluation/evaluate.h"
#include "support/test.h"
#include "system/file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <unistd.h>

enum { IMAGES = 4, BROKEN = 2 };

/* Photo i: random rectangles; photo BROKEN cannot be read when *context is set. */
static cairn_status load(void *context, int i, cairn_image *gray, char name[CAIRN_PAIR_NAME_BYTES])
{
    cairn_rng rng = cairn_rng_stream(1, 2, 3, (uint32_t)i, 4);
    snprintf(name, CAIRN_PAIR_NAME_BYTES, "photo_%d", i);
    if (*(bool *)context && i == BROKEN) return cairn_error_set(CAIRN_E_FORMAT, "photo %d is broken", i);
    cairn_status st = cairn_image_create(gray, 200, 260, 1);
    for (int n = 0; st >= 0 && n < 150; n++) {
        int x0 = cairn_rng_integer(&rng, 0, 255), y0 = cairn_rng_integer(&rng, 0, 195);
        int x1 = x0 + cairn_rng_integer(&rng, 5, 40), y1 = y0 + cairn_rng_integer(&rng, 5, 40);
        float v = (float)cairn_rng_between(&rng, 0.1, 0.9);
        for (int y = y0; y < y1 && y < 200; y++)
            for (int x = x0; x < x1 && x < 260; x++) gray->pixels[y * 260 + x] = v;
    }
    return st;
}

static cairn_pair_options small_pairs(void)
{
    cairn_pair_options o = CAIRN_PAIR_OPTIONS_INIT;
    o.view.h = 120;
    o.view.w = 160;
    o.pairs_per_image = 2;
    o.seed = 11;
    return o;
}

static void pairs_are_the_same_in_any_order(void **state)
{
    (void)state;
    bool broken = false;
    cairn_pair_options o = small_pairs();
    cairn_pair_source source;
    cairn_pair first, again, other;
    assert_ok(cairn_pairs_generate(&source, "photos", IMAGES, load, &broken, &o));
    assert_int_equal(source.count, 8);
    assert_ok(source.get(source.state, 3, &first));
    assert_ok(source.get(source.state, 2, &other));
    assert_ok(source.get(source.state, 3, &again));
    size_t bytes = 120 * 160 * sizeof(float);
    assert_string_equal(first.name, "photo_1/2");
    assert_memory_equal(first.a.pixels, again.a.pixels, bytes);
    assert_memory_equal(first.b.pixels, again.b.pixels, bytes);
    assert_memory_equal(first.a_to_b.m, again.a_to_b.m, sizeof first.a_to_b.m);
    assert_memory_not_equal(first.a_to_b.m, other.a_to_b.m, sizeof first.a_to_b.m);
    cairn_pair_free(&first);
    cairn_pair_free(&again);
    cairn_pair_free(&other);
    cairn_pair_source_free(&source);
    o.view.h = 8;
    assert_status(cairn_pairs_generate(&source, "photos", IMAGES, load, &broken, &o), CAIRN_E_INVALID, "160x8");
}

/* Without changes of light, b at H x is a at x, up to interpolation; and all of b lies inside a. */
static void the_homography_is_that_of_the_warp(void **state)
{
    (void)state;
    cairn_pair_options o = small_pairs();
    cairn_image ramp;
    o.contrast = o.brightness = o.noise = 0;
    assert_ok(cairn_image_create(&ramp, 120, 160, 1));
    for (int y = 0; y < 120; y++)
        for (int x = 0; x < 160; x++) ramp.pixels[y * 160 + x] = (float)(0.2 + 0.003 * x + 0.001 * y);
    for (uint32_t k = 0; k < 20; k++) {
        cairn_pair pair;
        cairn_homography back;
        assert_ok(cairn_pair_from_image(&pair, &ramp, "ramp", k, &o));
        assert_ok(cairn_homography_invert(&back, &pair.a_to_b));
        for (int y = 0; y < 120; y += 7)
            for (int x = 0; x < 160; x += 7) {
                double u, v;
                assert_true(cairn_homography_apply(&back, x, y, &u, &v));
                assert_true(u >= -1e-6 && u <= 160 && v >= -1e-6 && v <= 120);
                if (u <= 159 && v <= 119) assert_near(pair.b.pixels[y * 160 + x], 0.2 + 0.003 * u + 0.001 * v, 1e-4);
            }
        cairn_pair_free(&pair);
    }
    cairn_image_free(&ramp);
}

/* A frame of 0.8 of the photo's sides whose pixels are the photo's, but for black ones where the photo ends; patches
 * turn by any angle. The area filter's pixels are off by up to 0.1 pixels of a ramp, and right on average. */
static void coco_patches_are_the_photo_shrunk(void **state)
{
    (void)state;
    cairn_pair_options o = cairn_pair_options_of(CAIRN_WARP_COCO_PATCHES);
    cairn_image ramp;
    int black = 0, turned = 0;
    o.view.h = 120;
    o.view.w = 160;
    assert_ok(cairn_image_create(&ramp, 120, 160, 1));
    for (int y = 0; y < 120; y++)
        for (int x = 0; x < 160; x++) ramp.pixels[y * 160 + x] = (float)(0.2 + 0.003 * x + 0.001 * y);
    for (uint32_t k = 0; k < 20; k++) {
        cairn_pair pair;
        cairn_homography back;
        double u, v, right_u, right_v, sum = 0;
        int inside = 0;
        assert_ok(cairn_pair_from_image(&pair, &ramp, "ramp", k, &o));
        assert_true(pair.a.h == 120 && pair.a.w == 160 && pair.b.h == 96 && pair.b.w == 128);
        assert_memory_equal(pair.a.pixels, ramp.pixels, 120 * 160 * sizeof(float));
        assert_ok(cairn_homography_invert(&back, &pair.a_to_b));
        for (int y = 0; y < 96; y += 5)
            for (int x = 0; x < 128; x += 5) {
                assert_true(cairn_homography_apply(&back, x, y, &u, &v));
                black += pair.b.pixels[y * 128 + x] <= 0;
                if (u < 3 || u > 156 || v < 3 || v > 116) continue;
                const double error = pair.b.pixels[y * 128 + x] - (0.2 + 0.003 * u + 0.001 * v);
                assert_near(error, 0, 6e-4);
                sum += error;
                inside++;
            }
        assert_true(inside > 100);
        assert_near(sum / inside, 0, 4e-5);
        assert_true(cairn_homography_apply(&back, 64, 48, &u, &v) &&
                    cairn_homography_apply(&back, 65, 48, &right_u, &right_v));
        turned += right_u < u; /* upside down */
        cairn_pair_free(&pair);
    }
    assert_true(black > 0 && turned > 2 && turned < 18);
    o.view.h = 32;
    cairn_pair pair;
    assert_status(cairn_pair_from_image(&pair, &ramp, "ramp", 0, &o), CAIRN_E_INVALID, "shrunk to 128x26");
    assert_null(pair.a.pixels);
    cairn_image_free(&ramp);
}

static const cJSON *at(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!item) fail_msg("the JSON lacks %s", name);
    return item;
}

static void check_json(const cairn_evaluation *e)
{
    char folder[] = "cairn_evaluation_XXXXXX", path[64];
    uint8_t *bytes;
    size_t size;
    assert_non_null(mkdtemp(folder));
    const cairn_evaluation *sets[] = {e, e};
    assert_ok(cairn_evaluation_write(sets, 2, folder));
    snprintf(path, sizeof path, "%s/evaluation.json", folder);
    assert_ok(cairn_file_read(&bytes, &size, path, 1 << 24));
    cJSON *json = cJSON_Parse((char *)bytes);
    assert_int_equal(cJSON_GetArraySize(at(json, "sets")), 2);
    const cJSON *set = cJSON_GetArrayItem(at(json, "sets"), 1);
    assert_int_equal(at(at(set, "pairs"), "used")->valueint, 6);
    assert_int_equal(at(at(set, "pairs"), "skipped")->valueint, 2);
    assert_int_equal(cJSON_GetArraySize(at(set, "rows")), 8);
    const cJSON *sift = cJSON_GetArrayItem(at(set, "methods"), 1);
    assert_string_equal(at(sift, "name")->valuestring, "RootSIFT");
    assert_string_equal(at(sift, "weights")->valuestring, "none");
    cairn_interval value;
    assert_ok(cairn_evaluation_summary(&value, e, 1, CAIRN_MEASURE_HOMOGRAPHY_3, CAIRN_PAIR_KINDS));
    assert_near(at(at(at(at(sift, "summary"), "all"), "homography@3"), "mean")->valuedouble, value.mean, 1e-12);
    const cJSON *comparison = cJSON_GetArrayItem(at(set, "comparisons"), 0);
    assert_string_equal(at(comparison, "method")->valuestring, "Harris");
    assert_string_equal(at(comparison, "baseline")->valuestring, "random points");
    cJSON_Delete(json);
    free(bytes);
    unlink(path);
    rmdir(folder);
}

/* One size for both views, so that one source serves both. */
static cairn_protocol small_protocol(void)
{
    cairn_protocol p;
    const cairn_protocol_overrides overrides = {.h = 120, .w = 160, .top_k = 60, .radius = -1, .border = -1};
    assert_ok(cairn_protocol_find(&p, "recommended", "test"));
    cairn_protocol_override(&p, &overrides);
    return p;
}

static void good_methods_beat_chance(void **state)
{
    (void)state;
    bool broken = true;
    cairn_pair_options o = small_pairs();
    const cairn_protocol protocol = small_protocol();
    const cairn_evaluation_options options = {.protocol = &protocol};
    cairn_pair_source sources[2];
    cairn_detector detectors[3];
    cairn_predictions methods[3];
    cairn_evaluation e, again;
    cairn_interval value;
    char *table;
    for (int v = 0; v < 2; v++) assert_ok(cairn_pairs_generate(&sources[v], "photos", IMAGES, load, &broken, &o));
    assert_ok(cairn_baseline_harris(&detectors[0], 4));
    assert_ok(cairn_baseline_sift(&detectors[1], true));
    assert_ok(cairn_baseline_random(&detectors[2], 1000, 1));
    assert_ok(cairn_predictions_live(&methods[0], &detectors[0], &protocol, CAIRN_ROLE_TEACHER, NULL));
    assert_ok(cairn_predictions_live(&methods[1], &detectors[1], &protocol, CAIRN_ROLE_CLASSICAL, "none"));
    assert_ok(cairn_predictions_live(&methods[2], &detectors[2], &protocol, CAIRN_ROLE_UNTRAINED_TEACHER, NULL));
    assert_ok(cairn_evaluation_run(&e, sources, methods, 3, &options));
    assert_int_equal(e.used, 6);
    assert_int_equal(e.skipped, 2);
    assert_string_equal(e.protocol.id, "recommended, changed");
    assert_ok(cairn_evaluation_summary(&value, &e, 0, CAIRN_MEASURE_REPEATABILITY, CAIRN_PAIR_KINDS));
    assert_int_equal(value.count, 6);
    assert_true(value.mean > 0.5);
    assert_ok(cairn_evaluation_compare(&value, &e, 0, 2, CAIRN_MEASURE_REPEATABILITY));
    assert_true(value.low > 0.2);
    assert_ok(cairn_evaluation_summary(&value, &e, 1, CAIRN_MEASURE_HOMOGRAPHY_3, CAIRN_PAIR_KINDS));
    assert_true(value.mean > 0.6);
    assert_ok(cairn_evaluation_summary(&value, &e, 0, CAIRN_MEASURE_HOMOGRAPHY_3, CAIRN_PAIR_KINDS));
    assert_int_equal(value.count, 0); /* Harris has no descriptors */
    const cairn_table_style style = {.columns = 100};
    assert_ok(cairn_evaluation_table(&table, &e, &style));
    assert_non_null(strstr(table, "RootSIFT"));
    assert_non_null(strstr(table, "repeatability of Harris against random points: +0."));
    for (const char *line = table; *line; line += strcspn(line, "\n") + 1)
        if (strncmp(line, "photos", 6)) assert_true(strcspn(line, "\n") <= 100);
    check_json(&e);
    assert_ok(cairn_evaluation_run(&again, sources, methods, 3, &options));
    for (int m = 0; m < 3; m++)
        for (int i = 0; i < e.pairs; i++)
            for (cairn_measure k = 0; k < CAIRN_MEASURE_DETECT_MS && e.pair[i].used; k++)
                assert_memory_equal(&again.method[m].rows[i].value[k], &e.method[m].rows[i].value[k], sizeof(double));
    free(table);
    cairn_evaluation_free(&e);
    cairn_evaluation_free(&again);
    for (int m = 0; m < 3; m++) cairn_predictions_free(&methods[m]);
    for (int m = 0; m < 3; m++) cairn_detector_free(&detectors[m]);
    for (int v = 0; v < 2; v++) cairn_pair_source_free(&sources[v]);
}

static cairn_status fails(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    (void)state, (void)gray, (void)top_k, (void)out;
    return cairn_error_set(CAIRN_E_DEVICE, "the device was lost");
}

static void failures_are_reported(void **state)
{
    (void)state;
    bool broken = false;
    cairn_pair_options o = small_pairs();
    const cairn_protocol protocol = small_protocol();
    const cairn_evaluation_options options = {.protocol = &protocol};
    cairn_pair_source sources[2];
    cairn_detector broken_detector = {.name = "broken", .detect = fails};
    cairn_predictions method;
    cairn_evaluation e;
    assert_ok(cairn_predictions_live(&method, &broken_detector, &protocol, CAIRN_ROLE_TEACHER, NULL));
    for (int v = 0; v < 2; v++) assert_ok(cairn_pairs_generate(&sources[v], "photos", IMAGES, load, &broken, &o));
    assert_status(cairn_evaluation_run(&e, sources, &method, 1, &options), CAIRN_E_DEVICE, "lost");
    assert_null(e.method);
    cairn_pair_source_free(&sources[1]);
    assert_ok(cairn_pairs_generate(&sources[1], "photos", IMAGES - 1, load, &broken, &o));
    assert_status(cairn_evaluation_run(&e, sources, &method, 1, &options), CAIRN_E_INVALID, "at the other");
    for (int v = 0; v < 2; v++) {
        cairn_pair_source_free(&sources[v]);
        assert_ok(cairn_pairs_generate(&sources[v], "nothing", 0, load, &broken, &o));
    }
    assert_status(cairn_evaluation_run(&e, sources, &method, 1, &options), CAIRN_E_INVALID, "nothing");
    for (int v = 0; v < 2; v++) cairn_pair_source_free(&sources[v]);
    cairn_predictions_free(&method);
}

/* HPatches has no blur, so "all" leaves it out, unless there is nothing else. */
static void blur_stands_apart(void **state)
{
    (void)state;
    cairn_evaluation_pair pairs[4] = {{.kind = CAIRN_PAIR_BLUR, .used = true},
                                      {.kind = CAIRN_PAIR_VIEWPOINT, .used = true},
                                      {.kind = CAIRN_PAIR_VIEWPOINT, .used = false},
                                      {.kind = CAIRN_PAIR_ILLUMINATION, .used = true}};
    cairn_evaluation e = {.pairs = 4, .pair = pairs};
    assert_int_equal(cairn_evaluation_count(&e, CAIRN_PAIR_KINDS), 2);
    assert_int_equal(cairn_evaluation_count(&e, CAIRN_PAIR_BLUR), 1);
    assert_int_equal(cairn_evaluation_count(&e, CAIRN_PAIR_VIEWPOINT), 1);
    pairs[1].kind = pairs[3].kind = CAIRN_PAIR_BLUR;
    assert_int_equal(cairn_evaluation_count(&e, CAIRN_PAIR_KINDS), 3);
}

static double mean_area(const cairn_evaluation *e, int threshold)
{
    double errors[16], area, sum = 0;
    size_t count = 0;
    for (int i = 0; i < e->pairs; i++) errors[count++] = e->method[0].rows[i].errors[threshold];
    for (int limit = 1; limit <= 5; limit += 2) {
        assert_ok(cairn_metric_auc(&area, errors, count, limit));
        sum += area;
    }
    return sum;
}

/* glue-factory: the RANSAC distance with the best area is taken, and the pooled precision is that of all labels. */
static void pooled_numbers_are_those_of_all_pairs(void **state)
{
    (void)state;
    bool broken = false;
    cairn_pair_options o = small_pairs();
    cairn_protocol protocol;
    cairn_pair_source sources[2] = {0};
    cairn_detector sift;
    cairn_predictions method;
    cairn_evaluation e;
    cairn_labels pool = {0}, labels;
    cairn_interval value;
    const cairn_protocol_overrides overrides = {.h = 120, .w = 160, .points = 80, .radius = -1, .border = -1};
    assert_ok(cairn_protocol_find(&protocol, "glue-factory", "test"));
    cairn_protocol_override(&protocol, &overrides);
    const cairn_evaluation_options options = {.protocol = &protocol, .resamples = 200};
    assert_ok(cairn_pairs_generate(&sources[1], "photos", IMAGES, load, &broken, &o));
    assert_ok(cairn_baseline_sift(&sift, true));
    assert_ok(cairn_predictions_live(&method, &sift, &protocol, CAIRN_ROLE_CLASSICAL, NULL));
    assert_ok(cairn_evaluation_run(&e, sources, &method, 1, &options));
    assert_int_equal(e.used, 8);
    double best = -1, chosen = 0;
    for (int t = 0; t < 6; t++) {
        const double area = mean_area(&e, t);
        if (area > best) best = area;
        if (protocol.thresholds[t] == e.method[0].threshold) chosen = area;
    }
    assert_near(chosen, best, 0);
    for (int i = 0; i < e.pairs; i++) {
        cairn_pair pair;
        cairn_keypoints a, b;
        cairn_homography back;
        assert_ok(sources[1].get(sources[1].state, i, &pair));
        assert_ok(cairn_detector_view(&a, &sift, &pair.a, &protocol.view[1]));
        assert_ok(cairn_detector_view(&b, &sift, &pair.b, &protocol.view[1]));
        const cairn_view va = {&a, pair.a.h, pair.a.w}, vb = {&b, pair.b.h, pair.b.w};
        assert_ok(cairn_homography_invert(&back, &pair.a_to_b));
        assert_ok(cairn_metric_labels(&labels, &va, &vb, &pair.a_to_b, protocol.match_eps));
        assert_ok(cairn_labels_append(&pool, &labels));
        cairn_labels_free(&labels);
        assert_ok(cairn_metric_labels(&labels, &vb, &va, &back, protocol.match_eps));
        assert_ok(cairn_labels_append(&pool, &labels));
        cairn_labels_free(&labels);
        cairn_keypoints_free(&a);
        cairn_keypoints_free(&b);
        cairn_pair_free(&pair);
    }
    double precision;
    assert_ok(cairn_labels_precision(&precision, &pool));
    assert_ok(cairn_evaluation_summary(&value, &e, 0, CAIRN_MEASURE_PRECISION_POOLED, CAIRN_PAIR_KINDS));
    assert_near(value.mean, precision, 1e-12);
    assert_true(value.low < precision && precision < value.high);
    cairn_labels_free(&pool);
    cairn_evaluation_free(&e);
    cairn_predictions_free(&method);
    cairn_detector_free(&sift);
    cairn_pair_source_free(&sources[1]);
}

static cairn_status no_match(void *state, const cairn_match_side *a, const cairn_match_side *b, cairn_match **out,
                             int *count)
{
    (void)state, (void)a, (void)b;
    *out = NULL;
    *count = 0;
    return CAIRN_OK;
}

/* Mutual nearest neighbours behind the interface of matchers give what the evaluation's own give; what ranks every
 * nearest neighbour, or chooses points by the truth, does not apply. */
static void a_matcher_takes_the_place_of_nearest_neighbours(void **state)
{
    (void)state;
    bool broken = false;
    cairn_pair_options o = small_pairs();
    const cairn_protocol protocol = small_protocol();
    const cairn_evaluation_options options = {.protocol = &protocol, .resamples = 50};
    static const cairn_measure alike[] = {CAIRN_MEASURE_REPEATABILITY, CAIRN_MEASURE_MATCHES, CAIRN_MEASURE_MMA_3,
                                          CAIRN_MEASURE_MATCH_PRECISION_3, CAIRN_MEASURE_HOMOGRAPHY_ERROR};
    cairn_pair_source sources[2];
    cairn_detector sift;
    cairn_matcher matchers[2] = {{0}, {.name = "none", .match = no_match}};
    cairn_predictions methods[3];
    cairn_evaluation e;
    for (int v = 0; v < 2; v++) assert_ok(cairn_pairs_generate(&sources[v], "photos", IMAGES, load, &broken, &o));
    assert_ok(cairn_baseline_sift(&sift, true));
    assert_ok(cairn_matcher_nearest(&matchers[0], NULL));
    for (int m = 0; m < 3; m++) {
        assert_ok(cairn_predictions_live(&methods[m], &sift, &protocol, CAIRN_ROLE_CLASSICAL, NULL));
        methods[m].matcher = m ? &matchers[m - 1] : NULL;
    }
    assert_ok(cairn_evaluation_run(&e, sources, methods, 3, &options));
    for (int i = 0; i < e.pairs; i++) {
        const double *plain = e.method[0].rows[i].value, *matched = e.method[1].rows[i].value;
        const double *none = e.method[2].rows[i].value;
        for (size_t k = 0; k < sizeof alike / sizeof *alike; k++)
            assert_memory_equal(&plain[alike[k]], &matched[alike[k]], sizeof(double));
        assert_true(matched[CAIRN_MEASURE_MATCHING_SCORE] > 0.1);
        assert_true(matched[CAIRN_MEASURE_MATCHING_SCORE] <= plain[CAIRN_MEASURE_MATCHING_SCORE]);
        assert_true(isnan(matched[CAIRN_MEASURE_PRECISION]) && isnan(matched[CAIRN_MEASURE_HOMOGRAPHY_SHARED_1]));
        assert_near(none[CAIRN_MEASURE_MATCHES] + none[CAIRN_MEASURE_MATCHING_SCORE], 0, 0);
        assert_near(none[CAIRN_MEASURE_HOMOGRAPHY_3], 0, 0);
    }
    assert_true(e.method[0].pooled[CAIRN_PAIR_KINDS].count > 0 && e.method[1].pooled[CAIRN_PAIR_KINDS].count == 0);
    cairn_evaluation_free(&e);
    for (int m = 0; m < 3; m++) cairn_predictions_free(&methods[m]);
    cairn_matcher_free(&matchers[0]);
    cairn_detector_free(&sift);
    for (int v = 0; v < 2; v++) cairn_pair_source_free(&sources[v]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matcher_takes_the_place_of_nearest_neighbours),
        cmocka_unit_test(pairs_are_the_same_in_any_order),
        cmocka_unit_test(the_homography_is_that_of_the_warp),
        cmocka_unit_test(coco_patches_are_the_photo_shrunk),
        cmocka_unit_test(good_methods_beat_chance),
        cmocka_unit_test(failures_are_reported),
        cmocka_unit_test(blur_stands_apart),
        cmocka_unit_test(pooled_numbers_are_those_of_all_pairs),
    };
    return cmocka_run_group_tests_name("evaluation", tests, NULL, NULL);
}
