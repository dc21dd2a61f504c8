/* Students through the program: photographs of sizes that pyramids do not like, and heatmaps side by side. Networks are
 * small and untrained, which is enough for sizes, files and messages. */
#include "data/image.h"
#include "experiments/detectors/learned.h"
#include "formats/npz.h"
#include "student/network.h"
#include "system/file.h"
#include "train/checkpoint.h"

#include "support/device/test_gpu.h"
#include "support/program.h"
#include "support/scratch.h"
#include "support/test.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})
#define SP_FPN "sp-fpn width=0.25 channels=8 taps=1,2,4,12 backbone=small"
#define DROP_IN "drop-in width=0.25 channels=8 taps=1,3,8,11 descriptor=16 separable=1 backbone=small"

static cairn_program_run run;

static void expect_success(const char *const *words)
{
    cairn_program_call(&run, words, NULL, 0);
    if (run.code) fail_msg("exit code %d: %s", run.code, run.err);
}

static void expect_failure(const char *const *words, int code, const char *expected)
{
    cairn_program_call(&run, words, NULL, 0);
    if (run.code != code) fail_msg("exit code %d, not %d: %s", run.code, code, run.err);
    if (!strstr(run.err, expected)) fail_msg("'%s' lacks '%s'", run.err, expected);
}

static cairn_gpu *any_gpu(void)
{
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_TEXEL);
    return gpu ? gpu : test_gpu(CAIRN_CLASS_SIMT);
}

