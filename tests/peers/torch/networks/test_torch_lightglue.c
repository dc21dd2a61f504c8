/* LightGlue after its import from PyTorch's checkpoints (both public namings, three sizes of network), against a
 * PyTorch written from the specification: states behind every layer, log-assignments, confidences; matches, scores,
 * layers and pruned points of complete and of adaptive runs. Skipped where PyTorch is absent. */
#include "formats/npz.h"
#include "graph/program.h"
#include "matching/lightglue/import.h"
#include "matching/lightglue/matcher.h"
#include "system/file.h"
#include "train/checkpoint.h"

#include "support/device/test_gpu.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/torch.h"

#include <math.h>

static const char *const settings[] = {"complete", "adaptive", "early", "narrow", "both"};

static const cairn_npz_array *array(const cairn_npz *npz, const char *scene, const char *what)
{
    char name[96];
    snprintf(name, sizeof name, "%s|%s", scene, what);
    const cairn_npz_array *a = cairn_npz_find(npz, name);
    if (!a || a->type != CAIRN_NPZ_F32) fail_msg("%s has no array %s", npz->path, name);
    return a;
}

static const float *numbers(const cairn_npz *npz, const char *scene, const char *what)
{
    return array(npz, scene, what)->data;
}

/* Largest difference as a part of the largest magnitude. */
static double worst(const float *got, const float *expected, size_t count)
{
    double most = 0, scale = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)got[i] - expected[i]);
        if (!(d <= most)) most = d;
        scale = fmax(scale, fabs((double)expected[i]));
    }
    return most / scale;
}

static void import_network(const char *name, const char *expected, int left)
{
    cairn_weights weights;
    cairn_import_report report;
    assert_ok(cairn_weights_read(&weights, test_path("%s.pth", name)));
    assert_true(cairn_lightglue_names_fit(&weights));
    assert_ok(cairn_lightglue_import(&report, &weights, test_path("%s.safetensors", name)));
    assert_string_equal(report.model, expected);
    assert_int_equal(report.left, left);
    assert_int_equal(report.taken + report.left, weights.count);
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
}

/* ---- states, assignments and confidences ---- */

typedef struct network {
    cairn_graph *g;
    cairn_model model;
    cairn_store *store;
    cairn_program *program;
    cairn_lightglue_outputs out;
    int n, m, size;
} network;

static void write_both(const network *w, cairn_tid input, const float *first, const float *second)
{
    const size_t channels = (size_t)cairn_graph_shape(w->g, input).c, image = channels * (size_t)w->size;
    float *values = calloc(2 * image, sizeof *values);
    assert_non_null(values);
    memcpy(values, first, sizeof *values * channels * (size_t)w->n);
    memcpy(values + image, second, sizeof *values * channels * (size_t)w->m);
    assert_ok(cairn_program_write(w->program, input, values));
    free(values);
}

static void open_network(network *w, cairn_gpu *gpu, const char *name, const cairn_npz *npz, const char *scene)
{
    cairn_lightglue_options o;
    char *text;
    const char *path = test_path("%s.safetensors", name);
    *w = (network){.n = (int)array(npz, scene, "points0")->shape[0], .m = (int)array(npz, scene, "points1")->shape[0]};
    w->size = (w->n > w->m ? w->n : w->m) + 3; /* some rows that are no points */
    assert_ok(cairn_checkpoint_metadata(&text, path, "model"));
    assert_true(cairn_lightglue_parse(&o, text));
    free(text);
    assert_ok(cairn_graph_create(&w->g));
    assert_ok(cairn_store_create(&w->store, gpu));
    cairn_model_init(&w->model, w->g, false);
    cairn_tid positions = cairn_graph_input(w->g, "positions", (cairn_shape){2, 1, w->size, 2});
    cairn_tid descriptors = cairn_graph_input(w->g, "descriptors", (cairn_shape){2, 1, w->size, o.descriptor});
    cairn_tid mask = cairn_graph_input(w->g, "mask", (cairn_shape){2, 1, 1, w->size});
    w->out = cairn_lightglue_build(&w->model, &o, positions, descriptors, mask);
    for (int i = 0; i < o.layers; i++) {
        char label[32];
        snprintf(label, sizeof label, "states %d", i);
        cairn_graph_output(w->g, w->out.states[i], label);
        snprintf(label, sizeof label, "assignment %d", i);
        cairn_graph_output(w->g, w->out.assignment[i], label);
        snprintf(label, sizeof label, "confidence %d", i);
        cairn_graph_output(w->g, w->out.confidence[i], label);
    }
    assert_ok(cairn_program_create(&w->program, gpu, w->g, w->store, NULL));
    assert_ok(cairn_checkpoint_load(path, w->store, &w->model, false));
    float k[2][2 * 512], masks[2 * 512] = {0};
    const float *size = numbers(npz, scene, "size");
    cairn_lightglue_normalise(k[0], numbers(npz, scene, "points0"), 2, w->n, (int)size[0], (int)size[1]);
    cairn_lightglue_normalise(k[1], numbers(npz, scene, "points1"), 2, w->m, (int)size[0], (int)size[1]);
    for (int i = 0; i < w->size; i++) {
        masks[i] = i < w->n;
        masks[w->size + i] = i < w->m;
    }
    write_both(w, positions, k[0], k[1]);
    write_both(w, descriptors, numbers(npz, scene, "descriptors0"), numbers(npz, scene, "descriptors1"));
    assert_ok(cairn_program_write(w->program, mask, masks));
    assert_ok(cairn_program_run(w->program));
}

