#ifndef CAIRN_GPU_TEXT_H
#define CAIRN_GPU_TEXT_H
/* Kernels whose GLSL is written at run time. The text may include the files of shaders/include; it is compiled for the
 * device's kernel class, in both variants, as the build compiles the files of shaders/. What was compiled is kept below
 * the cache folder (kernels/text-HASH-CLASS.spv), so that the next run compiles nothing. */
#include "gpu/gpu.h"

/* Makes the text known as a kernel: *name, the device's, is what cairn_gpu_kernel_get then takes. The same text gives
 * the same name, on every machine.
 * error  CAIRN_E_FORMAT with the compiler's first messages: the text is wrong, which is a fault of the program */
cairn_status cairn_gpu_kernel_define(const char **name, cairn_gpu *gpu, const char *text);
/* How many variants this device has compiled, and how many it took from the cache folder. */
void cairn_gpu_text_counts(const cairn_gpu *gpu, int *compiled, int *loaded);
#endif