/* A checkpoint of an untrained network. */
static void save(const char *path, const char *description)
{
    cairn_network_spec spec;
    cairn_graph *g = NULL;
    cairn_model m = {0};
    cairn_store *store = NULL;
    assert_ok(cairn_network_parse(&spec, description, "test"));
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, any_gpu()));
    cairn_model_init(&m, g, false);
    cairn_network_build(&m, &spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1}));
    assert_ok(cairn_graph_status(g));
    assert_ok(cairn_model_initialise(&m, store, 5));
    assert_ok(cairn_checkpoint_save(path, store, &m, false, &(cairn_metadata){"model", description}, 1));
    cairn_store_destroy(&store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

/* A board of squares that grow to the right, in colour. */
static void save_photo(const char *folder, const char *name, int h, int w)
{
    const char *path = test_path("%s/%s", folder, name);
    cairn_image image = {0};
    assert_ok(cairn_image_create(&image, h, w, 3));
    for (int i = 0; i < h * w; i++) {
        const int x = i % w, y = i / w, side = 8 + x / 40;
        for (int k = 0; k < 3; k++) image.pixels[3 * i + k] = (x / side + y / side) % 2 ? 0.9f - 0.2f * (float)k : 0.1f;
    }
    assert_ok(cairn_file_make_folder(test_path("%s", folder)));
    assert_ok(cairn_image_save_png(&image, path));
    cairn_image_free(&image);
}

/* ---- sizes ---- */

static void check_points(const char *path, int h, int w, int dimension)
{
    cairn_npz npz;
    const cairn_npz_array *points = NULL, *descriptors = NULL;
    const int64_t shape[] = {-1, 3}, other[] = {-1, dimension};
    assert_ok(cairn_npz_read(&npz, path));
    assert_ok(cairn_npz_require(&points, &npz, "keypoints", CAIRN_NPZ_F32, 2, shape));
    assert_int_equal(points->shape[0], 60);
    float right = 0, low = 0;
    for (int i = 0; i < 60; i++) {
        const float *p = (const float *)points->data + 3 * i;
        assert_true(p[0] >= 3 && p[0] <= (float)(w - 4) && p[1] >= 3 && p[1] <= (float)(h - 4));
        right = fmaxf(right, p[0]);
        low = fmaxf(low, p[1]);
    }
    assert_true(right > 0.5f * (float)w && low > 0.5f * (float)h); /* not a corner of it only */
    assert_int_equal(cairn_npz_find(&npz, "descriptors") != NULL, dimension > 0);
    if (dimension) {
        assert_ok(cairn_npz_require(&descriptors, &npz, "descriptors", CAIRN_NPZ_F32, 2, other));
        for (int i = 0; i < 60; i++) {
            double sum = 0;
            for (int k = 0; k < dimension; k++) {
                const double v = (double)((const float *)descriptors->data)[i * dimension + k];
                sum += v * v;
            }
            assert_near(sum, 1, 1e-4);
        }
    }
    cairn_npz_free(&npz);
}

/* 240x320 has 7.5 rows at stride 32; KITTI's 375x1242 is padded on both sides. */
static void test_detect__sizes_that_are_no_multiples_of_32(void **state)
{
    (void)state;
    static const int sizes[][2] = {{240, 320}, {480, 640}, {375, 1242}};
    static const char *const models[] = {SP_FPN, DROP_IN}, *const names[] = {"p0.png", "p1.png", "p2.png"};
    for (int i = 0; i < 3; i++) save_photo("photos", names[i], sizes[i][0], sizes[i][1]);
    for (int m = 0; m < 2; m++) {
        save(test_path("student%d.safetensors", m), models[m]);
        expect_success(WORDS("detect", "--model", test_path("student%d.safetensors", m), test_path("photos"), "--out",
                             test_path("points%d", m), "--format", "npz", "--threshold", "0", "--top-k", "60"));
        for (int i = 0; i < 3; i++)
            check_points(test_path("points%d/p%d.npz", m, i), sizes[i][0], sizes[i][1], m ? 16 : 0);
    }
}

/* What is padded is the photograph with its last row and column repeated, and the heatmap is cut again. */
static void test_network__padding_repeats_the_edge(void **state)
{
    (void)state;
    enum { H = 75, W = 101, PH = 80, PW = 104 };
    static float image[H][W], padded[PH][PW], heatmap[H][W], whole[PH][PW];
    for (int m = 0; m < 2; m++) {
        cairn_network *network = NULL;
        assert_ok(cairn_network_load(&network, any_gpu(), test_path("student%d.safetensors", m)));
        for (int y = 0; y < PH; y++)
            for (int x = 0; x < PW; x++) {
                const int sy = y < H ? y : H - 1, sx = x < W ? x : W - 1;
                padded[y][x] = image[sy][sx] = (float)((sx * 7 + sy * sy) % 23) / 22;
            }
        assert_ok(cairn_network_run(network, image[0], 1, H, W, heatmap[0], NULL));
        assert_ok(cairn_network_run(network, padded[0], 1, PH, PW, whole[0], NULL));
        for (int y = 0; y < H; y++) assert_memory_equal(heatmap[y], whole[y], sizeof heatmap[0]);
        cairn_network_destroy(&network);
    }
}

/* ---- descriptors of another network ---- */

/* Mean of a measure of the file's only method. */
static double mean_of(const char *path, const char *name, const char *measure)
{
    uint8_t *text = NULL;
    size_t size;
    assert_ok(cairn_file_read(&text, &size, path, 1 << 20));
    cJSON *root = cJSON_ParseWithLength((const char *)text, size);
    const cJSON *set = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "sets"), 0);
    const cJSON *method = cJSON_GetArrayItem(cJSON_GetObjectItem(set, "methods"), 0);
    const cJSON *all = cJSON_GetObjectItem(cJSON_GetObjectItem(method, "summary"), "all");
    const cJSON *mean = cJSON_GetObjectItem(cJSON_GetObjectItem(all, measure), "mean");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(method, "name")), name);
    if (!cJSON_IsNumber(mean)) fail_msg("no %s: %.600s", measure, (const char *)text);
    const double value = cJSON_GetNumberValue(mean);
    cJSON_Delete(root);
    free(text);
    return value;
}

/* A map that is kept is that image's, in that form: six others in between push it out, and it comes back the same. */
static void expect_kept_maps(cairn_describer *describer, const cairn_image *image, const float *expected, int count)
{
    cairn_image other = {0};
    float *map = malloc(sizeof(float) * (size_t)count);
    assert_non_null(map);
    assert_ok(cairn_image_create(&other, image->h, image->w, 1));
    for (int round = 0; round < 2; round++) {
        assert_ok(cairn_describer_map(map, describer, image, false, false));
        assert_memory_equal(map, expected, sizeof(float) * (size_t)count);
        assert_ok(cairn_describer_map(map, describer, image, true, false));
        assert_memory_not_equal(map, expected, sizeof(float) * (size_t)count);
        for (int k = 0; k < 6; k++) {
            for (int i = 0; i < image->h * image->w; i++) other.pixels[i] = (float)((i * (k + 3)) % 17) / 17;
            assert_ok(cairn_describer_map(map, describer, &other, false, false));
            assert_memory_not_equal(map, expected, sizeof(float) * (size_t)count);
        }
    }
    cairn_image_free(&other);
    free(map);
}

