/* Compiling a graph: lower, plan, record. Running it: replay. */
#include "graph/fuse/fuse.h"

#include <math.h>
#include <string.h>

enum { GUARD_BYTES = 256, GUARD_WORD = 0x7fc5a1ee }; /* a NaN that no kernel writes */

struct cairn_program {
    cairn_gpu *gpu;
    cairn_graph *g;          /* the caller's, or `fused` */
    cairn_graph *fused;      /* a copy that fusion and recomputation change */
    cairn_store *store;
    cairn_program_options options;
    cairn_program_stats stats;
    cairn_lowering l;
    bool *used;              /* [nodes] */
    cairn_block *blocks;     /* tensors, then scratch */
    int tensors, blocks_count;
    cairn_gpu_buffer *arena;
    cairn_gpu_commands *commands;
    cairn_gpu_commands *once;   /* calls 0 .. once_count - 1, for when the store was written; NULL: none */
    int once_count;
    bool *stays;                /* [tensors + scratch] made by them */
    bool writes_store;
    bool once_done;
    uint64_t once_version;      /* of the store when they last ran */
    cairn_program_timing *timings;
    double *ns;
    double *operations;      /* [calls] estimated */
    int *parts;              /* [calls] dispatches of each: several where one would run too long */
};

static bool in_arena(const cairn_program *p, cairn_slot slot)
{
    return slot >= CAIRN_SCRATCH_BASE || cairn_graph_tensor(p->g, slot)->kind != CAIRN_TENSOR_STORED;
}

/* Bytes of one vec4 of a slot. */
static uint64_t element_bytes(const cairn_program *p, cairn_slot slot)
{
    return cairn_lower_half(&p->l, slot) ? 8 : 16;
}

static int block_of(const cairn_program *p, cairn_slot slot)
{
    if (slot >= CAIRN_SCRATCH_BASE) return p->tensors + (slot - CAIRN_SCRATCH_BASE);
    cairn_tid whole = cairn_graph_tensor(p->g, slot)->joined;
    return whole == CAIRN_NONE ? slot : whole;
}

/* A tensor stays for the whole interval of each call that touches it: within an interval nothing waits. */
static void touch(cairn_block *b, const cairn_lowering *l, int call)
{
    if (b->first < 0) b->first = l->interval_first[call];
    b->last = b->last > l->interval_last[call] ? b->last : l->interval_last[call];
}

/* Readable or rewritable at any time between runs, or written before the first. */
static bool outlives_runs(const cairn_tensor *t)
{
    return t->kind != CAIRN_TENSOR_STORED && (t->is_output || t->kind == CAIRN_TENSOR_INPUT || t->data);
}

/* Sizes and lifetimes of everything in the arena; unused tensors get no bytes. */
static cairn_status measure(cairn_program *p)
{
    p->tensors = cairn_graph_tensor_count(p->g);
    p->blocks_count = p->tensors + p->l.scratch_count;
    p->blocks = calloc((size_t)p->blocks_count + 1, sizeof *p->blocks);
    if (!p->blocks) return cairn_error_set(CAIRN_E_NOMEM, "no memory to plan %d tensors", p->blocks_count);
    for (int i = 0; i < p->blocks_count; i++) p->blocks[i].first = p->blocks[i].last = -1;
    for (int c = 0; c < p->l.call_count; c++)
        for (int k = 0; k < p->l.calls[c].slot_count; k++) {
            cairn_slot slot = p->l.calls[c].slots[k];
            if (in_arena(p, slot)) touch(&p->blocks[block_of(p, slot)], &p->l, c);
        }
    for (int i = 0; i < p->blocks_count; i++) {
        cairn_block *b = &p->blocks[i];
        bool scratch = i >= p->tensors;
        if (p->stays[i] && b->first >= 0) b->first = 0, b->last = INT32_MAX;
        const cairn_tensor *t = scratch ? NULL : cairn_graph_tensor(p->g, i);
        bool part = t && t->joined != CAIRN_NONE; /* has no memory of its own */
        if (t && outlives_runs(t) && !(b->first < 0 && t->data)) {
            cairn_block *whole = part ? &p->blocks[t->joined] : b;
            whole->first = 0;
            whole->last = INT32_MAX;
        }
        if (b->first < 0 || part) continue;
        b->bytes = (t && p->l.half[i] ? 8 : 16) *
                   (uint64_t)(scratch ? p->l.scratch_vectors[i - p->tensors] : cairn_shape_vectors(t->shape));
        p->stats.half_tensors += t && p->l.half[i];
        p->stats.unplanned_bytes += b->bytes;
    }
    return CAIRN_OK;
}

