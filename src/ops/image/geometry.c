#include "ops/image/geometry.h"

#include "graph/lower.h"
#include "reference/image/geometry.h"

static bool are_matrices(cairn_shape s)
{
    return s.h == 1 && s.w == 1 && s.c == 9;
}

/* ---- warp ---- */
static cairn_status warp_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape in = cairn_lower_shape(l, node->inputs[0]), m = cairn_lower_shape(l, node->inputs[1]);
    cairn_shape out = cairn_lower_shape(l, node->outputs[0]);
    cairn_kernel_call call = {
        .kernel = "geometry/warp",
        .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {(uint32_t)in.h, (uint32_t)in.w, (uint32_t)out.h, (uint32_t)out.w, (uint32_t)cairn_shape_groups(in),
                 in.n == 1, m.n == 1},
        .push_count = 7,
        .threads = {(uint32_t)out.w, (uint32_t)out.h, (uint32_t)out.n},
    };
    return cairn_lower_call(l, &call);
}

static double warp_operations(const cairn_node *node, const cairn_graph *g)
{
    return 7.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->outputs[0]));
}

/* Inputs dy and the matrices. */
static cairn_status warp_grad_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_shape dy = cairn_lower_shape(l, node->inputs[0]), m = cairn_lower_shape(l, node->inputs[1]);
    cairn_shape dx = cairn_lower_shape(l, node->outputs[0]);
    const int groups = cairn_shape_groups(dx);
    cairn_kernel_call call = {
        .kernel = "geometry/warp_grad",
        .slots = {node->inputs[0], node->inputs[1], node->outputs[0]},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {(uint32_t)dx.h, (uint32_t)dx.w, (uint32_t)dy.h, (uint32_t)dy.w, (uint32_t)groups, (uint32_t)dy.n,
                 dx.n == 1, m.n == 1},
        .push_count = 8,
        .threads = {(uint32_t)dx.w, (uint32_t)dx.h, (uint32_t)(dx.n * groups)},
    };
    return cairn_lower_call(l, &call);
}

static double warp_grad_operations(const cairn_node *node, const cairn_graph *g)
{
    return 60.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op warp_grad_op = {.name = "warp_grad",
                                      .lower = warp_grad_lower,
                                      .reference = cairn_reference_warp_grad,
                                      .operations = warp_grad_operations};

static void warp_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                          cairn_tid *dinputs)
{
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]);
    cairn_tid inputs[2] = {doutputs[0], node->inputs[1]};
    if (needs[0]) cairn_graph_append(g, &warp_grad_op, inputs, 2, 2, &x, 1, &dinputs[0], NULL, 0);
}

static const cairn_op warp_op = {.name = "warp",
                                 .gradient = warp_gradient,
                                 .lower = warp_lower,
                                 .reference = cairn_reference_warp,
                                 .operations = warp_operations};

cairn_tid cairn_op_warp(cairn_graph *g, cairn_tid x, cairn_tid matrices, int h, int w)
{
    cairn_shape s = cairn_graph_shape(g, x), m = cairn_graph_shape(g, matrices);
    cairn_tid inputs[2] = {x, matrices};
    if (x != CAIRN_NONE && matrices != CAIRN_NONE && (!are_matrices(m) || (s.n != m.n && s.n != 1 && m.n != 1)))
        return cairn_graph_mistake(g, warp_op.name, "images [%d,%d,%d,%d] and matrices [%d,%d,%d,%d] do not fit", s.n,
                                   s.h, s.w, s.c, m.n, m.h, m.w, m.c);
    cairn_shape out = {s.n > m.n ? s.n : m.n, h, w, s.c};
    return cairn_graph_append(g, &warp_op, inputs, 2, 2, &out, 1, NULL, NULL, 0);
}

/* ---- warp_valid ---- */
static cairn_status warp_valid_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    cairn_shape out = cairn_lower_shape(l, node->outputs[0]);
    cairn_kernel_call call = {
        .kernel = "geometry/warp_valid",
        .slots = {node->inputs[0], node->outputs[0]},
        .slot_count = 2,
        .written = 1u << 1,
        .push = {(uint32_t)a->in_h, (uint32_t)a->in_w, (uint32_t)out.h, (uint32_t)out.w},
        .push_count = 4,
        .threads = {(uint32_t)out.w, (uint32_t)out.h, (uint32_t)out.n},
    };
    return cairn_lower_call(l, &call);
}