/* A heatmap's student has the teacher's descriptors at its own points, and is evaluated by them. */
static void test_describe__by_a_teacher(void **state)
{
    (void)state;
    enum { SIDE = 64, CELLS = SIDE / 8, LENGTH = 8 };
    static float heatmap[SIDE * SIDE], map[CELLS * CELLS * LENGTH];
    const char *student = test_path("student0.safetensors"), *teacher = test_path("teacher.safetensors");
    cairn_detector detector;
    cairn_network *network;
    cairn_describer *describer;
    cairn_keypoints alone, described;
    cairn_image image;
    save(teacher, "superpoint width=0.125 descriptor=8 order=none");
    save_photo("described", "a.png", SIDE, SIDE);
    assert_ok(cairn_image_load(&image, test_path("described/a.png"), 1));
    assert_ok(cairn_detector_load(&detector, any_gpu(), student, NULL));
    assert_ok(detector.detect(detector.state, &image, 20, &alone));
    assert_ok(cairn_network_load(&network, any_gpu(), student));
    assert_status(cairn_describer_create(&describer, network), CAIRN_E_INVALID, "no descriptors");
    assert_ok(cairn_network_load(&network, any_gpu(), teacher));
    assert_ok(cairn_network_run(network, image.pixels, 1, SIDE, SIDE, heatmap, map));
    assert_ok(cairn_describer_create(&describer, network));
    assert_ok(cairn_detector_describe_by(&detector, describer));
    assert_int_equal(detector.dimension, LENGTH);
    assert_ok(detector.detect(detector.state, &image, 20, &described));
    assert_int_equal(described.count, alone.count);
    assert_true(alone.count >= 10);
    assert_memory_equal(described.points, alone.points, sizeof *alone.points * (size_t)alone.count);
    assert_ok(cairn_keypoints_sample_as(&alone, map, CELLS, CELLS, LENGTH, 8, CAIRN_SAMPLE_CENTRES));
    assert_memory_equal(described.descriptors, alone.descriptors, sizeof(float) * LENGTH * (size_t)alone.count);
    assert_status(cairn_detector_describe_by(&detector, describer), CAIRN_E_INVALID, "descriptors of its own");
    expect_kept_maps(describer, &image, map, CELLS * CELLS * LENGTH);
    cairn_keypoints_free(&alone);
    cairn_keypoints_free(&described);
    cairn_detector_free(&detector);
    cairn_describer_destroy(&describer);
    cairn_image_free(&image);
    save_photo("described", "a.png", 200, 260);
    expect_success(WORDS("evaluate", "--model", student, "--describe", teacher, "--photos", test_path("described"),
                         "--baselines", "", "--untrained=false", "--height", "96", "--width", "128", "--out",
                         test_path("result")));
    /* Which points without descriptors do not have. */
    assert_true(mean_of(test_path("result/evaluation.json"), "student0, described by teacher", "matches") > 0);
    expect_failure(WORDS("evaluate", "--model", teacher, "--describe", teacher, "--photos", test_path("described")), 2,
                   "no --model without descriptors");
}

/* A teacher agrees with itself; an untrained student does not; one without descriptors is refused. */
static void test_agreement__with_a_teacher(void **state)
{
    (void)state;
    const char *teacher = test_path("master.safetensors"), *student = test_path("student1.safetensors");
    const char *photos = test_path("agreeing"), *out = test_path("agreement/evaluation.json");
    save(teacher, "superpoint width=0.125 descriptor=16 order=none");
    save_photo("agreeing", "a.png", 200, 260);
    expect_success(WORDS("evaluate", "agreement", "--model", teacher, "--teacher", teacher, "--photos", photos,
                         "--height", "96", "--width", "128", "--out", test_path("agreement")));
    assert_near(mean_of(out, "master", "teacher_cosine"), 1, 1e-5);
    assert_near(mean_of(out, "master", "teacher_matches"), 1, 0);
    assert_true(mean_of(out, "master", "matches") > 3);
    expect_success(WORDS("evaluate", "agreement", "--model", student, "--teacher", teacher, "--photos", photos,
                         "--height", "96", "--width", "128", "--out", test_path("agreement")));
    assert_true(fabs(mean_of(out, "student1", "teacher_cosine")) < 0.9);
    assert_true(mean_of(out, "student1", "teacher_matches") < 1);
    expect_failure(WORDS("evaluate", "agreement", "--model", test_path("student0.safetensors"), "--teacher", teacher,
                         "--photos", photos),
                   1, "have 0 numbers, those of the teacher, master, 16");
    expect_failure(WORDS("evaluate", "agreement", "--model", student, "--photos", photos), 2, "--teacher FILE");
}

