/* The stage that matches a teacher's keypoints on photographs and their warps, by the program: files by each source,
 * the geometric check, pictures; a student that trains on the files; runs that are killed and started again leave the
 * same bytes; mistakes. */
#include "matching/masks.h"
#include "support/device/material.h"
#include "support/device/test_gpu.h"
#include "support/program.h"
#include "support/scratch.h"
#include "system/file.h"

#include <math.h>
#include <stdlib.h>

enum { H = TEST_PHOTO_H, W = TEST_PHOTO_W, PHOTOS = 6, PAIRS = 3 };
static const char recipe[] =
    "name: masks\n"
    "seed: 3\n"
    "photos: {root: PHOTOS, height: 96, width: 128, holdout: 0}\n"
    "stages:\n"
    "  - {name: oracle, kind: matched-masks, model: PHOTOS/../detector.safetensors, pairs: 3, top_k: 60, threshold: "
    "0,\n"
    "     previews: 2}\n"
    "  - {name: nearest, kind: matched-masks, model: PHOTOS/../detector.safetensors, source: nearest, pairs: 3,\n"
    "     top_k: 60, threshold: 0, symmetrise: true, previews: 0}\n"
    "  - {name: learned, kind: matched-masks, model: PHOTOS/../detector.safetensors, source: lightglue,\n"
    "     weights: PHOTOS/../trained/matcher/model.safetensors, filter: 0, pairs: 1, top_k: 60, threshold: 0}\n";
/* A LightGlue that has hardly learned: it needs photographs that are held back, which the masks do not want. */
static const char matcher_recipe[] =
    "name: matcher\n"
    "seed: 3\n"
    "photos: {root: PHOTOS, height: 96, width: 128, holdout: 0.5}\n"
    "stages:\n"
    "  - {name: matcher, kind: lightglue, model: PHOTOS/../detector.safetensors, layers: 1, heads: 1, width: 8,\n"
    "     points: 10, pairs: 2, validation: 1, view_height: 64, view_width: 96, batch: 1, steps: 1}\n";

/* The student's second phase on such a folder: that of the stage above, whose settings must be the same for it. */
static const char student_recipe[] =
    "name: student\n"
    "seed: 3\n"
    "photos: {root: PHOTOS, height: 96, width: 128, holdout: 0}\n"
    "stages:\n"
    "  - {name: oracle, kind: matched-masks, model: PHOTOS/../detector.safetensors, pairs: 3, top_k: 60, threshold: "
    "0,\n"
    "     previews: 2}\n"
    "  - {name: student, kind: import, file: PHOTOS/../student.safetensors}\n"
    "  - {name: huber, kind: student-phase2, start: student, masks: oracle, steps: 30, batch: 2, lr: 0.001,\n"
    "     freeze: \"no\", calibrate: 1, log_every: 1, checkpoint_every: 4}\n"
    "  - {name: kl, kind: student-phase2, start: student, masks: oracle, huber: 0, kl: 1, steps: 3, batch: 2,\n"
    "     log_every: 1}\n";

static int set_up(void **state)
{
    if (test_save_stage_material(state, PHOTOS)) return 1;
    test_save_recipe("masks.yaml", recipe);
    test_save_recipe("matcher.yaml", matcher_recipe);
    test_save_recipe("student.yaml", student_recipe);
    return 0;
}

static cairn_program_run run;

static void run_to_end(const char *name, const char *out)
{
    const char *words[] = {"run", test_path("%s", name), "--out", test_path("%s", out), NULL};
    cairn_program_succeed(&run, words);
}

/* All pairs of a stage: within reach of each other, none near the edge of the warp; how many matches in all. */
static int check_stage(const char *stage, int pairs, bool exact)
{
    int matches = 0;
    for (int i = 0; i < PHOTOS; i++) {
        for (int k = 0; k < pairs; k++) {
            cairn_masked_pair pair;
            cairn_mask_info info;
            cairn_homography back;
            assert_ok(cairn_masks_read(&pair, &info, test_path("whole/%s/masks/%d-%02d.npz", stage, i, k), H, W));
            assert_int_equal(info.pair, k);
            assert_ok(cairn_homography_invert(&back, &pair.to_warped));
            for (int j = 0; j < pair.a.count; j++) {
                const cairn_keypoint a = pair.a.points[j], b = pair.b.points[j];
                double x, y, u, v;
                assert_true(cairn_homography_apply(&pair.to_warped, (double)a.x, (double)a.y, &x, &y));
                assert_true(cairn_homography_apply(&back, (double)b.x, (double)b.y, &u, &v));
                assert_true(hypot(x - (double)b.x, y - (double)b.y) <= (exact ? 1e-3 : 3));
                assert_true(hypot(u - (double)a.x, v - (double)a.y) <= (exact ? 1e-3 : 3));
                /* b shows the photo, 8 pixels around it too: its place in the photo has room (scale within 1/2..2) */
                assert_true(u > 1 && v > 1 && u < W - 2 && v < H - 2);
            }
            assert_true(pair.a.count + pair.lost_a.count <= 60);
            matches += pair.a.count;
            cairn_masked_pair_free(&pair);
        }
    }
    return matches;
}

