/* Public MobileNetV3 checkpoints after their import, against PyTorch's forward pass of each source's own network: the
 * key maps, where squeeze-and-excite stands, both paddings, epsilon, range of pixels, width multipliers. Then what a
 * student takes from them. Skipped where PyTorch is absent; the real weights by CAIRN_TEST_MOBILENET (the .npz of
 * layout mobilenetv3-tf) on ten photos of CAIRN_TEST_PHOTOS. */
#include "data/image.h"
#include "data/folders/photo_folder.h"
#include "formats/npz.h"
#include "graph/program.h"
#include "student/import/mobilenet.h"
#include "student/network.h"
#include "train/checkpoint.h"

#include "support/device/test_gpu.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/torch.h"

#include <math.h>

static void ask_peer(const char *more)
{
    assert_int_equal(test_torch_call("networks/torch_mobilenet.py", "'%s' %s", test_path("%s", ""), more), 0);
}

static cairn_gpu *any_gpu(void)
{
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_TEXEL);
    return gpu ? gpu : test_gpu(CAIRN_CLASS_SIMT);
}

/* logits [n,classes] of the checkpoint, read as `options` say. */
static float *classify(const char *checkpoint, const cairn_classifier_options *options, const cairn_npz_array *image)
{
    cairn_graph *g = NULL;
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    cairn_model m = {0};
    const cairn_shape s = {(int)image->shape[0], (int)image->shape[1], (int)image->shape[2], 3};
    float *logits = malloc(sizeof *logits * (size_t)s.n * (size_t)options->classes);
    assert_non_null(logits);
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, any_gpu()));
    cairn_model_init(&m, g, false);
    cairn_tid rgb = cairn_graph_input(g, "rgb", s), y = cairn_classifier(&m, rgb, options);
    cairn_graph_output(g, y, "logits");
    assert_ok(cairn_graph_status(g));
    assert_ok(cairn_store_add_graph(store, g));
    assert_ok(cairn_checkpoint_load(checkpoint, store, &m, false));
    assert_ok(cairn_program_create(&program, any_gpu(), g, store, NULL));
    assert_ok(cairn_program_write(program, rgb, image->data));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, y, logits));
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
    return logits;
}

