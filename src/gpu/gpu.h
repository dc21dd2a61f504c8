#ifndef CAIRN_GPU_GPU_H
#define CAIRN_GPU_GPU_H
/* The device: selection, memory, kernels, recorded commands. Everything above records work once and replays it.
 *
 * One queue, one timeline. Nothing here is thread-safe except cairn_gpu_get_info. Every failure of Vulkan becomes
 * CAIRN_E_DEVICE with the call, the result's name and what was being done (CAIRN_E_NOMEM for memory). */
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct cairn_gpu cairn_gpu;
typedef struct cairn_gpu_buffer cairn_gpu_buffer;
typedef struct cairn_gpu_kernel cairn_gpu_kernel;
typedef struct cairn_gpu_commands cairn_gpu_commands;

/* How kernels read memory and multiply (docs/architecture.md, section 4). AUTO: texel on a CPU driver whose texel
 * buffers hold at least 2^24 elements; matrix on a GPU with cooperative matrices that pass a test product; else simt. A
 * kernel that class matrix has not is that of simt. */
typedef enum cairn_kernel_class {
    CAIRN_CLASS_AUTO,
    CAIRN_CLASS_TEXEL,
    CAIRN_CLASS_SIMT,
    CAIRN_CLASS_MATRIX
} cairn_kernel_class;
enum { CAIRN_CLASSES = 4 };
const char *cairn_kernel_class_name(cairn_kernel_class kernel_class); /* "texel", ... */

/* What multiplies matrices in class matrix: an extension, chosen in this order, or plain code, which is slow and for
 * tests on devices without any. */
typedef enum cairn_matrix_form {
    CAIRN_MATRIX_NONE,
    CAIRN_MATRIX_KHR,
    CAIRN_MATRIX_NV,
    CAIRN_MATRIX_EMULATED
} cairn_matrix_form;

/* Products of fp16 factors with fp32 sums by a subgroup. Variable CAIRN_MATRIX: khr or nv allows only this one, off
 * none, emulated (or emulated:MxNxK) takes the emulation. */
typedef struct cairn_gpu_matrix {
    cairn_matrix_form form;
    uint32_t m, n, k;       /* the size that is used: m and n 8, 16 or 32, k 8 or 16 */
    uint32_t subgroup_size; /* that the kernels ask for */
    char shapes[120];       /* all sizes on offer, for people: "16x16x16 16x8x16" */
} cairn_gpu_matrix;
const char *cairn_matrix_form_name(cairn_matrix_form form); /* "none", "khr", "nv", "emulated" */

/* Which variants of kernels are chosen: gpu/cache/tuning.h. AUTO: variable CAIRN_TUNE (0: OFF, 1: MEASURE), else
 * USE. */
typedef enum cairn_tuning_mode {
    CAIRN_TUNING_AUTO,
    CAIRN_TUNING_USE,
    CAIRN_TUNING_MEASURE,
    CAIRN_TUNING_OFF
} cairn_tuning_mode;

typedef struct cairn_gpu_options {
    const char *device;              /* NULL: variable CAIRN_DEVICE, else the best one. An index of `cairn devices`, a
                                        UUID, or part of a name */
    cairn_kernel_class kernel_class; /* AUTO: variable CAIRN_KERNELS (texel, simt, matrix), else by capability */
    int validation;                  /* 1: validation layers, core and synchronization checks; a message counts as an
                                        error, see cairn_gpu_validation_errors. -1: as CAIRN_VALIDATION says (0, 1) */
    bool staging;                    /* force host copies through a staging buffer, also by CAIRN_STAGING=1 */
    const char *cache_folder;        /* pipelines, tuning; NULL: $XDG_CACHE_HOME/cairn or ~/.cache/cairn; "": none */
    cairn_tuning_mode tuning;
    const char *tuning_file;         /* NULL: variable CAIRN_TUNING_FILE, else one in the cache folder */
    double segment_scale;            /* multiplies the longest submission; 0 means 1 */
    bool quiet;                      /* no warning that the device is a CPU */
} cairn_gpu_options;
#define CAIRN_GPU_OPTIONS_INIT ((cairn_gpu_options){.validation = -1})

