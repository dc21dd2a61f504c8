/* The order of dispatches, and which of them stand between two barriers.
 *
 * Lowering gives one valid order: that of the graph. Here calls that do not depend on each other move together into
 * intervals (a layer's data and weight gradient, the branches of a pyramid, all parameters' updates), so that the
 * device overlaps them and fewer barriers drain it. List scheduling: an interval begins with the earliest call that is
 * left and takes in, in the graph's order, every call within a window of it whose predecessors are all in earlier
 * intervals, as long as the tensors alive together stay below a budget. Deterministic: integers in graph order only. */
#include "graph/internal.h"

#include <string.h>

typedef struct edge_list {
    int *first; /* [calls + 1] into next */
    int *next;  /* calls that must come later */
    int *waits; /* [calls] predecessors left */
} edge_list;

typedef struct slot_state {
    int writer;      /* last call that wrote it, -1: none */
    int reader;      /* latest of the readers since, as a chain through `chain`; -1: none */
    int uses;        /* calls that touch it, not yet scheduled */
    bool alive;
    uint64_t bytes;  /* 0: not in the arena, or alive all the time */
} slot_state;

typedef struct scheduler {
    cairn_lowering *l;
    slot_state *slots; /* tensors, then scratch */
    int slot_count;
    int *chain; /* [calls * bindings]: the reader before, of the same slot */
    edge_list edges;
    int *from, *to; /* edges as found */
    int edge_count, edge_room;
    uint64_t live;
} scheduler;

static int slot_index(const scheduler *s, cairn_slot slot)
{
    return slot >= CAIRN_SCRATCH_BASE ? cairn_graph_tensor_count(s->l->g) + slot - CAIRN_SCRATCH_BASE : slot;
}

static cairn_status add_edge(scheduler *s, int from, int to)
{
    if (from < 0 || from == to) return CAIRN_OK;
    if (s->edge_count == s->edge_room) {
        int wanted = s->edge_room ? 2 * s->edge_room : 4096;
        int *grown_from = realloc(s->from, sizeof *grown_from * (size_t)wanted);
        if (grown_from) s->from = grown_from;
        int *grown_to = realloc(s->to, sizeof *grown_to * (size_t)wanted);
        if (grown_to) s->to = grown_to;
        if (!grown_from || !grown_to) return cairn_error_set(CAIRN_E_NOMEM, "no memory to order dispatches");
        s->edge_room = wanted;
    }
    s->from[s->edge_count] = from;
    s->to[s->edge_count++] = to;
    return CAIRN_OK;
}

static cairn_status add_edges(scheduler *s, const slot_state *slot, bool writes, int call)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(add_edge(s, slot->writer, call));
    for (int r = slot->reader; writes && r >= 0; r = s->chain[r])
        CAIRN_TRY(add_edge(s, r / CAIRN_GPU_MAX_BINDINGS, call));
done:
    return st;
}

/* A join and its members are the same memory. */
static cairn_status add_edges_of_joins(scheduler *s, cairn_slot slot, bool writes, int call)
{
    cairn_status st = CAIRN_OK;
    if (slot >= CAIRN_SCRATCH_BASE) return CAIRN_OK;
    const cairn_tensor *t = cairn_graph_tensor(s->l->g, slot);
    if (t->joined != CAIRN_NONE) return add_edges(s, &s->slots[t->joined], writes, call);
    for (cairn_tid i = 0; t->is_join && i < cairn_graph_tensor_count(s->l->g); i++)
        if (cairn_graph_tensor(s->l->g, i)->joined == slot) CAIRN_TRY(add_edges(s, &s->slots[i], writes, call));
done:
    return st;
}

/* Read after write, write after write, write after read; readers do not wait for each other. */
static cairn_status find_edges(scheduler *s)
{
    cairn_status st = CAIRN_OK;
    for (int c = 0; c < s->l->call_count; c++) {
        const cairn_kernel_call *call = &s->l->calls[c];
        for (int k = 0; k < call->slot_count; k++) {
            slot_state *slot = &s->slots[slot_index(s, call->slots[k])];
            bool writes = call->written >> k & 1;
            CAIRN_TRY(add_edges(s, slot, writes, c));
            CAIRN_TRY(add_edges_of_joins(s, call->slots[k], writes, c));
        }
        for (int k = 0; k < call->slot_count; k++) {
            slot_state *slot = &s->slots[slot_index(s, call->slots[k])];
            slot->uses++;
            if (call->written >> k & 1) {
                slot->writer = c;
                slot->reader = -1;
            }
        }
        for (int k = 0; k < call->slot_count; k++) {
            slot_state *slot = &s->slots[slot_index(s, call->slots[k])];
            if (slot->writer == c) continue;
            s->chain[c * CAIRN_GPU_MAX_BINDINGS + k] = slot->reader;
            slot->reader = c * CAIRN_GPU_MAX_BINDINGS + k;
        }
    }
done:
    return st;
}