static const cairn_op warp_valid_op = {
    .name = "warp_valid", .lower = warp_valid_lower, .reference = cairn_reference_warp_valid};

cairn_tid cairn_op_warp_valid(cairn_graph *g, cairn_tid matrices, int in_h, int in_w, int out_h, int out_w)
{
    cairn_shape m = cairn_graph_shape(g, matrices), out = {m.n, out_h, out_w, 1};
    if (matrices != CAIRN_NONE && (!are_matrices(m) || in_h < 1 || in_w < 1))
        return cairn_graph_mistake(g, warp_valid_op.name, "matrices [%d,%d,%d,%d] for an image of %dx%d pixels", m.n,
                                   m.h, m.w, m.c, in_w, in_h);
    cairn_geometry_attributes a = {.in_h = in_h, .in_w = in_w};
    return cairn_graph_append(g, &warp_valid_op, &matrices, 1, 1, &out, 1, NULL, &a, sizeof a);
}

/* ---- erode ---- */
static cairn_status erode_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_lower_shape(l, node->inputs[0]);
    /* (r - 1/2)^2 = r^2 - r + 1/4 and squares of offsets are integers */
    int32_t reach = a->radius > 0 ? a->radius - 1 : 0, square = a->radius > 0 ? a->radius * a->radius - a->radius : 0;
    cairn_kernel_call call = {
        .kernel = "geometry/erode",
        .slots = {node->inputs[0], node->outputs[0]},
        .slot_count = 2,
        .written = 1u << 1,
        .push = {(uint32_t)s.h, (uint32_t)s.w, (uint32_t)reach, (uint32_t)square},
        .push_count = 4,
        .threads = {(uint32_t)s.w, (uint32_t)s.h, (uint32_t)s.n},
    };
    return cairn_lower_call(l, &call);
}

static double erode_operations(const cairn_node *node, const cairn_graph *g)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    return 3.2 * a->radius * a->radius * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op erode_op = {
    .name = "erode", .lower = erode_lower, .reference = cairn_reference_erode, .operations = erode_operations};

cairn_tid cairn_op_erode(cairn_graph *g, cairn_tid mask, int radius)
{
    cairn_shape s = cairn_graph_shape(g, mask);
    if (mask != CAIRN_NONE && (s.c != 1 || radius < 0 || radius > 32))
        return cairn_graph_mistake(g, erode_op.name, "mask [%d,%d,%d,%d] and radius %d, expected one channel and 0..32",
                                   s.n, s.h, s.w, s.c, radius);
    cairn_geometry_attributes a = {.radius = radius};
    return cairn_graph_append(g, &erode_op, &mask, 1, 1, &s, 1, NULL, &a, sizeof a);
}

/* ---- suppress ---- */
typedef struct suppression {
    cairn_lowering *l;
    cairn_shape s;
    int32_t radius;
    float threshold;
    cairn_slot rows; /* scratch: the maxima along rows */
} suppression;

/* rows[...] = window maximum along rows of a component of x. */
static cairn_status row_pass(const suppression *p, cairn_slot x, uint32_t component)
{
    cairn_kernel_call call = {
        .kernel = "geometry/suppress_row",
        .constants = {component},
        .constant_count = 1,
        .slots = {x, p->rows},
        .slot_count = 2,
        .written = 1u << 1,
        .push = {(uint32_t)p->s.h, (uint32_t)p->s.w, (uint32_t)p->radius},
        .push_count = 3,
        .threads = {(uint32_t)p->s.w, (uint32_t)p->s.h, (uint32_t)p->s.n},
    };
    return cairn_lower_call(p->l, &call);
}

static cairn_status column_pass(const suppression *p, cairn_slot state, cairn_slot y, uint32_t step)
{
    cairn_kernel_call call = {
        .kernel = "geometry/suppress_column",
        .constants = {step},
        .constant_count = 1,
        .slots = {p->rows, state, y},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {(uint32_t)p->s.h, (uint32_t)p->s.w, (uint32_t)p->radius, cairn_float_bits(p->threshold)},
        .push_count = 4,
        .threads = {(uint32_t)p->s.w, (uint32_t)p->s.h, (uint32_t)p->s.n},
    };
    return cairn_lower_call(p->l, &call);
}

