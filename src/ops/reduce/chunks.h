#ifndef CAIRN_OPS_CHUNKS_H
#define CAIRN_OPS_CHUNKS_H
/* How reductions over the rows of [planes][rows][columns] are cut: the host side of shaders/include/chunks.glsl. Each
 * lane sums its rows into one of `chunks` partial rows; a second pass adds those in order. The cut depends on
 * sizes and the class of kernels only, so that the order of a sum does. */
#include "ops/norm/rows.h"

typedef struct cairn_chunks {
    cairn_rows lanes;
    uint32_t block_rows; /* rows of one workgroup, a multiple of its rows per round */
    uint32_t blocks;     /* workgroups along the rows */
    uint32_t chunks;     /* partial rows of a plane, at most 1024 (texel) or 4096 */
} cairn_chunks;

cairn_chunks cairn_chunks_plan(const cairn_lowering *l, int64_t rows, int64_t columns, int64_t planes);
/* The pass over few rows with one lane for each column: chunks is 1. */
cairn_chunks cairn_chunks_last(int64_t rows, int64_t columns, int64_t planes);
/* The second pass: y [planes][columns] = scale * sum of the partial rows of x. */
cairn_status cairn_chunks_finish(cairn_lowering *l, const cairn_chunks *k, cairn_slot x, cairn_slot y, float scale);
/* vec4 elements of the partial rows */
int64_t cairn_chunks_vectors(const cairn_chunks *k);
/* Sets constants 0 and 1, push 0..3 (rows, columns, block rows, chunks) and the threads, and appends the call. */
cairn_status cairn_chunks_call(cairn_lowering *l, cairn_kernel_call *call, const cairn_chunks *k);
#endif
