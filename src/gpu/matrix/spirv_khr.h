#ifndef CAIRN_GPU_SPIRV_KHR_H
#define CAIRN_GPU_SPIRV_KHR_H
/* Shaders written with SPV_NV_cooperative_matrix, the only form that this project's compiler knows, become
 * SPV_KHR_cooperative_matrix. Used by the build (cmake/spirv_khr_main.c) and by tests.
 *
 * What the NV form lacks is a matrix type's use. The number of rows and columns of a matrix must be specialization
 * constants with these ids, by which it is told (shaders/include/tile/matrix_unit.glsl). */
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CAIRN_SPIRV_A_ROWS = 101, CAIRN_SPIRV_A_COLUMNS, CAIRN_SPIRV_B_ROWS, CAIRN_SPIRV_B_COLUMNS, CAIRN_SPIRV_C_ROWS,
    CAIRN_SPIRV_C_COLUMNS
};

/* *out is the caller's, free() it. The words may come from anywhere: they are checked as far as they are used.
 * error  CAIRN_E_FORMAT if they are no SPIR-V, or hold something of the NV extension that has no counterpart here (the
 *        length of a matrix, a matrix without its constants); CAIRN_E_NOMEM */
cairn_status cairn_spirv_to_khr(uint32_t **out, size_t *out_count, const uint32_t *words, size_t count);
#endif
