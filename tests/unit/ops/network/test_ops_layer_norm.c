/* Layer normalisation against its reference, with every combination of parameters. */
#include "ops/norm/layer_norm.h"
#include "support/device/op_case.h"

typedef struct data {
    cairn_shape shape;
    bool gamma, beta;
    double offset;
} data;

static void build(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_shape p = {1, 1, 1, d->shape.c};
    cairn_tid x = op_case_input(c, d->shape, d->offset - 1, d->offset + 2);
    cairn_tid gamma = d->gamma ? op_case_input(c, p, 0.5, 2) : CAIRN_NONE;
    cairn_tid beta = d->beta ? op_case_input(c, p, -1, 1) : CAIRN_NONE;
    op_case_output(c, cairn_op_layer_norm(g, x, gamma, beta, 1e-3f));
    if (d->offset > 1) op_case_half_limit(c, 0); /* the rows' means would be in fp16 too */
}

#define CASE(name, ...) {name, build, &(const data){__VA_ARGS__}, false, 0, 0}
static const op_case_spec cases[] = {
    CASE("one channel", {1, 1, 1, 1}, true, true, 0),
    CASE("three channels", {2, 3, 5, 3}, true, true, 0),
    CASE("without parameters", {1, 3, 5, 5}, false, false, 0),
    CASE("gamma alone", {1, 1, 7, 8}, true, false, 0),
    CASE("beta alone", {3, 1, 3, 17}, false, true, 0),
    CASE("65 channels", {1, 5, 3, 65}, true, true, 0),
    CASE("512 channels", {2, 1, 67, 512}, true, true, 0),
    CASE("mean far from zero", {1, 2, 9, 96}, true, true, 20),
    CASE("many cells", {2, 37, 41, 12}, true, true, 0),
};

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 2, 2, 65});
    cairn_op_layer_norm(g, x, cairn_graph_input(g, "gamma", (cairn_shape){1, 1, 1, 64}), CAIRN_NONE, 1e-5f);
    op_case_refused(&g, "gamma is [1,1,1,64]");
    assert_ok(cairn_graph_create(&g));
    cairn_op_layer_norm(g, cairn_graph_input(g, "x", (cairn_shape){1, 2, 2, 65}), CAIRN_NONE, CAIRN_NONE, 0);
    op_case_refused(&g, "eps");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_wrong_shapes)};
    return op_case_main("layer_norm", cases, sizeof cases / sizeof *cases, more, 1);
}
