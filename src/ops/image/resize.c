#include "ops/image/resize.h"

#include "ops/pointwise/pointwise.h"
#include "ops/norm/rows.h"
#include "reference/image/resize.h"

/* Both axes at once; addend may be CAIRN_NONE. */
static cairn_status call_nearest(cairn_lowering *l, cairn_slot x, cairn_slot addend, cairn_slot y, cairn_shape s,
                                 cairn_shape d)
{
    cairn_rows rows = cairn_rows_plan_runs(l, d.w, cairn_shape_groups(d), (int64_t)d.n * d.h);
    cairn_kernel_call call = {.kernel = "resize/nearest",
                              .constants = {0, 0, addend != CAIRN_NONE, rows.column_steps},
                              .constant_count = 4,
                              .slots = {x, addend != CAIRN_NONE ? addend : x, y},
                              .slot_count = 3,
                              .written = 4,
                              .push = {0, 0, 0, (uint32_t)s.h, (uint32_t)s.w, (uint32_t)d.h},
                              .push_count = 6};
    return cairn_rows_call(l, &call, &rows);
}

/* One axis of length `from` to length `to`: forward from input to output, or the transpose from output to input. */
static cairn_status call_axis(cairn_lowering *l, cairn_resize mode, bool transposed, cairn_slot x, cairn_slot addend,
                              cairn_slot y, int64_t planes, int64_t columns, int32_t from, int32_t to)
{
    /* Several columns of one lane share its weights: on a GPU neighbouring lanes find theirs at once, few columns leave
     * none to share, and long rows would leave the first cache between one output row and the next. */
    bool share = cairn_lower_class(l) == CAIRN_CLASS_TEXEL && columns >= 8 && columns <= 256;
    int column_steps = share ? 4 : 1;
    cairn_rows rows = cairn_rows_plan(to, (columns + column_steps - 1) / column_steps, planes, 4);
    rows.columns = (uint32_t)columns;
    rows.column_steps = (uint32_t)column_steps;
    cairn_kernel_call call = {.kernel = transposed ? "resize/resize_grad" : "resize/resize",
                              .constants = {0, 0, (uint32_t)mode, (uint32_t)column_steps, addend != CAIRN_NONE},
                              .constant_count = transposed ? 4 : 5,
                              .slots = {x, y, addend != CAIRN_NONE ? addend : x},
                              .slot_count = transposed ? 2 : 3,
                              .written = 2,
                              .push = {0, 0, 0, (uint32_t)from},
                              .push_count = transposed ? 5 : 4};
    if (transposed) { /* from: the output's length; what the shader's range of positions can hold, and its margins */
        int width = mode == CAIRN_RESIZE_BICUBIC ? 4 : 2;
        call.push[4] = (uint32_t)((width * (int64_t)from + to - 1) / to) + 2;
    }
    return cairn_rows_call(l, &call, &rows);
}

/* Both axes, the addend (or CAIRN_NONE) in the last pass; the one first that leaves the smaller map between; if that is
 * the same, the lines where the map is small, because their elements lie far apart. */
static cairn_status call_resize(cairn_lowering *l, cairn_resize mode, bool transposed, cairn_slot x, cairn_slot addend,
                                cairn_slot y, cairn_shape s, cairn_shape d)
{
    cairn_status st = CAIRN_OK;
    int64_t groups = cairn_shape_groups(s);
    int64_t between[2] = {(int64_t)d.h * s.w, (int64_t)s.h * d.w}; /* with lines first, with lines last */
    bool lines_first = s.w == d.w || (s.h != d.h && between[0] < between[1] + !transposed);
    for (int pass = 0; pass < 2; pass++) {
        bool lines = lines_first == (pass == 0), last = pass == 1 || s.w == d.w || s.h == d.h;
        cairn_shape t = s;
        if (lines)
            t.h = d.h;
        else
            t.w = d.w;
        cairn_slot target = last ? y : cairn_lower_scratch(l, cairn_shape_vectors(t));
        cairn_slot added = last ? addend : CAIRN_NONE;
        if (lines)
            CAIRN_TRY(call_axis(l, mode, transposed, x, added, target, s.n, s.w * groups, s.h, t.h));
        else
            CAIRN_TRY(call_axis(l, mode, transposed, x, added, target, (int64_t)s.n * s.h, groups, s.w, t.w));
        if (last) break;
        s = t;
        x = target;
    }
done:
    return st;
}

