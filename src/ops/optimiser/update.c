#include "ops/optimiser/optimiser.h"

#include "graph/lower.h"
#include "reference/optimiser/optimiser.h"

enum { MOST_VECTORS = 1 << 23 }; /* also what a float of the table holds exactly */

cairn_tid cairn_optimiser_table(cairn_graph *g, const cairn_tid *members, const cairn_optimiser_group *groups,
                                int count)
{
    if (cairn_graph_status(g) < 0) return CAIRN_NONE;
    int64_t rows = 0, end = 0;
    for (int i = 0; i < count; i++) {
        const cairn_tensor *t = cairn_graph_tensor(g, members[i]);
        int64_t vectors = cairn_shape_vectors(t->shape), last = t->joined_at + vectors;
        if (t->joined == CAIRN_NONE) return cairn_graph_mistake(g, "optimiser", "%s is not part of a join", t->name);
        end = end > last ? end : last;
        if (!groups[i].frozen) rows += (vectors + CAIRN_OPTIMISER_CHUNK - 1) / CAIRN_OPTIMISER_CHUNK;
    }
    if (end > MOST_VECTORS || rows < 1)
        return cairn_graph_mistake(g, "optimiser", "%lld values in %lld parts; between 1 and %d are possible",
                                   4 * (long long)end, (long long)rows, 4 * MOST_VECTORS);
    float *values = malloc(sizeof *values * 4 * (size_t)rows), *row = values;
    if (!values) return cairn_graph_mistake(g, "optimiser", "no memory for a table of %lld rows", (long long)rows);
    for (int i = 0; i < count; i++) {
        const cairn_tensor *t = cairn_graph_tensor(g, members[i]);
        int64_t vectors = groups[i].frozen ? 0 : cairn_shape_vectors(t->shape);
        for (int64_t at = 0; at < vectors; at += CAIRN_OPTIMISER_CHUNK, row += 4) {
            int64_t left = vectors - at;
            row[0] = (float)(t->joined_at + at);
            row[1] = (float)(left < CAIRN_OPTIMISER_CHUNK ? left : CAIRN_OPTIMISER_CHUNK);
            row[2] = groups[i].lr;
            row[3] = groups[i].decay;
        }
    }
    cairn_tid table = cairn_graph_constant_data(g, (cairn_shape){1, 1, (int32_t)rows, 4}, values);
    free(values);
    return table;
}

cairn_tid cairn_optimiser_plain_control(cairn_graph *g)
{
    return cairn_graph_constant_data(g, (cairn_shape){1, 1, 1, 4}, (const float[4]){1, 0, 1, 0});
}

/* The inputs stand at the bindings of their numbers; the table's rows are the workgroups. */
static cairn_kernel_call rows_call(cairn_lowering *l, const cairn_node *node, const char *kernel, int table)
{
    cairn_kernel_call call = {.kernel = kernel, .slot_count = node->input_count, .written = node->op->updates};
    for (int i = 0; i < node->input_count; i++) call.slots[i] = node->inputs[i];
    call.threads[0] = 64 * (uint32_t)cairn_lower_shape(l, node->inputs[table]).w;
    return call;
}

static cairn_status lower_rows(cairn_lowering *l, const cairn_node *node, const char *kernel, int table, bool has_flag)
{
    const cairn_optimiser_attributes *a = cairn_node_attributes(node);
    cairn_kernel_call call = rows_call(l, node, kernel, table);
    if (has_flag) call.constants[call.constant_count++] = a->flag;
    return cairn_lower_call(l, &call);
}

static cairn_status adam_lower(cairn_lowering *l, const cairn_node *node)
{
    const cairn_optimiser_attributes *a = cairn_node_attributes(node);
    cairn_kernel_call call = rows_call(l, node, "optimiser/adam", 4);
    call.constants[call.constant_count++] = a->flag;
    if (cairn_lower_class(l) == CAIRN_CLASS_TEXEL) { /* what it updates once more, to read */
        static const int updated[] = {0, 2, 3};
        for (int i = 0; i < 3; i++) call.slots[7 + i] = node->inputs[updated[i]];
        call.slot_count = 10;
    }
    return cairn_lower_call(l, &call);
}

