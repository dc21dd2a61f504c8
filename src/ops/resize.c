#include "ops/resize.h"

#include "ops/rows.h"
#include "reference/resize.h"

/* One axis of length `from` to length `to`: forward from input to output, or the transpose from output to input. */
static cairn_status call_axis(cairn_lowering *l, cairn_resize mode, bool transposed, cairn_slot x, cairn_slot y,
                              int64_t planes, int64_t columns, int32_t from, int32_t to)
{
    /* Several columns of one lane share its weights: on a GPU neighbouring lanes find theirs at once, few columns leave
     * none to share, and long rows would leave the first cache between one output row and the next. */
    bool share = cairn_lower_class(l) == CAIRN_CLASS_TEXEL && columns >= 8 && columns <= 256;
    int column_steps = share ? 4 : 1;
    cairn_rows rows = cairn_rows_plan(to, (columns + column_steps - 1) / column_steps, planes, 4);
    rows.columns = (uint32_t)columns;
    rows.column_steps = (uint32_t)column_steps;
    cairn_kernel_call call = {.kernel = transposed ? "resize/resize_grad" : "resize/resize",
                              .constants = {0, 0, (uint32_t)mode, (uint32_t)column_steps},
                              .constant_count = 4,
                              .slots = {x, y},
                              .slot_count = 2,
                              .written = 2,
                              .push = {0, 0, 0, (uint32_t)from},
                              .push_count = transposed ? 5 : 4};
    if (transposed) { /* from: the output's length; what the shader's range of positions can hold, and its margins */
        int width = mode == CAIRN_RESIZE_BICUBIC ? 4 : 2;
        call.push[4] = (uint32_t)((width * (int64_t)from + to - 1) / to) + 2;
    }
    return cairn_rows_call(l, &call, &rows);
}

/* Both axes, the one first that leaves the smaller map between; if that is the same, the lines where the map is small,
 * because their elements lie far apart. */
static cairn_status call_resize(cairn_lowering *l, cairn_resize mode, bool transposed, cairn_slot x, cairn_slot y,
                                cairn_shape s, cairn_shape d)
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
        if (lines)
            CAIRN_TRY(call_axis(l, mode, transposed, x, target, s.n, s.w * groups, s.h, t.h));
        else
            CAIRN_TRY(call_axis(l, mode, transposed, x, target, (int64_t)s.n * s.h, groups, s.w, t.w));
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
    return call_resize(l, at->mode, false, node->inputs[0], node->outputs[0], cairn_lower_shape(l, node->inputs[0]),
                       cairn_lower_shape(l, node->outputs[0]));
}

static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    return call_resize(l, at->mode, true, node->inputs[0], node->outputs[0], cairn_lower_shape(l, node->inputs[0]),
                       cairn_lower_shape(l, node->outputs[0]));
}

static const cairn_op grad_op = {.name = "resize_grad", .lower = lower_grad, .reference = cairn_ref_resize_grad};

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    (void)needs;
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
                                   .operations = operations};

cairn_tid cairn_op_resize(cairn_graph *g, cairn_tid x, int h, int w, cairn_resize mode)
{
    enum { LARGEST = 16384 }; /* positions are fractions of 32-bit integers */
    cairn_shape s = cairn_graph_shape(g, x), y = {s.n, h, w, s.c};
    cairn_resize_attributes at = {.mode = mode};
    cairn_tid out = CAIRN_NONE;
    if (h < 1 || w < 1 || h > LARGEST || w > LARGEST || s.h > LARGEST || s.w > LARGEST)
        return cairn_graph_mistake(g, "resize", "%dx%d to %dx%d: sizes must be 1 to %d", s.h, s.w, h, w, LARGEST);
    if ((int)mode < 0 || mode >= CAIRN_RESIZE_COUNT) return cairn_graph_mistake(g, "resize", "no mode %d", (int)mode);
    if (cairn_shape_equal(s, y)) return x;
    return cairn_graph_append(g, &resize_op, &x, 1, 1, &y, 1, &out, &at, sizeof at);
}