typedef struct cairn_gpu_info {
    char name[256], driver[256], uuid[37]; /* driver: name and version text */
    const char *type;                      /* "cpu", "integrated", "discrete", "virtual", "other" */
    bool is_cpu, usable;                   /* usable: Vulkan 1.2 with what Cairn needs; else `reason` says what lacks */
    char reason[160];
    uint32_t vendor_id, device_id, driver_version, api_version;
    uint64_t heap_bytes;                   /* largest device-local heap */
    uint64_t max_buffer_bytes, max_storage_range; /* the latter also by CAIRN_RANGE_MB */
    bool any_size;                         /* kernels reach tensors beyond that range too, by their address; false in a
                                              list, and in class texel, which has max_texel_elements instead */
    uint32_t max_texel_elements, alignment; /* alignment: of any tensor window, bytes */
    uint32_t subgroup_size, max_shared_bytes, max_group_threads;
    cairn_gpu_matrix matrix;               /* form NONE: the device has none that can be used */
    double timestamp_ns;                   /* nanoseconds a tick; 0: no timestamps */
    double segment_ms;                     /* longest submission by estimate, unless it is one workgroup, which cannot
                                              be cut; also by CAIRN_SEGMENT_MS. 0 in a list */
    double assumed_gflops, assumed_gbps;   /* what the estimate assumes: floors for this kind of device */
    cairn_kernel_class kernel_class;       /* chosen class (of a created device) or the default one (in a list) */
} cairn_gpu_info;

/* All devices of this machine, best first (discrete, integrated, virtual, cpu). *out is the caller's, free() it.
 * error  CAIRN_E_DEVICE with a hint when there is no Vulkan loader or no driver */
cairn_status cairn_gpu_list(cairn_gpu_info **out, int *count);

cairn_status cairn_gpu_create(cairn_gpu **out, const cairn_gpu_options *options); /* NULL: defaults */
void cairn_gpu_destroy(cairn_gpu **gpu); /* waits; the caller has destroyed buffers and commands before */
const cairn_gpu_info *cairn_gpu_get_info(const cairn_gpu *gpu);
/* Bytes that the largest device-local heap can still give this process: its budget less what is in use, by
 * VK_EXT_memory_budget, and of that 95 %, since the budget is an estimate. UINT64_MAX where the device does not say.
 * Variable CAIRN_BUDGET_MB: so much instead, for tests. */
uint64_t cairn_gpu_free_bytes(const cairn_gpu *gpu);
/* A call failed because the device was lost (a watchdog, a fault): from then on every call fails. The way on is to
 * destroy everything and to start again, with shorter submissions (cairn_gpu_options.segment_scale). */
bool cairn_gpu_is_lost(const cairn_gpu *gpu);
/* Path of a file in the cache folder of the options (NULL: the user's); the caller frees. NULL: there is no place. */
char *cairn_gpu_cache_file(const char *folder, const char *name);
/* Messages of the validation layers so far (0 without them); the first is kept as text. */
int cairn_gpu_validation_errors(const cairn_gpu *gpu, const char **first);

/* ---- memory: one buffer holds many tensors; a view is a window of it ---- */
typedef struct cairn_gpu_view {
    cairn_gpu_buffer *buffer;
    uint64_t offset, bytes; /* offset a multiple of info.alignment, bytes of 16 (of 8 where a kernel reads fp16) */
} cairn_gpu_view;

/* Zero-filled device memory, usable as storage and texel buffer. `label` names it in messages and debuggers.
 * error  CAIRN_E_NOMEM with bytes asked for and the heap's size */
cairn_status cairn_gpu_buffer_create(cairn_gpu_buffer **out, cairn_gpu *gpu, uint64_t bytes, const char *label);
void cairn_gpu_buffer_destroy(cairn_gpu_buffer **buffer);
uint64_t cairn_gpu_buffer_bytes(const cairn_gpu_buffer *buffer);
/* Host copies; they wait for all submitted work first. */
cairn_status cairn_gpu_write(cairn_gpu_view view, const void *data);
cairn_status cairn_gpu_read(cairn_gpu_view view, void *data);

