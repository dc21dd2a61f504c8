#ifndef CAIRN_GPU_SHADERS_H
#define CAIRN_GPU_SHADERS_H
/* The compiled shaders, embedded by the build. */
#include "gpu/gpu.h"

#include <stddef.h>

typedef struct cairn_shader {
    const char *name; /* "family/file"; NULL ends the table */
    cairn_kernel_class kernel_class;
    cairn_matrix_form form; /* of class matrix; else NONE */
    const uint32_t *words; /* SPIR-V */
    size_t count;          /* of words */
    bool general;          /* compiled with CAIRN_GENERAL: for fp16, and in class texel for any size (tensor.glsl) */
} cairn_shader;
extern const cairn_shader cairn_shader_table[];

/* The files of shaders/include as text. */
typedef struct cairn_shader_include {
    const char *name; /* "tensor.glsl"; NULL ends the table */
    const char *text;
} cairn_shader_include;
extern const cairn_shader_include cairn_shader_includes[];
#endif