static cairn_status sort_edges(scheduler *s)
{
    int calls = s->l->call_count;
    edge_list *e = &s->edges;
    e->first = calloc((size_t)calls + 2, sizeof *e->first);
    e->next = calloc((size_t)s->edge_count + 1, sizeof *e->next);
    e->waits = calloc((size_t)calls + 1, sizeof *e->waits);
    if (!e->first || !e->next || !e->waits) return cairn_error_set(CAIRN_E_NOMEM, "no memory to order dispatches");
    for (int i = 0; i < s->edge_count; i++) {
        e->first[s->from[i] + 2]++;
        e->waits[s->to[i]]++;
    }
    for (int c = 0; c < calls; c++) e->first[c + 1] += e->first[c];
    for (int i = 0; i < s->edge_count; i++) e->next[e->first[s->from[i] + 1]++] = s->to[i];
    return CAIRN_OK;
}

static cairn_status prepare(scheduler *s, cairn_lowering *l)
{
    cairn_status st = CAIRN_OK;
    int tensors = cairn_graph_tensor_count(l->g);
    s->l = l;
    s->slot_count = tensors + l->scratch_count;
    s->slots = calloc((size_t)s->slot_count + 1, sizeof *s->slots);
    s->chain = malloc(sizeof *s->chain * ((size_t)l->call_count * CAIRN_GPU_MAX_BINDINGS + 1));
    if (!s->slots || !s->chain) return cairn_error_set(CAIRN_E_NOMEM, "no memory to order dispatches");
    for (int i = 0; i < s->slot_count; i++) {
        slot_state *slot = &s->slots[i];
        *slot = (slot_state){.writer = -1, .reader = -1};
        if (i >= tensors) {
            slot->bytes = 16 * (uint64_t)l->scratch_vectors[i - tensors];
            continue;
        }
        const cairn_tensor *t = cairn_graph_tensor(l->g, i);
        bool always = t->is_output || t->kind == CAIRN_TENSOR_INPUT || t->kind == CAIRN_TENSOR_STORED || t->data ||
                      t->is_join || t->joined != CAIRN_NONE;
        slot->bytes = always ? 0 : (l->half[i] ? 8 : 16) * (uint64_t)cairn_shape_vectors(t->shape);
    }
    CAIRN_TRY(find_edges(s));
    CAIRN_TRY(sort_edges(s));
done:
    return st;
}

static void forget(scheduler *s)
{
    free(s->slots);
    free(s->chain);
    free(s->from);
    free(s->to);
    free(s->edges.first);
    free(s->edges.next);
    free(s->edges.waits);
}

/* Bytes that the call would add to what is alive. */
static uint64_t growth(const scheduler *s, const cairn_kernel_call *call)
{
    uint64_t bytes = 0;
    for (int k = 0; k < call->slot_count; k++) {
        const slot_state *slot = &s->slots[slot_index(s, call->slots[k])];
        bool again = slot->alive;
        for (int i = 0; i < k; i++) again |= call->slots[i] == call->slots[k];
        if (!again) bytes += slot->bytes;
    }
    return bytes;
}

static void begin_call(scheduler *s, const cairn_kernel_call *call)
{
    s->live += growth(s, call);
    for (int k = 0; k < call->slot_count; k++) {
        slot_state *slot = &s->slots[slot_index(s, call->slots[k])];
        slot->alive = true;
        slot->uses--;
    }
}

/* What no later call touches is free from the next interval on. */
static void end_call(scheduler *s, const cairn_kernel_call *call)
{
    for (int k = 0; k < call->slot_count; k++) {
        slot_state *slot = &s->slots[slot_index(s, call->slots[k])];
        if (slot->uses || !slot->alive) continue;
        slot->alive = false;
        s->live -= slot->bytes;
    }
}

/* Most bytes alive at once in the graph's order; leaves the slots as before. */
static uint64_t peak_of_graph_order(scheduler *s)
{
    uint64_t peak = 0;
    for (int c = 0; c < s->l->call_count; c++) {
        begin_call(s, &s->l->calls[c]);
        if (s->live > peak) peak = s->live;
        end_call(s, &s->l->calls[c]);
    }
    for (int c = 0; c < s->l->call_count; c++)
        for (int k = 0; k < s->l->calls[c].slot_count; k++)
            s->slots[slot_index(s, s->l->calls[c].slots[k])].uses++;
    return peak;
}

/* order[i]: the call that comes i-th; begin[i]: the place at which its interval begins. */
static void fill_intervals(scheduler *s, int window, uint64_t budget, int *order, int *begin)
{
    int calls = s->l->call_count, placed = 0, oldest = 0;
    int *waits = s->edges.waits;
    enum { PLACED = -1 };
    while (placed < calls) {
        int first = placed, seen = 0;
        while (waits[oldest] == PLACED) oldest++;
        for (int c = oldest; c < calls && seen < window; c++) {
            if (waits[c] == PLACED) continue;
            seen++;
            if (waits[c]) continue;
            const cairn_kernel_call *call = &s->l->calls[c];
            if (placed > first && s->live + growth(s, call) > budget) continue;
            begin_call(s, call);
            waits[c] = PLACED;
            begin[placed] = first;
            order[placed++] = c;
        }
        for (int i = first; i < placed; i++) {
            int c = order[i];
            for (int e = s->edges.first[c]; e < s->edges.first[c + 1]; e++) waits[s->edges.next[e]]--;
            end_call(s, &s->l->calls[c]);
        }
    }
}

