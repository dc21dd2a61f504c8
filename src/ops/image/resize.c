#include "ops/image/resize.h"

#include "ops/image/resize_lower.h"
#include "ops/image/resize_table.h"
#include "ops/norm/rows.h"
#include "ops/pointwise/pointwise.h"
#include "reference/image/resize.h"

enum { MOST_PLANES = 65535 };

cairn_status cairn_resize_lower_nearest(cairn_lowering *l, cairn_slot x, cairn_slot addend, cairn_slot y,
                                        cairn_shape s, cairn_shape d)
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

/* A map of shape s through one axis or both: `taps` of the axes (0: it stays), `tables` as in resize_table.h. */
typedef struct pass {
    cairn_slot x, y, addend; /* addend: or CAIRN_NONE */
    cairn_shape s, d;
    int32_t taps[2];
} pass;

static cairn_status call_weighted(cairn_lowering *l, const pass *p, const cairn_slot *tables)
{
    cairn_status st = CAIRN_OK;
    const int64_t columns = cairn_shape_groups(p->s), planes = (int64_t)p->d.n * p->d.h;
    /* Several columns of one lane share its weights: on a GPU neighbouring lanes find theirs at once, few columns leave
     * none to share. */
    const int steps = cairn_lower_class(l) == CAIRN_CLASS_TEXEL && columns >= 8 ? 4 : 1;
    for (int64_t first = 0; first < planes; first += MOST_PLANES) {
        int64_t count = planes - first < MOST_PLANES ? planes - first : MOST_PLANES;
        cairn_rows rows = cairn_rows_plan(p->d.w, (columns + steps - 1) / steps, count, 4);
        rows.columns = (uint32_t)columns;
        rows.column_steps = (uint32_t)steps;
        cairn_kernel_call call = {
            .kernel = "resize/weighted",
            .constants = {0, 0, (uint32_t)steps, (uint32_t)p->taps[0], (uint32_t)p->taps[1], p->addend != CAIRN_NONE},
            .constant_count = 6,
            .slots = {p->x, tables[0], tables[1], p->addend != CAIRN_NONE ? p->addend : p->x, p->y},
            .slot_count = 5,
            .written = 1 << 4,
            .push = {0, 0, 0, (uint32_t)p->s.h, (uint32_t)p->s.w, (uint32_t)p->d.h, (uint32_t)first},
            .push_count = 7};
        CAIRN_TRY(cairn_rows_call(l, &call, &rows));
    }
done:
    return st;
}

/* Estimated cycles of class texel for a vector of lanes over h by w results: loads of elements and weights, a store. */
static double cost_of(double h, double w, int32_t taps_y, int32_t taps_x)
{
    const double load = 16, store = 80;
    return h * w * ((taps_y ? taps_y : 1.0) * (taps_x ? taps_x : 1.0) * load + (taps_x ? 2 * load : 0) + store);
}

/* Both axes in one pass, or one after the other by way of a map between, whichever costs less. */
static cairn_status call_resize(cairn_lowering *l, const pass *p, const cairn_slot *tables)
{
    cairn_status st = CAIRN_OK;
    pass first = *p, second = *p;
    const double h = p->d.h, w = p->d.w;
    double costs[3] = {cost_of(h, w, p->taps[0], p->taps[1]),
                       cost_of(h, p->s.w, p->taps[0], 0) + cost_of(h, w, 0, p->taps[1]),
                       cost_of(p->s.h, w, 0, p->taps[1]) + cost_of(h, w, p->taps[0], 0)};
    int best = costs[1] < costs[0] ? 1 : 0;
    if (costs[2] < costs[best]) best = 2;
    if (best == 0) return call_weighted(l, p, tables);
    first.addend = CAIRN_NONE;
    if (best == 1)
        first.d.w = p->s.w;
    else
        first.d.h = p->s.h;
    first.taps[best == 1] = second.taps[best == 2] = 0;
    second.s = first.d;
    first.y = second.x = cairn_lower_scratch(l, cairn_shape_vectors(first.d));
    CAIRN_TRY(call_weighted(l, &first, tables));
    CAIRN_TRY(call_weighted(l, &second, tables));
done:
    return st;
}

