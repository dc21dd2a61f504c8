#ifndef CAIRN_GPU_INTERNAL_H
#define CAIRN_GPU_INTERNAL_H
/* Shared by the files of src/gpu only. */
#include "gpu/gpu.h"
#include "gpu/reflect.h"
#include "gpu/shaders.h"

#include <volk.h>

enum { GPU_KERNEL_BUCKETS = 256, GPU_STAGING_BYTES = 16 << 20, GPU_MIN_TEXELS_FOR_TEXEL_CLASS = 1 << 24 };

/* One Vulkan instance with the layers and extensions that were asked for and found. */
typedef struct gpu_instance {
    VkInstance handle;
    VkDebugUtilsMessengerEXT messenger;
    bool debug_utils, validating;
    int errors;       /* validation messages so far */
    char first[1024]; /* the first of them */
} gpu_instance;

typedef struct gpu_tuning gpu_tuning; /* tuning.c */
typedef struct gpu_texts gpu_texts;   /* text.c */

struct cairn_gpu_buffer {
    cairn_gpu *gpu;
    VkBuffer handle;
    VkDeviceMemory memory;
    uint64_t bytes;
    uint64_t address;      /* 0: none */
    unsigned char *mapped; /* NULL: copies go through staging */
    bool cached;           /* mapped and quick to read by the host */
    char label[64];
};

