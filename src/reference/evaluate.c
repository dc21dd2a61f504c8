#include "reference/evaluate.h"

#include <math.h>

struct cairn_reference {
    const cairn_graph *g;
    int count;
    double **values; /* [count] */
};

cairn_status cairn_reference_create(cairn_reference **out, const cairn_graph *g)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    cairn_reference *r = calloc(1, sizeof *r);
    if (!r) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a reference evaluation");
    CAIRN_TRY(cairn_graph_status(g));
    r->g = g;
    r->count = cairn_graph_tensor_count(g);
    r->values = calloc((size_t)r->count + 1, sizeof *r->values);
    for (int t = 0; t < r->count; t++) {
        const cairn_tensor *tensor = cairn_graph_tensor(g, t);
        size_t elements = (size_t)cairn_shape_count(tensor->shape);
        if (r->values) r->values[t] = calloc(elements, sizeof(double));
        if (!r->values || !r->values[t]) {
            st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu doubles of a reference evaluation", elements);
            goto done;
        }
        if (tensor->kind == CAIRN_TENSOR_CONSTANT)
            for (size_t i = 0; i < elements; i++) r->values[t][i] = tensor->data ? tensor->data[i] : tensor->value;
    }
    *out = r;
done:
    if (st < 0) cairn_reference_destroy(&r);
    return st;
}

void cairn_reference_destroy(cairn_reference **reference)
{
    cairn_reference *r = *reference;
    if (!r) return;
    for (int t = 0; r->values && t < r->count; t++) free(r->values[t]);
    free(r->values);
    free(r);
    *reference = NULL;
}

double *cairn_reference_values(cairn_reference *reference, cairn_tid tensor)
{
    CAIRN_ASSERT(tensor >= 0 && tensor < reference->count);
    return reference->values[tensor];
}

/* Between a join's array, which is in storage order with padding channels, and those of its members. */
static void copy_members(cairn_reference *r, cairn_tid whole, bool gather)
{
    for (cairn_tid t = 0; t < r->count; t++) {
        const cairn_tensor *tensor = cairn_graph_tensor(r->g, t);
        if (tensor->joined != whole) continue;
        double *part = r->values[t], *all = r->values[whole] + 4 * (int64_t)tensor->joined_at;
        int64_t rows = cairn_shape_count(tensor->shape) / tensor->shape.c;
        int stride = 4 * cairn_shape_groups(tensor->shape), c = tensor->shape.c;
        for (int64_t i = 0; i < rows; i++)
            for (int k = 0; k < c; k++) {
                if (gather)
                    all[i * stride + k] = part[i * c + k];
                else
                    part[i * c + k] = all[i * stride + k];
            }
    }
}

static cairn_status run_node(cairn_reference *r, const cairn_node *node)
{
    double *inputs[CAIRN_MAX_INPUTS] = {NULL}, *outputs[CAIRN_MAX_OUTPUTS] = {NULL};
    if (!node->op->reference)
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "op %s has no reference to evaluate it by", node->op->name);
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] != CAIRN_NONE) {
            inputs[k] = cairn_reference_values(r, node->inputs[k]);
            if (cairn_graph_tensor(r->g, node->inputs[k])->is_join) copy_members(r, node->inputs[k], true);
        }
    for (int k = 0; k < node->output_count; k++) {
        outputs[k] = cairn_reference_values(r, node->outputs[k]);
        int64_t elements = cairn_shape_count(cairn_graph_shape(r->g, node->outputs[k]));
        for (int64_t i = 0; i < elements; i++) outputs[k][i] = NAN;
    }
    node->op->reference(node, r->g, inputs, outputs);
    for (int k = 0; k < node->input_count; k++)
        if ((node->op->updates >> k & 1) && cairn_graph_tensor(r->g, node->inputs[k])->is_join)
            copy_members(r, node->inputs[k], false);
    return CAIRN_OK;
}

cairn_status cairn_reference_run_first(cairn_reference *reference, int nodes)
{
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < nodes; i++) CAIRN_TRY(run_node(reference, cairn_graph_node(reference->g, i)));
done:
    return st;
}

cairn_status cairn_reference_run(cairn_reference *reference)
{
    return cairn_reference_run_first(reference, cairn_graph_node_count(reference->g));
}
