/* Rotary position encoding: the table of cosines and sines, and the rotation by it, against their references. */
#include "ops/attention/attention.h"
#include "support/device/op_case.h"

typedef struct data {
    int n, w, c, heads, table_n;
    double range;
} data;

static void table(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    op_case_output(c, cairn_op_cos_sin(g, op_case_input(c, (cairn_shape){d->n, 1, d->w, d->c}, -d->range, d->range)));
}

static void rotate(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, (cairn_shape){d->n, 1, d->w, d->heads * d->c}, -1, 1);
    cairn_tid angles = op_case_input(c, (cairn_shape){d->table_n, 1, d->w, d->c / 2}, -d->range, d->range);
    op_case_output(c, cairn_op_rotate(g, x, cairn_op_cos_sin(g, angles), d->heads));
}

#define CASE(name, build, ...) {name, build, &(const data){__VA_ARGS__}, false, 0, 0}
static const op_case_spec cases[] = {
    CASE("table of one angle", table, 1, 1, 1, 0, 0, 3),
    CASE("table of two angles", table, 1, 3, 2, 0, 0, 4),
    CASE("table of five angles, far", table, 2, 7, 5, 0, 0, 300),
    CASE("table of eight angles", table, 1, 9, 8, 0, 0, 20),
    CASE("table of 32 angles", table, 2, 65, 32, 0, 0, 6),
    CASE("rotate, one head of 4", rotate, 1, 1, 4, 1, 1, 3),
    CASE("rotate, three heads of 8", rotate, 2, 5, 8, 3, 2, 3),
    CASE("rotate, one table for the batch", rotate, 3, 7, 12, 2, 1, 3),
    CASE("rotate, four heads of 64", rotate, 2, 33, 64, 4, 2, 6),
};

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 5, 16});
    cairn_op_rotate(g, x, cairn_graph_input(g, "t", (cairn_shape){1, 1, 5, 8}), 1);
    op_case_refused(&g, "1 heads");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_wrong_shapes)};
    return op_case_main("rotary", cases, sizeof cases / sizeof *cases, more, 1);
}
