/* The measurement on synthetic shapes, with classical detectors on small canvases. */
#include "experiments/baselines/baselines.h"
#include "experiments/measurements/synthetic.h"
#include "experiments/measurements/synthetic_detect.h"
#include "support/test.h"

#include <math.h>

enum { METHODS = 2, ALL = 0, MAP_CLEAN = 0, MAP_NOISY = 1, ERROR_CLEAN = 2 };

static cairn_detector detectors[METHODS];
static cairn_predictions methods[METHODS];

static int open_methods(void **state)
{
    (void)state;
    static const char *const names[METHODS] = {"harris", "random"};
    static cairn_protocol protocol;
    assert_ok(cairn_protocol_find(&protocol, "recommended", "test"));
    for (int m = 0; m < METHODS; m++) {
        assert_ok(cairn_baseline_by_name(&detectors[m], names[m], 0));
        assert_ok(cairn_predictions_live(&methods[m], &detectors[m], &protocol,
                                         m ? CAIRN_ROLE_CHANCE : CAIRN_ROLE_CLASSICAL, NULL));
    }
    return 0;
}

static int close_methods(void **state)
{
    (void)state;
    for (int m = 0; m < METHODS; m++) {
        cairn_predictions_free(&methods[m]);
        cairn_detector_free(&detectors[m]);
    }
    return 0;
}

static cairn_sheet measure(cairn_synthetic_rules rules, uint32_t seed)
{
    cairn_sheet sheet;
    cairn_synthetic_options o = CAIRN_SYNTHETIC_OPTIONS_INIT;
    o.rules = rules;
    o.count = 3;
    o.canvas_height = 240;
    o.seed = seed;
    o.resamples = 100;
    assert_ok(cairn_synthetic_run(&sheet, methods, METHODS, &o));
    return sheet;
}

static void corners_are_found_and_chance_is_not(void **state)
{
    (void)state;
    for (cairn_synthetic_rules rules = 0; rules < CAIRN_SYNTHETIC_RULES; rules++) {
        cairn_sheet sheet = measure(rules, 1);
        const cairn_interval *harris = sheet.methods[0].summary[ALL], *chance = sheet.methods[1].summary[ALL];
        assert_int_equal(sheet.group_count, 10);
        /* of three: one of ellipses, stripes and noise in the test split of the TensorFlow code */
        const bool split = rules == CAIRN_SYNTHETIC_RPAUTRAT;
        assert_int_equal(sheet.items[ALL], split ? 21 : 27);
        assert_true(harris[MAP_CLEAN].mean > 0.3 && harris[MAP_CLEAN].mean <= 1);
        assert_true(chance[MAP_CLEAN].mean < 0.7 * harris[MAP_CLEAN].mean);
        assert_true(harris[MAP_NOISY].mean < harris[MAP_CLEAN].mean);
        assert_true(harris[MAP_CLEAN].low < harris[MAP_CLEAN].mean && harris[MAP_CLEAN].mean < harris[MAP_CLEAN].high);
        assert_true(harris[ERROR_CLEAN].mean > 0.2 && harris[ERROR_CLEAN].mean < chance[ERROR_CLEAN].mean);
        for (int g = 1; g < sheet.group_count; g++) { /* no corners: no precision, unless recall means detections */
            const bool bare = !strcmp(sheet.groups[g], "ellipses") || !strcmp(sheet.groups[g], "noise");
            const int images = split && (bare || !strcmp(sheet.groups[g], "stripes")) ? 1 : 3;
            assert_int_equal(sheet.items[g], images);
            assert_int_equal(sheet.methods[0].summary[g][MAP_CLEAN].count, bare ? 0 : images);
        }
        cairn_sheet_free(&sheet);
    }
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    cairn_sheet a = measure(CAIRN_SYNTHETIC_RPAUTRAT, 5), b = measure(CAIRN_SYNTHETIC_RPAUTRAT, 5);
    cairn_sheet other = measure(CAIRN_SYNTHETIC_RPAUTRAT, 6);
    for (int g = 0; g < a.group_count; g++)
        for (int k = 0; k < 4; k++) {
            const cairn_interval *x = &a.methods[0].summary[g][k], *y = &b.methods[0].summary[g][k];
            assert_int_equal(x->count, y->count);
            if (x->count) assert_true(x->mean == y->mean && x->low == y->low && x->high == y->high);
        }
    assert_true(a.methods[0].summary[ALL][MAP_CLEAN].mean != other.methods[0].summary[ALL][MAP_CLEAN].mean);
    cairn_sheet_free(&a);
    cairn_sheet_free(&b);
    cairn_sheet_free(&other);
}

