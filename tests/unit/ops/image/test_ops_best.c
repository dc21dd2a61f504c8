/* The largest of rows and columns, with counts, ties, and columns taken in parts. */
#include "ops/sampling/best.h"
#include "support/device/op_case.h"

#include <math.h>

typedef struct sizes {
    cairn_shape x;
    int count;     /* of the first batch element; the others have one less each */
    bool integers; /* few values: many ties */
} sizes;

static cairn_tid make(op_case *c, const sizes *s)
{
    cairn_tid x = s->integers ? op_case_input_integers(c, s->x, -3, 3) : op_case_input(c, s->x, -1, 1);
    op_case_half_limit(c, 0);
    op_case_freeze(c, x);
    return x;
}

static cairn_tid counts(op_case *c, const sizes *s)
{
    float values[8] = {0};
    for (int i = 0; i < s->x.n; i++) values[i] = (float)(s->count > i ? s->count - i : 0);
    return op_case_input_values(c, (cairn_shape){s->x.n, 1, 1, 1}, values, false);
}

static void channels(op_case *c, cairn_graph *g)
{
    const sizes *s = op_case_data(c);
    cairn_tid x = make(c, s);
    op_case_output(c, cairn_op_best_channels(g, x, counts(c, s)));
}

static void rows(op_case *c, cairn_graph *g)
{
    const sizes *s = op_case_data(c);
    cairn_tid x = make(c, s);
    op_case_output(c, cairn_op_best_rows(g, x, counts(c, s), 0, CAIRN_NONE));
}

/* Two blocks of rows, one behind the other. */
static void blocks(op_case *c, cairn_graph *g)
{
    const sizes *s = op_case_data(c);
    cairn_tid first = make(c, s), second = make(c, s), count = counts(c, s);
    cairn_tid before = cairn_op_best_rows(g, first, count, 0, CAIRN_NONE);
    op_case_output(c, cairn_op_best_rows(g, second, count, s->x.w, before));
}

static const sizes one = {{1, 1, 1, 1}, 1, false}, odd = {{2, 1, 7, 13}, 12, false}, tied = {{3, 1, 9, 130}, 129, true};
static const sizes wide = {{1, 1, 5, 1030}, 1001, true}, tall = {{2, 1, 300, 6}, 299, true},
                   few = {{2, 1, 9, 9}, 1, false};
static const sizes both = {{2, 1, 70, 9}, 100, true};

#define CASE(name, build, data)                                                                                        \
    {                                                                                                                  \
        name, build, &data, .no_gradient = true, .nmse = 1e-30, .tolerance = 1e-12                                     \
    }
static const op_case_spec cases[] = {
    CASE("channels of one", channels, one),
    CASE("channels odd", channels, odd),
    CASE("channels tied", channels, tied),
    CASE("channels wide", channels, wide),
    CASE("channels tall", channels, tall),
    CASE("channels few", channels, few),
    CASE("rows of one", rows, one),
    CASE("rows odd", rows, odd),
    CASE("rows tied", rows, tied),
    CASE("rows wide", rows, wide),
    CASE("rows tall", rows, tall),
    CASE("rows few", rows, few),
    CASE("rows in two blocks", blocks, both),
};

static void test_refusals(void **state)
{
    (void)state;
    cairn_graph *g;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){2, 1, 3, 4});
    cairn_op_best_channels(g, x, cairn_graph_input(g, "count", CAIRN_SCALAR));
    op_case_refused(&g, "expected [B,1,R,C]");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 3, 4});
    cairn_op_best_rows(g, x, cairn_graph_input(g, "count", CAIRN_SCALAR), 0, x);
    op_case_refused(&g, "[1,1,4,3] or none");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(test_refusals)};
    return op_case_main("best", cases, sizeof cases / sizeof *cases, more, 1);
}
