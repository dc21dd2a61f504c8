/* Normalisation against the double-precision reference, with both activations and every combination of parameters. */
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "support/device/op_case.h"

typedef struct norm_data {
    cairn_shape shape;
    cairn_activation activation;
    bool gamma, beta, per_sample;
    double offset; /* of x */
} norm_data;

static cairn_tid parameter(op_case *c, bool present, int32_t channels, double low, double high)
{
    return present ? op_case_input(c, (cairn_shape){1, 1, 1, channels}, low, high) : CAIRN_NONE;
}

static void build_train(op_case *c, cairn_graph *g)
{
    const norm_data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, d->offset - 1, d->offset + 2), mean, variance;
    cairn_tid gamma = parameter(c, d->gamma, d->shape.c, 0.5, 2), beta = parameter(c, d->beta, d->shape.c, -1, 1);
    op_case_output(c, cairn_op_batch_norm_train(g, x, gamma, beta, 1e-3f, d->activation, &mean, &variance));
}

static void build_statistics(op_case *c, cairn_graph *g)
{
    const norm_data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, d->offset - 1, d->offset + 2), mean, variance;
    mean = cairn_op_moments(g, x, d->per_sample, &variance);
    op_case_output(c, mean);
    op_case_output(c, variance);
}

static void build_infer(op_case *c, cairn_graph *g)
{
    const norm_data *d = op_case_data(c);
    cairn_shape s = {d->per_sample ? d->shape.n : 1, 1, 1, d->shape.c};
    cairn_tid x = op_case_input(c, d->shape, -1, 2);
    cairn_tid gamma = parameter(c, d->gamma, d->shape.c, 0.5, 2), beta = parameter(c, d->beta, d->shape.c, -1, 1);
    cairn_tid mean = op_case_input(c, s, -0.5, 0.5), variance = op_case_input(c, s, 0.5, 2);
    op_case_output(c, cairn_op_batch_norm_infer(g, x, gamma, beta, mean, variance, 1e-5f, d->activation));
}

/* conv -> ReLU -> BN, without the conv */
static void build_relu_first(op_case *c, cairn_graph *g)
{
    const norm_data *d = op_case_data(c);
    cairn_tid x = op_case_input_apart(c, d->shape, -1, 2, 0, 0.01), mean, variance;
    cairn_tid gamma = parameter(c, true, d->shape.c, 0.5, 2), beta = parameter(c, true, d->shape.c, -1, 1);
    x = cairn_op_relu(g, x);
    op_case_output(c, cairn_op_batch_norm_train(g, x, gamma, beta, 1e-3f, CAIRN_ACTIVATION_NONE, &mean, &variance));
}

static void build_instance(op_case *c, cairn_graph *g)
{
    const norm_data *d = op_case_data(c);
    op_case_output(c, cairn_op_instance_norm(g, op_case_input(c, d->shape, d->offset - 1, d->offset + 2), 1e-5f, NULL));
}

/* The statistics through moments and normalize must have the same gradient as the fused op. */
static void build_in_parts(op_case *c, cairn_graph *g)
{
    const norm_data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, -1, 2), variance, mean = cairn_op_moments(g, x, d->per_sample, &variance);
    cairn_tid gamma = parameter(c, d->gamma, d->shape.c, 0.5, 2), beta = parameter(c, d->beta, d->shape.c, -1, 1);
    op_case_output(c, cairn_op_normalize(g, x, mean, variance, gamma, beta, 1e-3f, d->activation));
}

static void build_update(op_case *c, cairn_graph *g)
{
    const cairn_shape s = {1, 1, 1, 17};
    cairn_tid running = op_case_stored(c, s, -1, 1, false), value = op_case_input(c, s, -1, 1);
    cairn_op_update_average(g, running, value, 0.1f, 1.25f);
    op_case_output(c, cairn_op_neg(g, value));
}