static void the_sheet_is_an_entry_of_the_results(void **state)
{
    (void)state;
    cairn_sheet sheet = measure(CAIRN_SYNTHETIC_RECOMMENDED, 1);
    cJSON *set = cairn_sheet_json(&sheet);
    char *text;
    assert_non_null(set);
    assert_string_equal(cJSON_GetObjectItem(set, "set")->valuestring, "synthetic shapes");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(set, "rows")), 9);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(set, "methods")), METHODS);
    const cJSON *all = cJSON_GetObjectItem(
        cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(set, "methods"), 0), "summary"), "all");
    assert_near(cJSON_GetObjectItem(cJSON_GetObjectItem(all, "map_clean"), "mean")->valuedouble,
                sheet.methods[0].summary[ALL][MAP_CLEAN].mean, 0);
    cJSON_Delete(set);
    assert_ok(cairn_sheet_table(&text, &sheet, 100, false));
    assert_non_null(strstr(text, "Harris"));
    assert_non_null(strstr(text, "checkerboard (3)"));
    free(text);
    cairn_sheet_free(&sheet);
}

/* The TensorFlow code knows corners as pixels of a map. */
static void corners_become_pixels(void **state)
{
    (void)state;
    cairn_keypoint p[] = {{10.4f, 20, 1}, {9.6f, 20.3f, 1}, {30, 5.5f, 1}, {3, 20, 1}};
    const cairn_keypoints drawn = {4, 0, p, NULL};
    const double wanted[] = {30, 6, 3, 20, 10, 20};
    double *corners;
    int count;
    assert_ok(cairn_synthetic__corners(&corners, &count, &drawn, CAIRN_SYNTHETIC_RPAUTRAT));
    assert_int_equal(count, 3);
    assert_memory_equal(corners, wanted, sizeof wanted);
    free(corners);
}

/* Corners on touching pixels are one for SP-FPN's script. */
static void touching_corners_are_merged(void **state)
{
    (void)state;
    cairn_keypoint p[] = {{10, 10, 1}, {40, 10, 1}, {11.2f, 11, 1}, {40, 12, 1}, {10.2f, 9.8f, 1}};
    const cairn_keypoints drawn = {5, 0, p, NULL};
    double *corners;
    int count;
    assert_ok(cairn_synthetic__corners(&corners, &count, &drawn, CAIRN_SYNTHETIC_RECOMMENDED));
    assert_int_equal(count, 5);
    free(corners);
    assert_ok(cairn_synthetic__corners(&corners, &count, &drawn, CAIRN_SYNTHETIC_SP_FPN));
    assert_int_equal(count, 3);
    assert_near(corners[0] + corners[2] + corners[4], 10.5 + 40 + 40, 1e-12);
    assert_near(corners[1] + corners[3] + corners[5], 10.5 + 10 + 12, 1e-12);
    free(corners);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    cairn_sheet sheet;
    cairn_synthetic_options o = CAIRN_SYNTHETIC_OPTIONS_INIT;
    o.count = 0;
    assert_status(cairn_synthetic_run(&sheet, methods, METHODS, &o), CAIRN_E_INVALID, "1 to 10000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corners_are_found_and_chance_is_not), cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(the_sheet_is_an_entry_of_the_results), cmocka_unit_test(touching_corners_are_merged),
        cmocka_unit_test(corners_become_pixels),
        cmocka_unit_test(options_out_of_range_are_refused),
    };
    return cmocka_run_group_tests_name("synthetic shapes", tests, open_methods, close_methods);
}
