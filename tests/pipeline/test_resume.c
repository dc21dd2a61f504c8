/* A run that is killed at any point and started again ends with the same bits as one that was left alone. */
#include "support/program.h"

#include "system/file.h"

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];

/* In fp16 the checkpoint holds the state of the loss scale too. Views made by the device. */
static const char mixed_recipe[] = "name: resume\n"
                                   "seed: 3\n"
                                   "stages:\n"
                                   "  - {name: shapes, kind: magicpoint, steps: 60, batch: 2, precision: mixed,\n"
                                   "     recompute: cheap, width: 0.125, height: 64, image_width: 96,\n"
                                   "     canvas_height: 128, calibrate: 2, checkpoint_every: 5, augment: device}\n";

static const char recipe[] = "name: resume\n"
                             "seed: 3\n"
                             "stages:\n"
                             "  - {name: shapes, kind: magicpoint, steps: 60, batch: 1, accumulate: 2, clip_norm: 1,\n"
                             "     ema: 0.9, width: 0.125, height: 64, image_width: 96,\n"
                             "     canvas_height: 128, calibrate: 2, checkpoint_every: 5, validate_every: 7,\n"
                             "     validate_images: 3}\n";
/* The same without validation. */
static const char blind_recipe[] = "name: resume\n"
                                   "seed: 3\n"
                                   "stages:\n"
                                   "  - {name: shapes, kind: magicpoint, steps: 60, batch: 1, accumulate: 2,\n"
                                   "     clip_norm: 1, ema: 0.9, width: 0.125, height: 64, image_width: 96,\n"
                                   "     canvas_height: 128, calibrate: 2, checkpoint_every: 5, validate_every: 0}\n";

