/* The program from outside: help, exit codes, and one clear line for each mistake. */
#include "support/program.h"

#include "formats/safetensors.h"
#include "system/file.h"

#include <cjson/cJSON.h>
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static cairn_program_run run;
static char folder[64];

static const char toy[] = "name: toy\nseed: 1\nstages:\n  - {name: shapes, kind: magicpoint, steps: 1, batch: 1}\n";

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static void call(const char *const *words)
{
    cairn_program_call(&run, words, NULL, 0);
}

/* Exactly one error line, which holds `expected`; nothing on standard output. */
static void expect_failure(const char *const *words, const char *const *environment, int code, const char *expected)
{
    cairn_program_call(&run, words, environment, 0);
    if (run.code != code) fail_msg("%s %s: exit code %d, not %d: %s", words[0], words[1], run.code, code, run.err);
    if (cairn_program_error_lines(&run) != 1) fail_msg("not one error line: %s", run.err);
    if (!strstr(run.err, expected)) fail_msg("'%s' lacks '%s'", run.err, expected);
    assert_string_equal(run.out, "");
}

static char *in_folder(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static char *write_text(const char *name, const char *text)
{
    char *path = in_folder(name);
    assert_int_equal(cairn_file_write(path, text, strlen(text)), CAIRN_OK);
    return path;
}

static void test_cli__help(void **state)
{
    (void)state;
    static const char *const commands[] = {"devices",  "run",    "train",     "detect", "match",
                                           "evaluate", "report", "benchmark", "info",   "tune",   "synthesize",
                                           NULL};
    call(WORDS("--help"));
    assert_int_equal(run.code, 0);
    for (int i = 0; commands[i]; i++) assert_non_null(strstr(run.out, commands[i]));
    for (int i = 0; commands[i]; i++) {
        call(WORDS(commands[i], "--help"));
        assert_int_equal(run.code, 0);
        assert_non_null(strstr(run.out, "Example:\n  cairn "));
        assert_string_equal(run.err, "");
    }
    call(WORDS("--version"));
    assert_int_equal(run.code, 0);
    assert_int_equal(strncmp(run.out, "cairn ", 6), 0);
}

static void test_cli__wrong_command_lines(void **state)
{
    (void)state;
    expect_failure(WORDS("device"), NULL, 2, "unknown command 'device'; did you mean 'devices'?");
    expect_failure(WORDS("xyzzyx"), NULL, 2, "see cairn --help");
    expect_failure(WORDS("devices", "--jsn"), NULL, 2, "unknown option '--jsn'; did you mean '--json'?");
    expect_failure(WORDS("devices", "--json=maybe"), NULL, 2, "expected true or false");
    expect_failure(WORDS("devices", "-j"), NULL, 2, "two hyphens");
    expect_failure(WORDS("devices", "extra"), NULL, 2, "too many arguments");
    expect_failure(WORDS("run"), NULL, 2, "no recipe given");
    expect_failure(WORDS("run", "demo", "--out"), NULL, 2, "'--out' needs a value");
    expect_failure(WORDS("train", "demo"), NULL, 2, "usage: cairn train RECIPE STAGE");
    expect_failure(WORDS("synthesize"), NULL, 2, "--out DIR or --sheet FILE.png is missing");
    expect_failure(WORDS("synthesize", "--out", "x", "--primitives", "lines,starr"), NULL, 2, "did you mean 'star'?");
    expect_failure(WORDS("import", "x.pth", "--layout", "superpont", "--out", "y"), NULL, 2, "'superpoint'?");
    expect_failure(WORDS("import", "x.pth", "--layout", "mobilenetv3-tg", "--out", "y"), NULL, 2, "'mobilenetv3-t");
    expect_failure(WORDS("import", "x.pth", "--layout", "sp-fpm", "--out", "y"), NULL, 2, "'sp-fpn'?");
}

static void test_cli__wrong_recipes(void **state)
{
    (void)state;
    expect_failure(WORDS("run", "no-such-recipe"), NULL, 1, "no-such-recipe: no such recipe");
    const char *path = write_text("wrong.yaml", "name: wrong\nseed: 1\nstage: []\n");
    expect_failure(WORDS("run", path), NULL, 1, "wrong.yaml:3: unknown key 'stage'; did you mean 'stages'?");
    path = write_text("broken.yaml", "name: [\n");
    expect_failure(WORDS("run", path), NULL, 1, "broken.yaml:2: not valid YAML");
    expect_failure(WORDS("run", folder), NULL, 1, folder);
    assert_false(cairn_file_is_folder("runs/wrong"));
    path = write_text("toy.yaml", toy);
    const char *const command = "command line: ";
    expect_failure(WORDS("run", path, "shapes.stepz=3"), NULL, 2, "unknown key 'stepz'; did you mean 'steps'?");
    expect_failure(WORDS("run", path, "shapes.steps=many"), NULL, 2, "expected a whole number in 1..");
    expect_failure(WORDS("run", path, "shape.steps=3"), NULL, 2, "no stage 'shape'; did you mean 'shapes'?");
    expect_failure(WORDS("run", path, "steps"), NULL, 2, command);
    expect_failure(WORDS("run", path, "shapes.height=33"), NULL, 1, "toy.yaml:4: stage shapes: height");
    expect_failure(WORDS("train", path, "shapez"), NULL, 1, "no stage 'shapez'; did you mean 'shapes'?");
    expect_failure(WORDS("run", path, "--out", path), NULL, 1, "toy.yaml");
    assert_false(cairn_file_is_folder("runs/toy"));
}

static void test_cli__info(void **state)
{
    (void)state;
    const char *text = write_text("text.safetensors", "these are no tensors at all");
    expect_failure(WORDS("info", text), NULL, 1, "text.safetensors: not a safetensors file");
    expect_failure(WORDS("info", in_folder("absent")), NULL, 1, "absent: No such file");
    float values[6] = {1, 2, 3, 4, 5, 6};
    const cairn_safetensor tensors[] = {
        {.name = (char[]){"conv.weight"}, .rank = 2, .shape = {2, 3}, .data = values},
        {.name = (char[]){"adam_m/conv.weight"}, .rank = 2, .shape = {2, 3}, .data = values},
    };
    const cairn_safetensors_pair pair = {(char[]){"model"}, (char[]){"toy\033[31m"}};
    assert_int_equal(cairn_safetensors_write(in_folder("toy.safetensors"), tensors, 2, &pair, 1), CAIRN_OK);
    call(WORDS("info", in_folder("toy.safetensors")));
    assert_int_equal(run.code, 0);
    assert_non_null(strstr(run.out, "2 tensors, 6 parameters, 6 other values"));
    assert_non_null(strstr(run.out, "conv.weight [2,3] mean 3.5 deviation 1.708"));
    assert_non_null(strstr(run.out, "model: toy?[31m"));
}

static void test_cli__no_vulkan_driver(void **state)
{
    (void)state;
    const char *const none[] = {"VK_ICD_FILENAMES=/nonexistent.json", "VK_DRIVER_FILES=/nonexistent.json", NULL};
    expect_failure(WORDS("devices"), none, 1, "install mesa-vulkan-drivers");
    expect_failure(WORDS("benchmark", "model"), none, 1, "install mesa-vulkan-drivers");
    expect_failure(WORDS("run", write_text("toy.yaml", toy), "--out", in_folder("toy")), none, 1,
                   "stage shapes: no Vulkan driver");
}

static void test_cli__devices(void **state)
{
    (void)state;
    call(WORDS("devices", "--json"));
    assert_int_equal(run.code, 0);
    assert_int_equal(run.out[0], '[');
    assert_non_null(strstr(run.out, "\"uuid\""));
}

/* The keys of other engines' benchmark lines, so that they can be put side by side. */
static void test_cli__benchmark_line(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "engine",     "model",         "mode",    "height", "width",     "batch",  "device", "threads", "amp",
        "parameters", "channels_last", "compile", "runs",   "ms_median", "ms_min", "ms_max", "cpu_ms",  "tuning", NULL};
    call(WORDS("benchmark", "model", "--model", "magicpoint", "--mode", "infer", "--height", "32", "--width", "32",
               "--multiplier", "0.0625", "--runs", "1"));
    assert_int_equal(run.code, 0);
    cJSON *line = cJSON_Parse(run.out);
    assert_non_null(line);
    for (int i = 0; keys[i]; i++)
        if (!cJSON_HasObjectItem(line, keys[i])) fail_msg("no key %s in %s", keys[i], run.out);
    assert_true(cJSON_HasObjectItem(line, "images_per_s") && cJSON_HasObjectItem(line, "peak_memory_mb"));
    cJSON_Delete(line);
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(object, key);
    if (!cJSON_IsNumber(item)) fail_msg("no number %s", key);
    return item->valuedouble;
}

