/* Choosing among variants of an op's kernels: from the table of gpu/cache/tuning.h, or by timing them. */
#include "base/hash.h"
#include "base/log.h"
#include "gpu/cache/tuning.h"
#include "graph/internal.h"
#include "system/progress.h"

#include <inttypes.h>
#include <string.h>

/* A variant replaces the shipped one only if it is faster by more than the clock's noise. */
static const double clearly = 0.97;
enum { TIMED_RUNS = 5 };

/* Which of the node's tensors are stored in fp16: bit i an input, bit 16 + i an output. */
static uint32_t half_tensors(const cairn_lowering *l)
{
    uint32_t mask = 0;
    if (l->node < 0) return 0;
    const cairn_node *node = cairn_graph_node(l->g, l->node);
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != CAIRN_NONE && cairn_lower_half(l, node->inputs[i])) mask |= 1u << i;
    for (int i = 0; i < node->output_count; i++)
        if (cairn_lower_half(l, node->outputs[i])) mask |= 1u << (16 + i);
    return mask;
}

/* The problem as one line: what is computed, by which shaders, on which numbers, among which variants. */
static void make_key(char key[CAIRN_TUNING_KEY_BYTES], const cairn_lowering *l, const cairn_choice *c)
{
    static const char *const classes[] = {"auto", "texel", "simt", "matrix"};
    char family[64];
    snprintf(family, sizeof family, "%.*s", (int)strcspn(c->name, "/"), c->name);
    uint64_t candidates = cairn_hash_bytes(CAIRN_HASH_START, c->candidates,
                                           (size_t)c->candidate_count * sizeof *c->candidates);
    char storage[16] = "fp32";
    if (half_tensors(l)) snprintf(storage, sizeof storage, "half%x", half_tensors(l));
    int used = snprintf(key, CAIRN_TUNING_KEY_BYTES, "%s %s %s %016" PRIx64 " %08x", c->name,
                        classes[cairn_lower_class(l)], c->precision ? c->precision : storage,
                        cairn_gpu_family_hash(l->gpu, family), (unsigned)(candidates ^ candidates >> 32));
    for (int i = 0; i < c->key_count; i++) {
        CAIRN_ASSERT(used < CAIRN_TUNING_KEY_BYTES - 12);
        used += snprintf(key + used, (size_t)(CAIRN_TUNING_KEY_BYTES - used), " %u", c->key[i]);
    }
}

/* ---- timing one variant: its dispatches alone, on memory of their shapes ---- */

typedef struct trial {
    cairn_lowering *l;
    int first; /* of its calls in the lowering */
    cairn_slot *slots;
    uint64_t *offsets;
    int slot_count;
    cairn_gpu_buffer *memory;
    cairn_gpu_commands *commands;
    bool stamps; /* the device has timestamps */
} trial;

static uint64_t slot_bytes(const cairn_lowering *l, cairn_slot slot)
{
    return (cairn_lower_half(l, slot) ? 8 : 16) *
           (uint64_t)(slot >= CAIRN_SCRATCH_BASE ? l->scratch_vectors[slot - CAIRN_SCRATCH_BASE]
                                                      : cairn_shape_vectors(cairn_graph_shape(l->g, slot)));
}

static int find_slot(const trial *t, cairn_slot slot)
{
    for (int i = 0; i < t->slot_count; i++)
        if (t->slots[i] == slot) return i;
    return -1;
}

/* Stored tensors get other memory too: nothing that lasts is touched. */
static cairn_status make_memory(trial *t)
{
    cairn_status st = CAIRN_OK;
    const cairn_lowering *l = t->l;
    const uint64_t alignment = cairn_gpu_get_info(l->gpu)->alignment;
    uint64_t bytes = 0;
    int most = (l->call_count - t->first) * CAIRN_GPU_MAX_BINDINGS + 1;
    t->slots = calloc((size_t)most, sizeof *t->slots);
    t->offsets = calloc((size_t)most, sizeof *t->offsets);
    if (!t->slots || !t->offsets) return cairn_error_set(CAIRN_E_NOMEM, "no memory to tune");
    for (int c = t->first; c < l->call_count; c++)
        for (int k = 0; k < l->calls[c].slot_count; k++) {
            if (find_slot(t, l->calls[c].slots[k]) >= 0) continue;
            t->slots[t->slot_count] = l->calls[c].slots[k];
            t->offsets[t->slot_count++] = bytes;
            bytes += (slot_bytes(l, l->calls[c].slots[k]) + alignment - 1) / alignment * alignment;
        }
    CAIRN_TRY(cairn_gpu_buffer_create(&t->memory, l->gpu, bytes, "tuning"));
done:
    return st;
}