static cairn_status suppress_lower(cairn_lowering *l, const cairn_node *node)
{
    enum { SCORE = 0, KEPT = 1, REST = 3 }; /* components of the state: shaders/geometry/suppress_column.comp */
    cairn_status st = CAIRN_OK;
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    suppression p = {.l = l, .s = cairn_lower_shape(l, node->inputs[0]), .radius = a->radius, .threshold = a->limit};
    int64_t vectors = cairn_shape_vectors(p.s);
    p.rows = cairn_lower_scratch(l, vectors);
    cairn_slot even = cairn_lower_scratch(l, vectors), odd = cairn_lower_scratch(l, vectors);
    CAIRN_TRY(row_pass(&p, node->inputs[0], SCORE));
    CAIRN_TRY(column_pass(&p, node->inputs[0], even, 0));
    for (int pass = 0; pass < 2; pass++) {
        CAIRN_TRY(row_pass(&p, even, KEPT));
        CAIRN_TRY(column_pass(&p, even, odd, 1));
        CAIRN_TRY(row_pass(&p, odd, REST));
        CAIRN_TRY(pass == 0 ? column_pass(&p, odd, even, 2) : column_pass(&p, odd, node->outputs[0], 3));
    }
done:
    return st;
}

static double suppress_operations(const cairn_node *node, const cairn_graph *g)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    return 10.0 * (2 * a->radius + 1) * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op suppress_op = {.name = "suppress",
                                     .lower = suppress_lower,
                                     .reference = cairn_reference_suppress,
                                     .operations = suppress_operations};

cairn_tid cairn_op_suppress(cairn_graph *g, cairn_tid heatmap, int radius, float threshold)
{
    cairn_shape s = cairn_graph_shape(g, heatmap);
    if (heatmap != CAIRN_NONE && (s.c != 1 || radius < 1 || radius > 64))
        return cairn_graph_mistake(g, suppress_op.name,
                                   "heatmap [%d,%d,%d,%d] and radius %d, expected one channel and 1..64", s.n, s.h, s.w,
                                   s.c, radius);
    cairn_geometry_attributes a = {.radius = radius, .limit = threshold};
    return cairn_graph_append(g, &suppress_op, &heatmap, 1, 1, &s, 1, NULL, &a, sizeof a);
}

/* ---- correspondence ---- */
static cairn_status correspondence_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_lower_shape(l, node->outputs[0]);
    uint32_t groups = (uint32_t)cairn_shape_groups(s);
    cairn_kernel_call call = {
        .kernel = "geometry/correspondence",
        .slots = {node->inputs[0], node->outputs[0]},
        .slot_count = 2,
        .written = 1u << 1,
        .push = {(uint32_t)s.c, (uint32_t)a->in_w, groups, cairn_float_bits((float)a->radius),
                 cairn_float_bits(a->limit)},
        .push_count = 5,
        .threads = {groups, (uint32_t)s.w, (uint32_t)s.n},
    };
    return cairn_lower_call(l, &call);
}

static const cairn_op correspondence_op = {
    .name = "correspondence", .lower = correspondence_lower, .reference = cairn_reference_correspondence};

cairn_tid cairn_op_correspondence(cairn_graph *g, cairn_tid matrices, int hc, int wc, int cell, float distance)
{
    cairn_shape m = cairn_graph_shape(g, matrices);
    if (matrices != CAIRN_NONE && (!are_matrices(m) || hc < 1 || wc < 1 || cell < 1 || (int64_t)hc * wc > 65535))
        return cairn_graph_mistake(g, correspondence_op.name,
                                   "matrices [%d,%d,%d,%d] with %dx%d cells of %d pixels; at most 65535 cells", m.n,
                                   m.h, m.w, m.c, wc, hc, cell);
    cairn_shape out = {m.n, 1, hc * wc, hc * wc};
    cairn_geometry_attributes a = {.in_h = hc, .in_w = wc, .radius = cell, .limit = distance};
    return cairn_graph_append(g, &correspondence_op, &matrices, 1, 1, &out, 1, NULL, &a, sizeof a);
}