static float *read_output(const network *w, cairn_tid t)
{
    float *values = malloc(sizeof *values * (size_t)cairn_shape_count(cairn_graph_shape(w->g, t)));
    assert_non_null(values);
    assert_ok(cairn_program_read(w->program, t, values));
    return values;
}

static void check_layer(const network *w, int layer, int layers, const cairn_npz *npz, const char *scene)
{
    const size_t width = (size_t)cairn_graph_shape(w->g, w->out.states[layer]).c, n = (size_t)w->n, m = (size_t)w->m,
                 size = (size_t)w->size;
    float *x = read_output(w, w->out.states[layer]), *p = read_output(w, w->out.assignment[layer]);
    double first = worst(x, numbers(npz, scene, "states0") + (size_t)layer * n * width, n * width);
    double second =
        worst(x + size * width, numbers(npz, scene, "states1") + (size_t)layer * m * width, m * width);
    const float *all = numbers(npz, scene, "assignment") + (size_t)layer * (n + 1) * (m + 1);
    double most = 0;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            const float got = p[(i < n ? i : size) * (size + 1) + (j < m ? j : size)];
            /* a log-probability of -50 is as good as one of -50.01 */
            most = fmax(most, fabs(got - all[i * (m + 1) + j]) / fmax(1, fabs(all[i * (m + 1) + j])));
        }
    double sure = 0;
    if (layer + 1 < layers) {
        float *c = read_output(w, w->out.confidence[layer]);
        sure = worst(c, numbers(npz, scene, "confidence0") + (size_t)layer * n, n);
        free(c);
    }
    print_message("%s layer %d: states %.1e %.1e, assignment %.1e, confidence %.1e\n", scene, layer, first, second,
                  most, sure);
    if (!(first < 2e-5 && second < 2e-5 && most < 2e-4 && sure < 5e-5)) fail_msg("%s: differs from PyTorch", scene);
    free(x);
    free(p);
}

static void compare_layers(cairn_gpu *gpu, const char *name, const cairn_npz *npz, const char *scene)
{
    network w;
    open_network(&w, gpu, name, npz, scene);
    int layers = (int)array(npz, scene, "states0")->shape[0];
    for (int i = 0; i < layers; i++) check_layer(&w, i, layers, npz, scene);
    test_gpu_assert_valid(gpu);
    cairn_program_destroy(&w.program);
    cairn_store_destroy(&w.store);
    cairn_model_uninit(&w.model);
    cairn_graph_destroy(&w.g);
}

/* ---- matches ---- */

static cairn_keypoints keypoints_of(const cairn_npz *npz, const char *scene, int i)
{
    cairn_keypoints k;
    const cairn_npz_array *d = array(npz, scene, i ? "descriptors1" : "descriptors0");
    const float *points = numbers(npz, scene, i ? "points1" : "points0");
    assert_ok(cairn_keypoints_create(&k, (int)d->shape[0], (int)d->shape[1]));
    memcpy(k.descriptors, d->data, sizeof(float) * d->count);
    for (int j = 0; j < k.count; j++) k.points[j] = (cairn_keypoint){points[2 * j], points[2 * j + 1], 1};
    return k;
}

