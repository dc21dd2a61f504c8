/* The same bits for any number of CPU threads, for any cut into submissions, and every time: training steps and
 * inference of whole networks, each in a process of its own. */
#include "support/program.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static cairn_program_run run;

/* Three steps of a narrow network; returns the digest of what is left in the store and of the outputs. */
static void steps(char digest[17], const char *model, const char *mode, const char *const *environment,
                  int *submissions)
{
    const char *const words[] = {"benchmark", "model",   "--model", model,    "--mode",       mode,    "--height",
                                 "64",        "--width", "96",      "--batch", "2",           "--multiplier", "0.25",
                                 "--runs",    "2",       "--warmup", "0",     NULL};
    cairn_program_call(&run, words, environment, 0);
    if (run.code) fail_msg("%s %s: exit code %d: %s", model, mode, run.code, run.err);
    cJSON *line = cJSON_Parse(run.out);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(line, "digest"));
    if (!text || strlen(text) != 16) fail_msg("no digest in %s", run.out);
    memcpy(digest, text, 17);
    *submissions = cJSON_GetObjectItem(line, "submissions")->valueint;
    cJSON_Delete(line);
}

static void same_bits(const char *model, const char *mode)
{
    static const char *const environments[][3] = {{NULL},
                                                  {"LP_NUM_THREADS=1", NULL},
                                                  {"LP_NUM_THREADS=2", NULL},
                                                  {"CAIRN_SEGMENT_MS=0.05", NULL},
                                                  {"CAIRN_SEGMENT_MS=2", "LP_NUM_THREADS=1", NULL},
                                                  {"CAIRN_STAGING=1", NULL}};
    char first[17], other[17];
    int whole, cut;
    steps(first, model, mode, NULL, &whole);
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
        steps(other, model, mode, environments[i], &cut);
        if (strcmp(first, other))
            fail_msg("%s %s with %s: %s instead of %s", model, mode,
                     environments[i][0] ? environments[i][0] : "nothing", other, first);
        if (i == 3 && cut <= whole + 3) fail_msg("only %d submissions where there were %d", cut, whole);
    }
}

static void test_determinism__teacher_training(void **state)
{
    (void)state;
    same_bits("superpoint", "train");
}

static void test_determinism__student_training(void **state)
{
    (void)state;
    same_bits("sp-fpn", "train");
}

static void test_determinism__student_inference(void **state)
{
    (void)state;
    same_bits("sp-fpn", "infer");
}

/* The digest sees what it must: other weights, other bits. */
static void test_determinism__another_network_has_another_digest(void **state)
{
    (void)state;
    char a[17], b[17];
    int submissions;
    steps(a, "superpoint", "infer", NULL, &submissions);
    steps(b, "magicpoint", "infer", NULL, &submissions);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_determinism__teacher_training),
        cmocka_unit_test(test_determinism__student_training),
        cmocka_unit_test(test_determinism__student_inference),
        cmocka_unit_test(test_determinism__another_network_has_another_digest),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
