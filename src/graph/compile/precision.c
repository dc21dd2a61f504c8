/* Which tensors are stored in fp16. Arithmetic is fp32 everywhere; a kernel converts when it loads and stores.
 *
 * In a mixed program these are the activations inside the network, between its first and its last layer with a weight
 * matrix, and the gradients of exactly these. So images, logits, descriptors and everything that a loss computes from
 * them stay fp32, and so do weights, their gradients, statistics, scalars and scratch.
 * source  Micikevicius et al., "Mixed precision training", ICLR 2018, section 3 */
#include "graph/internal.h"
#include "gpu/gpu.h"

#include <string.h>

/* Smaller tensors save nothing; fewer channels are statistics of rows, scores, maps. */
enum { FEWEST_VECTORS = 64, FEWEST_CHANNELS = 8 };

static bool is_weight_matrix(const cairn_tensor *t)
{
    return t->kind == CAIRN_TENSOR_STORED && (t->shape.n > 1 || t->shape.h > 1 || t->shape.w > 1);
}

static bool has_weights(const cairn_graph *g, const cairn_node *node)
{
    for (int k = 0; k < node->input_count && !node->op->updates; k++)
        if (node->inputs[k] != CAIRN_NONE && is_weight_matrix(cairn_graph_tensor(g, node->inputs[k]))) return true;
    return false;
}

static bool may_be_half(const cairn_tensor *t)
{
    return t->kind == CAIRN_TENSOR_VALUE && !t->is_output && t->joined == CAIRN_NONE && !t->is_join &&
           (t->shape.h > 1 || t->shape.w > 1) && t->shape.c >= FEWEST_CHANNELS &&
           cairn_shape_vectors(t->shape) >= FEWEST_VECTORS;
}

enum { BEHIND = 1, BEFORE = 2, WANTED = 4, REFUSED = 8 }; /* of a layer with weights; of a gradient */

/* Marks tensors that come behind one layer with weights and before another, among the nodes of the forward pass. */
static void mark_network(const cairn_graph *g, unsigned char *marks)
{
    int nodes = cairn_graph__forward_nodes(g);
    for (int i = 0; i < nodes; i++) {
        const cairn_node *node = cairn_graph_node(g, i);
        bool behind = has_weights(g, node);
        for (int k = 0; k < node->input_count; k++)
            behind |= node->inputs[k] != CAIRN_NONE && marks[node->inputs[k]] & BEHIND;
        for (int k = 0; k < node->output_count && behind; k++) marks[node->outputs[k]] |= BEHIND;
    }
    for (int i = nodes - 1; i >= 0; i--) {
        const cairn_node *node = cairn_graph_node(g, i);
        bool before = has_weights(g, node);
        for (int k = 0; k < node->output_count; k++) before |= marks[node->outputs[k]] & BEFORE;
        for (int k = 0; k < node->input_count && before; k++)
            if (node->inputs[k] != CAIRN_NONE) marks[node->inputs[k]] |= BEFORE;
    }
}

static void assign_mixed(cairn_lowering *l, unsigned char *marks)
{
    const cairn_gradient_pair *pairs;
    const cairn_graph *g = l->g;
    int count = cairn_graph__gradients(g, &pairs);
    mark_network(g, marks);
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(g); t++)
        l->half[t] = (marks[t] & BEHIND) && (marks[t] & BEFORE) && may_be_half(cairn_graph_tensor(g, t));
    for (int i = 0; i < count; i++) marks[pairs[i].gradient] |= l->half[pairs[i].of] ? WANTED : REFUSED;
    for (int i = 0; i < count; i++) {
        cairn_tid t = pairs[i].gradient;
        const cairn_tensor *tensor = cairn_graph_tensor(g, t);
        if (tensor->producer >= cairn_graph__forward_nodes(g))
            l->half[t] = (marks[t] & (WANTED | REFUSED)) == WANTED && may_be_half(tensor);
    }
}

/* For tests: everything that the host does not share with other programs. */
static void assign_all(cairn_lowering *l)
{
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(l->g); t++) {
        const cairn_tensor *tensor = cairn_graph_tensor(l->g, t);
        bool statistics = tensor->shape.h * tensor->shape.w == 1; /* and scalars */
        bool parameters = tensor->joined != CAIRN_NONE || tensor->is_join || tensor->data;
        l->half[t] = tensor->kind != CAIRN_TENSOR_STORED && !statistics && !parameters;
    }
    for (int i = 0; i < cairn_graph_node_count(l->g); i++) { /* what optimisers and running statistics read */
        const cairn_node *node = cairn_graph_node(l->g, i);
        for (int k = 0; k < node->input_count && node->op->updates; k++)
            if (node->inputs[k] != CAIRN_NONE) l->half[node->inputs[k]] = false;
    }
}

/* A tensor that is computed again must be rounded as the first time. */
static void follow_twins(cairn_lowering *l)
{
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(l->g); t++) {
        cairn_tid twin = cairn_graph_tensor(l->g, t)->twin;
        if (twin != CAIRN_NONE) l->half[t] = l->half[twin];
    }
}

cairn_status cairn_lowering__assign_storage(cairn_lowering *l, cairn_precision precision)
{
    size_t tensors = (size_t)cairn_graph_tensor_count(l->g) + 1;
    l->half = calloc(tensors, sizeof *l->half);
    unsigned char *marks = calloc(tensors, 1);
    if (l->half && marks && precision == CAIRN_PRECISION_MIXED) assign_mixed(l, marks);
    if (l->half && precision == CAIRN_PRECISION_ALL_HALF) assign_all(l);
    if (l->half) follow_twins(l);
    bool enough = l->half && marks;
    free(marks);
    return enough ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu tensors", tensors);
}

/* With its twins: follow_twins passes on what is decided for the first of them. */
static void refuse(cairn_lowering *l, cairn_tid t)
{
    cairn_tid twin = cairn_graph_tensor(l->g, t)->twin;
    l->half[t] = false;
    if (twin != CAIRN_NONE) l->half[twin] = false;
}

cairn_status cairn_lowering__settle_storage(cairn_lowering *l)
{
    cairn_status st = CAIRN_OK;
    for (int c = 0; c < l->call_count; c++) {
        const cairn_kernel_call *call = &l->calls[c];
        uint32_t mask = cairn_lowering__half_mask(l, call), able;
        if (!mask) continue;
        CAIRN_TRY(cairn_gpu_kernel_half_able(&able, l->gpu, call->kernel));
        for (int k = 0; k < call->slot_count; k++)
            if (mask >> k & 1 && !(able >> k & 1)) refuse(l, call->slots[k]);
    }
    follow_twins(l);
done:
    return st;
}

uint32_t cairn_lowering__half_mask(const cairn_lowering *l, const cairn_kernel_call *call)
{
    uint32_t mask = 0;
    for (int k = 0; k < call->slot_count; k++) mask |= (uint32_t)cairn_lower_half(l, call->slots[k]) << k;
    return mask;
}