static void compare_run(const cairn_lightglue_result *got, const cairn_npz *npz, const char *scene, const char *which)
{
    char key[64];
    snprintf(key, sizeof key, "%s|%s", scene, which);
    const cairn_npz_array *pairs = array(npz, key, "pairs");
    const float *scores = numbers(npz, key, "scores"), *want = pairs->data;
    double most = 0;
    if (got->layers != (int)numbers(npz, key, "layers")[0])
        fail_msg("%s: %d layers, PyTorch %g", key, got->layers, numbers(npz, key, "layers")[0]);
    for (int i = 0; i < 2; i++) {
        const cairn_npz_array *depth = array(npz, key, i ? "depth1" : "depth0");
        for (size_t j = 0; j < depth->count; j++)
            if (got->depth[i][j] != (int)((const float *)depth->data)[j])
                fail_msg("%s: point %zu of image %d went through %d layers, in PyTorch through %g", key, j, i,
                         got->depth[i][j], ((const float *)depth->data)[j]);
    }
    if (got->count != (int)pairs->shape[0])
        fail_msg("%s: %d matches, PyTorch %lld", key, got->count, (long long)pairs->shape[0]);
    for (int i = 0; i < got->count; i++) {
        if (got->matches[i].a != (int)want[2 * i] || got->matches[i].b != (int)want[2 * i + 1])
            fail_msg("%s: match %d is %d-%d, PyTorch %g-%g", key, i, got->matches[i].a, got->matches[i].b, want[2 * i],
                     want[2 * i + 1]);
        most = fmax(most, fabs((double)got->matches[i].score - scores[i]));
    }
    print_message("%s: %d matches, %d layers, scores %.1e\n", key, got->count, got->layers, most);
    assert_true(most < 2e-4);
}

static void compare_matches(cairn_gpu *gpu, const char *name, const cairn_npz *npz, const char *scene)
{
    cairn_lightglue *matcher;
    cairn_keypoints k[2] = {keypoints_of(npz, scene, 0), keypoints_of(npz, scene, 1)};
    const float *size = numbers(npz, scene, "size");
    cairn_lightglue_image images[2] = {{&k[0], (int)size[0], (int)size[1]}, {&k[1], (int)size[0], (int)size[1]}};
    assert_ok(cairn_lightglue_load(&matcher, gpu, test_path("%s.safetensors", name)));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char key[64];
        cairn_lightglue_result result, again;
        snprintf(key, sizeof key, "%s|%s", scene, settings[i]);
        const float *s = numbers(npz, key, "settings");
        cairn_lightglue_settings own = {s[0], s[1], s[2]};
        assert_ok(cairn_lightglue_run(&result, matcher, &images[0], &images[1], &own));
        compare_run(&result, npz, scene, settings[i]);
        assert_ok(cairn_lightglue_run(&again, matcher, &images[0], &images[1], &own));
        assert_int_equal(again.count, result.count);
        assert_memory_equal(again.matches, result.matches, sizeof *result.matches * (size_t)result.count);
        cairn_lightglue_result_free(&result);
        cairn_lightglue_result_free(&again);
    }
    test_gpu_assert_valid(gpu);
    cairn_lightglue_destroy(&matcher);
    cairn_keypoints_free(&k[0]);
    cairn_keypoints_free(&k[1]);
}

static void compare(const char *name, const char *model, int left, const char *const *scenes, cairn_kernel_class of)
{
    cairn_npz npz;
    cairn_gpu *gpu = test_gpu(of);
    if (!gpu) return;
    import_network(name, model, left);
    assert_ok(cairn_npz_read(&npz, test_path("%s.npz", name)));
    for (; *scenes; scenes++) {
        compare_layers(gpu, name, &npz, *scenes);
        compare_matches(gpu, name, &npz, *scenes);
    }
    cairn_npz_free(&npz);
}

static const char *const small_scenes[] = {"1x1", "7x1", "1x250", "7x5", "250x113", "64x65", NULL};
static const char small_model[] = "lightglue layers=4 heads=2 width=32 descriptor=32";

static void test_small__texel(void **state)
{
    (void)state;
    compare("small", small_model, 1, small_scenes, CAIRN_CLASS_TEXEL);
}

static void test_small__simt(void **state)
{
    (void)state;
    const char *const scenes[] = {"7x5", "64x65", NULL};
    compare("small", small_model, 1, scenes, CAIRN_CLASS_SIMT);
}

static void test_projected__current_names(void **state)
{
    (void)state;
    const char *const scenes[] = {"33x70", "129x20", NULL};
    compare("projected", "lightglue layers=3 heads=4 width=48 descriptor=20", 1, scenes, CAIRN_CLASS_AUTO);
}