/* The parts of a profile add up to the whole, whichever way the dispatches are grouped. */
static void test_cli__profile(void **state)
{
    (void)state;
    static const char *const groups[] = {"by_op", "by_kernel", "by_shape"};
    uint8_t *text = NULL;
    size_t size;
    char *path = in_folder("profile.json");
    call(WORDS("benchmark", "model", "--model", "magicpoint", "--mode", "train", "--height", "32", "--width", "32",
               "--multiplier", "0.0625", "--runs", "1", "--table", "--profile", "--profile-json", path));
    assert_int_equal(run.code, 0);
    assert_non_null(strstr(run.out, "images/s"));
    assert_non_null(strstr(run.err, "GFLOP/s     GB/s ceiling"));
    assert_int_equal(cairn_file_read(&text, &size, path, 1 << 24), CAIRN_OK);
    cJSON *root = cJSON_Parse((const char *)text);
    free(text);
    assert_true(number(cJSON_GetObjectItem(root, "ceilings"), "fp32_gflops") > 0);
    assert_true(number(cJSON_GetObjectItem(root, "ceilings"), "copy_gbps") > 0);
    for (int i = 0; i < 3; i++) {
        double share = 0, ms = 0, before = 1e300;
        const cJSON *row;
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(root, groups[i]))
        {
            assert_true(number(row, "ms") <= before);
            before = number(row, "ms");
            share += number(row, "share"), ms += before;
        }
        if (fabs(share - 1) > 1e-6 || fabs(ms / number(root, "total_ms") - 1) > 1e-6)
            fail_msg("%s: shares add up to %g, times to %g ms", groups[i], share, ms);
    }
    cJSON_Delete(root);
}

