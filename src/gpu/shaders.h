#ifndef CAIRN_GPU_SHADERS_H
#define CAIRN_GPU_SHADERS_H
/* The compiled shaders, embedded by the build. */
#include "gpu/gpu.h"

#include <stddef.h>

/* shaders/include/tensor.glsl */
typedef enum cairn_shader_variant {
    CAIRN_SHADER_PLAIN,
    CAIRN_SHADER_GENERAL, /* fp16, and in class texel any size */
    CAIRN_SHADER_WIDE,    /* not in class texel: fp16, and any size by the tensors' addresses */
    CAIRN_SHADER_VARIANTS
} cairn_shader_variant;

typedef struct cairn_shader {
    const char *name; /* "family/file"; NULL ends the table */
    cairn_kernel_class kernel_class;
    cairn_matrix_form form; /* of class matrix; else NONE */
    const uint32_t *words; /* SPIR-V */
    size_t count;          /* of words */
    cairn_shader_variant variant;
} cairn_shader;
extern const cairn_shader cairn_shader_table[];

/* The files of shaders/include as text. */
typedef struct cairn_shader_include {
    const char *name; /* "tensor.glsl"; NULL ends the table */
    const char *text;
} cairn_shader_include;
extern const cairn_shader_include cairn_shader_includes[];
#endif