/* Inputs of both ops: the map, the tables of the axes and, of resize only, the addend. */
enum { MAP, TABLE_Y, TABLE_X, ADDEND = CAIRN_RESIZE_ADDEND };

static cairn_status lower_weighted(cairn_lowering *l, const cairn_node *node, cairn_slot addend)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    pass p = {.x = node->inputs[MAP],
              .y = node->outputs[0],
              .addend = addend,
              .s = cairn_lower_shape(l, node->inputs[MAP]),
              .d = cairn_lower_shape(l, node->outputs[0])};
    p.taps[0] = p.s.h == p.d.h ? 0 : at->taps[0];
    p.taps[1] = p.s.w == p.d.w ? 0 : at->taps[1];
    return call_resize(l, &p, &node->inputs[TABLE_Y]);
}

static cairn_status lower_resize(cairn_lowering *l, const cairn_node *node)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_lower_shape(l, node->inputs[MAP]), d = cairn_lower_shape(l, node->outputs[0]);
    if (at->mode == CAIRN_RESIZE_NEAREST && (int64_t)d.n * d.h <= MOST_PLANES)
        return cairn_resize_lower_nearest(l, node->inputs[MAP], node->inputs[ADDEND], node->outputs[0], s, d);
    return lower_weighted(l, node, node->inputs[ADDEND]);
}

static cairn_status lower_grad(cairn_lowering *l, const cairn_node *node)
{
    return lower_weighted(l, node, CAIRN_NONE);
}

/* For both ops; the gradient's cost is that of the larger map, which it reads. */
static double operations(const cairn_node *node, const cairn_graph *g)
{
    double from = (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[MAP]));
    double to = (double)cairn_shape_count(cairn_graph_shape(g, node->outputs[0]));
    return 8.0 * (from > to ? from : to);
}

static const cairn_op grad_op = {
    .name = "resize_grad", .lower = lower_grad, .reference = cairn_ref_resize_grad, .operations = operations};

static void gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                     cairn_tid *dinputs)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[MAP]), d = cairn_graph_shape(g, node->outputs[0]);
    cairn_resize_attributes transposed = {.mode = at->mode};
    if (needs[ADDEND]) dinputs[ADDEND] = doutputs[0];
    if (!needs[MAP]) return;
    cairn_tid inputs[] = {doutputs[0], cairn_resize__table(g, at->mode, s.h, d.h, true, &transposed.taps[0]),
                          cairn_resize__table(g, at->mode, s.w, d.w, true, &transposed.taps[1])};
    cairn_graph_append(g, &grad_op, inputs, 3, 3, &s, 1, &dinputs[MAP], &transposed, sizeof transposed);
}

static const cairn_op resize_op = {.name = "resize",
                                   .gradient = gradient,
                                   .lower = lower_resize,
                                   .reference = cairn_ref_resize,
                                   .operations = operations,
                                   .again = cairn_node_again};

int cairn_resize_nearest_factor(const cairn_node *node, const cairn_graph *g)
{
    const cairn_resize_attributes *at = cairn_node_attributes(node);
    if (node->op != &resize_op || at->mode != CAIRN_RESIZE_NEAREST || node->inputs[ADDEND] != CAIRN_NONE) return 0;
    cairn_shape s = cairn_graph_shape(g, node->inputs[MAP]), d = cairn_graph_shape(g, node->outputs[0]);
    int factor = d.h / s.h;
    return d.h == factor * s.h && d.w == factor * s.w && (int64_t)d.n * d.h <= MOST_PLANES ? factor : 0;
}

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
    if (x == CAIRN_NONE) return CAIRN_NONE;
    cairn_tid inputs[] = {x, cairn_resize__table(g, mode, s.h, h, false, &at.taps[0]),
                          cairn_resize__table(g, mode, s.w, w, false, &at.taps[1]), addend};
    return cairn_graph_append(g, &resize_op, inputs, 4, 3, &y, 1, &out, &at, sizeof at);
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
