// The forward convolution as a product for tile.glsl: m counts output pixels, n output channels, k (tap, input
// channel). Described in shaders/conv/conv2d.simt.comp. Include after tensor.glsl.
#define A_ALONG_K true
#define B_ALONG_K false
#include "tile/tile.glsl"
#include "epilogue.glsl"
#include "moments.glsl"

layout(constant_id = 0) const int STRIDE = 1;
layout(constant_id = 1) const bool POINTWISE = false;
layout(constant_id = 2) const bool PARITY = false;
INPUT(0, x);
INPUT(1, weight);
INPUT(2, bias);
OUTPUT(3, y);
TILE_RANGES(4, 5)
#ifdef CAIRN_MATRIX
EPILOGUE(6);
MOMENTS_OUTPUT(7);
#else
EPILOGUE(4);
MOMENTS_OUTPUT(5);
#endif
layout(push_constant) uniform Push {
    int h, w, rows, columns, ci, in_groups, out_groups, pixels, has_bias;
    int first_y, first_x, taps_x, taps, tap_first, tap_step_y, tap_step_x, out_h, out_w, out_y, out_x;
};

int first_pixel, first_group;
int row_base[A_LOADS], row_y[A_LOADS], row_x[A_LOADS]; // of the pixels that this thread loads
int tap_y, tap_x, group;                               // of its first vec4 in the slice
int slice;

void to_next_tap()
{
    while (group >= in_groups) {
        group -= in_groups;
        if (++tap_x == taps_x) tap_x = 0, ++tap_y;
    }
}

void begin()
{
    int row = min((pixels + TILE_M - 1) / TILE_M, 32768); // ROW_GROUPS of src/ops/conv/simt.c
    first_pixel = (int(gl_WorkGroupID.z) * row + int(gl_WorkGroupID.x)) * TILE_M;
    first_group = int(gl_WorkGroupID.y) * (TILE_N / 4);
    slice = 0;
    [[unroll]] for (int i = 0; i < A_LOADS; ++i) {
        int pixel = first_pixel + a_outer(i);
        int image = pixel / (rows * columns), rest = pixel - image * rows * columns;
        row_base[i] = POINTWISE ? pixel * in_groups : image * h * w;
        row_y[i] = pixel < pixels ? rest / columns * STRIDE + first_y : -65536; // far outside of any image
        row_x[i] = rest % columns * STRIDE + first_x;
    }
    tap_y = tap_x = 0;
    group = a_vector(0);
    if (!POINTWISE) to_next_tap();
}

void advance()
{
    ++slice;
    group += SLICE / 4;
    if (!POINTWISE) to_next_tap();
}

vec4 fetch_a(int i, int part)
{
    vec4 v = vec4(0.0);
    if (POINTWISE) {
        if (group + part < in_groups && row_y[i] >= 0) v = LOAD(x, row_base[i] + group + part);
        return v;
    }
    int g = group + part, ty = tap_y, tx = tap_x;
    if (part > 0 && g >= in_groups) {
        g -= in_groups; // parts are two at most
        if (++tx == taps_x) tx = 0, ++ty;
    }
    int iy = row_y[i] + ty, ix = row_x[i] + tx;
    if (uint(iy) < uint(h) && uint(ix) < uint(w) && ty * taps_x + tx < taps)
        v = LOAD(x, (row_base[i] + iy * w + ix) * in_groups + g);
    return v;
}

vec4 fetch_b(int i, int part)
{
    int k = slice * SLICE + b_outer(i), to = first_group + b_vector(part);
    int row = k;
    bool inside = to < out_groups && k < taps * in_groups * 4;
    if (!POINTWISE && (PARITY || ci % 4 != 0)) {
        int tap = k / (in_groups * 4), channel = k - tap * in_groups * 4;
        int from = tap;
        if (PARITY) from = tap_first + tap / taps_x * tap_step_y + tap % taps_x * tap_step_x;
        row = from * ci + channel;
        inside = inside && channel < ci;
    } else if (POINTWISE) {
        inside = inside && k < ci;
    }
    vec4 v = vec4(0.0);
    if (inside) v = LOAD(weight, row * out_groups + to);
    return v;
}

bool is_inside(int row, int column)
{
    return first_pixel + row < pixels && first_group + column / 4 < out_groups;
}

int y_place(int row, int column)
{
    int pixel = first_pixel + row;
    if (PARITY) {
        int image = pixel / (rows * columns), rest = pixel - image * rows * columns;
        pixel = (image * out_h + rest / columns * 2 + out_y) * out_w + rest % columns * 2 + out_x;
    }
    return pixel * out_groups + first_group + column / 4;
}

vec4 result(int row, int column, vec4 v) // of a sum inside of C
{
    if (has_bias != 0) v += LOAD(bias, first_group + column / 4);
    return epilogue(v, y_place(row, column));
}

