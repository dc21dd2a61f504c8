/* The node that stands for a chain of pointwise nodes. */
#include "graph/fuse/fuse.h"
#include "gpu/cache/text.h"
#include "ops/norm/rows.h"

#include <string.h>

typedef struct chain_attributes {
    const cairn_chain *chain;
} chain_attributes;

static const cairn_chain *chain_of(const cairn_node *node)
{
    return ((const chain_attributes *)cairn_node_attributes(node))->chain;
}

static cairn_status lower_chain(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_chain *chain = chain_of(node);
    cairn_chain_layout layout;
    float parameters[CAIRN_CHAIN_PARAMETERS];
    int parameter_count;
    char *text = NULL;
    cairn_kernel_call call = {.slot_count = node->input_count + node->output_count};
    CAIRN_TRY(cairn_chain__text(&text, l->g, chain, &layout, parameters, &parameter_count));
    CAIRN_TRY(cairn_gpu_kernel_define(&call.kernel, l->gpu, text));
    for (int k = 0; k < node->input_count; k++) call.slots[k] = node->inputs[k];
    for (int k = 0; k < node->output_count; k++) {
        call.slots[node->input_count + k] = node->outputs[k];
        call.written |= 1u << (node->input_count + k);
    }
    call.push[3] = (uint32_t)chain->shape.c;
    call.push[4] = (uint32_t)layout.size[1];
    for (int i = 0; i < parameter_count; i++) call.push[5 + i] = cairn_float_bits(parameters[i]);
    call.push_count = 5 + parameter_count;
    cairn_rows rows =
        cairn_rows_plan(layout.size[2], layout.columns, layout.size[0] * layout.size[1], CAIRN_ROWS_STEPS);
    CAIRN_TRY(cairn_rows_call(l, &call, &rows));
done:
    free(text);
    return st;
}

static double chain_operations(const cairn_node *node, const cairn_graph *g)
{
    const cairn_chain *chain = chain_of(node);
    double sum = 0;
    for (int i = 0; i < chain->node_count; i++) {
        const cairn_node *n = &chain->nodes[i];
        sum += n->op->operations ? n->op->operations(n, g)
                                 : (double)cairn_shape_count(cairn_graph_shape(g, n->outputs[0]));
    }
    return sum;
}

static int place_of(const cairn_tid *list, int count, cairn_tid t)
{
    for (int i = 0; i < count; i++)
        if (list[i] == t) return i;
    return -1;
}

/* Its nodes one after the other. */
static void chain_reference(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                            double *const *outputs)
{
    const cairn_chain *chain = chain_of(node);
    double *inner[CAIRN_CHAIN_NODES] = {NULL};
    cairn_tid made[CAIRN_CHAIN_NODES];
    for (int i = 0; i < chain->node_count; i++) {
        const cairn_node *n = &chain->nodes[i];
        double *from[CAIRN_MAX_INPUTS] = {NULL};
        for (int k = 0; k < n->input_count; k++) {
            int at = place_of(made, i, n->inputs[k]);
            from[k] = at >= 0 ? inner[at] : inputs[place_of(chain->inputs, chain->input_count, n->inputs[k])];
        }
        int out = place_of(chain->outputs, chain->output_count, n->outputs[0]);
        size_t bytes = sizeof(double) * (size_t)cairn_shape_count(cairn_graph_shape(g, n->outputs[0]));
        inner[i] = out >= 0 ? outputs[out] : malloc(bytes);
        CAIRN_ASSERT(inner[i]);
        made[i] = n->outputs[0];
        n->op->reference(n, g, from, &inner[i]);
    }
    for (int i = 0; i < chain->node_count; i++)
        if (place_of(chain->outputs, chain->output_count, made[i]) < 0) free(inner[i]);
}

static const cairn_op chain_op = {.name = "pointwise chain",
                                  .lower = lower_chain,
                                  .reference = chain_reference,
                                  .operations = chain_operations,
                                  .again = cairn_node_again};

void cairn_chain__node(cairn_node *node, const cairn_chain *chain)
{
    chain_attributes at = {chain};
    *node = (cairn_node){.op = &chain_op, .input_count = chain->input_count, .output_count = chain->output_count};
    for (int i = 0; i < CAIRN_MAX_INPUTS; i++) node->inputs[i] = i < chain->input_count ? chain->inputs[i] : CAIRN_NONE;
    for (int i = 0; i < CAIRN_MAX_OUTPUTS; i++)
        node->outputs[i] = i < chain->output_count ? chain->outputs[i] : CAIRN_NONE;
    memcpy(node->attributes, &at, sizeof at);
}
_Static_assert((int)CAIRN_CHAIN_INPUTS <= (int)CAIRN_MAX_INPUTS && (int)CAIRN_CHAIN_OUTPUTS <= (int)CAIRN_MAX_OUTPUTS &&
                   CAIRN_CHAIN_INPUTS + CAIRN_CHAIN_OUTPUTS <= CAIRN_GPU_MAX_BINDINGS &&
                   5 + CAIRN_CHAIN_PARAMETERS <= CAIRN_GPU_MAX_PUSH,
               "a chain fits a node and a kernel");
