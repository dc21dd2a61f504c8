/* Before matrices are trusted with anything: products whose results are known, by the kernel that others use. */
#include "gpu/inject.h"
#include "gpu/internal.h"

#include <math.h>
#include <stdlib.h>

/* Sizes that fill no tile, K more than two slices. Constants and push block: shaders/matrix/matmul.matrix.comp and
 * include/tile/matrix.glsl. */
enum { M = 37, N = 29, K = 75, TILE = 32, SLICE = 32, WINDOW = 16384 };
static const double TOLERANCE = 4e-6; /* of split products, against the largest result; fp16 alone is off by 1e-4 */

static int groups(int columns)
{
    return (columns + 3) / 4;
}

/* Small odd and even integers: their products and sums are exact in fp16 and fp32. With `fine`, bits that fp16 alone
 * would lose. */
static void fill(float *values, int rows, int columns, int seed, bool fine)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            float v = (float)((r * 7 + c * 3 + seed) % 15 - 7);
            if (fine) v += (float)((r * 5 + c * 11 + seed) % 31 - 15) / 8192.0f;
            values[r * groups(columns) * 4 + c] = v;
        }
}

static double worst_error(const float *a, const float *b, const float *y)
{
    double worst = 0, largest = 0;
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) {
            double sum = 0, got = y[m * groups(N) * 4 + n];
            for (int k = 0; k < K; k++) sum += (double)a[m * groups(K) * 4 + k] * b[k * groups(N) * 4 + n];
            double error = fabs(got - sum);
            if (!(error <= worst)) worst = error; /* NaN too */
            if (fabs(sum) > largest) largest = fabs(sum);
        }
    return worst / largest;
}

static cairn_status dispatch(cairn_gpu *gpu, cairn_gpu_buffer *buffer, bool split)
{
    cairn_status st;
    const uint32_t lanes = gpu->info.matrix.subgroup_size, tiles = TILE * (SLICE / 8 + 1) + SLICE * (TILE / 8 + 1);
    const uint32_t stage = gpu->info.matrix.m * (TILE / 4 + 1), area = tiles * (split ? 2 : 1);
    uint32_t constants[] = {0, 0, 0, lanes, TILE, TILE, SLICE, 1, 1, lanes, split, area > stage ? area : stage};
    cairn_gpu_commands *commands = NULL;
    cairn_gpu_dispatch d = {.view_count = 7, /* bias and residual: anything */
                            .push = {M, N, K, (uint32_t)groups(K), (uint32_t)groups(N), (uint32_t)groups(N), 0},
                            .push_count = 7,
                            .threads = {(N + TILE - 1) / TILE * lanes, (M + TILE - 1) / TILE, 1},
                            .label = "test product"};
    for (int i = 0; i < d.view_count; i++)
        d.views[i] = (cairn_gpu_view){buffer, i < 5 ? (uint64_t)i * WINDOW : 0, WINDOW};
    CAIRN_TRY(cairn_gpu_kernel_get(&d.kernel, gpu, "matrix/matmul", constants, sizeof constants / sizeof *constants));
    CAIRN_TRY(cairn_gpu_commands_create(&commands, gpu, false));
    CAIRN_TRY(cairn_gpu_commands_dispatch(commands, &d));
    CAIRN_TRY(cairn_gpu_commands_end(commands));
    CAIRN_TRY(cairn_gpu_submit(commands));
    CAIRN_TRY(cairn_gpu_wait(gpu));
done:
    cairn_gpu_commands_destroy(&commands);
    return st;
}

static cairn_status check(cairn_gpu *gpu, cairn_gpu_buffer *buffer, float *memory, bool split)
{
    cairn_status st;
    enum { FLOATS = WINDOW / 4 };
    float *a = memory, *b = memory + FLOATS, *y = memory + 2 * FLOATS;
    cairn_gpu_view all = {buffer, 0, 5 * WINDOW};
    fill(a, M, K, 1, split);
    fill(b, K, N, 4, split);
    memory[3 * FLOATS] = memory[4 * FLOATS + 2] = 7.01f; /* the ranges */
    CAIRN_TRY(cairn_gpu_write(all, memory));
    CAIRN_TRY(dispatch(gpu, buffer, split));
    CAIRN_TRY(cairn_gpu_read(all, memory));
    if (cairn_inject(CAIRN_FAULT_SELF_TEST)) y[0] += 1;
    double error = worst_error(a, b, y);
    if (!(error <= (split ? TOLERANCE : 0)))
        st = cairn_error_set(CAIRN_E_NUMERIC, "a test product of %s matrices (%ux%ux%u%s) is wrong by %g",
                             cairn_matrix_form_name(gpu->info.matrix.form), gpu->info.matrix.m, gpu->info.matrix.n,
                             gpu->info.matrix.k, split ? ", split" : "", error);
done:
    return st;
}

cairn_status cairn_gpu__matrix_check(cairn_gpu *gpu)
{
    cairn_status st;
    cairn_gpu_buffer *buffer = NULL;
    float *memory = calloc(5, WINDOW);
    if (!memory) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a test product");
    CAIRN_TRY(cairn_gpu_buffer_create(&buffer, gpu, 5 * WINDOW, "test product"));
    CAIRN_TRY(check(gpu, buffer, memory, false));
    CAIRN_TRY(check(gpu, buffer, memory, true));
done:
    cairn_gpu_buffer_destroy(&buffer);
    free(memory);
    return st;
}
