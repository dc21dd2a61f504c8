// Matrix products by tiles, for the classes simt and matrix: C[m,n] = sum over k of A[m,k] * B[k,n], where the kernel
// says how an operand is read. A workgroup makes TILE_M x TILE_N of C from slices of SLICE k in shared memory; while it
// multiplies one slice, the next one is on its way from memory into registers.
//
// A kernel defines A_ALONG_K (true: the vec4s of A run along k, false: along m) and B_ALONG_K (false: along n),
// includes this file, which brings simt.glsl or, with CAIRN_MATRIX, matrix.glsl, and defines
//
//   vec4 fetch_a(int i, int part), fetch_b    vec4 `part` of this thread's i-th element of the slice; zero outside
//   void advance()                            to the next slice
//
// where the i-th element stands at row a_outer(i), vec4 a_vector(part) of the tile's operand: the vec4s run along k (or
// m, n), the rows along m or n (or k). Then tile_run(slices) leaves the sums, and tile_finish() hands each vec4 of C to
//
//   void finish(int row, int column, vec4 v)  row and first column of v in the tile; outside of C too
//
// and names the bindings of A's and B's ranges (class matrix only) with TILE_RANGES(binding, binding).
//
// Sums take k in ascending order whatever the tile is. Specialization constants 0..2 are the kernel's own; those of the
// tile follow (host src/ops/product/tile.c).
#ifdef CAIRN_MATRIX
#include "tile/matrix.glsl"
#else
#include "tile/simt.glsl"
#endif

#ifdef CAIRN_MATRIX
#define TILE_RANGES(a, b) \
    INPUT(a, a_range); \
    INPUT(b, b_range); \
    vec4 range_a() { return LOAD(a_range, 0); } \
    vec4 range_b() { return LOAD(b_range, 0); }
#else
#define TILE_RANGES(a, b)
#endif