static void test_published__size(void **state)
{
    (void)state;
    const char *const scenes[] = {"37x50", NULL};
    compare("published", "lightglue layers=9 heads=4 width=256 descriptor=256", 1, scenes, CAIRN_CLASS_AUTO);
    cairn_graph *g;
    cairn_model m;
    const cairn_lightglue_options o = CAIRN_LIGHTGLUE_OPTIONS_INIT;
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, true);
    cairn_lightglue_build(&m, &o, cairn_graph_input(g, "k", (cairn_shape){2, 1, 4, 2}),
                          cairn_graph_input(g, "d", (cairn_shape){2, 1, 4, 256}), CAIRN_NONE);
    assert_ok(cairn_graph_status(g));
    assert_int_equal(cairn_model_parameter_count(&m), 11851601); /* matching.md 2.6 */
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

/* ---- mistakes ---- */

static void test_import__mistakes_are_named(void **state)
{
    (void)state;
    cairn_weights weights;
    cairn_import_report report;
    const char *out = test_path("no.safetensors");
    assert_ok(cairn_weights_read(&weights, test_path("small.pth")));
    cairn_weight *t = (cairn_weight *)(uintptr_t)cairn_weights_find(&weights, "cross_attn.2.to_v.weight");
    assert_non_null(t);
    t->shape[1]--;
    assert_status(cairn_lightglue_import(&report, &weights, out), CAIRN_E_SHAPE, "cross_attn.2.to_v.weight");
    t->shape[1]++;
    t->data[5] = NAN;
    assert_status(cairn_lightglue_import(&report, &weights, out), CAIRN_E_NUMERIC, "finite");
    t->data[5] = 0;
    t->name[0] = 'x';
    assert_status(cairn_lightglue_import(&report, &weights, out), CAIRN_E_NOTFOUND, "cross_attn.2.to_v.weight");
    t->name[0] = 'c';
    t = (cairn_weight *)(uintptr_t)cairn_weights_find(&weights, "posenc.Wr.weight");
    assert_non_null(t);
    t->shape[1] = 4;
    assert_status(cairn_lightglue_import(&report, &weights, out), CAIRN_E_UNSUPPORTED, "scale and orientation");
    t->shape[1] = 2;
    t->shape[0] = 5;
    assert_status(cairn_lightglue_import(&report, &weights, out), CAIRN_E_SHAPE, "width of 32");
    t->shape[0] = 8;
    t->name[0] = 'x';
    assert_status(cairn_lightglue_import(&report, &weights, out), CAIRN_E_FORMAT, "no LightGlue");
    assert_false(cairn_file_exists(out));
    cairn_weights_free(&weights);
}

static void test_matcher__without_points_no_matches(void **state)
{
    (void)state;
    cairn_lightglue *matcher;
    cairn_keypoints none = {0}, some, wrong;
    cairn_lightglue_result result;
    const cairn_lightglue_settings s = CAIRN_LIGHTGLUE_ADAPTIVE;
    const cairn_lightglue_options o = {2, 2, 16, 16}, odd = {2, 3, 16, 16};
    assert_status(cairn_lightglue_create_untrained(&matcher, test_gpu(CAIRN_CLASS_AUTO), &odd, 1), CAIRN_E_INVALID,
                  "3 heads");
    assert_ok(cairn_lightglue_create_untrained(&matcher, test_gpu(CAIRN_CLASS_AUTO), &o, 1));
    assert_ok(cairn_keypoints_create(&some, 3, 16));
    assert_ok(cairn_keypoints_create(&wrong, 3, 8));
    cairn_lightglue_image a = {&none, 64, 64}, b = {&some, 64, 64}, c = {&wrong, 64, 64};
    assert_ok(cairn_lightglue_run(&result, matcher, &a, &b, &s));
    assert_int_equal(result.count, 0);
    assert_int_equal(result.layers, 0);
    cairn_lightglue_result_free(&result);
    assert_ok(cairn_lightglue_run(&result, matcher, &a, &a, &s));
    assert_int_equal(result.count, 0);
    cairn_lightglue_result_free(&result);
    assert_status(cairn_lightglue_run(&result, matcher, &b, &c, &s), CAIRN_E_SHAPE, "8 channels");
    cairn_keypoints_free(&some);
    cairn_keypoints_free(&wrong);
    cairn_lightglue_destroy(&matcher);
}

static int ask_peer(void)
{
    return test_torch_call("networks/torch_lightglue.py", "'%s'", test_path("%s", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small__texel),
        cmocka_unit_test(test_small__simt),
        cmocka_unit_test(test_projected__current_names),
        cmocka_unit_test(test_published__size),
        cmocka_unit_test(test_import__mistakes_are_named),
        cmocka_unit_test(test_matcher__without_points_no_matches),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    if (!test_torch_available()) return TEST_SKIP;
    if (test_scratch_create(NULL)) return 1;
    int failed = ask_peer() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    test_gpu_destroy_all();
    test_scratch_remove(NULL);
    return failed;
}