static cairn_status plan(cairn_program *p)
{
    cairn_status st = CAIRN_OK;
    const cairn_gpu_info *info = cairn_gpu_get_info(p->gpu);
    CAIRN_TRY(measure(p));
    cairn_block *live = malloc(sizeof *live * (size_t)(p->blocks_count + 1));
    if (!live) return cairn_error_set(CAIRN_E_NOMEM, "no memory to plan %d tensors", p->blocks_count);
    int n = 0;
    for (int i = 0; i < p->blocks_count; i++)
        if (p->blocks[i].bytes) live[n++] = p->blocks[i];
    bool aliasing = !p->options.no_aliasing && !p->options.keep_all;
    p->stats.planned_bytes =
        cairn_plan__pack(live, n, info->alignment, aliasing, p->options.canaries ? GUARD_BYTES : 0);
    n = 0;
    for (int i = 0; i < p->blocks_count; i++)
        if (p->blocks[i].bytes) p->blocks[i].offset = live[n++].offset;
    free(live);
    CAIRN_TRY(cairn_plan__check(&p->stats, &p->l, &p->options));
    uint64_t bytes = p->stats.planned_bytes ? p->stats.planned_bytes : 16;
    CAIRN_TRY(cairn_gpu_buffer_create(&p->arena, p->gpu, bytes, "arena"));
done:
    return st;
}

static cairn_gpu_view view_of(const cairn_program *p, cairn_slot slot)
{
    if (!in_arena(p, slot)) {
        int index = cairn_store_find(p->store, cairn_graph_tensor(p->g, slot)->name);
        CAIRN_ASSERT(index >= 0);
        return cairn_store_view(p->store, index);
    }
    const cairn_block *b = &p->blocks[block_of(p, slot)];
    uint64_t vectors = slot >= CAIRN_SCRATCH_BASE
                           ? (uint64_t)p->l.scratch_vectors[slot - CAIRN_SCRATCH_BASE]
                           : (uint64_t)cairn_shape_vectors(cairn_graph_tensor(p->g, slot)->shape);
    uint64_t at = slot >= CAIRN_SCRATCH_BASE ? 0 : 16 * (uint64_t)cairn_graph_tensor(p->g, slot)->joined_at;
    return (cairn_gpu_view){p->arena, b->offset + at, vectors * element_bytes(p, slot)};
}

/* Of each call: its node's operations, shared out evenly among the node's calls but for the light ones. */
static cairn_status estimate_operations(cairn_program *p)
{
    int *calls = calloc((size_t)cairn_graph_node_count(p->g) + 1, sizeof *calls); /* that are not light */
    p->operations = calloc((size_t)p->l.call_count + 1, sizeof *p->operations);
    if (!calls || !p->operations) {
        free(calls);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a program");
    }
    for (int c = 0; c < p->l.call_count; c++)
        if (p->l.call_node[c] >= 0 && !p->l.calls[c].light) calls[p->l.call_node[c]]++;
    for (int c = 0; c < p->l.call_count; c++) {
        if (p->l.call_node[c] < 0 || p->l.calls[c].light) continue;
        const cairn_node *n = cairn_graph_node(p->g, p->l.call_node[c]);
        double all = n->op->operations ? n->op->operations(n, p->g) : 0;
        for (int k = 0; k < n->output_count && !n->op->operations; k++)
            all += (double)cairn_shape_count(cairn_graph_shape(p->g, n->outputs[k]));
        p->operations[c] = all / calls[p->l.call_node[c]];
    }
    free(calls);
    return CAIRN_OK;
}

