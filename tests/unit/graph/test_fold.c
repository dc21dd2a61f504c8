/* Normalisation with running statistics inside a convolution's weight and bias: the same numbers, and no op of its own
 * in a network built for inference. */
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "base/rng.h"
#include "graph/program.h"
#include "student/network.h"
#include "train/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct fold_case {
    cairn_kernel_class kernel_class;
    bool depthwise, bias;
    int kernel, stride;
    cairn_activation activation;
} fold_case;

enum { CHANNELS = 17 };

static cairn_tid layer(cairn_model *m, cairn_tid x, const fold_case *c)
{
    cairn_conv_layer l = {.channels = CHANNELS, .kernel = c->kernel, .stride = c->stride, .bias = c->bias,
                          .init = CAIRN_INIT_GLOROT};
    return c->depthwise ? cairn_layer_depthwise(m, "conv", x, c->kernel, c->stride, false)
                        : cairn_layer_conv(m, "conv", x, &l);
}

/* Every stored tensor gets values that no initialisation has; variances are positive. */
static void scatter(cairn_store *store)
{
    for (int i = 0; i < cairn_store_count(store); i++) {
        cairn_rng rng = cairn_rng_stream(5, 0, 0, (uint32_t)i, 0);
        size_t n = (size_t)cairn_shape_count(cairn_store_shape(store, i));
        float *v = malloc(n * sizeof *v);
        assert_non_null(v);
        for (size_t k = 0; k < n; k++) v[k] = (float)cairn_rng_between(&rng, 0.1, 1.5);
        assert_ok(cairn_store_write(store, i, v));
        free(v);
    }
}

static void test_fold__agrees_with_normalisation(void **state)
{
    const fold_case *c = *state;
    cairn_gpu *gpu = test_gpu(c->kernel_class);
    if (!gpu) skip();
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_model m;
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, false);
    cairn_shape s = {2, 9, 11, c->depthwise ? CHANNELS : 5}, v = {1, 1, 1, CHANNELS};
    cairn_tid x = cairn_graph_input(g, "x", s);
    cairn_tid folded = cairn_layer_batch_norm(&m, "bn", layer(&m, x, c), 1e-3f, 0.1f, c->activation);
    cairn_tid plain = cairn_op_batch_norm_infer(g, layer(&m, x, c), cairn_graph_stored(g, "bn.weight", v),
                                                cairn_graph_stored(g, "bn.bias", v),
                                                cairn_graph_stored(g, "bn.running_mean", v),
                                                cairn_graph_stored(g, "bn.running_var", v), 1e-3f, c->activation);
    cairn_graph_output(g, folded, "folded");
    cairn_graph_output(g, plain, "plain");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    scatter(store);
    size_t n = (size_t)cairn_shape_count(s), count = (size_t)cairn_shape_count(cairn_graph_shape(g, plain));
    float *in = malloc(n * sizeof *in), *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);
    assert_true(in && a && b);
    cairn_rng rng = cairn_rng_stream(6, 0, 0, 0, 0);
    for (size_t i = 0; i < n; i++) in[i] = (float)cairn_rng_between(&rng, -1, 1);
    assert_ok(cairn_program_write(program, x, in));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, folded, a));
    assert_ok(cairn_program_read(program, plain, b));
    double most = 0;
    for (size_t i = 0; i < count; i++) most = fmax(most, fabs(b[i]));
    assert_true(most > 0.1);
    for (size_t i = 0; i < count; i++) assert_float_equal(a[i], b[i], 1e-5 * most);
    free(in);
    free(a);
    free(b);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

/* Batch normalisation behind a convolution leaves no op behind; what remains normalises by the image: the student's
 * four levels. Its last one stands behind a sum of enlarged maps of one channel, and stays. */
static void test_fold__networks_for_inference_have_no_batch_norm(void **state)
{
    (void)state;
    const cairn_network_spec specs[] = {
        {.kind = CAIRN_NETWORK_SUPERPOINT, .superpoint = {.width = 0.25, .descriptor = 64}},
        {.kind = CAIRN_NETWORK_SP_FPN, .sp_fpn = CAIRN_SP_FPN_OPTIONS_INIT},
    };
    const int kept[] = {0, 5};
    for (int i = 0; i < 2; i++) {
        cairn_graph *g;
        cairn_model m;
        int norms = 0;
        assert_ok(cairn_graph_create(&g));
        cairn_model_init(&m, g, false);
        cairn_network_build(&m, &specs[i], cairn_graph_input(g, "image", (cairn_shape){1, 64, 64, 1}));
        assert_ok(cairn_graph_status(g));
        for (int k = 0; k < cairn_graph_node_count(g); k++)
            norms += !strcmp(cairn_graph_node(g, k)->op->name, "normalize");
        assert_int_equal(norms, kept[i]);
        cairn_model_uninit(&m);
        cairn_graph_destroy(&g);
    }
}

int main(void)
{
    static fold_case cases[] = {
        {CAIRN_CLASS_AUTO, false, true, 3, 1, CAIRN_ACTIVATION_RELU},
        {CAIRN_CLASS_AUTO, false, false, 1, 1, CAIRN_ACTIVATION_NONE},
        {CAIRN_CLASS_AUTO, false, false, 3, 2, CAIRN_ACTIVATION_HSWISH},
        {CAIRN_CLASS_AUTO, true, false, 5, 2, CAIRN_ACTIVATION_HSWISH},
        {CAIRN_CLASS_SIMT, false, true, 3, 1, CAIRN_ACTIVATION_RELU},
        {CAIRN_CLASS_SIMT, true, false, 3, 1, CAIRN_ACTIVATION_RELU},
    };
    if (!test_gpu_available()) return TEST_SKIP;
    int failed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct CMUnitTest each[] = {
            cmocka_unit_test_prestate(test_fold__agrees_with_normalisation, &cases[i])};
        failed += cmocka_run_group_tests(each, NULL, NULL);
    }
    const struct CMUnitTest once[] = {cmocka_unit_test(test_fold__networks_for_inference_have_no_batch_norm)};
    return failed + cmocka_run_group_tests(once, NULL, NULL);
}