#define CASE(label, builder, n, h, w, ch, act, gamma, beta, per_sample, offset, tolerance)                             \
    {                                                                                                                  \
        label, builder, &(const norm_data) { {n, h, w, ch}, CAIRN_ACTIVATION_##act, gamma, beta, per_sample, offset }, \
            false, 0, tolerance                                                                                        \
    }
static const op_case_spec cases[] = {
    CASE("batch norm", build_train, 3, 5, 7, 17, NONE, true, true, false, 0, 0),
    CASE("batch norm, relu", build_train, 3, 5, 7, 8, RELU, true, true, false, 0, 0),
    CASE("batch norm, relu, two passes", build_train, 2, 23, 17, 12, RELU, true, true, false, 0, 0),
    CASE("batch norm, one channel, two passes", build_train, 3, 21, 33, 1, NONE, true, true, false, 0, 0),
    CASE("batch norm, hswish", build_train, 3, 7, 9, 5, HSWISH, true, true, false, 0, 0),
    CASE("batch norm, 65 channels", build_train, 3, 9, 7, 65, RELU, true, true, false, 0, 0),
    CASE("batch norm, several columns of a lane", build_train, 2, 11, 13, 91, RELU, true, true, false, 0, 0),
    CASE("batch norm without gamma", build_train, 3, 3, 3, 4, RELU, false, true, false, 0, 0),
    CASE("batch norm without beta", build_train, 3, 3, 3, 4, RELU, true, false, false, 0, 0),
    CASE("relu, batch norm", build_relu_first, 3, 5, 7, 17, NONE, true, true, false, 0, 0),
    CASE("moments", build_statistics, 3, 5, 7, 17, NONE, false, false, false, 0, 0),
    CASE("moments of each sample", build_statistics, 3, 5, 7, 17, NONE, false, false, true, 0, 0),
    CASE("moments, two passes", build_statistics, 2, 33, 9, 24, NONE, false, false, false, 0, 0),
    CASE("moments, mean far above the deviation", build_statistics, 2, 33, 9, 24, NONE, false, false, false, 1000, 0),
    CASE("moments of one pixel", build_statistics, 1, 1, 1, 3, NONE, false, false, false, 0, 0),
    CASE("frozen", build_infer, 3, 5, 7, 17, RELU, true, true, false, 0, 0),
    CASE("frozen, no parameters", build_infer, 1, 3, 5, 8, NONE, false, false, false, 0, 0),
    CASE("frozen, each sample", build_infer, 3, 5, 7, 5, HSWISH, true, true, true, 0, 0),
    CASE("instance norm", build_instance, 3, 5, 7, 17, NONE, false, false, true, 0, 0),
    CASE("instance norm, two passes", build_instance, 3, 17, 19, 8, NONE, false, false, true, 0, 0),
    CASE("instance norm, two blocks of columns", build_instance, 2, 9, 5, 238, NONE, false, false, true, 0, 0),
    CASE("in parts", build_in_parts, 3, 5, 7, 17, RELU, true, true, false, 0, 0),
    CASE("in parts, each sample", build_in_parts, 3, 5, 7, 5, NONE, true, true, true, 0, 0),
    {"running average", build_update, NULL, false, 0, 0},
};

static void refuses(void **state)
{
    (void)state;
    const struct {
        cairn_shape mean, gamma;
        float eps;
        const char *text;
    } bad[] = {
        {{2, 1, 1, 3}, {1, 1, 1, 3}, 1e-5f, "mean [2,1,1,3]"},
        {{1, 1, 1, 3}, {1, 1, 1, 4}, 1e-5f, "gamma is [1,1,1,4]"},
        {{1, 1, 1, 3}, {1, 1, 1, 3}, 0, "eps 0 is not positive"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cairn_graph *g = NULL;
        assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
        cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){3, 4, 4, 3});
        cairn_tid mean = cairn_graph_input(g, "m", bad[i].mean);
        cairn_tid gamma = cairn_graph_input(g, "g", bad[i].gamma);
        assert_int_equal(cairn_op_normalize(g, x, mean, mean, gamma, CAIRN_NONE, bad[i].eps, CAIRN_ACTIVATION_NONE),
                         CAIRN_NONE);
        op_case_refused(&g, bad[i].text);
    }
}

static void refuses_loss_of_statistics(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){3, 4, 4, 3}), mean, variance, d;
    cairn_op_batch_norm_train(g, x, CAIRN_NONE, CAIRN_NONE, 1e-5f, CAIRN_ACTIVATION_NONE, &mean, &variance);
    assert_int_equal(cairn_graph_differentiate(g, mean, &x, 1, &d), CAIRN_E_SHAPE);
    op_case_refused(&g, "the statistics are used by the loss");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses), cmocka_unit_test(refuses_loss_of_statistics)};
    return op_case_main("norm", cases, sizeof cases / sizeof *cases, more, 2);
}