static void test_cli__ceilings(void **state)
{
    (void)state;
    call(WORDS("benchmark", "ceilings"));
    assert_int_equal(run.code, 0);
    cJSON *line = cJSON_Parse(run.out);
    assert_true(number(line, "fp32_gflops") > 0 && number(line, "copy_gbps") > 0);
    cJSON_Delete(line);
}

static void test_cli__tune(void **state)
{
    (void)state;
    int measured = -1, known = -1;
    char *file = in_folder("tuning.txt");
    const char *const words[] = {"tune",    "--model",      "magicpoint", "--height", "32", "--width", "32",
                                 "--batch", "1",            "--multiplier", "0.0625", "--file", file, NULL};
    call(words);
    assert_int_equal(run.code, 0);
    assert_int_equal(sscanf(run.out, "%d choices measured, %d known", &measured, &known), 2);
    assert_true(measured > 0 && known == measured);
    call(words);
    assert_int_equal(run.code, 0);
    assert_int_equal(sscanf(run.out, "%d choices measured, %d known", &measured, &known), 2);
    assert_true(measured == 0 && known > 0);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "cairn-test-cli-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli__help),          cmocka_unit_test(test_cli__wrong_command_lines),
        cmocka_unit_test(test_cli__wrong_recipes), cmocka_unit_test(test_cli__no_vulkan_driver),
        cmocka_unit_test(test_cli__devices),       cmocka_unit_test(test_cli__info),
        cmocka_unit_test(test_cli__benchmark_line), cmocka_unit_test(test_cli__profile),
        cmocka_unit_test(test_cli__ceilings),      cmocka_unit_test(test_cli__tune),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