static char *in_folder(const char *name)
{
    static char paths[8][160];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *recipe_name = "resume.yaml";

static void expect_success(const char *out)
{
    static cairn_program_run run;
    const char *words[] = {"run", in_folder(recipe_name), "--out", in_folder(out), NULL};
    cairn_program_succeed(&run, words);
}

/* Starts the run, waits until its first checkpoint is there, sends the signal. Returns the exit status. */
static int interrupt(const char *out, int number)
{
    char checkpoint[256];
    int status = 0;
    const char *words[] = {"run", in_folder(recipe_name), "--out", in_folder(out), NULL};
    snprintf(checkpoint, sizeof checkpoint, "%s/%s/shapes/checkpoint.safetensors", folder, out);
    const int child = cairn_program_start(words, in_folder("log"));
    for (int i = 0; i < 60000 && !cairn_file_exists(checkpoint); i++) {
        if (waitpid(child, &status, WNOHANG)) fail_msg("the run ended before its first checkpoint");
        usleep(1000);
    }
    kill(child, number);
    waitpid(child, &status, 0);
    char done[256];
    snprintf(done, sizeof done, "%s/%s/shapes/stage.json", folder, out);
    assert_false(cairn_file_exists(done));
    return status;
}

static void expect_same_as(const char *whole, const char *out, const char *name)
{
    char a_path[256], b_path[256];
    uint8_t *a = NULL, *b = NULL;
    size_t a_size = 0, b_size = 0;
    snprintf(a_path, sizeof a_path, "%s/%s/shapes/%s", folder, whole, name);
    snprintf(b_path, sizeof b_path, "%s/%s/shapes/%s", folder, out, name);
    assert_int_equal(cairn_file_read(&a, &a_size, a_path, 1 << 28), CAIRN_OK);
    assert_int_equal(cairn_file_read(&b, &b_size, b_path, 1 << 28), CAIRN_OK);
    assert_int_equal(a_size, b_size);
    if (memcmp(a, b, a_size)) fail_msg("%s and %s differ", a_path, b_path);
    free(a);
    free(b);
}

static void expect_same(const char *out, const char *name)
{
    expect_same_as("whole", out, name);
}

static void test_resume__killed_run_ends_with_the_same_bits(void **state)
{
    (void)state;
    const int status = interrupt("killed", SIGKILL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(cairn_file_write(in_folder("killed/shapes/.model.safetensors.1-1.tmp"), "half", 4), CAIRN_OK);
    expect_success("killed");
    assert_false(cairn_file_exists(in_folder("killed/shapes/.model.safetensors.1-1.tmp")));
    expect_same("killed", "model.safetensors");
    expect_same("killed", "checkpoint.safetensors");
}

static void test_resume__interrupted_run_says_how_to_go_on(void **state)
{
    (void)state;
    uint8_t *log = NULL;
    size_t size = 0;
    const int status = interrupt("stopped", SIGTERM);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(cairn_file_read(&log, &size, in_folder("log"), 1 << 20), CAIRN_OK);
    assert_non_null(strstr((char *)log, "interrupted; run the same command to resume"));
    free(log);
    expect_success("stopped");
    expect_same("stopped", "model.safetensors");
}

/* Weights, moments, statistics and the loss scale: all that a checkpoint holds. */
static void test_resume__killed_mixed_run_ends_with_the_same_bits(void **state)
{
    (void)state;
    uint8_t *checkpoint = NULL;
    size_t size = 0;
    char path[256];
    recipe_name = "mixed.yaml";
    assert_int_equal(cairn_file_write(in_folder(recipe_name), mixed_recipe, strlen(mixed_recipe)), CAIRN_OK);
    expect_success("mixed");
    assert_true(WIFSIGNALED(interrupt("mixed_killed", SIGKILL)));
    expect_success("mixed_killed");
    expect_same_as("mixed", "mixed_killed", "model.safetensors");
    expect_same_as("mixed", "mixed_killed", "checkpoint.safetensors");
    recipe_name = "resume.yaml";
    snprintf(path, sizeof path, "%s/mixed/shapes/checkpoint.safetensors", folder);
    assert_int_equal(cairn_file_read(&checkpoint, &size, path, 1 << 28), CAIRN_OK);
    assert_non_null(memmem(checkpoint, size, "\"loss_scale\":\"", strlen("\"loss_scale\":\"")));
    assert_null(memmem(checkpoint, size, "\"loss_scale\":\"0 0 0\"", strlen("\"loss_scale\":\"0 0 0\"")));
    assert_non_null(memmem(checkpoint, size, "adam_m/", strlen("adam_m/")));
    free(checkpoint);
}

/* The tensors of two models; their headers hold the recipes. */
static void expect_same_tensors(const char *left, const char *right)
{
    const char *const runs[2] = {left, right};
    uint8_t *bytes[2];
    size_t size[2];
    uint64_t header[2];
    for (int i = 0; i < 2; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s/shapes/model.safetensors", folder, runs[i]);
        assert_int_equal(cairn_file_read(&bytes[i], &size[i], path, 1 << 28), CAIRN_OK);
        memcpy(&header[i], bytes[i], sizeof header[i]);
        assert_true(size[i] > header[i] + 8);
    }
    const size_t left_size = size[0] - header[0], right_size = size[1] - header[1];
    assert_int_equal(left_size, right_size);
    if (memcmp(bytes[0] + 8 + header[0], bytes[1] + 8 + header[1], left_size - 8))
        fail_msg("the models of %s and %s differ", left, right);
    free(bytes[0]);
    free(bytes[1]);
}

/* Lines of metrics.jsonl that a validation wrote. */
static void validations(char *out, size_t size, const char *run)
{
    char path[256];
    uint8_t *text = NULL;
    size_t bytes = 0;
    snprintf(path, sizeof path, "%s/%s/shapes/metrics.jsonl", folder, run);
    assert_int_equal(cairn_file_read(&text, &bytes, path, 1 << 20), CAIRN_OK);
    *out = 0;
    for (char *line = strtok((char *)text, "\n"); line; line = strtok(NULL, "\n"))
        if (strstr(line, "\"validation_map\":")) {
            assert_non_null(strstr(line, "\"validation_noisy_error\":"));
            assert_true(strlen(out) + strlen(line) + 2 < size);
            strcat(strcat(out, line), "\n");
        }
    free(text);
}

/* Measurements behind steps 7, 14, ... 56 and the last, each once, the same after a kill; and they change no bit. */
static void test_resume__validation_is_resumed_and_changes_nothing(void **state)
{
    (void)state;
    static char whole[16384], killed[16384], blind[16384];
    assert_true(WIFSIGNALED(interrupt("watched", SIGKILL)));
    expect_success("watched");
    validations(whole, sizeof whole, "whole");
    validations(killed, sizeof killed, "watched");
    assert_string_equal(whole, killed);
    int lines = 0;
    for (const char *at = whole; *at; at++) lines += *at == '\n';
    assert_int_equal(lines, 60 / 7 + 1);
    assert_int_equal(strncmp(whole, "{\"step\":7,", 10), 0);
    assert_non_null(strstr(whole, "{\"step\":60,"));
    recipe_name = "blind.yaml";
    assert_int_equal(cairn_file_write(in_folder(recipe_name), blind_recipe, strlen(blind_recipe)), CAIRN_OK);
    expect_success("blind");
    recipe_name = "resume.yaml";
    validations(blind, sizeof blind, "blind");
    assert_string_equal(blind, "");
    expect_same_tensors("whole", "blind");
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static int prepare(void **state)
{
    (void)state;
    strcpy(folder, "cairn-test-resume-XXXXXX");
    if (!mkdtemp(folder) || cairn_file_write(in_folder("resume.yaml"), recipe, strlen(recipe)) < 0) return -1;
    expect_success("whole");
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume__killed_run_ends_with_the_same_bits),
        cmocka_unit_test(test_resume__interrupted_run_says_how_to_go_on),
        cmocka_unit_test(test_resume__validation_is_resumed_and_changes_nothing),
        cmocka_unit_test(test_resume__killed_mixed_run_ends_with_the_same_bits),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
