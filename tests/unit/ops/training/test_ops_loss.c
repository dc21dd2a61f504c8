/* Softmax, cross-entropies and unit length against their references, on the device and by central differences. */
#include "ops/loss/loss.h"
#include "support/device/op_case.h"

typedef struct loss_case {
    cairn_shape shape;
    float value; /* temperature or eps */
    float range;
} loss_case;

static void softmax(op_case *c, cairn_graph *g)
{
    const loss_case *p = op_case_data(c);
    op_case_output(c, cairn_op_softmax(g, op_case_input(c, p->shape, -p->range, p->range)));
}

static void cross_entropy(op_case *c, cairn_graph *g)
{
    const loss_case *p = op_case_data(c);
    cairn_tid logits = op_case_input(c, p->shape, -p->range, p->range);
    /* -1 and C are no classes */
    cairn_tid labels = op_case_input_integers(c, (cairn_shape){p->shape.n, p->shape.h, p->shape.w, 1}, -1, p->shape.c);
    op_case_output(c, cairn_op_softmax_cross_entropy(g, logits, labels));
}

static void soft_cross_entropy(op_case *c, cairn_graph *g)
{
    const loss_case *p = op_case_data(c);
    cairn_tid logits = op_case_input(c, p->shape, -p->range, p->range), target = op_case_input(c, p->shape, 0, 1);
    op_case_freeze(c, target);
    op_case_output(c, cairn_op_soft_cross_entropy(g, logits, target, p->value));
}

static void normalize(op_case *c, cairn_graph *g)
{
    const loss_case *p = op_case_data(c);
    op_case_output(c, cairn_op_l2_normalize(g, op_case_input(c, p->shape, -p->range, p->range), p->value));
}

static const loss_case one = {{1, 1, 1, 1}, 1, 3}, three = {{2, 3, 5, 3}, 2, 3}, five = {{3, 1, 7, 5}, 4, 10};
static const loss_case detector = {{3, 5, 7, 65}, 1, 4}, large = {{1, 2, 3, 17}, 1, 60},
                       eight = {{1, 9, 9, 8}, 0.5f, 2};
static const loss_case unit_one = {{1, 3, 3, 1}, 1e-3f, 1}, unit_five = {{2, 3, 5, 5}, 1e-12f, 1};
static const loss_case unit_many = {{1, 9, 7, 256}, 1e-12f, 2}, unit_eps = {{1, 4, 4, 17}, 0.5f, 1};

static const op_case_spec cases[] = {
    {.name = "softmax of one channel", .build = softmax, .data = &one},
    {.name = "softmax, C=3", .build = softmax, .data = &three},
    {.name = "softmax, C=5", .build = softmax, .data = &five},
    {.name = "softmax, C=65", .build = softmax, .data = &detector},
    {.name = "softmax of large logits", .build = softmax, .data = &large},
    {.name = "cross-entropy of one channel", .build = cross_entropy, .data = &one},
    {.name = "cross-entropy, C=3", .build = cross_entropy, .data = &three},
    {.name = "cross-entropy, C=8", .build = cross_entropy, .data = &eight},
    {.name = "cross-entropy, C=65", .build = cross_entropy, .data = &detector},
    {.name = "cross-entropy of large logits", .build = cross_entropy, .data = &large},
    {.name = "soft cross-entropy of one channel", .build = soft_cross_entropy, .data = &one},
    {.name = "soft cross-entropy, C=3", .build = soft_cross_entropy, .data = &three},
    {.name = "soft cross-entropy, C=5", .build = soft_cross_entropy, .data = &five},
    {.name = "soft cross-entropy, C=8", .build = soft_cross_entropy, .data = &eight},
    {.name = "soft cross-entropy, C=65", .build = soft_cross_entropy, .data = &detector},
    {.name = "l2_normalize, C=1", .build = normalize, .data = &unit_one},
    {.name = "l2_normalize, C=5", .build = normalize, .data = &unit_five},
    {.name = "l2_normalize, C=17, large eps", .build = normalize, .data = &unit_eps},
    {.name = "l2_normalize, C=256", .build = normalize, .data = &unit_many},
};

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 2, 2, 65});
    cairn_op_softmax_cross_entropy(g, x, cairn_graph_input(g, "labels", (cairn_shape){1, 2, 3, 1}));
    op_case_refused(&g, "labels [1,2,2,1]");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_input(g, "x", (cairn_shape){1, 2, 2, 65});
    cairn_op_soft_cross_entropy(g, x, cairn_graph_input(g, "target", (cairn_shape){1, 2, 2, 64}), 1);
    op_case_refused(&g, "differ");
    assert_ok(cairn_graph_create(&g));
    x = cairn_graph_input(g, "x", (cairn_shape){1, 2, 2, 65});
    cairn_op_soft_cross_entropy(g, x, x, 0);
    op_case_refused(&g, "temperature");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_wrong_shapes)};
    return op_case_main("loss", cases, sizeof cases / sizeof *cases, more, 1);
}
