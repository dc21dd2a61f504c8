/* From calls to recorded commands: barriers where data flow asks for them, submissions of bounded time. */
#include "graph/internal.h"

#include <string.h>

typedef struct span {
    cairn_gpu_buffer *buffer;
    uint64_t first, end;
} span;

typedef struct recorder {
    const cairn_recording *r;
    cairn_gpu_commands *commands;
    cairn_program_stats *stats;
    double limit, sum; /* ms of a submission, and of the open one so far */
    span *spans[2];    /* unsynchronised reads, writes */
    int span_count[2], span_room[2];
} recorder;

static bool overlaps(const recorder *p, int which, cairn_gpu_view v)
{
    for (int i = 0; i < p->span_count[which]; i++) {
        const span *s = &p->spans[which][i];
        if (s->buffer == v.buffer && s->first < v.offset + v.bytes && v.offset < s->end) return true;
    }
    return false;
}

static void remember(recorder *p, int which, cairn_gpu_view v)
{
    if (p->span_count[which] == p->span_room[which]) {
        int wanted = p->span_room[which] ? 2 * p->span_room[which] : 64;
        span *grown = realloc(p->spans[which], sizeof *grown * (size_t)wanted);
        CAIRN_ASSERT(grown);
        p->spans[which] = grown;
        p->span_room[which] = wanted;
    }
    p->spans[which][p->span_count[which]++] = (span){v.buffer, v.offset, v.offset + v.bytes};
}

static void remember_call(recorder *p, const cairn_kernel_call *call, const cairn_gpu_view *views)
{
    for (int k = 0; k < call->slot_count; k++) remember(p, call->written >> k & 1, views[k]);
}

/* Whether the call must wait for earlier ones: read after write, write after write, write after read. */
static bool hazard(const recorder *p, const cairn_kernel_call *call, const cairn_gpu_view *views)
{
    for (int k = 0; k < call->slot_count; k++) {
        bool written = call->written >> k & 1;
        if (overlaps(p, 1, views[k]) || (written && overlaps(p, 0, views[k]))) return true;
    }
    return false;
}

static cairn_status barrier(recorder *p)
{
    p->span_count[0] = p->span_count[1] = 0;
    return cairn_gpu_commands_barrier(p->commands);
}

/* At rates that the device surely reaches: an upper bound. */
static double estimate_ms(const recorder *p, int c, const cairn_gpu_view *views)
{
    const cairn_gpu_info *info = cairn_gpu_get_info(p->r->l->gpu);
    double bytes = 0;
    for (int k = 0; k < p->r->l->calls[c].slot_count; k++) bytes += (double)views[k].bytes;
    const double compute = p->r->operations[c] / info->assumed_gflops, memory = bytes / info->assumed_gbps;
    return 1e-6 * (compute > memory ? compute : memory);
}

static uint32_t pieces(uint32_t count, uint32_t most)
{
    return count / most + (count % most != 0);
}

/* Boxes of at most so many workgroups, as equal as they can be along each direction. */
static void cut(uint32_t box[3], const uint32_t groups[3], double most)
{
    for (int i = 0; i < 3; i++) {
        uint32_t size = most < 1 ? 1 : most < groups[i] ? (uint32_t)most : groups[i];
        box[i] = pieces(groups[i], pieces(groups[i], size));
        most /= box[i];
    }
}

/* One dispatch of `ms`, in a new submission if the open one has no room for it. */
static cairn_status record_part(recorder *p, const cairn_gpu_dispatch *d, const cairn_kernel_call *call, double ms)
{
    cairn_status st = CAIRN_OK;
    cairn_program_stats *stats = p->stats;
    if (p->sum + ms > p->limit && p->sum > 0) {
        CAIRN_TRY(barrier(p));
        CAIRN_TRY(cairn_gpu_commands_split(p->commands));
        stats->submissions++;
        p->sum = 0;
    }
    p->sum += ms;
    stats->longest_ms = p->sum > stats->longest_ms ? p->sum : stats->longest_ms;
    remember_call(p, call, d->views);
    CAIRN_TRY(cairn_gpu_commands_dispatch(p->commands, d));
    stats->dispatches++;
done:
    return st;
}

