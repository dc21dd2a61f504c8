// tile.glsl for class simt: fp32, 4*BLOCKS_M rows by 4*BLOCKS_N columns of C in the registers of each thread, as blocks
// of 4x4 apart from each other, so that a group's threads read neighbouring vec4s of shared memory. Shared memory holds
// two slices: one barrier for each.
layout(local_size_x_id = 3) in; // THREADS
layout(constant_id = 4) const int TILE_M = 64;
layout(constant_id = 5) const int TILE_N = 64;
layout(constant_id = 6) const int SLICE = 16;
layout(constant_id = 7) const int BLOCKS_M = 2;
layout(constant_id = 8) const int BLOCKS_N = 2;

const int THREADS_M = TILE_M / (4 * BLOCKS_M), THREADS_N = TILE_N / (4 * BLOCKS_N);
const int THREADS = THREADS_M * THREADS_N;
const int ROW_A = TILE_M / 4 + 1, ROW_B = TILE_N / 4 + 1; // vec4s of one k; one more spreads the banks
shared vec4 tile_a[2 * SLICE * ROW_A], tile_b[2 * SLICE * ROW_B];

const int PARTS = 1; // vec4s of an element
// the host sees to it that there is no rest
const int A_LOADS = TILE_M * SLICE / (4 * THREADS), B_LOADS = TILE_N * SLICE / (4 * THREADS);
const int A_WIDTH = (A_ALONG_K ? SLICE : TILE_M) / 4, B_WIDTH = (B_ALONG_K ? SLICE : TILE_N) / 4;
vec4 next_a[A_LOADS], next_b[B_LOADS];
vec4 sum[4 * BLOCKS_M][BLOCKS_N];

int tile_thread() { return int(gl_LocalInvocationID.x); }
int a_vector(int part) { return tile_thread() % A_WIDTH; }
int b_vector(int part) { return tile_thread() % B_WIDTH; }
int a_outer(int i) { return tile_thread() / A_WIDTH + i * (THREADS / A_WIDTH); }
int b_outer(int i) { return tile_thread() / B_WIDTH + i * (THREADS / B_WIDTH); }

vec4 fetch_a(int i, int part);
vec4 fetch_b(int i, int part);
void advance();
void finish(int row, int column, vec4 v);

void tile_fetch()
{
    [[unroll]] for (int i = 0; i < A_LOADS; ++i) next_a[i] = fetch_a(i, 0);
    [[unroll]] for (int i = 0; i < B_LOADS; ++i) next_b[i] = fetch_b(i, 0);
}

void tile_put(int which)
{
    int a = which * SLICE * ROW_A, b = which * SLICE * ROW_B;
    [[unroll]] for (int i = 0; i < A_LOADS; ++i) {
        int at = a_outer(i), v = a_vector(0);
        if (A_ALONG_K)
            [[unroll]] for (int j = 0; j < 4; ++j) tile_a[a + (v * 4 + j) * ROW_A + at / 4][at % 4] = next_a[i][j];
        else
            tile_a[a + at * ROW_A + v] = next_a[i];
    }
    [[unroll]] for (int i = 0; i < B_LOADS; ++i) {
        int at = b_outer(i), v = b_vector(0);
        if (B_ALONG_K)
            [[unroll]] for (int j = 0; j < 4; ++j) tile_b[b + (v * 4 + j) * ROW_B + at / 4][at % 4] = next_b[i][j];
        else
            tile_b[b + at * ROW_B + v] = next_b[i];
    }
}

void tile_multiply(int which)
{
    int a = which * SLICE * ROW_A + tile_thread() / THREADS_N, b = which * SLICE * ROW_B + tile_thread() % THREADS_N;
    // up to 512 multiplications in a row: enough, and quick to compile
    [[dont_unroll]] for (int k = 0; k < SLICE; k += 8)
        [[unroll]] for (int q = 0; q < 8; ++q) {
            vec4 column[BLOCKS_M], row[BLOCKS_N];
            [[unroll]] for (int i = 0; i < BLOCKS_M; ++i) column[i] = tile_a[a + (k + q) * ROW_A + i * THREADS_M];
            [[unroll]] for (int j = 0; j < BLOCKS_N; ++j) row[j] = tile_b[b + (k + q) * ROW_B + j * THREADS_N];
            [[unroll]] for (int i = 0; i < BLOCKS_M; ++i)
                [[unroll]] for (int r = 0; r < 4; ++r)
                    [[unroll]] for (int j = 0; j < BLOCKS_N; ++j) sum[i * 4 + r][j] += column[i][r] * row[j];
        }
}

void tile_run(int slices)
{
    [[unroll]] for (int r = 0; r < 4 * BLOCKS_M; ++r)
        [[unroll]] for (int j = 0; j < BLOCKS_N; ++j) sum[r][j] = vec4(0.0);
    if (slices == 0) return;
    tile_fetch();
    tile_put(0);
    barrier();
    [[dont_unroll]] for (int s = 0; s < slices; ++s) {
        bool more = s + 1 < slices;
        if (more) {
            advance();
            tile_fetch();
        }
        tile_multiply(s & 1);
        if (more) tile_put((s + 1) & 1);
        barrier();
    }
}

void tile_finish()
{
    int row = tile_thread() / THREADS_N * 4, column = tile_thread() % THREADS_N * 4;
    [[unroll]] for (int r = 0; r < 4 * BLOCKS_M; ++r)
        [[unroll]] for (int j = 0; j < BLOCKS_N; ++j)
            finish(r / 4 * 4 * THREADS_M + row + r % 4, j * 4 * THREADS_N + column, sum[r][j]);
}