struct cairn_gpu_kernel {
    struct cairn_gpu_kernel *next; /* in its bucket */
    char *name;
    uint32_t constants[CAIRN_GPU_MAX_CONSTANTS];
    int constant_count;
    uint32_t half_mask; /* bit i: binding i holds fp16 */
    uint32_t wide_mask; /* bit i: binding i holds the tensor's address */
    cairn_shader_variant variant;
    bool based;         /* dispatches may begin with another group than 0 */
    gpu_reflection shader;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

struct cairn_gpu {
    gpu_instance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family, timestamp_bits;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    cairn_gpu_info info;
    bool force_staging;
    VkCommandPool pool;
    VkSemaphore timeline;
    uint64_t submitted; /* timeline value of the last submission */
    VkCommandBuffer transfer;
    cairn_gpu_buffer *staging;
    cairn_gpu_buffer *crumb;      /* one host-visible word: the number of the segment that started last */
    uint32_t segments;            /* segment numbers given out */
    cairn_gpu_commands *recorded; /* all living commands, to find a segment's label */
    cairn_gpu_kernel *kernels[GPU_KERNEL_BUCKETS];
    VkPipelineCache cache;
    char *cache_path;          /* NULL: no file */
    uint32_t cache_loaded_crc; /* checksum just after the file was loaded; 0: none was */
    gpu_tuning *tuning;
    gpu_texts *texts;
    bool budget_info;          /* VK_EXT_memory_budget is enabled */
    bool fault_info;           /* VK_EXT_device_fault is enabled */
    bool lost;                 /* VK_ERROR_DEVICE_LOST was seen: nothing works any more */
    char lost_text[768];       /* what was said then */
    char doing[192];           /* for messages */
};

/* result.c */
/* Sets what the next failing call's message names. */
void cairn_gpu__doing(cairn_gpu *gpu, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* CAIRN_OK, or the error recorded with the call's text; gpu may be NULL. */
cairn_status cairn_gpu__result(cairn_gpu *gpu, VkResult result, const char *call);
#define CAIRN_VK(gpu, call)                                                                                            \
    do {                                                                                                               \
        if ((st = cairn_gpu__result(gpu, (call), #call)) < 0) goto done;                                               \
    } while (0)

/* instance.c; `validation` 0, 1 (must be there), -1 (variable CAIRN_VALIDATION). The struct must stay where it is. */
cairn_status cairn_gpu__instance_create(gpu_instance *instance, int validation);
void cairn_gpu__instance_destroy(gpu_instance *instance);

/* buffer.c */
typedef enum gpu_memory_kind { GPU_MEMORY_TENSORS, GPU_MEMORY_HOST } gpu_memory_kind;
cairn_status cairn_gpu__buffer_allocate(cairn_gpu_buffer **out, cairn_gpu *gpu, uint64_t bytes, gpu_memory_kind kind,
                                        const char *label);
void cairn_gpu__name(cairn_gpu *gpu, VkObjectType type, uint64_t handle, const char *name);

/* commands.c */
/* Labels of the first and last dispatch of the segment with this number; false if there is none. */
bool cairn_gpu__segment_range(const cairn_gpu *gpu, uint32_t number, const char **first, const char **last);
/* Everything before is visible to all compute, transfer after. */
void cairn_gpu__full_barrier(VkCommandBuffer cmd);
/* ... and to the host. */
void cairn_gpu__host_barrier(VkCommandBuffer cmd);
/* Waits without recording an error: for clean-up, which must keep the message that led to it. */
void cairn_gpu__drain(cairn_gpu *gpu);
cairn_status cairn_gpu__submit(cairn_gpu *gpu, const VkCommandBuffer *buffers, int count);

/* device.c */
bool cairn_gpu__has_extension(VkPhysicalDevice device, const char *name);

/* matrix.c */
/* What the device offers, or what the variable CAIRN_MATRIX asks for. A device for simt only is no error. */
void cairn_gpu__matrix_query(cairn_gpu_info *info, VkInstance instance, VkPhysicalDevice device);
cairn_gpu_matrix cairn_gpu__matrix_emulated(void);
/* CAIRN_E_INVALID if the variable CAIRN_MATRIX is not understood. */
cairn_status cairn_gpu__matrix_variable(void);
/* Features and extensions that the kernels of class matrix need: chained to a device's creation. */
typedef struct gpu_matrix_features {
    VkPhysicalDeviceSubgroupSizeControlFeatures subgroup;
    union {
        VkBaseOutStructure base;
        VkPhysicalDeviceCooperativeMatrixFeaturesNV nv; /* the KHR structure has the same members */
    } matrix;
    const char *extensions[2];
    uint32_t extension_count; /* 0: nothing is needed */
} gpu_matrix_features;
void cairn_gpu__matrix_features(gpu_matrix_features *features, const cairn_gpu *gpu,
                                VkPhysicalDeviceVulkan12Features *core);

/* matrix/check.c: multiplies small matrices with the kernels of class matrix. CAIRN_E_NUMERIC if a result is wrong; any
 * other error is what the driver said. */
cairn_status cairn_gpu__matrix_check(cairn_gpu *gpu);

/* kernel.c */
enum { GPU_MATRIX_CONSTANT = 101 /* of six: rows and columns of A, B and C */ };
/* The kernel, or where a view exceeds what a storage buffer may span its general variant in class texel, its wide one
 * in the others. based: for a dispatch that does not begin with group 0. */
cairn_status cairn_gpu__kernel_for_views(cairn_gpu_kernel **out, cairn_gpu *gpu, cairn_gpu_kernel *kernel,
                                         const cairn_gpu_view *views, int count, bool based);
void cairn_gpu__kernels_destroy(cairn_gpu *gpu);

/* tuning.c; create leaves a table unless the variable CAIRN_TUNE is wrong or memory is out. */
cairn_status cairn_gpu__tuning_create(cairn_gpu *gpu, const cairn_gpu_options *options);
void cairn_gpu__tuning_destroy(cairn_gpu *gpu); /* saves if changed */

/* text.c: kernels that were written at run time; `folder` as in cairn_gpu_options. */
cairn_status cairn_gpu__texts_create(cairn_gpu *gpu, const char *folder);
void cairn_gpu__texts_destroy(cairn_gpu *gpu);
/* NULL: not defined. The wide variant is made when it is first asked for. */
const cairn_shader *cairn_gpu__text_shader(const cairn_gpu *gpu, const char *name, cairn_shader_variant variant);

/* cache/pipelines.c: create always leaves a usable cache handle unless Vulkan itself fails. */
cairn_status cairn_gpu__cache_create(cairn_gpu *gpu, const char *folder);
void cairn_gpu__cache_destroy(cairn_gpu *gpu); /* saves if changed */
#endif