/* The parts of one call write different elements, so that nothing waits between them. */
static cairn_status record_parts(recorder *p, cairn_gpu_dispatch *d, int c, const uint32_t groups[3], double ms)
{
    cairn_status st = CAIRN_OK;
    const cairn_kernel_call *call = &p->r->l->calls[c];
    uint32_t box[3], at[3];
    const double all = (double)groups[0] * groups[1] * groups[2];
    cut(box, groups, all * p->limit / ms);
    for (at[2] = 0; at[2] < groups[2]; at[2] += box[2])
        for (at[1] = 0; at[1] < groups[1]; at[1] += box[1])
            for (at[0] = 0; at[0] < groups[0]; at[0] += box[0]) {
                for (int i = 0; i < 3; i++) {
                    d->first_group[i] = at[i];
                    d->groups[i] = groups[i] - at[i] < box[i] ? groups[i] - at[i] : box[i];
                }
                double share = (double)d->groups[0] * d->groups[1] * d->groups[2] / all;
                CAIRN_TRY(record_part(p, d, call, ms * share));
                p->r->parts[c]++;
            }
done:
    return st;
}

static void note_group(cairn_program_stats *stats, const char *kernel, double ms)
{
    if (ms <= stats->group_ms) return;
    stats->group_ms = ms;
    stats->group_kernel = kernel;
}

static cairn_status record_call(recorder *p, int c)
{
    cairn_status st = CAIRN_OK;
    const cairn_lowering *l = p->r->l;
    const cairn_kernel_call *call = &l->calls[c];
    const cairn_gpu_view *views = &p->r->views[c * CAIRN_GPU_MAX_BINDINGS];
    const double ms = estimate_ms(p, c, views);
    uint32_t groups[3];
    cairn_gpu_dispatch d = {.view_count = call->slot_count, .push_count = call->push_count};
    memcpy(d.views, views, sizeof *views * (size_t)call->slot_count);
    memcpy(d.push, call->push, sizeof d.push);
    memcpy(d.threads, call->threads, sizeof d.threads);
    d.label = l->call_node[c] < 0 ? "constant" : cairn_graph_node(l->g, l->call_node[c])->op->name;
    CAIRN_TRY(cairn_gpu_kernel_get_half(&d.kernel, l->gpu, call->kernel, call->constants, call->constant_count,
                                        cairn_lowering__half_mask(l, call)));
    if (hazard(p, call, d.views) || (p->r->all_barriers && c)) {
        CAIRN_TRY(barrier(p));
        p->stats->barriers++;
    }
    CAIRN_TRY(cairn_gpu_dispatch_groups(groups, l->gpu, &d));
    note_group(p->stats, call->kernel, ms / ((double)groups[0] * groups[1] * groups[2]));
    if (ms > p->limit) {
        CAIRN_TRY(record_parts(p, &d, c, groups, ms));
    } else {
        CAIRN_TRY(record_part(p, &d, call, ms));
        p->r->parts[c] = 1;
    }
done:
    if (st < 0) {
        char text[900];
        snprintf(text, sizeof text, "%s", cairn_error_message());
        cairn_error_set(st, "kernel %s: %s", call->kernel, text);
    }
    return st;
}

cairn_status cairn_record__calls(const cairn_recording *r, cairn_gpu_commands *commands, int first, int end,
                                 cairn_program_stats *stats)
{
    cairn_status st = CAIRN_OK;
    recorder p = {.r = r, .commands = commands, .stats = stats, .limit = cairn_gpu_get_info(r->l->gpu)->segment_ms};
    stats->submissions++;
    for (int c = first; c < end; c++) CAIRN_TRY(record_call(&p, c));
    CAIRN_TRY(barrier(&p)); /* a replay may follow without a wait in between */
    CAIRN_TRY(cairn_gpu_commands_end(commands));
done:
    free(p.spans[0]);
    free(p.spans[1]);
    return st;
}