static cairn_status record(trial *t)
{
    cairn_status st = CAIRN_OK;
    const cairn_lowering *l = t->l;
    CAIRN_TRY(cairn_gpu_commands_create(&t->commands, l->gpu, t->stamps));
    for (int c = t->first; c < l->call_count; c++) {
        const cairn_kernel_call *call = &l->calls[c];
        cairn_gpu_dispatch d = {.view_count = call->slot_count, .push_count = call->push_count, .label = call->kernel};
        for (int k = 0; k < call->slot_count; k++) {
            int i = find_slot(t, call->slots[k]);
            d.views[k] = (cairn_gpu_view){t->memory, t->offsets[i], slot_bytes(l, call->slots[k])};
        }
        memcpy(d.push, call->push, sizeof d.push);
        memcpy(d.threads, call->threads, sizeof d.threads);
        CAIRN_TRY(cairn_gpu_kernel_get_half(&d.kernel, l->gpu, call->kernel, call->constants, call->constant_count,
                                            cairn_lowering__half_mask(l, call)));
        CAIRN_TRY(cairn_gpu_commands_dispatch(t->commands, &d));
        CAIRN_TRY(cairn_gpu_commands_barrier(t->commands));
    }
    CAIRN_TRY(cairn_gpu_commands_end(t->commands));
done:
    return st;
}

static cairn_status run_once(trial *t, double *ns)
{
    cairn_status st = CAIRN_OK;
    const int count = t->l->call_count - t->first;
    double start = cairn_seconds(), *each = NULL;
    CAIRN_TRY(cairn_gpu_submit(t->commands));
    CAIRN_TRY(cairn_gpu_wait(t->l->gpu));
    *ns = (cairn_seconds() - start) * 1e9;
    if (!t->stamps) goto done;
    each = calloc((size_t)count, sizeof *each);
    if (!each) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to tune"));
    CAIRN_TRY(cairn_gpu_commands_times(t->commands, each, count));
    *ns = 0;
    for (int i = 0; i < count; i++) *ns += each[i];
done:
    free(each);
    return st;
}

/* Appends the variant's dispatches, times them, takes them off again. best: of the variants so far. */
static cairn_status time_variant(cairn_lowering *l, const cairn_choice *c, uint32_t variant, double best, double *ns)
{
    cairn_status st = CAIRN_OK;
    const int scratch = l->scratch_count;
    trial t = {.l = l, .first = l->call_count, .stamps = cairn_gpu_get_info(l->gpu)->timestamp_ns > 0};
    double once;
    *ns = 1e300;
    CAIRN_TRY(c->emit(l, c->problem, variant));
    CAIRN_TRY(make_memory(&t));
    CAIRN_TRY(record(&t));
    CAIRN_TRY(run_once(&t, &once)); /* compiles on some drivers */
    for (int i = 0; i < TIMED_RUNS && *ns > 0 && (i == 0 || *ns <= 2 * best); i++) {
        CAIRN_TRY(run_once(&t, &once));
        *ns = once < *ns ? once : *ns;
    }
done:
    cairn_gpu_commands_destroy(&t.commands);
    cairn_gpu_buffer_destroy(&t.memory);
    free(t.slots);
    free(t.offsets);
    l->call_count = t.first;
    l->scratch_count = scratch;
    for (int k = 0; l->node >= 0 && k < cairn_graph_node(l->g, l->node)->output_count; k++) /* not what it left */
        l->moments[cairn_graph_node(l->g, l->node)->outputs[k]] = (cairn_partial_moments){0};
    return st;
}

/* A variant that this device cannot run, or has no memory for, is left out; any other failure is the program's. */
static cairn_status measure(cairn_lowering *l, const cairn_choice *c, const char *key, uint32_t *variant)
{
    cairn_status st = CAIRN_OK;
    double shipped = 1e300, best = 1e300, ns;
    for (int i = -1; i < c->candidate_count; i++) { /* the shipped one first: the others are measured against it */
        uint32_t v = i < 0 ? c->fallback : c->candidates[i];
        if (i >= 0 && v == c->fallback) continue;
        st = time_variant(l, c, v, best, &ns);
        if (st == CAIRN_E_UNSUPPORTED || st == CAIRN_E_NOMEM) {
            cairn_debug("tuning: %s: variant %u left out: %s", c->name, v, cairn_error_message());
            st = CAIRN_OK;
            continue;
        }
        CAIRN_TRY(st);
        cairn_debug("tuning: %s: variant %u: %.3f ms", key, v, ns / 1e6);
        if (i < 0) shipped = ns;
        if (i < 0 || (ns < best && ns < clearly * shipped)) best = ns, *variant = v;
    }
    if (best < 1e300) st = cairn_gpu_tuning_put(l->gpu, key, *variant, best);
done:
    return st;
}

cairn_status cairn_lower_choose(cairn_lowering *l, const cairn_choice *choice)
{
    cairn_status st = CAIRN_OK;
    char key[CAIRN_TUNING_KEY_BYTES];
    uint32_t variant = choice->fallback, found;
    bool known = false, has_fallback = false;
    for (int i = 0; i < choice->candidate_count; i++) has_fallback |= choice->candidates[i] == choice->fallback;
    CAIRN_ASSERT(has_fallback);
    if (choice->candidate_count < 2 || cairn_gpu_tuning_mode(l->gpu) == CAIRN_TUNING_OFF) goto emit;
    make_key(key, l, choice);
    if (cairn_gpu_tuning_find(l->gpu, key, &found))
        for (int i = 0; i < choice->candidate_count; i++) /* a number that is none of ours is not believed */
            if (choice->candidates[i] == found) variant = found, known = true;
    if (!known && cairn_gpu_tuning_mode(l->gpu) == CAIRN_TUNING_MEASURE)
        CAIRN_TRY(measure(l, choice, key, &variant));
emit:
    st = choice->emit(l, choice->problem, variant);
done:
    return st;
}
