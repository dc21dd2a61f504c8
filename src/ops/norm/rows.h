#ifndef CAIRN_OPS_ROWS_H
#define CAIRN_OPS_ROWS_H
/* Dispatches over planes of matrices [rows][columns] of vec4: the host side of shaders/include/rows.glsl. A workgroup
 * of 64 lanes covers 2^columns_log2 columns and, in each of `steps` steps, 64 >> columns_log2 rows. */
#include "graph/lower.h"

enum { CAIRN_ROWS_LANES = 64 };

typedef struct cairn_rows {
    uint32_t rows, columns, planes;
    uint32_t columns_log2, steps; /* specialization constants 0 and 1 */
    uint32_t column_steps;        /* columns of one lane, 1 unless the kernel has it otherwise */
} cairn_rows;

/* Chooses how lanes lie on the matrix: few idle lanes, then long runs of columns; then up to most_steps (a power of
 * two) steps while there remain many workgroups. What a workgroup touches should stay below about 32 KiB: measured, 16
 * steps for one load and one store in a row (1 KiB each), 4 for windows. */
cairn_rows cairn_rows_plan(int64_t rows, int64_t columns, int64_t planes, int most_steps);
enum { CAIRN_ROWS_STEPS = 16 };
/* The same for kernels whose lanes may take several columns (a specialization constant = column_steps, 1 to 4), as
 * those do that keep values by channel. In class texel they do where that leaves few of them idle: a vector of lanes
 * then reads and writes one run of memory, and not a strip of it (normalize of 1x120x160x128: 2.7 ms of processor time
 * instead of 5.2). */
cairn_rows cairn_rows_plan_runs(const cairn_lowering *l, int64_t rows, int64_t columns, int64_t planes);
/* Workgroups in x: columns over 2^columns_log2 * column_steps, rounded up. */
uint32_t cairn_rows_column_blocks(const cairn_rows *r);
/* Appends `call` as many times as the limit of 65,535 workgroups asks for, and sets: constants 0 and 1, push 0..2
 * (first row, rows, columns) and the threads. */
cairn_status cairn_rows_call(cairn_lowering *l, cairn_kernel_call *call, const cairn_rows *r);
#endif
