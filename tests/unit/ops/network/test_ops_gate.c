/* Squeeze-and-excite against the double-precision reference: part of a slab, several slabs, several blocks of pixels,
 * more hidden channels than a workgroup has lanes. */
#include "ops/gate/squeeze_excite.h"
#include "support/device/op_case.h"

typedef struct gate_data {
    cairn_shape x;
    int hidden;
} gate_data;

/* Few of the hidden values and gates lie near a kink, since both sides of one must be seen. */
static void build(op_case *c, cairn_graph *g)
{
    const gate_data *d = op_case_data(c);
    const double width = 2.0 / d->hidden;
    cairn_tid x = op_case_input(c, d->x, -1, 2);
    cairn_tid weight1 = op_case_input(c, (cairn_shape){1, 1, d->x.c, d->hidden}, -4.0 / d->x.c, 4.0 / d->x.c);
    cairn_tid bias1 = op_case_input_apart(c, (cairn_shape){1, 1, 1, d->hidden}, -1, 1, 0, 0.2);
    cairn_tid weight2 = op_case_input(c, (cairn_shape){1, 1, d->hidden, d->x.c}, -width, width);
    cairn_tid bias2 = op_case_input(c, (cairn_shape){1, 1, 1, d->x.c}, -4, 4);
    op_case_output(c, cairn_op_squeeze_excite(g, x, weight1, bias1, weight2, bias2));
}

#define CASE(label, n, h, w, c, d) {label, build, &(const gate_data){{n, h, w, c}, d}, false, 0, 0}
static const op_case_spec cases[] = {
    CASE("one pixel", 1, 1, 1, 1, 1),
    CASE("three channels", 3, 5, 7, 3, 2),
    CASE("17 channels", 2, 9, 7, 17, 5),
    CASE("40 channels", 3, 2, 3, 40, 16),
    CASE("65 channels", 1, 3, 5, 65, 17),
    CASE("blocks of pixels", 2, 37, 41, 6, 8),
    CASE("blocks of pixels and slabs", 1, 33, 50, 37, 9),
    CASE("wide lanes", 3, 2, 3, 203, 13),
    CASE("widest lanes", 8, 1, 3, 197, 6),
    CASE("many hidden", 1, 2, 2, 9, 263),
};

static void refuses(int which, cairn_shape shape, const char *text)
{
    const cairn_shape fine[5] = {{2, 3, 4, 5}, {1, 1, 5, 2}, {1, 1, 1, 2}, {1, 1, 2, 5}, {1, 1, 1, 5}};
    static const char *const names[5] = {"x", "w1", "b1", "w2", "b2"};
    cairn_graph *g = NULL;
    cairn_tid t[5];
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    for (int i = 0; i < 5; i++) t[i] = cairn_graph_input(g, names[i], i == which ? shape : fine[i]);
    assert_int_equal(cairn_op_squeeze_excite(g, t[0], t[1], t[2], t[3], t[4]), CAIRN_NONE);
    op_case_refused(&g, text);
}

static void refuses_layers_that_do_not_fit(void **state)
{
    (void)state;
    refuses(1, (cairn_shape){1, 1, 4, 2}, "input 1 is [1,1,4,2]; it must be [1,1,5,2]");
    refuses(2, (cairn_shape){1, 1, 1, 3}, "input 2 is [1,1,1,3]; it must be [1,1,1,2]");
    refuses(3, (cairn_shape){1, 1, 2, 4}, "input 3 is [1,1,2,4]; it must be [1,1,2,5]");
    refuses(4, (cairn_shape){2, 1, 1, 5}, "input 4 is [2,1,1,5]; it must be [1,1,1,5]");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_layers_that_do_not_fit)};
    return op_case_main("gate", cases, sizeof cases / sizeof *cases, more, 1);
}
