#ifndef CAIRN_GPU_REFLECT_H
#define CAIRN_GPU_REFLECT_H
/* What the host must know of a compute shader, read from its SPIR-V. */
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    GPU_REFLECT_BINDINGS = 12,
    GPU_REFLECT_WIDE_CONSTANT = 30, /* WIDE_MASK of shaders/include/tensor.glsl */
    GPU_REFLECT_HALF_CONSTANT = 31  /* HALF_MASK */
};
typedef enum gpu_binding {
    GPU_BINDING_NONE,
    GPU_BINDING_STORAGE,
    GPU_BINDING_TEXEL,
    GPU_BINDING_TEXEL_STORE
} gpu_binding;

typedef struct gpu_reflection {
    gpu_binding bindings[GPU_REFLECT_BINDINGS]; /* of set 0; the optimiser may have removed unused ones */
    int binding_count;                          /* highest used + 1 */
    uint32_t push_bytes;                        /* 0: no block left */
    uint32_t shared_bytes;                      /* at least: memory shared by a group whose size could be told */
    uint32_t local[3];
    uint32_t half_able; /* bit i: binding i may hold fp16: a texel view of any format, or a storage buffer that is
                           declared a second time and chosen by HALF_MASK */
} gpu_reflection;

/* constants[i] overrides specialization constant i where the local size depends on it.
 * error  CAIRN_E_FORMAT if the words are not a compute shader that Cairn can drive, with `name` in the message */
cairn_status cairn_gpu__reflect(gpu_reflection *out, const char *name, const uint32_t *words, size_t count,
                                const uint32_t *constants, int constant_count);
#endif