/* Commands for the calls that run once, and for those of each run. */
static cairn_status record(cairn_program *p)
{
    cairn_status st = CAIRN_OK;
    const int calls = p->l.call_count;
    cairn_program_stats once = {0};
    cairn_gpu_view *views = malloc(sizeof *views * ((size_t)calls * CAIRN_GPU_MAX_BINDINGS + 1));
    p->parts = calloc((size_t)calls + 1, sizeof *p->parts);
    cairn_recording r = {&p->l, views, p->operations, p->parts, p->options.all_barriers};
    if (!views || !p->parts) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to record %d dispatches", calls);
        goto done;
    }
    for (int c = 0; c < calls; c++)
        for (int k = 0; k < p->l.calls[c].slot_count; k++)
            views[c * CAIRN_GPU_MAX_BINDINGS + k] = view_of(p, p->l.calls[c].slots[k]);
    if (p->once_count) {
        CAIRN_TRY(cairn_gpu_commands_create(&p->once, p->gpu, false));
        CAIRN_TRY(cairn_record__calls(&r, p->once, 0, p->once_count, &once));
    }
    CAIRN_TRY(cairn_gpu_commands_create(&p->commands, p->gpu, p->options.profile));
    CAIRN_TRY(cairn_record__calls(&r, p->commands, p->once_count, calls, &p->stats));
    p->stats.once = once.dispatches;
    if (once.longest_ms > p->stats.longest_ms) p->stats.longest_ms = once.longest_ms;
    if (once.group_ms > p->stats.group_ms) p->stats.group_ms = once.group_ms, p->stats.group_kernel = once.group_kernel;
    for (int c = p->once_count; c < calls; c++) p->stats.operations += p->operations[c];
done:
    free(views);
    return st;
}

/* Constants of many values, once. */
static cairn_status write_tables(cairn_program *p)
{
    cairn_status st = CAIRN_OK;
    for (cairn_tid i = 0; i < p->tensors && st >= 0; i++) {
        const cairn_tensor *t = cairn_graph_tensor(p->g, i);
        if (!t->data || !p->blocks[i].bytes) continue;
        cairn_gpu_view view = view_of(p, i);
        float *storage = malloc(view.bytes);
        if (!storage) return cairn_error_set(CAIRN_E_NOMEM, "no memory to write a table of %d rows", t->shape.w);
        cairn_pad__pack(storage, t->data, t->shape);
        st = cairn_gpu_write(view, storage);
        free(storage);
    }
    return st;
}

static void read_environment(cairn_program_options *o)
{
    const char *aliasing = getenv("CAIRN_NO_ALIASING"), *barriers = getenv("CAIRN_ALL_BARRIERS");
    const char *order = getenv("CAIRN_GRAPH_ORDER");
    const char *fusion = getenv("CAIRN_NO_FUSION");
    o->no_fusion |= fusion && fusion[0] == '1';
    o->graph_order |= order && order[0] == '1';
    o->no_aliasing |= aliasing && aliasing[0] == '1';
    o->all_barriers |= barriers && barriers[0] == '1';
}

static bool writes_store(const cairn_lowering *l)
{
    for (int c = 0; c < l->call_count; c++)
        for (int k = 0; k < l->calls[c].slot_count; k++) {
            cairn_slot slot = l->calls[c].slots[k];
            if ((l->calls[c].written >> k & 1) && slot < CAIRN_SCRATCH_BASE &&
                cairn_graph_tensor(l->g, slot)->kind == CAIRN_TENSOR_STORED)
                return true;
        }
    return false;
}