/* How much more memory side by side may cost: 3 %, and a mebibyte for the many small tensors of small programs. */
static uint64_t slack(uint64_t bytes)
{
    return bytes / 33 > 1 << 20 ? bytes / 33 : 1 << 20;
}

/* Bytes of the arena under that order: what the planner will need (tensors that live always left out). */
static cairn_status packed_bytes(const scheduler *s, const int *order, const int *begin, uint64_t alignment,
                                 uint64_t *bytes)
{
    int calls = s->l->call_count, n = 0;
    cairn_block *blocks = calloc((size_t)s->slot_count + 1, sizeof *blocks);
    if (!blocks) return cairn_error_set(CAIRN_E_NOMEM, "no memory to order dispatches");
    for (int i = 0; i < s->slot_count; i++) blocks[i].first = -1;
    for (int i = 0, end = 0; i < calls; i++) {
        if (i == end)
            while (end < calls && begin[end] == begin[i]) end++;
        const cairn_kernel_call *call = &s->l->calls[order[i]];
        for (int k = 0; k < call->slot_count; k++) {
            cairn_block *b = &blocks[slot_index(s, call->slots[k])];
            if (b->first < 0) b->first = begin[i];
            b->last = end - 1;
        }
    }
    for (int i = 0; i < s->slot_count; i++) {
        if (blocks[i].first < 0 || !s->slots[i].bytes) continue;
        blocks[n] = blocks[i];
        blocks[n++].bytes = s->slots[i].bytes;
    }
    *bytes = cairn_plan__pack(blocks, n, alignment, true, 0);
    free(blocks);
    return CAIRN_OK;
}

static cairn_status order_with(cairn_lowering *l, int window, uint64_t alignment, int *order, int *begin,
                               uint64_t *bytes)
{
    cairn_status st = CAIRN_OK;
    scheduler s = {0};
    CAIRN_TRY(prepare(&s, l));
    uint64_t peak = peak_of_graph_order(&s);
    fill_intervals(&s, window, peak + slack(peak), order, begin);
    CAIRN_TRY(packed_bytes(&s, order, begin, alignment, bytes));
done:
    forget(&s);
    return st;
}

/* Takes the calls over into that order. */
static cairn_status apply(cairn_lowering *l, const int *order, const int *begin)
{
    size_t room = (size_t)l->call_count + 1;
    cairn_kernel_call *calls = malloc(room * sizeof *calls);
    int *call_node = malloc(room * sizeof *call_node);
    l->interval_first = malloc(room * sizeof *l->interval_first);
    l->interval_last = malloc(room * sizeof *l->interval_last);
    if (!calls || !call_node || !l->interval_first || !l->interval_last) {
        free(calls);
        free(call_node);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory to order dispatches");
    }
    for (int i = 0; i < l->call_count; i++) {
        calls[i] = l->calls[order[i]];
        call_node[i] = l->call_node[order[i]];
        l->interval_first[i] = begin[i];
    }
    for (int i = l->call_count - 1; i >= 0; i--)
        l->interval_last[i] = i + 1 < l->call_count && begin[i + 1] == begin[i] ? l->interval_last[i + 1] : i;
    free(l->calls);
    free(l->call_node);
    l->calls = calls;
    l->call_node = call_node;
    l->call_room = (int)room;
    return CAIRN_OK;
}

cairn_status cairn_schedule__run(cairn_lowering *l, uint64_t alignment, bool keep_order)
{
    /* 256 and more found no fewer barriers in the two networks (superpoint train: 107 against 102, sp-fpn 506 both). */
    static const int windows[] = {64, 16, 4, 1};
    enum { WINDOWS = sizeof windows / sizeof *windows };
    cairn_status st = CAIRN_OK;
    size_t room = (size_t)l->call_count + 1;
    int *order = malloc(room * sizeof *order), *begin = malloc(room * sizeof *begin);
    uint64_t as_is = 0, bytes = 0;
    if (!order || !begin) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to order dispatches");
        goto done;
    }
    CAIRN_TRY(order_with(l, 1, alignment, order, begin, &as_is));
    for (int i = 0; i < WINDOWS && !keep_order; i++) {
        CAIRN_TRY(order_with(l, windows[i], alignment, order, begin, &bytes));
        if (bytes <= as_is + slack(as_is)) break;
    }
    CAIRN_TRY(apply(l, order, begin));
done:
    free(order);
    free(begin);
    return st;
}