/* ---- kernels: a shader of shaders/ with its constants ---- */
enum { CAIRN_GPU_MAX_BINDINGS = 12, CAIRN_GPU_MAX_CONSTANTS = 24, CAIRN_GPU_MAX_PUSH = 32 };
/* `name` is "family/file" without the suffix; the device's kernel class selects the variant, and a kernel that exists
 * in one class only is found by either. constants[i] is specialization constant i. The same name and constants give the
 * same kernel again; it lives as long as the device.
 * error  CAIRN_E_NOTFOUND if no such shader, CAIRN_E_UNSUPPORTED if it exceeds a device limit */
cairn_status cairn_gpu_kernel_get(cairn_gpu_kernel **out, cairn_gpu *gpu, const char *name, const uint32_t *constants,
                                  int constant_count);
/* The same kernel with the bindings of `half_mask` (bit i: binding i) reading and writing fp16: four halves where fp32
 * has a vec4, so that a view has half the bytes. Arithmetic stays fp32; stores round to nearest, beyond 65504 to
 * infinity.
 * error  CAIRN_E_UNSUPPORTED if the shader cannot (cairn_gpu_kernel_half_able) */
cairn_status cairn_gpu_kernel_get_half(cairn_gpu_kernel **out, cairn_gpu *gpu, const char *name,
                                       const uint32_t *constants, int constant_count, uint32_t half_mask);
/* Bit i: binding i of the device's variant of this kernel may hold fp16.
 * error  CAIRN_E_NOTFOUND if no such shader */
cairn_status cairn_gpu_kernel_half_able(uint32_t *bindings, const cairn_gpu *gpu, const char *name);
/* True if a shader file exists for this class (the selection above would find it). */
bool cairn_gpu_kernel_exists(const cairn_gpu *gpu, const char *name);

/* ---- commands: recorded once, submitted many times ---- */
typedef struct cairn_gpu_dispatch {
    cairn_gpu_kernel *kernel;
    cairn_gpu_view views[CAIRN_GPU_MAX_BINDINGS]; /* binding i */
    int view_count;                               /* must equal the shader's bindings */
    uint32_t push[CAIRN_GPU_MAX_PUSH];            /* 32-bit words (floats by their bits) */
    int push_count;                               /* must equal the shader's block */
    uint32_t threads[3];                          /* rounded up to whole groups; the kernel checks its bounds */
    uint32_t first_group[3], groups[3];           /* only this box of those groups; groups 0: all of them.
                                                     Shaders must not read gl_NumWorkGroups */
    const char *label;                            /* for profiles and breadcrumbs; must outlive the commands */
} cairn_gpu_dispatch;

/* profile: timestamps around every dispatch, with a barrier after each. */
cairn_status cairn_gpu_commands_create(cairn_gpu_commands **out, cairn_gpu *gpu, bool profile);
void cairn_gpu_commands_destroy(cairn_gpu_commands **commands);
cairn_status cairn_gpu_commands_dispatch(cairn_gpu_commands *commands, const cairn_gpu_dispatch *dispatch);
/* How many groups all of it has in each direction.
 * error  CAIRN_E_INVALID beyond the device's limits */
cairn_status cairn_gpu_dispatch_groups(uint32_t groups[3], const cairn_gpu *gpu, const cairn_gpu_dispatch *dispatch);
/* All earlier writes of these commands become visible to all later reads and writes. */
cairn_status cairn_gpu_commands_barrier(cairn_gpu_commands *commands);
/* What follows goes into a new submission (a watchdog's limit). */
cairn_status cairn_gpu_commands_split(cairn_gpu_commands *commands);
cairn_status cairn_gpu_commands_end(cairn_gpu_commands *commands);
cairn_status cairn_gpu_submit(cairn_gpu_commands *commands); /* after end; any number of times; does not wait */
cairn_status cairn_gpu_wait(cairn_gpu *gpu);
/* After a wait: nanoseconds of each dispatch of the last submission, in the order recorded.
 * error  CAIRN_E_UNSUPPORTED without profiling or timestamps */
cairn_status cairn_gpu_commands_times(cairn_gpu_commands *commands, double *ns, int count);
#endif