cairn_status cairn_program_create(cairn_program **out, cairn_gpu *gpu, cairn_graph *g, cairn_store *store,
                                  const cairn_program_options *options)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    cairn_program *p = calloc(1, sizeof *p);
    if (!p) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a program");
    p->gpu = gpu;
    p->g = g;
    p->store = store;
    if (options) p->options = *options;
    read_environment(&p->options);
    CAIRN_TRY(cairn_graph_status(g));
    bool recompute = p->options.recompute == CAIRN_RECOMPUTE_CHEAP;
    if ((!p->options.no_fusion || recompute) && !p->options.keep_all) {
        CAIRN_TRY(cairn_graph__copy(&p->fused, g));
        if (!p->options.no_fusion) CAIRN_TRY(cairn_fuse__run(p->fused));
        if (recompute) CAIRN_TRY(cairn_recompute__run(p->fused, &p->stats.recomputed));
        p->g = g = p->fused;
    }
    p->used = calloc((size_t)cairn_graph_node_count(g) + 1, sizeof *p->used);
    if (!p->used) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a program");
        goto done;
    }
    CAIRN_TRY(cairn_store_add_graph(store, g));
    CAIRN_TRY(cairn_lowering__build(&p->l, gpu, g, p->used, &p->options));
    CAIRN_TRY(cairn_schedule__run(&p->l, cairn_gpu_get_info(gpu)->alignment, p->options.graph_order));
    p->stays = calloc((size_t)(cairn_graph_tensor_count(g) + p->l.scratch_count) + 1, sizeof *p->stays);
    if (!p->stays) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a program");
        goto done;
    }
    CAIRN_TRY(cairn_once__run(&p->l, &p->once_count, p->stays));
    p->writes_store = writes_store(&p->l);
    CAIRN_TRY(estimate_operations(p));
    for (cairn_tid i = 0; i < cairn_graph_tensor_count(g); i++)
        if (cairn_graph_tensor(g, i)->kind == CAIRN_TENSOR_STORED)
            cairn_store__bind(store, cairn_store_find(store, cairn_graph_tensor(g, i)->name));
    CAIRN_TRY(plan(p));
    CAIRN_TRY(write_tables(p));
    CAIRN_TRY(record(p));
    for (int i = 0; i < cairn_graph_node_count(g); i++) p->stats.nodes += p->used[i];
    for (int i = 0; i < cairn_graph_tensor_count(g); i++) {
        const cairn_tensor *t = cairn_graph_tensor(g, i);
        if (t->kind == CAIRN_TENSOR_STORED && t->joined == CAIRN_NONE)
            p->stats.stored_bytes += 16 * (uint64_t)cairn_shape_vectors(t->shape);
    }
    *out = p;
done:
    if (st < 0) cairn_program_destroy(&p);
    return st;
}

void cairn_program_destroy(cairn_program **program)
{
    cairn_program *p = *program;
    if (!p) return;
    cairn_gpu_wait(p->gpu);
    cairn_gpu_commands_destroy(&p->commands);
    cairn_gpu_commands_destroy(&p->once);
    cairn_gpu_buffer_destroy(&p->arena);
    cairn_lowering__free(&p->l);
    cairn_graph_destroy(&p->fused);
    free(p->used);
    free(p->stays);
    free(p->blocks);
    free(p->parts);
    free(p->timings);
    free(p->ns);
    free(p->operations);
    free(p);
    *program = NULL;
}

const cairn_program_stats *cairn_program_get_stats(const cairn_program *program)
{
    return &program->stats;
}

cairn_status cairn_program_write(cairn_program *program, cairn_tid input, const float *values)
{
    const cairn_tensor *t = cairn_graph_tensor(program->g, input);
    CAIRN_ASSERT(t->kind == CAIRN_TENSOR_INPUT);
    cairn_gpu_view view = view_of(program, input);
    float *storage = malloc(view.bytes);
    if (!storage) return cairn_error_set(CAIRN_E_NOMEM, "no memory to write %s", t->name);
    if (program->l.half[input])
        cairn_pad__pack_half((uint16_t *)storage, values, t->shape);
    else
        cairn_pad__pack(storage, values, t->shape);
    cairn_status st = cairn_gpu_write(view, storage);
    free(storage);
    return st;
}

cairn_status cairn_program_read(cairn_program *program, cairn_tid output, float *values)
{
    const cairn_tensor *t = cairn_graph_tensor(program->g, output);
    CAIRN_ASSERT(t->is_output || t->kind == CAIRN_TENSOR_INPUT || t->kind == CAIRN_TENSOR_STORED ||
                 program->options.keep_all);
    cairn_gpu_view view = view_of(program, output);
    float *storage = malloc(view.bytes);
    if (!storage) return cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", t->name);
    cairn_status st = cairn_gpu_read(view, storage);
    if (st >= 0 && program->l.half[output])
        cairn_pad__unpack_half(values, (const uint16_t *)storage, t->shape);
    else if (st >= 0)
        cairn_pad__unpack(values, storage, t->shape);
    free(storage);
    return st;
}

