/* Students by the program: the drop-in with labels, learned weights and a warp, killed and resumed to the same bits; the
 * heatmap on one batch again and again; mistakes. */
#include "formats/safetensors.h"
#include "support/device/material.h"
#include "support/device/test_gpu.h"
#include "support/program.h"
#include "support/scratch.h"
#include "system/file.h"
#include "teacher/labels/label_file.h"

#include <math.h>

static const char recipe[] =
    "name: student\n"
    "seed: 3\n"
    "photos: {root: PHOTOS, height: 64, width: 96, holdout: 0}\n"
    "stages:\n"
    "  - {name: teacher, kind: import, file: PHOTOS/../detector.safetensors}\n"
    "  - {name: labels, kind: adaptation, teacher: teacher, views: 1, threshold: 0, top_k: 30, previews: 0}\n"
    "  - {name: drop-in, kind: student-descriptor, teacher: teacher, labels: labels, weighting: log-variance,\n"
    "     warped: 0.1, width: 0.25, channels: 8, pairs: 16, steps: 20, batch: 2, lr: 0.01, calibrate: 1, log_every: 1,\n"
    "     checkpoint_every: 3}\n"
    "  - {name: still, kind: student-phase1, labels: labels, target: blobs, width: 0.25, channels: 16,\n"
    "     one_batch: true, steps: 4, batch: 2, lr: 1e-12, calibrate: 0, validate_every: 2, validate_share: 0.4,\n"
    "     log_every: 1}\n"
    "  - {name: large, kind: student-phase1, teacher: teacher, threshold: 0, top_k: 20, side: 128, width: 0.25,\n"
    "     channels: 16, steps: 1, batch: 1, calibrate: 0}\n";

static cairn_program_run run;

static int set_up(void **state)
{
    if (test_save_stage_material(state, 4)) return 1;
    test_save_recipe("student.yaml", recipe);
    return 0;
}

static void run_to_end(void)
{
    const char *words[] = {"run", test_path("student.yaml"), "--out", test_path("run"), NULL};
    cairn_program_succeed(&run, words);
}

/* Both files hold the learned weights, which began at 1 and have moved. */
static void expect_learned_weights(const char *path)
{
    cairn_safetensors file = {0};
    assert_ok(cairn_safetensors_read(&file, path));
    const cairn_safetensor *t = cairn_safetensors_find(&file, "loss.log_variance");
    assert_non_null(t);
    assert_int_equal(t->count, 4);
    for (int i = 0; i < 4; i++) assert_true(isfinite(t->data[i]) && fabsf(t->data[i] - 1) > 1e-3f);
    cairn_safetensors_free(&file);
}

static void test_drop_in__with_labels_and_learned_weights(void **state)
{
    (void)state;
    double hard[2], variance[2], positive[2];
    cairn_network *network;
    run_to_end();
    test_log_ends(test_path("run/drop-in/metrics.jsonl"), "\"hard\":", hard);
    test_log_ends(test_path("run/drop-in/metrics.jsonl"), "\"log_variance_hard\":", variance);
    print_message("labels' cross-entropy %.3f -> %.3f, its log-variance %.3f -> %.3f\n", hard[0], hard[1], variance[0],
                  variance[1]);
    assert_true(hard[0] > 1 && hard[1] < hard[0]);
    test_log_ends(test_path("run/drop-in/metrics.jsonl"), "\"positive\":", positive);
    assert_true(positive[0] > 0 && positive[0] < 2);
    assert_near(variance[0], 1, 0.02);
    expect_learned_weights(test_path("run/drop-in/model.safetensors"));
    expect_learned_weights(test_path("run/drop-in/checkpoint.safetensors"));
    assert_ok(cairn_network_load(&network, test_gpu(CAIRN_CLASS_AUTO), test_path("run/drop-in/model.safetensors")));
    assert_int_equal(cairn_network_dimension(network), TEST_DESCRIPTOR);
    cairn_network_destroy(&network);
    test_gpu_destroy_all();
}

static void test_drop_in__resumes_with_the_same_bits(void **state)
{
    (void)state;
    const char *words[] = {"train", test_path("student.yaml"), "drop-in", "--out", test_path("run"), NULL};
    assert_int_equal(rename(test_path("run/drop-in"), test_path("whole")), 0);
    cairn_program_kill_at(words, test_path("log"), test_path("run/drop-in/checkpoint.safetensors"));
    run_to_end();
    assert_non_null(strstr(run.err, "resuming at step"));
    test_expect_same_file(test_path("whole/model.safetensors"), test_path("run/drop-in/model.safetensors"));
    test_expect_same_file(test_path("whole/checkpoint.safetensors"), test_path("run/drop-in/checkpoint.safetensors"));
}

/* Without learning: every step has the first one's photographs (of those not kept) in the same random views. */
static void test_heatmap__trains_on_one_batch(void **state)
{
    (void)state;
    double loss[2], recall[2];
    test_log_ends(test_path("run/still/metrics.jsonl"), "\"loss\":", loss);
    test_log_ends(test_path("run/still/metrics.jsonl"), "\"trained_recall3\":", recall);
    assert_true(loss[0] > 0 && loss[0] == loss[1]);
    assert_true(recall[0] >= 0 && recall[0] <= 1);
    test_log_ends(test_path("run/still/metrics.jsonl"), "\"validation_recall3\":", recall); /* on those kept */
    assert_true(recall[0] >= 0 && recall[0] <= 1);
}

/* A teacher that sees the photographs larger: keypoints between pixels, inside. */
static void test_heatmap__of_a_teacher_at_another_size(void **state)
{
    (void)state;
    cairn_file_list list;
    cairn_label_info info;
    cairn_keypoints points;
    static const char *const extensions[] = {"npz", NULL};
    int between = 0;
    assert_ok(cairn_file_list_folder(&list, test_path("run/large/teacher"), extensions, false));
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < list.count; i++) {
        assert_ok(cairn_label_file_read(list.paths[i], 64, 96, &info, &points));
        assert_non_null(strstr(info.options, "side=128"));
        assert_true(points.count > 0);
        for (int k = 0; k < points.count; k++) between += points.points[k].x != floorf(points.points[k].x);
        cairn_keypoints_free(&points);
    }
    assert_true(between > 0);
    cairn_file_list_free(&list);
}

static void expect_mistake(const char *override, const char *expected)
{
    const char *words[] = {"run", test_path("student.yaml"), "--out", test_path("no"), override, NULL};
    cairn_program_fail(&run, words, -1, expected);
}

static void test_stage__mistakes_are_named(void **state)
{
    (void)state;
    expect_mistake("drop-in.labels=teacher", "labels");
    expect_mistake("drop-in.weighting=learned", "log-variance");
    expect_mistake("still.labels=", "neither teacher nor labels");
    expect_mistake("still.side=512", "side is 512");
    expect_mistake("still.validate_every=0", "validate_every above 0");
    expect_mistake("drop-in.taps=2,3,8,11", "at strides 8 and 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop_in__with_labels_and_learned_weights),
        cmocka_unit_test(test_drop_in__resumes_with_the_same_bits),
        cmocka_unit_test(test_heatmap__trains_on_one_batch),
        cmocka_unit_test(test_heatmap__of_a_teacher_at_another_size),
        cmocka_unit_test(test_stage__mistakes_are_named),
    };
    return test_gpu_main("student stage", tests, sizeof tests / sizeof *tests, set_up, test_scratch_remove);
}
