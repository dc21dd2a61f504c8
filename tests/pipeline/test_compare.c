/* cairn benchmark compare against peers that are shell scripts: ratios, the table, and peers that fail. */
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"

#include "system/file.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static cairn_program_run run;

/* Runs the smallest case against a script. */
static void compare(const char *script, const char *more, const char *value)
{
    const char *path = test_path("peer.sh");
    test_put_text(path, script);
    const char *const words[] = {"benchmark", "compare",  "--peer",   path,       "--python",        "/bin/sh",
                                 "--cases",   "one",      "--model",  "sp-fpn",   "--mode",          "infer",
                                 "--height",  "32",       "--width",  "32",       "--runs",          "1",
                                 "--warmup",  "0",        "--rounds", "2",        "--threads",       "1",
                                 "--cairn-options", "--multiplier 0.0625", more, value, NULL};
    cairn_program_call(&run, words, NULL, 0);
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(object, key);
    if (!cJSON_IsNumber(item)) fail_msg("no number %s in %s", key, run.out);
    return item->valuedouble;
}

static void test_compare__ratios_follow_from_the_times(void **state)
{
    (void)state;
    const char *markdown = test_path("table.md");
    uint8_t *text;
    size_t size;
    compare("echo \"peer got $*\" >&2\necho noise\n"
            "echo '{\"engine\":\"shell 1\",\"device\":\"none\",\"amp\":\"bf16\",\"threads\":1,\"ms_median\":1000}'\n",
            "--markdown", markdown);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
    assert_non_null(strstr(run.err, "peer got --model sp-fpn --mode infer --height 32 --width 32 --batch 1 --runs 1 "
                                    "--warmup 0 --threads 1"));
    char *line = strtok(run.out, "\n");
    for (int i = 0; i < 3; i++, line = strtok(NULL, "\n")) {
        assert_non_null(line);
        cJSON *o = cJSON_Parse(line);
        const double ours = number(o, "cairn_ms"), ratio = number(o, "ratio");
        assert_true(number(o, "peer_ms") == 1000 && ours > 0);
        if (i < 2) assert_near(ratio, 1000 / ours, 0.002 + 0.01 * ratio);
        if (i < 2) assert_near(number(cJSON_GetObjectItem(o, "cairn"), "ms_median"), ours, 1e-3);
        assert_true(cJSON_HasObjectItem(o, i < 2 ? "round" : "rounds"));
        cJSON_Delete(o);
    }
    assert_null(line);
    assert_ok(cairn_file_read(&text, &size, markdown, 1 << 16));
    assert_non_null(strstr((char *)text, "peer: shell 1 on none, precision bf16, 1 threads"));
    assert_non_null(strstr((char *)text, "precision fp32"));
    assert_non_null(strstr((char *)text, "| sp-fpn | infer | 32x32, batch 1 | "));
    assert_non_null(strstr((char *)text, "| parameters | GMAC | planned, MB |"));
    assert_null(strstr((char *)text, "nan"));
    assert_null(strstr(run.err, "different networks")); /* this peer does not say how many it has */
    free(text);
}

static void test_compare__other_networks_are_told(void **state)
{
    (void)state;
    compare("echo '{\"ms_median\":1000,\"parameters\":17}'\n", NULL, NULL);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
    assert_non_null(strstr(run.err, "17 in the peer: their times are of different networks"));
}

static void test_compare__a_failing_peer_is_one_error(void **state)
{
    (void)state;
    static const char *const scripts[][2] = {{"exit 3\n", "code 3"},
                                             {"kill -9 $$\n", "signal 9"},
                                             {"echo hello\n", "'hello"},
                                             {"echo '{\"ms_median\":\"fast\"}'\n", "no line with ms_median"},
                                             {"echo '{\"ms_median\":1'\n", "no line with ms_median"}};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        const char *table = test_path("none.md");
        compare(scripts[i][0], "--markdown", table);
        assert_int_equal(run.code, 1);
        assert_int_equal(cairn_program_error_lines(&run), 1);
        if (!strstr(run.err, scripts[i][1])) fail_msg("'%s' lacks '%s'", run.err, scripts[i][1]);
        assert_false(cairn_file_exists(table));
    }
}

static void test_compare__a_missing_peer_is_named(void **state)
{
    (void)state;
    const char *const words[] = {"benchmark", "compare", "--peer", "no-such-script.py", NULL};
    cairn_program_call(&run, words, NULL, 0);
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.err, "no script 'no-such-script.py'"));
    const char *const none[] = {"benchmark", "compare", NULL};
    cairn_program_call(&run, none, NULL, 0);
    assert_int_equal(run.code, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare__ratios_follow_from_the_times),
        cmocka_unit_test(test_compare__other_networks_are_told),
        cmocka_unit_test(test_compare__a_failing_peer_is_one_error),
        cmocka_unit_test(test_compare__a_missing_peer_is_named),
    };
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