/* NaN everywhere but in the inputs: finds reads of what was never written; the guards are the same NaN. */
static cairn_status poison(cairn_program *p)
{
    uint64_t bytes = cairn_gpu_buffer_bytes(p->arena);
    uint32_t *words = malloc(bytes);
    if (!words) return cairn_error_set(CAIRN_E_NOMEM, "no memory for guard words");
    cairn_gpu_view all = {p->arena, 0, bytes};
    cairn_status st = cairn_gpu_read(all, words);
    bool *keep = calloc(bytes / 4, 1);
    CAIRN_ASSERT(keep);
    for (int i = 0; i < p->tensors; i++)
        if (p->blocks[i].bytes &&
            (cairn_graph_tensor(p->g, i)->kind == CAIRN_TENSOR_INPUT || cairn_graph_tensor(p->g, i)->data))
            memset(keep + p->blocks[i].offset / 4, 1,
                   element_bytes(p, i) / 4 * (size_t)cairn_shape_vectors(cairn_graph_tensor(p->g, i)->shape));
    for (uint64_t i = 0; i < bytes / 4; i++)
        if (!keep[i]) words[i] = GUARD_WORD;
    if (st >= 0) st = cairn_gpu_write(all, words);
    free(keep);
    free(words);
    return st;
}

cairn_status cairn_program_submit(cairn_program *program)
{
    cairn_status st = CAIRN_OK;
    if (program->options.canaries) {
        CAIRN_TRY(poison(program));
        program->once_done = false;
    }
    if (program->once && (!program->once_done || program->once_version != cairn_store__version(program->store))) {
        CAIRN_TRY(cairn_gpu_submit(program->once));
        program->once_done = true;
        program->once_version = cairn_store__version(program->store);
    }
    CAIRN_TRY(cairn_gpu_submit(program->commands));
    if (program->writes_store) { /* its own writes are not what the calls made once depend on */
        cairn_store__changed(program->store);
        program->once_version = cairn_store__version(program->store);
    }
done:
    return st;
}

cairn_status cairn_program_run(cairn_program *program)
{
    cairn_status st = cairn_program_submit(program);
    return st < 0 ? st : cairn_gpu_wait(program->gpu);
}

static cairn_status check_tensor(const cairn_program *p, const uint32_t *words, int block)
{
    bool scratch = block >= p->tensors;
    const cairn_block *b = &p->blocks[block];
    const char *name = scratch ? "scratch" : cairn_graph_tensor(p->g, block)->name;
    uint64_t vectors = scratch ? (uint64_t)p->l.scratch_vectors[block - p->tensors]
                               : (uint64_t)cairn_shape_vectors(cairn_graph_tensor(p->g, block)->shape);
    bool whole = !scratch && cairn_graph_tensor(p->g, block)->is_join; /* its padding is that of its members */
    bool part = !scratch && cairn_graph_tensor(p->g, block)->joined != CAIRN_NONE;
    bool half = !scratch && element_bytes(p, block) == 8;
    uint64_t used = vectors * (half ? 2 : 4), first = (part ? view_of(p, block).offset : b->offset) / 4;
    uint64_t step = 4 * CAIRN_JOIN_VECTORS, guards = part ? (step - used % step) % step : GUARD_BYTES / 4;
    for (uint64_t i = used; i < used + guards; i++)
        if (words[first + i] != GUARD_WORD)
            return cairn_error_set(CAIRN_E_FAIL, "a kernel wrote %d floats behind %s", (int)(i - used), name);
    if (scratch || whole) return CAIRN_OK;
    cairn_shape s = cairn_graph_tensor(p->g, block)->shape;
    uint64_t stride = 4 * (uint64_t)cairn_shape_groups(s);
    const uint16_t *halves = (const uint16_t *)(words + first);
    for (uint64_t i = 0; i < vectors * 4; i++) {
        uint32_t value = half ? (uint32_t)halves[i] << 16 : words[first + i];
        if (i % stride >= (uint64_t)s.c && value << 1 != 0) /* minus zero is zero */
            return cairn_error_set(CAIRN_E_FAIL, "padding channel %d of %s is not zero", (int)(i % stride), name);
    }
    return CAIRN_OK;
}

static bool has_memory(const cairn_program *p, int block)
{
    if (p->blocks[block].bytes) return true;
    if (block >= p->tensors || !in_arena(p, block)) return false;
    cairn_tid whole = cairn_graph_tensor(p->g, block)->joined;
    return whole != CAIRN_NONE && p->blocks[whole].bytes > 0;
}

