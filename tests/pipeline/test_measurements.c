/* cairn evaluate synthetic and cairn evaluate video from outside. */
#include "base/rng.h"
#include "data/image.h"
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"

#include <cjson/cJSON.h>

static cairn_program_run run;

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static void call(const char *const *words)
{
    cairn_program_call(&run, words, NULL, 0);
}

static void fails(const char *const *words, const char *text)
{
    call(words);
    if (run.code != 2) fail_msg("exit code %d: %s", run.code, run.err);
    assert_int_equal(cairn_program_error_lines(&run), 1);
    if (!strstr(run.err, text)) fail_msg("'%s' lacks '%s'", run.err, text);
}

/* The only set of FOLDER/evaluation.json; the caller deletes *root. */
static const cJSON *load_set(cJSON **root, const char *folder)
{
    uint8_t *text;
    size_t size;
    char *path = cairn_file_join(folder, "evaluation.json");
    assert_ok(cairn_file_read(&text, &size, path, 1 << 24));
    *root = cJSON_Parse((const char *)text);
    assert_non_null(*root);
    assert_int_equal(cJSON_GetObjectItem(*root, "version")->valueint, 2);
    const cJSON *sets = cJSON_GetObjectItem(*root, "sets");
    assert_int_equal(cJSON_GetArraySize(sets), 1);
    free(path);
    free(text);
    return cJSON_GetArrayItem(sets, 0);
}

static const cJSON *summary(const cJSON *set, int method, const char *measure)
{
    const cJSON *m = cJSON_GetArrayItem(cJSON_GetObjectItem(set, "methods"), method);
    return cJSON_GetObjectItem(cJSON_GetObjectItem(cJSON_GetObjectItem(m, "summary"), "all"), measure);
}

static void synthetic_shapes(void **state)
{
    (void)state;
    cJSON *root;
    const char *out = test_path("shapes");
    call(WORDS("evaluate", "synthetic", "--baselines", "harris,orb", "--count", "1", "--canvas", "120", "--protocol",
               "sp-fpn", "--out", out));
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
    assert_non_null(strstr(run.out, "synthetic shapes, protocol sp-fpn"));
    assert_non_null(strstr(run.out, "ORB-like"));
    const cJSON *set = load_set(&root, out);
    assert_string_equal(cJSON_GetObjectItem(set, "protocol")->valuestring, "sp-fpn");
    assert_true(cJSON_GetObjectItem(summary(set, 0, "map_clean"), "mean")->valuedouble > 0.3);
    cJSON_Delete(root);
    fails(WORDS("evaluate", "synthetic", "--protocol", "tf"), "recommended");
    fails(WORDS("evaluate", "synthetic", "--baselines", ""), "--model");
}

/* Noise that moves by (3, 2) pixels a frame. */
static void write_frames(const char *folder, int count)
{
    enum { SIDE = 96, GROUND = 160 };
    static float ground[GROUND][GROUND];
    cairn_rng rng = cairn_rng_stream(1, 0, 0, 0, 0);
    cairn_image frame;
    for (int y = 0; y < GROUND; y += 4)
        for (int x = 0; x < GROUND; x += 4) {
            const float v = (float)cairn_rng_uniform(&rng);
            for (int k = 0; k < 16; k++) ground[y + k / 4][x + k % 4] = v;
        }
    assert_ok(cairn_file_make_folder(folder));
    assert_ok(cairn_image_create(&frame, SIDE, SIDE, 1));
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%03d.png", i);
        char *path = cairn_file_join(folder, name);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) frame.pixels[y * SIDE + x] = ground[y + 2 * i][x + 3 * i];
        assert_ok(cairn_image_save_png(&frame, path));
        free(path);
    }
    cairn_image_free(&frame);
}

static void video(void **state)
{
    (void)state;
    cJSON *root;
    const char *frames = test_path("clip"), *out = test_path("tracks");
    write_frames(frames, 5);
    call(WORDS("evaluate", "video", "--frames", frames, "--baselines", "sift", "--out", out));
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
    assert_non_null(strstr(run.out, "video clip"));
    const cJSON *set = load_set(&root, out);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(set, "rows")), 4);
    assert_near(cJSON_GetObjectItem(summary(set, 0, "failed"), "mean")->valuedouble, 0, 0);
    assert_true(cJSON_GetObjectItem(summary(set, 0, "residual"), "mean")->valuedouble <
                0.5 * cJSON_GetObjectItem(summary(set, 0, "residual_identity"), "mean")->valuedouble);
    cJSON_Delete(root);
    fails(WORDS("evaluate", "video"), "--frames");
    fails(WORDS("evaluate", "video", "--frames", frames, "--height", "64"), "--width");
    fails(WORDS("evaluate", "video", "--frames", frames, "--reference", "surf"), "surf");
    call(WORDS("evaluate", "video", "--frames", frames, "--oc"));
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.err, "60"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(synthetic_shapes), cmocka_unit_test(video)};
    return cmocka_run_group_tests_name("measurements", tests, test_scratch_create, test_scratch_remove);
}