vec4 finished(int row, int column, vec4 v) // what is stored; outside of C: v
{
    if (is_inside(row, column)) {
        v = result(row, column, v);
        STORE(y, y_place(row, column), v);
    }
    return v;
}

void finish(int row, int column, vec4 v)
{
    finished(row, column, v);
}

#ifdef CAIRN_MATRIX
// A chunk is what one subgroup makes, SUB_M rows. Its lanes stand over the columns, SUB_N / 4 vec4s, and take every
// SUBGROUP / (SUB_N / 4)-th row; they sum relative to the first row, and are added up in order through the area.
void finish_with_moments()
{
    const int width = SUB_N / 4, vector = subgroup_lane() % width;
    const int m = sub_first_m(), n = sub_first_n(), thread = tile_thread();
    vec4 shift = vec4(0.0), sum = vec4(0.0), square = vec4(0.0);
    MATRIX_UNROLL for (int i = 0; i < GRID_M; ++i) {
        tile_stage(i);
        if (i == 0 && is_inside(m, n + vector * 4)) shift = result(m, n + vector * 4, staged(0, vector));
        for (int row = subgroup_lane() / width; row < C_ROWS; row += SUBGROUP / width) {
            int at = m + i * C_ROWS + row, column = n + vector * 4;
            vec4 v = finished(at, column, staged(row, vector));
            vec4 d = is_inside(at, column) ? v - shift : vec4(0.0);
            sum += d;
            square += d * d;
        }
    }
    barrier();
    area[2 * thread] = floatBitsToUint(sum);
    area[2 * thread + 1] = floatBitsToUint(square);
    barrier();
    const int count = min(pixels - first_pixel - m, SUB_M), chunk = (first_pixel + m) / SUB_M;
    if (subgroup_lane() >= width || count <= 0 || !is_inside(m, n + vector * 4)) return;
    for (int lane = width; lane < SUBGROUP; lane += width) {
        sum += uintBitsToFloat(area[2 * (thread + lane)]);
        square += uintBitsToFloat(area[2 * (thread + lane) + 1]);
    }
    const int to = first_group + n / 4 + vector;
    if (to == 0) store_moments_count(chunk, out_groups, float(count));
    store_moments(chunk, out_groups, to, float(count), shift, sum, square);
}
#else
// A chunk is a tile's rows: their mean first, then the differences from it, each added up over the threads in order
// through the slices' shared memory.
void finish_with_moments()
{
    const int row = tile_thread() / THREADS_N * 4, column = tile_thread() % THREADS_N;
    const int count = min(pixels - first_pixel, TILE_M), chunk = first_pixel / TILE_M;
    vec4 part[BLOCKS_N], mean[BLOCKS_N];
    [[unroll]] for (int j = 0; j < BLOCKS_N; ++j) {
        part[j] = vec4(0.0);
        [[unroll]] for (int r = 0; r < 4 * BLOCKS_M; ++r) {
            int at = r / 4 * 4 * THREADS_M + row + r % 4;
            sum[r][j] = finished(at, (j * THREADS_N + column) * 4, sum[r][j]);
            if (at < count) part[j] += sum[r][j];
        }
        tile_a[(tile_thread() / THREADS_N * BLOCKS_N + j) * THREADS_N + column] = part[j];
    }
    barrier();
    [[unroll]] for (int j = 0; j < BLOCKS_N; ++j) {
        mean[j] = vec4(0.0);
        for (int t = 0; t < THREADS_M; ++t) mean[j] += tile_a[(t * BLOCKS_N + j) * THREADS_N + column];
        mean[j] *= 1.0 / float(max(count, 1));
        part[j] = vec4(0.0);
        [[unroll]] for (int r = 0; r < 4 * BLOCKS_M; ++r) {
            vec4 d = sum[r][j] - mean[j];
            if (r / 4 * 4 * THREADS_M + row + r % 4 < count) part[j] += d * d;
        }
        tile_b[(tile_thread() / THREADS_N * BLOCKS_N + j) * THREADS_N + column] = part[j];
    }
    barrier();
    if (row != 0 || count <= 0) return;
    if (first_group == 0 && column == 0) store_moments_count(chunk, out_groups, float(count));
    [[unroll]] for (int j = 0; j < BLOCKS_N; ++j) {
        int to = first_group + j * THREADS_N + column;
        vec4 square = vec4(0.0);
        for (int t = 0; t < THREADS_M; ++t) square += tile_b[(t * BLOCKS_N + j) * THREADS_N + column];
        if (to < out_groups) store_moments(chunk, out_groups, to, 1.0, mean[j], vec4(0.0), square);
    }
}
#endif

void main()
{
    begin();
    tile_run((taps * in_groups * 4 + SLICE - 1) / SLICE);
    if (MOMENTS != 0u)
        finish_with_moments();
    else
        tile_finish();
}