static cairn_status sgd_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_rows(l, node, "optimiser/sgd", 3, true);
}

static cairn_status accumulate_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_rows(l, node, "optimiser/accumulate", 2, false);
}

static cairn_status average_lower(cairn_lowering *l, const cairn_node *node)
{
    return lower_rows(l, node, "optimiser/average_parameters", 2, false);
}

static double adam_operations(const cairn_node *node, const cairn_graph *g)
{
    return 14.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static double sgd_operations(const cairn_node *node, const cairn_graph *g)
{
    return 7.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static double average_operations(const cairn_node *node, const cairn_graph *g)
{
    return 3.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
}

static const cairn_op adam_op = {.name = "adam",
                                 .lower = adam_lower,
                                 .reference = cairn_reference_adam,
                                 .operations = adam_operations,
                                 .updates = 1u << 0 | 1u << 2 | 1u << 3};
static const cairn_op sgd_op = {.name = "sgd",
                                .lower = sgd_lower,
                                .reference = cairn_reference_sgd,
                                .operations = sgd_operations,
                                .updates = 1u << 0 | 1u << 2};
static const cairn_op accumulate_op = {.name = "accumulate",
                                       .lower = accumulate_lower,
                                       .reference = cairn_reference_accumulate,
                                       .operations = average_operations,
                                       .updates = 1u << 0};
static const cairn_op average_op = {.name = "average_parameters",
                                    .lower = average_lower,
                                    .reference = cairn_reference_average_parameters,
                                    .operations = average_operations,
                                    .updates = 1u << 0};

/* inputs: `joins` joins of one shape, then table, scalars and perhaps control. */
static void append(cairn_graph *g, const cairn_op *op, const cairn_tid *inputs, int count, int joins, bool flag)
{
    cairn_shape s = cairn_graph_shape(g, inputs[0]);
    for (int i = 0; i < count; i++) {
        if (inputs[i] == CAIRN_NONE) continue;
        cairn_shape have = cairn_graph_shape(g, inputs[i]), want = s;
        if (i < joins)
            want.c = 4;
        else
            want = i == joins       ? (cairn_shape){1, 1, have.w, 4}
                   : i == joins + 1 ? (cairn_shape){1, 1, 1, CAIRN_OPTIMISER_SCALARS}
                                    : (cairn_shape){1, 1, 1, 4};
        if (cairn_shape_equal(have, want)) continue;
        cairn_graph_mistake(g, op->name, "input %d is [%d,%d,%d,%d], expected [%d,%d,%d,%d]", i, have.n, have.h, have.w,
                            have.c, want.n, want.h, want.w, want.c);
        return;
    }
    cairn_optimiser_attributes a = {flag};
    cairn_graph_append(g, op, inputs, count, count, NULL, 0, NULL, &a, sizeof a);
}

void cairn_op_adam(cairn_graph *g, cairn_tid param, cairn_tid grad, cairn_tid m, cairn_tid v, cairn_tid table,
                   cairn_tid scalars, cairn_tid control, bool decoupled)
{
    const cairn_tid inputs[] = {param, grad, m, v, table, scalars, control};
    append(g, &adam_op, inputs, 7, 4, decoupled);
}

void cairn_op_sgd(cairn_graph *g, cairn_tid param, cairn_tid grad, cairn_tid buffer, cairn_tid table, cairn_tid scalars,
                  cairn_tid control, bool nesterov)
{
    const cairn_tid inputs[] = {param, grad, buffer, table, scalars, control};
    append(g, &sgd_op, inputs, 6, 3, nesterov);
}

void cairn_op_accumulate(cairn_graph *g, cairn_tid sum, cairn_tid grad, cairn_tid table, cairn_tid scalars)
{
    const cairn_tid inputs[] = {sum, grad, table, scalars};
    append(g, &accumulate_op, inputs, 4, 2, false);
}

void cairn_op_average_parameters(cairn_graph *g, cairn_tid average, cairn_tid param, cairn_tid table, cairn_tid scalars,
                                 cairn_tid control)
{
    const cairn_tid inputs[] = {average, param, table, scalars, control};
    append(g, &average_op, inputs, 5, 2, false);
}