static int best_of(const float *logits, int count)
{
    int best = 0;
    for (int i = 1; i < count; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* Most difference, as a part of the largest logit; the best classes must be the same unless `differ`. */
static double compare(const float *got, const cairn_npz_array *expected, bool differ)
{
    const float *e = expected->data;
    const int n = (int)expected->shape[0], classes = (int)expected->shape[1];
    double most = 0, largest = 0;
    for (int i = 0; i < n * classes; i++) {
        const double d = fabs((double)got[i] - e[i]);
        if (!(d <= most)) most = d;
        largest = fmax(largest, fabs(e[i]));
    }
    for (int i = 0; i < n && !differ; i++)
        assert_int_equal(best_of(got + i * classes, classes), best_of(e + i * classes, classes));
    assert_true(largest > 0.01);
    return most / largest;
}

static void import(const char *from, const char *to, const char *layout, cairn_classifier_options *options)
{
    cairn_weights weights;
    cairn_import_report report;
    assert_ok(cairn_weights_read(&weights, from));
    assert_true(cairn_mobilenet_import_takes(&weights, NULL)); /* the layout is recognised */
    assert_ok(cairn_mobilenet_import(&report, &weights, NULL, to));
    assert_string_equal(report.layout, layout);
    assert_int_equal(report.left, 0);
    assert_ok(cairn_mobilenet_read_options(options, to));
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
}

static void agree(const char *weights, const char *outputs, const char *layout, double width, bool large)
{
    cairn_npz npz;
    cairn_classifier_options options;
    const char *ours = test_path("imported.safetensors");
    import(weights, ours, layout, &options);
    assert_true(options.width == width && options.style.large == large);
    assert_ok(cairn_npz_read(&npz, outputs));
    const cairn_npz_array *expected = cairn_npz_find(&npz, "logits");
    assert_int_equal(options.classes, expected->shape[1]);
    float *logits = classify(ours, &options, cairn_npz_find(&npz, "image"));
    const double d = compare(logits, expected, false);
    print_message("%s: logits within %.2g of the largest\n", outputs, d);
    assert_true(d < 1e-4);
    free(logits);
    cairn_npz_free(&npz);
}

static void test_torchvision(void **state)
{
    (void)state;
    agree(test_path("tv-small.pth"), test_path("tv-small.npz"), "mobilenetv3-tv", 1, false);
    agree(test_path("tv-large.pth"), test_path("tv-large.npz"), "mobilenetv3-tv", 0.35, true);
}

static void test_d_li14(void **state)
{
    (void)state;
    agree(test_path("dl-small.pth"), test_path("dl-small.npz"), "mobilenetv3-dl", 0.75, false);
    agree(test_path("dl-large.pth"), test_path("dl-large.npz"), "mobilenetv3-dl", 0.5, true);
}

static void test_timm(void **state)
{
    (void)state;
    agree(test_path("timm-small.pth"), test_path("timm-small.npz"), "mobilenetv3-timm", 1, false);
    agree(test_path("timm-large.pth"), test_path("timm-large.npz"), "mobilenetv3-timm", 0.75, true);
}

/* Sizes 70 and 101 meet every mixture of odd and even on the way down. */
static void test_tensorflow(void **state)
{
    (void)state;
    agree(test_path("tf-small-weights.npz"), test_path("tf-small.npz"), "mobilenetv3-tf", 0.75, false);
}

/* Each choice matters: the same weights read with another one give something else. */
static void test_mixed_choices__differ(void **state)
{
    (void)state;
    cairn_npz npz;
    cairn_classifier_options options;
    const char *ours = test_path("mixed.safetensors");
    import(test_path("dl-small.pth"), ours, "mobilenetv3-dl", &options);
    options.style.se_before_act = false;
    assert_ok(cairn_npz_read(&npz, test_path("dl-small.npz")));
    float *logits = classify(ours, &options, cairn_npz_find(&npz, "image"));
    assert_true(compare(logits, cairn_npz_find(&npz, "logits"), true) > 1e-2);
    free(logits);
    cairn_npz_free(&npz);
}

static void test_mistakes__are_named(void **state)
{
    (void)state;
    cairn_weights weights;
    cairn_import_report report;
    const char *out = test_path("no.safetensors");
    assert_ok(cairn_weights_read(&weights, test_path("tv-small.pth")));
    assert_status(cairn_mobilenet_import(&report, &weights, "mobilenetv3-dl", out), CAIRN_E_NOTFOUND,
                  "which is not there");
    cairn_weight *t = (cairn_weight *)(uintptr_t)cairn_weights_find(&weights, "features.4.block.2.fc1.weight");
    assert_non_null(t);
    t->shape[0]--;
    assert_status(cairn_mobilenet_import(&report, &weights, NULL, out), CAIRN_E_SHAPE, "features.4.block.2.fc1.weight");
    t->shape[0]++;
    t->data[3] = INFINITY;
    assert_status(cairn_mobilenet_import(&report, &weights, NULL, out), CAIRN_E_NUMERIC, "finite");
    free(t->name);
    t->name = strdup("features.4.block.2.fc9.weight");
    assert_status(cairn_mobilenet_import(&report, &weights, NULL, out), CAIRN_E_NOTFOUND,
                  "features.4.block.2.fc1.weight");
    cairn_weights_free(&weights);
}

/* A student's backbone takes the features, and its first convolution the range of pixels. */
static void test_student__starts_from_it(void **state)
{
    (void)state;
    cairn_classifier_options options;
    cairn_network_spec spec = {.kind = CAIRN_NETWORK_SP_FPN, .sp_fpn = CAIRN_SP_FPN_OPTIONS_INIT}, read;
    cairn_network *network = NULL;
    cairn_graph *g = NULL;
    cairn_model m = {0};
    char text[256];
    float bias[3];
    const char *ours = test_path("start.safetensors");
    import(test_path("tf-small-weights.npz"), ours, "mobilenetv3-tf", &options);
    assert_status(cairn_network_load(&network, any_gpu(), ours), CAIRN_E_FORMAT, "classifier");
    spec.sp_fpn.width = options.width;
    spec.sp_fpn.style = options.style;
    spec.sp_fpn.channels = 16;
    cairn_network_describe(text, sizeof text, &spec);
    assert_ok(cairn_network_parse(&read, text, "text"));
    assert_true(read.sp_fpn.style.same_padding && !read.sp_fpn.style.se_before_act);
    assert_ok(cairn_network_create_untrained(&network, any_gpu(), &spec, 1));
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, false);
    cairn_network_build(&m, &spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1}));
    cairn_store *store = cairn_network_store(network);
    assert_ok(cairn_mobilenet_start(&m, store, ours));
    assert_ok(cairn_store_read(store, cairn_store_find(store, "rgb.bias"), bias));
    assert_true(bias[0] == -1 && bias[1] == -1 && bias[2] == -1);
    float var[16];
    assert_ok(cairn_store_read(store, cairn_store_find(store, "backbone.0.1.running_var"), var));
    assert_near(var[0], 0.999, 1e-6);
    cairn_network_destroy(&network);
    cairn_model_uninit(&m);
    spec.sp_fpn.width = 1; /* another width is refused */
    assert_ok(cairn_network_create_untrained(&network, any_gpu(), &spec, 1));
    cairn_graph_destroy(&g);
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, false);
    cairn_network_build(&m, &spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1}));
    assert_status(cairn_mobilenet_start(&m, cairn_network_store(network), ours), CAIRN_E_FORMAT, "features.");
    cairn_network_destroy(&network);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

