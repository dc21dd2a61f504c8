/* Ops that move values: exact on the device, and their gradients. */
#include "ops/layout.h"
#include "support/op_case.h"

typedef struct layout_case {
    cairn_shape shape;
    int first, count; /* of a slice; block of depth_to_space in `first` */
} layout_case;

static void depth_to_space(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    op_case_output(c, cairn_op_depth_to_space(g, op_case_input(c, p->shape, -1, 1), p->first));
}

static void space_to_depth(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    cairn_shape flat = {p->shape.n, p->shape.h * p->first, p->shape.w * p->first, 1};
    op_case_output(c, cairn_op_space_to_depth(g, op_case_input(c, flat, -1, 1), p->first));
}

static void round_trip(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    cairn_tid x = op_case_input(c, p->shape, -1, 1);
    op_case_output(c, cairn_op_space_to_depth(g, cairn_op_depth_to_space(g, x, p->first), p->first));
}

static void reshape(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    cairn_shape s = p->shape;
    op_case_output(c, cairn_op_reshape(g, op_case_input(c, s, -1, 1), (cairn_shape){s.n, 1, s.h * s.w, s.c}));
}

static void slice_channels(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    op_case_output(c, cairn_op_slice_channels(g, op_case_input(c, p->shape, -1, 1), p->first, p->count));
}

static void slice_batch(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    op_case_output(c, cairn_op_slice_batch(g, op_case_input(c, p->shape, -1, 1), p->first, p->count));
}

static void concat_batch(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    cairn_shape second = p->shape;
    second.n = p->count;
    cairn_tid a = op_case_input(c, p->shape, -1, 1), b = op_case_input(c, second, -1, 1);
    op_case_output(c, cairn_op_concat_batch(g, a, b));
}

static const layout_case detector = {{2, 3, 5, 65}, 8, 0}, square = {{1, 1, 1, 4}, 2, 0},
                         odd_block = {{3, 2, 7, 11}, 3, 0};
static const layout_case whole = {{1, 3, 2, 64}, 8, 0}, identity = {{1, 5, 3, 1}, 1, 0};
static const layout_case flat = {{3, 5, 7, 17}, 0, 0}, flat_one = {{1, 2, 9, 1}, 0, 0};
static const layout_case aligned = {{2, 3, 3, 17}, 4, 8}, shift_one = {{1, 3, 5, 17}, 1, 5},
                         shift_two = {{1, 3, 5, 65}, 62, 3};
static const layout_case shift_three = {{1, 2, 2, 8}, 3, 1}, last = {{1, 3, 3, 65}, 64, 1}, all = {{1, 3, 3, 5}, 0, 5};
static const layout_case middle = {{5, 3, 2, 5}, 1, 3}, end = {{3, 7, 1, 17}, 2, 1}, both = {{2, 3, 5, 3}, 0, 3};

static const op_case_spec cases[] = {
    {.name = "depth_to_space of 65 channels", .build = depth_to_space, .data = &detector},
    {.name = "depth_to_space, one cell", .build = depth_to_space, .data = &square},
    {.name = "depth_to_space, block 3", .build = depth_to_space, .data = &odd_block},
    {.name = "depth_to_space, block 1", .build = depth_to_space, .data = &identity},
    {.name = "space_to_depth, block 8", .build = space_to_depth, .data = &whole},
    {.name = "space_to_depth, block 2", .build = space_to_depth, .data = &square},
    {.name = "space_to_depth, block 3", .build = space_to_depth, .data = &odd_block},
    {.name = "space_to_depth of depth_to_space", .build = round_trip, .data = &detector},
    {.name = "reshape, C=17", .build = reshape, .data = &flat},
    {.name = "reshape, C=1", .build = reshape, .data = &flat_one},
    {.name = "slice_channels at a group", .build = slice_channels, .data = &aligned},
    {.name = "slice_channels from 1", .build = slice_channels, .data = &shift_one},
    {.name = "slice_channels from 62", .build = slice_channels, .data = &shift_two},
    {.name = "slice_channels from 3", .build = slice_channels, .data = &shift_three},
    {.name = "slice_channels, the last", .build = slice_channels, .data = &last},
    {.name = "slice_channels, all", .build = slice_channels, .data = &all},
    {.name = "slice_batch, middle", .build = slice_batch, .data = &middle},
    {.name = "slice_batch, end", .build = slice_batch, .data = &end},
    {.name = "concat_batch, 2 + 3", .build = concat_batch, .data = &both},
    {.name = "concat_batch, 5 + 3", .build = concat_batch, .data = &middle},
};

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    const cairn_shape s = {2, 4, 6, 5};
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_op_depth_to_space(g, cairn_graph_input(g, "x", s), 3);
    op_case_refused(&g, "fewer channels");
    assert_ok(cairn_graph_create(&g));
    cairn_op_reshape(g, cairn_graph_input(g, "x", s), (cairn_shape){2, 4, 5, 6});
    op_case_refused(&g, "must stay");
    assert_ok(cairn_graph_create(&g));
    cairn_op_slice_channels(g, cairn_graph_input(g, "x", s), 3, 3);
    op_case_refused(&g, "channels 3 to 5 of 5");
    assert_ok(cairn_graph_create(&g));
    cairn_op_slice_batch(g, cairn_graph_input(g, "x", s), 0, 3);
    op_case_refused(&g, "batch of 2");
    assert_ok(cairn_graph_create(&g));
    cairn_op_concat_batch(g, cairn_graph_input(g, "x", s), cairn_graph_input(g, "y", (cairn_shape){2, 4, 6, 4}));
    op_case_refused(&g, "more than the batch");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_wrong_shapes)};
    return op_case_main("layout", cases, sizeof cases / sizeof *cases, more, 1);
}
