/* Matrix products in all four orders of storage, sizes around the tiles' edges. */
#include "ops/pointwise/pointwise.h"
#include "ops/product/matrix.h"
#include "support/device/product_case.h"

/* With all that fusion takes into the product. */
static void layer(op_case *c, cairn_graph *g)
{
    const matmul_case *s = op_case_data(c);
    cairn_tid product = matmul_case_product(c, g);
    cairn_tid bias = op_case_input(c, (cairn_shape){1, 1, 1, s->p}, -1, 1);
    cairn_tid r = op_case_input(c, (cairn_shape){s->n, 1, s->m, s->p}, -1, 1);
    cairn_tid y = cairn_op_add(g, product, bias);
    op_case_output(c, cairn_op_hswish(g, cairn_op_add(g, cairn_op_hswish(g, y), r)));
}

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid a = cairn_graph_input(g, "a", (cairn_shape){2, 1, 3, 5}),
              b = cairn_graph_input(g, "b", (cairn_shape){2, 1, 4, 5});
    cairn_op_matmul(g, a, b, false, false);
    op_case_refused(&g, "[2,1,3,5] times [2,1,4,5]");
}

int main(void)
{
    /* n, m, k, p */
    static const int sizes[][4] = {{1, 1, 1, 1},    {1, 3, 5, 4},    {3, 7, 4, 9},     {2, 8, 8, 8},  {1, 9, 17, 65},
                                   {2, 65, 33, 15}, {1, 64, 16, 64}, {1, 130, 64, 70}, {1, 5, 1, 17}, {1, 1, 65, 3},
                                   {2, 17, 6, 66}, {1, 33, 19, 34}};
    enum { SIZES = sizeof sizes / sizeof *sizes, ALL = 4 * SIZES + 4 };
    static const int layers[4] = {2, 5, 9, 11}; /* of the sizes, one in each order */
    static matmul_case products[ALL];
    static op_case_spec cases[ALL];
    static char names[ALL][64];
    for (int i = 0; i < 4 * SIZES; i++) {
        const int *s = sizes[i / 4];
        products[i] = (matmul_case){s[0], s[1], s[2], s[3], i & 1, i >> 1 & 1};
        snprintf(names[i], sizeof names[i], "%d x (%dx%d%s %dx%d%s)", s[0], s[1], s[2], i & 1 ? "t" : "", s[2], s[3],
                 i >> 1 & 1 ? "t" : "");
        cases[i] = (op_case_spec){.name = names[i], .build = matmul_case_build, .data = &products[i]};
    }
    for (int i = 4 * SIZES; i < ALL; i++) {
        const int of = 4 * layers[i % 4] + i % 4;
        snprintf(names[i], sizeof names[i], "layer %.50s", names[of]);
        cases[i] = (op_case_spec){.name = names[i], .build = layer, .data = &products[of]};
    }
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_wrong_shapes)};
    return op_case_main("matrix", cases, ALL, more, 1);
}