static cairn_status lower_resize(cairn_lowering *l, const cairn_node *node)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]), d = cairn_lower_shape(l, node->outputs[0]);
    if (at->mode == CAIRN_RESIZE_NEAREST && (int64_t)d.n * d.h <= 65535)
        return call_nearest(l, node->inputs[0], node->inputs[1], node->outputs[0], s, d);
    return call_resize(l, at->mode, false, node->inputs[0], node->inputs[1], node->outputs[0], s, d);
}

static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    return call_resize(l, at->mode, true, node->inputs[0], CAIRN_NONE, node->outputs[0],
                       cairn_lower_shape(l, node->inputs[0]), cairn_lower_shape(l, node->outputs[0]));
}

static const cairn_op grad_op = {.name = "resize_grad", .lower = lower_grad, .reference = cairn_ref_resize_grad};

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    if (needs[1]) dinputs[1] = doutputs[0];
    if (needs[0])
        cairn_graph_append(g, &grad_op, doutputs, 1, 1, &s, 1, &dinputs[0], node->attributes,
                           sizeof(cairn_resize_attributes));
}

static double operations(const cairn_node *node, const cairn_graph *g)
{
    return 8.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->outputs[0]));
}

static const cairn_op resize_op = {.name = "resize",
                                   .gradient = gradient,
                                   .lower = lower_resize,
                                   .reference = cairn_ref_resize,
                                   .operations = operations,
                                   .again = cairn_node_again};

static cairn_tid append_resize(cairn_graph *g, cairn_tid x, cairn_tid addend, int h, int w, cairn_resize mode)
{
    enum { LARGEST = 16384 }; /* positions are fractions of 32-bit integers */
    cairn_shape s = cairn_graph_shape(g, x), y = {s.n, h, w, s.c};
    cairn_resize_attributes at = {.mode = mode};
    cairn_tid out = CAIRN_NONE;
    if (h < 1 || w < 1 || h > LARGEST || w > LARGEST || s.h > LARGEST || s.w > LARGEST)
        return cairn_graph_mistake(g, "resize", "%dx%d to %dx%d: sizes must be 1 to %d", s.h, s.w, h, w, LARGEST);
    if ((int)mode < 0 || mode >= CAIRN_RESIZE_COUNT) return cairn_graph_mistake(g, "resize", "no mode %d", (int)mode);
    if (cairn_shape_equal(s, y)) return addend == CAIRN_NONE ? x : cairn_op_add(g, addend, x);
    cairn_tid inputs[2] = {x, addend};
    return cairn_graph_append(g, &resize_op, inputs, 2, 1, &y, 1, &out, &at, sizeof at);
}

cairn_tid cairn_op_resize(cairn_graph *g, cairn_tid x, int h, int w, cairn_resize mode)
{
    return append_resize(g, x, CAIRN_NONE, h, w, mode);
}

cairn_tid cairn_op_resize_add(cairn_graph *g, cairn_tid x, cairn_tid addend, cairn_resize mode)
{
    cairn_shape s = cairn_graph_shape(g, x), a = cairn_graph_shape(g, addend);
    if (x == CAIRN_NONE || addend == CAIRN_NONE) return CAIRN_NONE;
    if (s.n != a.n || s.c != a.c)
        return cairn_graph_mistake(g, "resize_add", "[%d,%d,%d,%d] resized does not add to [%d,%d,%d,%d]", s.n, s.h,
                                   s.w, s.c, a.n, a.h, a.w, a.c);
    return append_resize(g, x, addend, a.h, a.w, mode);
}
