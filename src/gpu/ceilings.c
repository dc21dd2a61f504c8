#include "gpu/ceilings.h"

#include "system/progress.h"

#include <string.h>

enum { RUNS = 7, WIDTH = 65536 /* LINEAR_WIDTH of tensor.glsl */, GROUP = 64, STEPS = 8 /* vec4 a thread */ };

static cairn_status time_once(double *ns, cairn_gpu *gpu, cairn_gpu_commands *commands)
{
    cairn_status st;
    const double start = cairn_seconds();
    CAIRN_TRY(cairn_gpu_submit(commands));
    CAIRN_TRY(cairn_gpu_wait(gpu));
    *ns = (cairn_seconds() - start) * 1e9;
    if (cairn_gpu_get_info(gpu)->timestamp_ns > 0) st = cairn_gpu_commands_times(commands, ns, 1);
done:
    return st;
}

/* Best time of one dispatch, after a first run that compiles; `runs` timed ones. */
static cairn_status best_time(double *ns, cairn_gpu *gpu, const cairn_gpu_dispatch *dispatch, int runs)
{
    cairn_status st;
    cairn_gpu_commands *commands = NULL;
    double once;
    *ns = 1e300;
    CAIRN_TRY(cairn_gpu_commands_create(&commands, gpu, cairn_gpu_get_info(gpu)->timestamp_ns > 0));
    CAIRN_TRY(cairn_gpu_commands_dispatch(commands, dispatch));
    CAIRN_TRY(cairn_gpu_commands_end(commands));
    for (int i = -1; i < runs; i++) {
        CAIRN_TRY(time_once(&once, gpu, commands));
        if (i >= 0 && once < *ns) *ns = once > 1 ? once : 1;
    }
done:
    cairn_gpu_commands_destroy(&commands);
    return st;
}

static cairn_status measure_copy(cairn_ceilings *out, cairn_gpu *gpu, cairn_gpu_view from, cairn_gpu_view to)
{
    cairn_status st;
    double ns;
    const uint32_t constants[] = {0, STEPS}, rows = (uint32_t)(from.bytes / 16);
    cairn_gpu_dispatch d = {.views = {from, to},
                            .view_count = 2,
                            .push = {0, rows},
                            .push_count = 2,
                            .threads = {GROUP, rows / GROUP / STEPS, 1},
                            .label = "copy ceiling"};
    CAIRN_TRY(cairn_gpu_kernel_get(&d.kernel, gpu, "measure/copy", constants, 2));
    CAIRN_TRY(best_time(&ns, gpu, &d, RUNS));
    out->copy_mib = (double)from.bytes / (1 << 20);
    out->copy_gbps = 2 * (double)from.bytes / ns;
done:
    return st;
}

/* Longer and longer, until the time is far above that of a dispatch and far below a watchdog's. */
static cairn_status measure_arithmetic(cairn_ceilings *out, cairn_gpu *gpu, cairn_gpu_view to)
{
    cairn_status st;
    enum { CHAINS = 12, LENGTH = 16 };
    const bool cpu = cairn_gpu_get_info(gpu)->is_cpu;
    const uint32_t rows = cpu ? 1 : 16;
    const float a = 0.999f, b = 0.0005f;
    double ns = 0;
    uint32_t turns = cpu ? 4 : 16;
    cairn_gpu_dispatch d = {.view_count = 1, .push_count = 3, .threads = {WIDTH, rows, 1}, .label = "fp32 ceiling"};
    d.views[0] = (cairn_gpu_view){to.buffer, to.offset, (uint64_t)WIDTH * rows * 16};
    memcpy(&d.push[1], &a, 4);
    memcpy(&d.push[2], &b, 4);
    CAIRN_TRY(cairn_gpu_kernel_get(&d.kernel, gpu, "measure/multiply_add", NULL, 0));
    for (; turns < 1u << 20; turns *= 4) {
        d.push[0] = turns;
        CAIRN_TRY(best_time(&ns, gpu, &d, 1));
        if (ns > 5e6) break;
    }
    CAIRN_TRY(best_time(&ns, gpu, &d, RUNS));
    out->fp32_gflops = 2.0 * CHAINS * LENGTH * d.push[0] * WIDTH * rows / ns;
done:
    return st;
}

cairn_status cairn_ceilings_measure(cairn_ceilings *out, cairn_gpu *gpu)
{
    cairn_status st;
    const cairn_gpu_info *info = cairn_gpu_get_info(gpu);
    const uint64_t piece = (uint64_t)16 * 8 * WIDTH; /* 8 MiB */
    cairn_gpu_buffer *from = NULL, *to = NULL;
    *out = (cairn_ceilings){0};
    uint64_t bytes = info->is_cpu ? 8 * piece : 32 * piece, most = info->max_storage_range;
    if (info->kernel_class == CAIRN_CLASS_TEXEL) most = (uint64_t)info->max_texel_elements * 16;
    if (most > info->heap_bytes / 4) most = info->heap_bytes / 4;
    if (bytes > most) bytes = most / piece * piece;
    if (bytes < 2 * piece) bytes = 2 * piece; /* what the second kernel writes on a GPU */
    CAIRN_TRY(cairn_gpu_buffer_create(&from, gpu, bytes, "ceiling"));
    CAIRN_TRY(cairn_gpu_buffer_create(&to, gpu, bytes, "ceiling"));
    CAIRN_TRY(measure_copy(out, gpu, (cairn_gpu_view){from, 0, bytes}, (cairn_gpu_view){to, 0, bytes}));
    CAIRN_TRY(measure_arithmetic(out, gpu, (cairn_gpu_view){to, 0, bytes}));
done:
    cairn_gpu_buffer_destroy(&from);
    cairn_gpu_buffer_destroy(&to);
    return st;
}
