/* The stage that matches a teacher's keypoints on photographs and their warps, by the program: files by each source,
 * the geometric check, pictures; a run that is killed and started again leaves the same bytes; mistakes. */
#include "base/rng.h"
#include "data/image.h"
#include "matching/masks.h"
#include "student/network.h"
#include "support/device/test_gpu.h"
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"
#include "train/checkpoint.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { H = 96, W = 128, PHOTOS = 6, PAIRS = 3 };
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

/* A detector with descriptors and random weights. */
static void save_detector(const char *path)
{
    const cairn_network_spec spec = {.kind = CAIRN_NETWORK_SUPERPOINT, .superpoint = {0.125, 16, CAIRN_ORDER_NONE}};
    char description[128];
    cairn_graph *g;
    cairn_store *store;
    cairn_model m;
    cairn_network_describe(description, sizeof description, &spec);
    const cairn_metadata metadata = {"model", description};
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, test_gpu(CAIRN_CLASS_AUTO)));
    cairn_model_init(&m, g, false);
    cairn_network_build(&m, &spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1}));
    assert_ok(cairn_model_initialise(&m, store, 4));
    assert_ok(cairn_checkpoint_save(path, store, &m, false, &metadata, 1));
    cairn_store_destroy(&store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

/* Blocks of random grey. */
static void save_photo(int number)
{
    cairn_image image;
    cairn_rng rng = cairn_rng_stream(8, 0, (uint32_t)number, 0, 0);
    float grey[12 * 16];
    for (int i = 0; i < 12 * 16; i++) grey[i] = (float)cairn_rng_uniform(&rng);
    assert_ok(cairn_image_create(&image, H, W, 1));
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) image.pixels[y * W + x] = grey[y / 8 * 16 + x / 8];
    assert_ok(cairn_image_save_png(&image, test_path("photos/%d.png", number)));
    cairn_image_free(&image);
}

static void save_recipe(const char *name, const char *rest)
{
    char text[4096] = "", *at;
    const char *photos = test_path("photos");
    while ((at = strstr(rest, "PHOTOS"))) {
        strncat(text, rest, (size_t)(at - rest));
        strncat(text, photos, sizeof text - strlen(text) - 1);
        rest = at + 6;
    }
    strncat(text, rest, sizeof text - strlen(text) - 1);
    test_put_text(test_path("%s", name), text);
}

static int set_up(void **state)
{
    if (test_scratch_create(state)) return 1;
    assert_ok(cairn_file_make_folder(test_path("photos")));
    for (int i = 0; i < PHOTOS; i++) save_photo(i);
    save_detector(test_path("detector.safetensors"));
    save_recipe("masks.yaml", recipe);
    save_recipe("matcher.yaml", matcher_recipe);
    test_gpu_destroy_all();
    return 0;
}

static cairn_program_run run;

static void run_to_end(const char *name, const char *out)
{
    const char *words[] = {"run", test_path("%s", name), "--out", test_path("%s", out), NULL};
    cairn_program_call(&run, words, NULL, 0);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
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
    int status = 0;
    const char *words[] = {"run", test_path("masks.yaml"), "--out", test_path("stopped"), NULL};
    char early[512];
    snprintf(early, sizeof early, "%s", test_path("stopped/oracle/masks/1-00.npz"));
    const int child = cairn_program_start(words, test_path("log"));
    for (int i = 0; i < 120000 && !cairn_file_exists(early); i++) {
        if (waitpid(child, &status, WNOHANG)) fail_msg("the run ended before its first masks");
        usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    run_to_end("masks.yaml", "stopped");
    for (int i = 0; i < PHOTOS; i++) {
        for (int k = 0; k < PAIRS; k++) {
            uint8_t *bytes;
            size_t size;
            assert_ok(cairn_file_read(&bytes, &size, test_path("whole/oracle/masks/%d-%02d.npz", i, k), 1 << 24));
            test_expect_bytes(test_path("stopped/oracle/masks/%d-%02d.npz", i, k), bytes, size);
            free(bytes);
        }
    }
}

static void expect_mistake(const char *override, const char *expected)
{
    const char *words[] = {"run", test_path("masks.yaml"), "--out", test_path("no"), override, NULL};
    cairn_program_call(&run, words, NULL, 0);
    assert_int_not_equal(run.code, 0);
    if (!strstr(run.err, expected)) fail_msg("'%s' lacks '%s'", run.err, expected);
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
                                       cmocka_unit_test(test_stage__mistakes_are_named)};
    return test_gpu_main("masks stage", tests, sizeof tests / sizeof *tests, set_up, test_scratch_remove);
}
