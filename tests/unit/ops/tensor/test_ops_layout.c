/* Ops that move values: exact on the device, and their gradients. */
#include "ops/layout/layout.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "support/device/op_case.h"

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

/* Times a second input, whose gradient is what is detached. */
static void detach(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    cairn_tid x = op_case_input(c, p->shape, -1, 1), y = op_case_input(c, p->shape, -1, 1);
    op_case_freeze(c, x);
    op_case_output(c, cairn_op_detach(g, x));
    op_case_output(c, cairn_op_mul(g, cairn_op_detach(g, x), y));
}

/* `first` is the axis of each of the following, `count` the first element of a slice or the size of the second part. */
static void slice_axis(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    const int32_t sizes[] = {p->shape.n, p->shape.h, p->shape.w, p->shape.c};
    int axis = 0;
    while (1 << axis != p->first) axis++;
    int left = sizes[axis] - p->count;
    if (left > 2) left--;
    op_case_output(c, cairn_op_slice(g, op_case_input(c, p->shape, -1, 1), p->first, p->count, left));
}

static void concat_axis(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    cairn_shape s = p->shape;
    *(p->first == CAIRN_AXIS_N ? &s.n : p->first == CAIRN_AXIS_H ? &s.h : p->first == CAIRN_AXIS_W ? &s.w : &s.c) =
        p->count;
    cairn_tid a = op_case_input(c, p->shape, -1, 1), b = op_case_input(c, s, -1, 1);
    op_case_output(c, cairn_op_concat(g, a, b, p->first));
}

static void transpose(op_case *c, cairn_graph *g)
{
    const layout_case *p = op_case_data(c);
    op_case_output(c, cairn_op_transpose(g, op_case_input(c, p->shape, -1, 1)));
}

static const layout_case axis_n = {{3, 2, 3, 5}, CAIRN_AXIS_N, 1}, axis_h = {{2, 7, 3, 5}, CAIRN_AXIS_H, 2},
                         axis_w = {{3, 2, 9, 17}, CAIRN_AXIS_W, 4}, axis_c = {{2, 3, 1, 17}, CAIRN_AXIS_C, 3},
                         even_c = {{2, 3, 5, 8}, CAIRN_AXIS_C, 4}, one_c = {{1, 1, 1, 1}, CAIRN_AXIS_C, 1},
                         tiny_h = {{1, 2, 1, 1}, CAIRN_AXIS_H, 1}, large_w = {{2, 3, 400, 65}, CAIRN_AXIS_W, 177},
                         three_c = {{1, 2, 3, 3}, CAIRN_AXIS_C, 2}, seven_c = {{1, 2, 3, 7}, CAIRN_AXIS_C, 6};
static const layout_case one_matrix = {{1, 1, 1, 1}, 0, 0}, odd_matrix = {{3, 1, 7, 17}, 0, 0},
                         planes = {{2, 3, 5, 8}, 0, 0}, large_matrix = {{2, 1, 333, 130}, 0, 0};
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
    {.name = "slice the batch", .build = slice_axis, .data = &axis_n},
    {.name = "slice rows", .build = slice_axis, .data = &axis_h},
    {.name = "slice one row", .build = slice_axis, .data = &tiny_h},
    {.name = "slice columns", .build = slice_axis, .data = &axis_w},
    {.name = "slice many columns", .build = slice_axis, .data = &large_w},
    {.name = "slice channels by axis", .build = slice_axis, .data = &axis_c},
    {.name = "concat the batch", .build = concat_axis, .data = &axis_n},
    {.name = "concat rows", .build = concat_axis, .data = &axis_h},
    {.name = "concat columns", .build = concat_axis, .data = &axis_w},
    {.name = "concat many columns", .build = concat_axis, .data = &large_w},
    {.name = "concat channels", .build = concat_axis, .data = &axis_c},
    {.name = "concat whole channel groups", .build = concat_axis, .data = &even_c},
    {.name = "concat two channels", .build = concat_axis, .data = &one_c},
    {.name = "concat 3 and 2 channels", .build = concat_axis, .data = &three_c},
    {.name = "concat 7 and 6 channels", .build = concat_axis, .data = &seven_c},
    {.name = "transpose one element", .build = transpose, .data = &one_matrix},
    {.name = "transpose", .build = transpose, .data = &odd_matrix},
    {.name = "transpose planes", .build = transpose, .data = &planes},
    {.name = "detach", .build = detach, .data = &(const layout_case){{2, 3, 5, 7}, 0, 0}},
    {.name = "transpose a large matrix", .build = transpose, .data = &large_matrix},
};

static void detach_ends_gradients(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 2, 3}), d;
    assert_ok(cairn_graph_differentiate(g, cairn_op_square(g, cairn_op_detach(g, x)), &x, 1, &d));
    assert_int_equal(d, CAIRN_NONE);
    assert_ok(cairn_graph_differentiate(g, cairn_op_mul(g, x, cairn_op_detach(g, x)), &x, 1, &d));
    assert_int_not_equal(d, CAIRN_NONE);
    cairn_graph_destroy(&g);
}

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
    assert_ok(cairn_graph_create(&g));
    cairn_op_concat(g, cairn_graph_input(g, "x", s), cairn_graph_input(g, "y", (cairn_shape){2, 3, 6, 4}),
                    CAIRN_AXIS_H);
    op_case_refused(&g, "differ beside axis 1");
    assert_ok(cairn_graph_create(&g));
    cairn_op_slice(g, cairn_graph_input(g, "x", s), CAIRN_AXIS_W, 4, 3);
    op_case_refused(&g, "columns 4 to 6 of 6");
    assert_ok(cairn_graph_create(&g));
    cairn_op_slice(g, cairn_graph_input(g, "x", s), CAIRN_AXIS_W | CAIRN_AXIS_H, 0, 1);
    op_case_refused(&g, "no single axis");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_wrong_shapes), cmocka_unit_test(detach_ends_gradients)};
    return op_case_main("layout", cases, sizeof cases / sizeof *cases, more, 2);
}