/* Ten photos as [10,224,224,3]. */
static void write_photos(const char *root, const char *path)
{
    enum { COUNT = 10, SIDE = 224 };
    static float pixels[COUNT][SIDE][SIDE][3];
    cairn_photo_folder folder;
    const cairn_photo_options options = {.holdout = 0.5, .limit = COUNT};
    assert_ok(cairn_photo_folder_open(&folder, root, &options));
    int taken = 0;
    for (size_t i = 0; i < folder.count && taken < COUNT; i++) {
        cairn_image image, small;
        assert_ok(cairn_image_load(&image, folder.files[i].path, 3));
        assert_ok(cairn_image_resize_crop(&small, &image, SIDE, SIDE, NULL, NULL, NULL));
        memcpy(pixels[taken++], small.pixels, sizeof pixels[0]);
        cairn_image_free(&image);
        cairn_image_free(&small);
    }
    assert_int_equal(taken, COUNT);
    char name[] = "image";
    cairn_npz_array a = {.name = name, .type = CAIRN_NPZ_F32, .rank = 4, .shape = {COUNT, SIDE, SIDE, 3},
                         .data = pixels};
    assert_ok(cairn_npz_write(path, &a, 1, false));
    cairn_photo_folder_free(&folder);
}

static void test_real_weights__on_photos(void **state)
{
    (void)state;
    const char *weights = getenv("CAIRN_TEST_MOBILENET"), *photos = getenv("CAIRN_TEST_PHOTOS");
    char more[2048];
    if (!weights || !photos) {
        print_message("skipped: CAIRN_TEST_MOBILENET and CAIRN_TEST_PHOTOS name no weights and photos\n");
        skip();
    }
    write_photos(photos, test_path("photos.npz"));
    snprintf(more, sizeof more, "'%s' '%s'", weights, test_path("photos.npz"));
    ask_peer(more);
    agree(weights, test_path("real.npz"), "mobilenetv3-tf", 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torchvision),           cmocka_unit_test(test_d_li14),
        cmocka_unit_test(test_timm),
        cmocka_unit_test(test_tensorflow),            cmocka_unit_test(test_mixed_choices__differ),
        cmocka_unit_test(test_mistakes__are_named),   cmocka_unit_test(test_student__starts_from_it),
        cmocka_unit_test(test_real_weights__on_photos),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    if (!test_torch_available()) return TEST_SKIP;
    if (test_scratch_create(NULL)) return 1;
    ask_peer("");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_gpu_destroy_all();
    test_scratch_remove(NULL);
    return failed;
}
