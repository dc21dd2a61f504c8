/* Names of checkpoints in tables: short, and different where the files are. */
#include "experiments/detectors/model_name.h"
#include "support/test.h"

#include <string.h>

static void expect(const char *path, const char *list, const char *name)
{
    char got[64];
    cairn_model_name(got, path, list);
    assert_string_equal(got, name);
}

static void test_alone__file_or_folder(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"runs/demo/teacher/model.safetensors", "teacher"},
                                           {"runs/demo/teacher/checkpoint.safetensors", "teacher"},
                                           {"cpu-small.safetensors", "cpu-small"},
                                           {"models/cpu-small.safetensors", "cpu-small"},
                                           {"model.safetensors", "model"},
                                           {"./model.safetensors", "model"},
                                           {"../model.safetensors", "model"},
                                           {"/model.safetensors", "model"},
                                           {"a/weights", "weights"},
                                           {".safetensors", ".safetensors"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) expect(names[i][0], names[i][0], names[i][1]);
}

static void test_several__are_told_apart(void **state)
{
    (void)state;
    static const char stages[] = "runs/x/teacher/model.safetensors,,runs/x/student/checkpoint.safetensors";
    expect("runs/x/teacher/model.safetensors", stages, "teacher");
    expect("runs/x/student/checkpoint.safetensors", stages, "student");

    static const char runs[] = "runs/x/student/model.safetensors,runs/y/student/model.safetensors,runs/y/teacher/"
                               "model.safetensors";
    expect("runs/x/student/model.safetensors", runs, "x/student");
    expect("runs/y/student/model.safetensors", runs, "y/student");
    expect("runs/y/teacher/model.safetensors", runs, "teacher");

    static const char far[] = "a/runs/x/student/model.safetensors,b/runs/x/student/model.safetensors";
    expect("a/runs/x/student/model.safetensors", far, "a/runs/x/student");

    static const char files[] = "a/best.safetensors,b/best.safetensors";
    expect("b/best.safetensors", files, "b/best");

    static const char one_stage[] = "x/student/model.safetensors,x/student/checkpoint.safetensors";
    expect("x/student/model.safetensors", one_stage, "student/model");
    expect("x/student/checkpoint.safetensors", one_stage, "student/checkpoint");
}

static void test_hostile__bounded(void **state)
{
    (void)state;
    char path[6000], got[64];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = 0;
    cairn_model_name(got, path, path);
    assert_int_equal(strlen(got), 63);
    for (size_t i = 1; i + 1 < sizeof path; i += 2) path[i] = '/';
    cairn_model_name(got, path, path);
    assert_string_equal(got, "a");
    expect("", "", "");
    expect("/", "/", "");
    expect("x/model.safetensors", "x/model.safetensors,x/model.safetensors", "x"); /* twice the same */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alone__file_or_folder),
                                       cmocka_unit_test(test_several__are_told_apart),
                                       cmocka_unit_test(test_hostile__bounded)};
    return cmocka_run_group_tests_name("model names", tests, NULL, NULL);
}