/* ---- heatmaps ---- */

/* Mean difference of two panels of a sheet, whose pictures are `h` by `w` below a band of 26 pixels. */
static double difference(const cairn_image *sheet, int h, int w, int row, int column, int other_row, int other_column)
{
    double sum = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < 3 * w; x++) {
            const size_t stride = 3 * (size_t)sheet->w;
            const float a =
                sheet->pixels[(size_t)(row * (h + 34) + 26 + y) * stride + (size_t)(column * 3 * (w + 8) + x)];
            const float b = sheet->pixels[(size_t)(other_row * (h + 34) + 26 + y) * stride +
                                          (size_t)(other_column * 3 * (w + 8) + x)];
            sum += fabs((double)a - b);
        }
    return sum / (3.0 * h * w);
}

static void test_heatmap__models_side_by_side(void **state)
{
    (void)state;
    cairn_image sheet;
    char models[512];
    snprintf(models, sizeof models, "%s,%s", test_path("student0.safetensors"), test_path("student1.safetensors"));
    save_photo("some", "a.png", 128, 192);
    save_photo("some", "b.png", 256, 384); /* reduced to the same */
    save_photo("some", "small.png", 20, 64);
    test_put_text(test_path("some/text.png"), "no image");
    expect_failure(WORDS("heatmap", "--model", models, test_path("some"), "--out", test_path("maps"), "--side", "192"),
                   1, "2 of 4 images");
    assert_non_null(strstr(run.err, "small.png: 64x20 pixels are too few"));
    assert_non_null(strstr(run.out, "2 pictures of 2 models"));
    assert_int_equal(test_count_entries(test_path("maps")), 2);
    for (int i = 0; i < 2; i++) {
        assert_ok(cairn_image_load(&sheet, test_path("maps/%c.png", 'a' + i), 3));
        /* Enlarged three times; two beside each other and one below. */
        assert_int_equal(sheet.w, 2 * 576 + 8);
        assert_int_equal(sheet.h, 2 * (384 + 26) + 8);
        assert_true(difference(&sheet, 384, 576, 0, 0, 0, 1) > 0.05); /* the photograph and the first heatmap */
        assert_true(difference(&sheet, 384, 576, 0, 1, 1, 0) > 0.01); /* the two networks */
        cairn_image_free(&sheet);
    }
}

static void test_heatmap__wrong_command_lines(void **state)
{
    (void)state;
    const char *model = test_path("student0.safetensors"), *out = test_path("never");
    save_photo("one", "a.png", 64, 64);
    const char *photo = test_path("one/a.png");
    char many[512] = "";
    for (int i = 0; i < 17; i++) strcat(many, "m,");
    expect_failure(WORDS("heatmap", photo, "--out", out), 2, "--model FILE is missing");
    expect_failure(WORDS("heatmap", "--model", ",", photo, "--out", out), 2, "--model FILE is missing");
    expect_failure(WORDS("heatmap", "--model", many, photo, "--out", out), 2, "at most 16 models");
    expect_failure(WORDS("heatmap", "--model", model, photo), 2, "--out DIR is missing");
    expect_failure(WORDS("heatmap", "--model", model, "--out", out), 2, "usage: cairn heatmap");
    expect_failure(WORDS("heatmap", "--model", model, photo, "--out", test_path("one")), 2, "would overwrite");
    assert_false(cairn_file_is_folder(out));
    expect_failure(WORDS("heatmap", "--model", photo, photo, "--out", out), 1, "a.png");
    save_photo("one", "a.png", 20, 20);
    expect_failure(WORDS("heatmap", "--model", model, photo, "--out", out), 1, "20x20 pixels are too few");
    assert_int_equal(cairn_program_error_lines(&run), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detect__sizes_that_are_no_multiples_of_32),
        cmocka_unit_test(test_network__padding_repeats_the_edge),
        cmocka_unit_test(test_describe__by_a_teacher),
        cmocka_unit_test(test_agreement__with_a_teacher),
        cmocka_unit_test(test_heatmap__models_side_by_side),
        cmocka_unit_test(test_heatmap__wrong_command_lines),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    const int failed = cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
    test_gpu_destroy_all();
    return failed;
}