static void test_stage__writes_masks(void **state)
{
    (void)state;
    run_to_end("matcher.yaml", "trained");
    run_to_end("masks.yaml", "whole");
    assert_non_null(strstr(run.err, "keypoints matched"));
    const int oracle = check_stage("oracle", PAIRS, false), nearest = check_stage("nearest", PAIRS, true);
    const int learned = check_stage("learned", 1, false);
    print_message("matches: oracle %d, nearest %d, an untrained LightGlue %d (a third of the pairs)\n", oracle, nearest,
                  learned);
    assert_true(oracle > 10 * PHOTOS * PAIRS);
    assert_true(nearest > 0 && nearest < oracle);
    assert_int_equal(test_count_entries(test_path("whole/oracle/masks")), PHOTOS * PAIRS);
    assert_int_equal(test_count_entries(test_path("whole/oracle/pictures")), 2 * 2 + 1);
}

static void test_stage__resumes_with_the_same_bytes(void **state)
{
    (void)state;
    const char *words[] = {"run", test_path("masks.yaml"), "--out", test_path("stopped"), NULL};
    cairn_program_kill_at(words, test_path("log"), test_path("stopped/oracle/masks/1-00.npz"));
    run_to_end("masks.yaml", "stopped");
    for (int i = 0; i < PHOTOS; i++)
        for (int k = 0; k < PAIRS; k++)
            test_expect_same_file(test_path("whole/oracle/masks/%d-%02d.npz", i, k),
                                  test_path("stopped/oracle/masks/%d-%02d.npz", i, k));
}

static void test_phase2__trains_on_the_masks(void **state)
{
    (void)state;
    double loss[2], seen[2], kl[2];
    const char *words[] = {"run", test_path("student.yaml"), "--out", test_path("whole"), NULL};
    run_to_end("student.yaml", "whole");
    assert_non_null(strstr(run.err, "oracle: done before")); /* so that the masks are those looked at above */
    test_log_ends(test_path("whole/huber/metrics.jsonl"), "\"huber\":", loss);
    test_log_ends(test_path("whole/huber/metrics.jsonl"), "\"seen\":", seen);
    test_log_ends(test_path("whole/kl/metrics.jsonl"), "\"kl\":", kl);
    print_message("huber %.4f -> %.4f, kl %.3f -> %.3f, seen %.2f\n", loss[0], loss[1], kl[0], kl[1], seen[0]);
    assert_true(loss[1] < 0.7 * loss[0]);
    assert_true(seen[0] > 0.2 && seen[0] < 1);
    assert_true(kl[0] > 0 && kl[1] > 0);
    assert_int_equal(rename(test_path("whole/huber"), test_path("whole.huber")), 0);
    cairn_program_kill_at(words, test_path("log"), test_path("whole/huber/checkpoint.safetensors"));
    run_to_end("student.yaml", "whole");
    assert_non_null(strstr(run.err, "resuming at step"));
    test_expect_same_file(test_path("whole.huber/model.safetensors"), test_path("whole/huber/model.safetensors"));
    test_expect_same_file(test_path("whole.huber/checkpoint.safetensors"),
                          test_path("whole/huber/checkpoint.safetensors"));
}

/* Of a photograph whose masks are gone, and of one whose file is no such file. Last: it spoils the folder. */
static void test_phase2__names_masks_that_it_cannot_use(void **state)
{
    (void)state;
    const char *words[] = {"run", test_path("student.yaml"), "--out", test_path("whole"), "kl.lr=0.001", NULL};
    for (int k = 0; k < PAIRS; k++) test_put_text(test_path("whole/oracle/masks/2-%02d.npz", k), "no archive");
    cairn_program_fail(&run, words, -1, "masks/2-");
    for (int k = 0; k < PAIRS; k++) assert_int_equal(remove(test_path("whole/oracle/masks/2-%02d.npz", k)), 0);
    cairn_program_fail(&run, words, -1, "masks/2-");
}

static void expect_mistake(const char *override, const char *expected)
{
    const char *words[] = {"run", test_path("masks.yaml"), "--out", test_path("no"), override, NULL};
    cairn_program_fail(&run, words, -1, expected);
}

static void test_stage__mistakes_are_named(void **state)
{
    (void)state;
    expect_mistake("oracle.model=", "name either teacher");
    expect_mistake("oracle.reach=0", "a reach above 0");
    expect_mistake("oracle.source=lightglue", "needs lightglue");
    expect_mistake("learned.source=nearest", "are for source: lightglue");
    expect_mistake("learned.lightglue=oracle", "lightglue");
    expect_mistake("learned.weights=", "needs lightglue");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stage__writes_masks),
                                       cmocka_unit_test(test_stage__resumes_with_the_same_bytes),
                                       cmocka_unit_test(test_stage__mistakes_are_named),
                                       cmocka_unit_test(test_phase2__trains_on_the_masks),
                                       cmocka_unit_test(test_phase2__names_masks_that_it_cannot_use)};
    return test_gpu_main("masks stage", tests, sizeof tests / sizeof *tests, set_up, test_scratch_remove);
}
