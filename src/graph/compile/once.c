/* Calls whose results do not change between runs: they read constants and stored tensors that the program does not
 * write (in inference all of them), and what other such calls made. Their results stay in the arena, and they run again
 * only when the store was written: folded weights, transformed weights and constants then cost a run nothing. */
#include "graph/internal.h"

#include <string.h>

/* What stays in the arena is alive in all of a run, so larger results are made each time. */
static const int64_t MOST_VECTORS = (4 << 20) / 16;

typedef struct slot_facts {
    bool changes; /* written by a call that runs each time, or by the host between runs */
    bool once;    /* written by calls that run once */
} slot_facts;

static int index_of(const cairn_lowering *l, cairn_slot slot)
{
    if (slot >= CAIRN_SCRATCH_BASE) return cairn_graph_tensor_count(l->g) + (slot - CAIRN_SCRATCH_BASE);
    cairn_tid whole = cairn_graph_tensor(l->g, slot)->joined;
    return whole == CAIRN_NONE ? slot : whole;
}

static int64_t vectors_of(const cairn_lowering *l, cairn_slot slot)
{
    return slot >= CAIRN_SCRATCH_BASE ? l->scratch_vectors[slot - CAIRN_SCRATCH_BASE]
                                      : cairn_shape_vectors(cairn_graph_shape(l->g, slot));
}

/* Whether a slot may be the result of a call that runs once. */
static bool may_stay(const cairn_lowering *l, cairn_slot slot)
{
    if (vectors_of(l, slot) > MOST_VECTORS) return false;
    if (slot >= CAIRN_SCRATCH_BASE) return true;
    const cairn_tensor *t = cairn_graph_tensor(l->g, slot);
    return (t->kind == CAIRN_TENSOR_VALUE || t->kind == CAIRN_TENSOR_CONSTANT) && t->joined == CAIRN_NONE &&
           !t->is_join;
}

static bool runs_once(const cairn_lowering *l, const slot_facts *facts, const cairn_kernel_call *call)
{
    for (int k = 0; k < call->slot_count; k++) {
        if (facts[index_of(l, call->slots[k])].changes) return false;
        if ((call->written >> k & 1) && !may_stay(l, call->slots[k])) return false;
    }
    return true;
}

/* Marks what changes until nothing more is found: a result that one call makes once and another writes each time is
 * made by neither once. */
static void mark(const cairn_lowering *l, slot_facts *facts, bool *once)
{
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(l->g); t++)
        facts[index_of(l, t)].changes |= cairn_graph_tensor(l->g, t)->kind == CAIRN_TENSOR_INPUT;
    for (bool found = true; found;) {
        found = false;
        for (int c = 0; c < l->call_count; c++) {
            const cairn_kernel_call *call = &l->calls[c];
            once[c] = runs_once(l, facts, call);
            for (int k = 0; k < call->slot_count && !once[c]; k++) {
                slot_facts *f = &facts[index_of(l, call->slots[k])];
                if (!(call->written >> k & 1) || f->changes) continue;
                f->changes = found = true;
            }
        }
    }
    for (int c = 0; c < l->call_count; c++)
        for (int k = 0; k < l->calls[c].slot_count && once[c]; k++)
            if (l->calls[c].written >> k & 1) facts[index_of(l, l->calls[c].slots[k])].once = true;
}

/* Moves the marked calls to the front; the others keep their intervals. */
static cairn_status move_to_front(cairn_lowering *l, const bool *once)
{
    cairn_status st = CAIRN_OK;
    size_t n = (size_t)l->call_count;
    cairn_kernel_call *calls = malloc((n + 1) * sizeof *calls);
    int *node = malloc((n + 1) * sizeof *node), *interval = malloc((n + 1) * sizeof *interval), at = 0;
    if (!calls || !node || !interval) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to order dispatches");
        goto done;
    }
    for (int pass = 1; pass >= 0; pass--)
        for (int c = 0; c < l->call_count; c++) {
            if (once[c] != (pass == 1)) continue;
            calls[at] = l->calls[c];
            node[at] = l->call_node[c];
            interval[at] = pass == 1 ? -1 - at : l->interval_first[c];
            at++;
        }
    memcpy(l->calls, calls, n * sizeof *calls);
    memcpy(l->call_node, node, n * sizeof *node);
    for (int c = 0; c < l->call_count; c++)
        l->interval_first[c] = c && interval[c] == interval[c - 1] ? l->interval_first[c - 1] : c;
    for (int c = l->call_count - 1; c >= 0; c--)
        l->interval_last[c] =
            c + 1 < l->call_count && interval[c] == interval[c + 1] ? l->interval_last[c + 1] : c;
done:
    free(calls);
    free(node);
    free(interval);
    return st;
}

cairn_status cairn_once__run(cairn_lowering *l, int *count, bool *stays)
{
    cairn_status st = CAIRN_OK;
    int slots = cairn_graph_tensor_count(l->g) + l->scratch_count;
    slot_facts *facts = calloc((size_t)slots + 1, sizeof *facts);
    bool *once = calloc((size_t)l->call_count + 1, sizeof *once);
    *count = 0;
    if (!facts || !once) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to order dispatches");
        goto done;
    }
    mark(l, facts, once);
    for (int c = 0; c < l->call_count; c++) *count += once[c];
    for (int i = 0; i < slots; i++) stays[i] = facts[i].once;
    CAIRN_TRY(move_to_front(l, once));
done:
    free(facts);
    free(once);
    return st;
}
