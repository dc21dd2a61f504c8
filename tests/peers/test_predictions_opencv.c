/* Predictions of another program (OpenCV in Python), from the images it is given to the table. Skipped where OpenCV is
 * absent. */
#include "base/rng.h"
#include "data/image.h"
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

enum { SKIPPED = 77 };

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static cairn_program_run run;

static void expect_success(const char *const *words)
{
    cairn_program_succeed(&run, words);
}

/* Random rectangles: corners enough for any method. */
static void write_photo(const char *path, uint32_t number)
{
    cairn_image image;
    cairn_rng rng = cairn_rng_stream(1, 2, 3, number, 4);
    assert_ok(cairn_image_create(&image, 300, 400, 1));
    for (int n = 0; n < 250; n++) {
        const int x0 = cairn_rng_integer(&rng, 0, 390), y0 = cairn_rng_integer(&rng, 0, 290);
        const int x1 = x0 + cairn_rng_integer(&rng, 8, 70), y1 = y0 + cairn_rng_integer(&rng, 8, 70);
        const float v = (float)cairn_rng_between(&rng, 0.1, 0.9);
        for (int y = y0; y < y1 && y < 300; y++)
            for (int x = x0; x < x1 && x < 400; x++) image.pixels[y * 400 + x] = v;
    }
    assert_ok(cairn_image_save_png(&image, path));
    cairn_image_free(&image);
}

static void ask_peer(const char *folder, const char *method)
{
    char command[4096];
    const char *source = getenv("CAIRN_TEST_SOURCE");
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/peers/predictions_peer.py' '%s' %s 1>&2",
             source ? source : ".", folder, method);
    assert_int_equal(system(command), 0);
}

static double mean_of(const cJSON *method, const char *measure)
{
    const cJSON *all = cJSON_GetObjectItem(cJSON_GetObjectItem(method, "summary"), "all");
    const cJSON *mean = cJSON_GetObjectItem(cJSON_GetObjectItem(all, measure), "mean");
    if (!cJSON_IsNumber(mean)) fail_msg("no number for %s", measure);
    return mean->valuedouble;
}

/* OpenCV's SIFT beside VLFeat's: both are good here, and of one kind. */
static void other_programs_are_scored(void **state)
{
    (void)state;
    const char *photos = test_path("photos"), *sift = test_path("sift"), *corners = test_path("corners");
    const char *ours = test_path("ours"), *scores = test_path("scores");
    uint8_t *text;
    size_t size;
    assert_ok(cairn_file_make_folder(photos));
    for (uint32_t i = 0; i < 3; i++) write_photo(test_path("photos/%u.png", i), i);
    expect_success(WORDS("evaluate", "images", "--photos", photos, "--protocol", "rpautrat", "--out", sift));
    expect_success(WORDS("evaluate", "images", "--photos", photos, "--protocol", "rpautrat", "--out", corners));
    ask_peer(sift, "sift");
    ask_peer(corners, "corners");
    expect_success(WORDS("evaluate", "export", "--baselines", "sift", "--photos", photos, "--protocol", "rpautrat",
                         "--out", ours));
    expect_success(WORDS("evaluate", "score", sift, corners, ours, "--photos", photos, "--out", scores));
    assert_non_null(strstr(run.out, "OpenCV corners"));
    assert_ok(cairn_file_read(&text, &size, test_path("scores/evaluation.json"), 1 << 24));
    cJSON *json = cJSON_Parse((char *)text);
    const cJSON *set = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "sets"), 0);
    const cJSON *methods = cJSON_GetObjectItem(set, "methods");
    assert_int_equal(cJSON_GetArraySize(methods), 3);
    const cJSON *theirs = cJSON_GetArrayItem(methods, 0), *mine = cJSON_GetArrayItem(methods, 2);
    for (int k = 0; k < 2; k++) {
        assert_near(mean_of(k ? mine : theirs, "homography@3"), 1, 0);
        /* 0.66 and 0.36: ours keeps 1000 points after box suppression, the peer 800 without one. */
        assert_true(mean_of(k ? mine : theirs, "nn_map") > 0.25);
    }
    assert_near(mean_of(theirs, "repeatability"), mean_of(mine, "repeatability"), 0.2);
    assert_true(mean_of(cJSON_GetArrayItem(methods, 1), "repeatability") > 0.4);
    cJSON_Delete(json);
    free(text);
}

int main(void)
{
    if (system("/usr/bin/python3 -c 'import cv2, numpy' >/dev/null 2>&1") != 0) return SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(other_programs_are_scored)};
    return cmocka_run_group_tests_name("predictions of OpenCV", tests, test_scratch_create, test_scratch_remove);
}