cairn_status cairn_program_check(cairn_program *program)
{
    CAIRN_ASSERT(program->options.canaries);
    uint64_t bytes = cairn_gpu_buffer_bytes(program->arena);
    uint32_t *words = malloc(bytes);
    if (!words) return cairn_error_set(CAIRN_E_NOMEM, "no memory to check guard words");
    cairn_status st = cairn_gpu_read((cairn_gpu_view){program->arena, 0, bytes}, words);
    bool separate = program->options.no_aliasing || program->options.keep_all;
    for (int i = 0; i < program->blocks_count && st >= 0 && separate; i++)
        if (has_memory(program, i)) st = check_tensor(program, words, i);
    free(words);
    return st;
}

/* at: its first dispatch */
static cairn_program_timing call_timing(const cairn_program *p, int c, int at)
{
    const cairn_kernel_call *call = &p->l.calls[c];
    const cairn_node *node = p->l.call_node[c] < 0 ? NULL : cairn_graph_node(p->g, p->l.call_node[c]);
    cairn_program_timing t = {.op = node ? node->op->name : "constant",
                              .kernel = call->kernel,
                              .operations = p->operations[c]};
    for (int i = 0; i < p->parts[c]; i++) t.ns += p->ns[at + i];
    if (node && node->input_count) t.in = cairn_graph_shape(p->g, node->inputs[0]);
    if (node && node->output_count) t.out = cairn_graph_shape(p->g, node->outputs[0]);
    for (int k = 0; k < call->slot_count; k++) t.bytes += (double)view_of(p, call->slots[k]).bytes;
    return t;
}

cairn_status cairn_program_timings(cairn_program *program, const cairn_program_timing **out, int *count)
{
    cairn_status st = CAIRN_OK;
    int first = program->once_count, n = program->l.call_count - first;
    if (!program->timings) {
        program->timings = calloc((size_t)n + 1, sizeof *program->timings);
        program->ns = calloc((size_t)program->stats.dispatches + 1, sizeof *program->ns);
        if (!program->timings || !program->ns) return cairn_error_set(CAIRN_E_NOMEM, "no memory for timings");
    }
    CAIRN_TRY(cairn_gpu_commands_times(program->commands, program->ns, program->stats.dispatches));
    for (int c = 0, at = 0; c < n; at += program->parts[first + c++])
        program->timings[c] = call_timing(program, first + c, at);
    *out = program->timings;
    *count = n;
done:
    return st;
}

cairn_status cairn_program_explain(const cairn_program *p, FILE *out)
{
    const cairn_program_stats *s = &p->stats;
    fprintf(out, "%-28s %-32s %6s %12s\n", "op", "kernel", "calls", "MFLOP");
    for (int c = 0; c < p->l.call_count; c++) {
        const char *op = p->l.call_node[c] < 0 ? "constant" : cairn_graph_node(p->g, p->l.call_node[c])->op->name;
        double operations = 0;
        int calls = 0;
        bool seen = false;
        for (int i = 0; i < p->l.call_count && !seen; i++) {
            const char *other =
                p->l.call_node[i] < 0 ? "constant" : cairn_graph_node(p->g, p->l.call_node[i])->op->name;
            if (strcmp(op, other) || strcmp(p->l.calls[c].kernel, p->l.calls[i].kernel)) continue;
            seen = i < c;
            calls++;
            operations += p->operations[i];
        }
        if (!seen) fprintf(out, "%-28s %-32s %6d %12.1f\n", op, p->l.calls[c].kernel, calls, operations / 1e6);
    }
    fprintf(out, "%d nodes, %d dispatches (and %d when weights were written), %d barriers, %d submissions, "
            "%.2f GFLOP estimated\n", s->nodes, s->dispatches, s->once, s->barriers, s->submissions,
            s->operations / 1e9);
    fprintf(out, "memory: %.1f MB planned (%.1f MB without planning), %.1f MB stored\n", (double)s->planned_bytes / 1e6,
            (double)s->unplanned_bytes / 1e6, (double)s->stored_bytes / 1e6);
    if (s->recomputed) fprintf(out, "%d tensors are computed again for the backward pass\n", s->recomputed);
    return CAIRN_OK;
}
