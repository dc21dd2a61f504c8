#include "graph/internal.h"

#include <string.h>

static bool grow(void **items, int wanted, size_t size)
{
    void *grown = realloc(*items, (size_t)wanted * size);
    if (grown) *items = grown;
    return grown != NULL;
}

void cairn_lowering__free(cairn_lowering *l)
{
    free(l->calls);
    free(l->call_node);
    free(l->scratch_vectors);
    free(l->interval_first);
    free(l->interval_last);
    free(l->half);
    free(l->moments);
    *l = (cairn_lowering){0};
}

cairn_kernel_class cairn_lower_class(const cairn_lowering *l)
{
    return cairn_gpu_get_info(l->gpu)->kernel_class;
}

const cairn_gpu_info *cairn_lower_info(const cairn_lowering *l)
{
    return cairn_gpu_get_info(l->gpu);
}

cairn_shape cairn_lower_shape(const cairn_lowering *l, cairn_slot slot)
{
    CAIRN_ASSERT(slot < CAIRN_SCRATCH_BASE);
    return cairn_graph_shape(l->g, slot);
}

bool cairn_lower_half(const cairn_lowering *l, cairn_slot slot)
{
    return slot < CAIRN_SCRATCH_BASE && l->half[slot];
}

int64_t cairn_lower_vectors(const cairn_lowering *l, cairn_slot slot)
{
    return slot >= CAIRN_SCRATCH_BASE ? l->scratch_vectors[slot - CAIRN_SCRATCH_BASE]
                                      : cairn_shape_vectors(cairn_graph_shape(l->g, slot));
}

cairn_slot cairn_lower_scratch(cairn_lowering *l, int64_t vectors)
{
    if (l->scratch_count == l->scratch_room) {
        int wanted = l->scratch_room ? 2 * l->scratch_room : 64;
        CAIRN_ASSERT(grow((void **)&l->scratch_vectors, wanted, sizeof *l->scratch_vectors));
        l->scratch_room = wanted;
    }
    l->scratch_vectors[l->scratch_count] = vectors > 0 ? vectors : 1;
    return CAIRN_SCRATCH_BASE + l->scratch_count++;
}

bool cairn_lower_moments_wanted(const cairn_lowering *l, cairn_slot tensor)
{
    return tensor < CAIRN_SCRATCH_BASE && cairn_graph_tensor(l->g, tensor)->moments_wanted;
}

cairn_slot cairn_lower_moments_leave(cairn_lowering *l, cairn_slot tensor, int64_t chunks)
{
    int64_t row = 2 * cairn_shape_groups(cairn_graph_shape(l->g, tensor)) + 1;
    l->moments[tensor] = (cairn_partial_moments){cairn_lower_scratch(l, chunks * row), chunks};
    return l->moments[tensor].slot;
}

cairn_partial_moments cairn_lower_moments(const cairn_lowering *l, cairn_slot tensor)
{
    return tensor < CAIRN_SCRATCH_BASE ? l->moments[tensor] : (cairn_partial_moments){0};
}

cairn_status cairn_lower_call(cairn_lowering *l, const cairn_kernel_call *call)
{
    if (l->call_count == l->call_room) {
        int wanted = l->call_room ? 2 * l->call_room : 256;
        if (!grow((void **)&l->calls, wanted, sizeof *l->calls) ||
            !grow((void **)&l->call_node, wanted, sizeof *l->call_node))
            return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d dispatches", wanted);
        l->call_room = wanted;
    }
    l->call_node[l->call_count] = l->node;
    cairn_kernel_call *copy = &l->calls[l->call_count++];
    *copy = *call;
    for (int i = 0; i < 3; i++)
        if (!copy->threads[i]) copy->threads[i] = 1;
    return CAIRN_OK;
}

void cairn_lower_linear(cairn_kernel_call *call, int64_t threads)
{
    enum { WIDTH = 65536 }; /* LINEAR_WIDTH of shaders/include/tensor.glsl */
    call->threads[0] = (uint32_t)(threads < WIDTH ? threads : WIDTH);
    call->threads[1] = (uint32_t)((threads + WIDTH - 1) / WIDTH);
    call->threads[2] = 1;
}

static cairn_status lower_constants(cairn_lowering *l, const bool *used_tensor)
{
    cairn_status st = CAIRN_OK;
    l->node = -1;
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(l->g); t++) {
        const cairn_tensor *tensor = cairn_graph_tensor(l->g, t);
        if (tensor->kind != CAIRN_TENSOR_CONSTANT || tensor->data || !used_tensor[t]) continue;
        int64_t vectors = cairn_shape_vectors(tensor->shape);
        cairn_kernel_call call = {
            .kernel = "pointwise/fill", .slots = {t}, .slot_count = 1, .written = 1, .push_count = 4};
        call.push[0] = (uint32_t)vectors;
        call.push[1] = (uint32_t)cairn_shape_groups(tensor->shape);
        call.push[2] = (uint32_t)tensor->shape.c;
        call.push[3] = cairn_float_bits(tensor->value);
        cairn_lower_linear(&call, vectors);
        CAIRN_TRY(cairn_lower_call(l, &call));
    }
done:
    return st;
}

/* Who needs a join needs its members. */
static void use_tensor(const cairn_graph *g, cairn_tid t, bool *used_tensor)
{
    used_tensor[t] = true;
    if (!cairn_graph_tensor(g, t)->is_join) return;
    for (cairn_tid i = 0; i < cairn_graph_tensor_count(g); i++)
        if (cairn_graph_tensor(g, i)->joined == t) used_tensor[i] = true;
}

void cairn_lowering__find_used(const cairn_graph *g, bool *used, bool *used_tensor, bool keep_all)
{
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(g); t++)
        used_tensor[t] = keep_all || cairn_graph_tensor(g, t)->is_output;
    for (int i = cairn_graph_node_count(g) - 1; i >= 0; i--) {
        const cairn_node *node = cairn_graph_node(g, i);
        used[i] = keep_all || node->op->updates != 0;
        for (int k = 0; k < node->output_count; k++) used[i] |= used_tensor[node->outputs[k]];
        for (int k = 0; k < node->input_count && used[i]; k++)
            if (node->inputs[k] != CAIRN_NONE) use_tensor(g, node->inputs[k], used_tensor);
    }
}

cairn_status cairn_lowering__build(cairn_lowering *l, cairn_gpu *gpu, const cairn_graph *g, bool *used,
                                   const cairn_program_options *options)
{
    cairn_status st = CAIRN_OK;
    *l = (cairn_lowering){.gpu = gpu, .g = g};
    bool *used_tensor = calloc((size_t)cairn_graph_tensor_count(g) + 1, sizeof *used_tensor);
    l->moments = calloc((size_t)cairn_graph_tensor_count(g) + 1, sizeof *l->moments);
    if (!used_tensor || !l->moments) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to lower a graph"));
    CAIRN_TRY(cairn_lowering__assign_storage(l, options->precision));
    cairn_lowering__find_used(g, used, used_tensor, options->keep_all);
    CAIRN_TRY(lower_constants(l, used_tensor));
    for (int i = 0; i < cairn_graph_node_count(g); i++) {
        if (!used[i]) continue;
        const cairn_node *node = cairn_graph_node(g, i);
        l->node = i;
        CAIRN_TRY(node->op->lower(l, node));
    }
    CAIRN_TRY(cairn_lowering__settle_storage(l));
done:
    free(used_tensor);
    if (st < 0) cairn_lowering__free(l);
    return st;
}
