/* Cooperative matrices: what a device offers, through either extension. */
#include "gpu/internal.h"

#include <stdlib.h>
#include <string.h>

/* Debian 12's headers (1.3.239) do not know the KHR extension; these are its definitions. */
#ifndef VK_KHR_cooperative_matrix
#define VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME "VK_KHR_cooperative_matrix"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR ((VkStructureType)1000506000)
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR ((VkStructureType)1000506001)
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR ((VkStructureType)1000506002)
typedef struct VkCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void *pNext;
    uint32_t MSize, NSize, KSize;
    int32_t AType, BType, CType, ResultType; /* VkComponentTypeKHR: the values of the NV enumeration */
    VkBool32 saturatingAccumulation;
    int32_t scope; /* VkScopeKHR: as in NV */
} VkCooperativeMatrixPropertiesKHR;
typedef struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
    VkStructureType sType;
    void *pNext;
    VkBool32 cooperativeMatrix, cooperativeMatrixRobustBufferAccess;
} VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
typedef struct VkPhysicalDeviceCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void *pNext;
    VkShaderStageFlags cooperativeMatrixSupportedStages;
} VkPhysicalDeviceCooperativeMatrixPropertiesKHR;
typedef VkResult(VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(VkPhysicalDevice, uint32_t *,
                                                                                  VkCooperativeMatrixPropertiesKHR *);
#endif

enum { FLOAT16 = 0, FLOAT32 = 1, SCOPE_SUBGROUP = 3, MOST_SIZES = 256, LEAST_SHARED = 32768 };

const char *cairn_matrix_form_name(cairn_matrix_form form)
{
    static const char *const names[] = {"none", "khr", "nv", "emulated"};
    return names[form];
}

/* One size, whichever extension lists it. */
typedef struct size {
    uint32_t m, n, k;
    bool fits; /* fp16 factors, fp32 sums, by a subgroup */
} size;

static bool power_of_two(uint32_t v)
{
    return v && !(v & (v - 1));
}

/* The tiles of src/ops/product/tile.c are made of 32x32 and slices of 16. */
static bool usable(uint32_t m, uint32_t n, uint32_t k)
{
    return power_of_two(m) && power_of_two(n) && power_of_two(k) && m >= 8 && m <= 32 && n >= 8 && n <= 32 && k >= 8 &&
           k <= 16;
}

static int list_khr(size *out, VkInstance instance, VkPhysicalDevice device)
{
    PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR get =
        (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)vkGetInstanceProcAddr(
            instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    uint32_t count = 0;
    if (!get || get(device, &count, NULL) < 0 || !count || count > MOST_SIZES) return 0;
    VkCooperativeMatrixPropertiesKHR *list = calloc(count, sizeof *list);
    if (!list) return 0;
    for (uint32_t i = 0; i < count; i++) list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    if (get(device, &count, list) < 0) count = 0;
    for (uint32_t i = 0; i < count; i++)
        out[i] = (size){list[i].MSize, list[i].NSize, list[i].KSize,
                        (int)list[i].AType == FLOAT16 && (int)list[i].BType == FLOAT16 &&
                            (int)list[i].CType == FLOAT32 && (int)list[i].ResultType == FLOAT32 &&
                            !list[i].saturatingAccumulation && (int)list[i].scope == SCOPE_SUBGROUP};
    free(list);
    return (int)count;
}

static int list_nv(size *out, VkInstance instance, VkPhysicalDevice device)
{
    PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesNV get =
        (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesNV)vkGetInstanceProcAddr(
            instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesNV");
    uint32_t count = 0;
    if (!get || get(device, &count, NULL) < 0 || !count || count > MOST_SIZES) return 0;
    VkCooperativeMatrixPropertiesNV *list = calloc(count, sizeof *list);
    if (!list) return 0;
    for (uint32_t i = 0; i < count; i++) list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_NV;
    if (get(device, &count, list) < 0) count = 0;
    for (uint32_t i = 0; i < count; i++)
        out[i] = (size){list[i].MSize, list[i].NSize, list[i].KSize,
                        (int)list[i].AType == FLOAT16 && (int)list[i].BType == FLOAT16 &&
                            (int)list[i].CType == FLOAT32 && (int)list[i].DType == FLOAT32 &&
                            (int)list[i].scope == SCOPE_SUBGROUP};
    free(list);
    return (int)count;
}

/* 16x16x16 if it is there, else the largest. */
static bool choose_size(cairn_gpu_matrix *out, const size *sizes, int count)
{
    const size *best = NULL;
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        const size *s = &sizes[i];
        if (!s->fits || !usable(s->m, s->n, s->k)) continue;
        if (used < sizeof out->shapes)
            used += (size_t)snprintf(out->shapes + used, sizeof out->shapes - used, "%s%ux%ux%u", used ? " " : "", s->m,
                                     s->n, s->k);
        bool square = s->m == 16 && s->n == 16 && s->k == 16;
        if (!best || square || (s->m * s->n * s->k > best->m * best->n * best->k &&
                                !(best->m == 16 && best->n == 16 && best->k == 16)))
            best = s;
    }
    if (best) out->m = best->m, out->n = best->n, out->k = best->k;
    return best != NULL;
}

/* What both extensions need: fp16, the Vulkan memory model, full subgroups of a size that is asked for; and of 8 lanes
 * at least, which stand over the 32 columns of a subgroup's part of a tile (shaders/include/tile/conv.glsl). */
static bool base_usable(cairn_gpu_info *info, VkPhysicalDevice device)
{
    VkPhysicalDeviceSubgroupSizeControlFeatures control = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
    VkPhysicalDeviceVulkan12Features core = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                             .pNext = &control};
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &core};
    VkPhysicalDeviceSubgroupSizeControlProperties sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &sizes};
    if (!cairn_gpu__has_extension(device, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) return false;
    vkGetPhysicalDeviceFeatures2(device, &all);
    vkGetPhysicalDeviceProperties2(device, &properties);
    info->matrix.subgroup_size = info->subgroup_size;
    return core.shaderFloat16 && core.vulkanMemoryModel && control.subgroupSizeControl &&
           control.computeFullSubgroups && (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
           power_of_two(info->subgroup_size) && info->subgroup_size >= 8 &&
           info->subgroup_size >= sizes.minSubgroupSize &&
           info->subgroup_size <= sizes.maxSubgroupSize && info->max_shared_bytes >= LEAST_SHARED;
}

static bool khr_feature(VkPhysicalDevice device)
{
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR feature = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR};
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &feature};
    VkPhysicalDeviceCooperativeMatrixPropertiesKHR stages = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                              .pNext = &stages};
    if (!cairn_gpu__has_extension(device, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME)) return false;
    vkGetPhysicalDeviceFeatures2(device, &all);
    vkGetPhysicalDeviceProperties2(device, &properties);
    return feature.cooperativeMatrix && (stages.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT);
}

static bool nv_feature(VkPhysicalDevice device)
{
    VkPhysicalDeviceCooperativeMatrixFeaturesNV feature = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_NV};
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &feature};
    VkPhysicalDeviceCooperativeMatrixPropertiesNV stages = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_NV};
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                              .pNext = &stages};
    if (!cairn_gpu__has_extension(device, VK_NV_COOPERATIVE_MATRIX_EXTENSION_NAME)) return false;
    vkGetPhysicalDeviceFeatures2(device, &all);
    vkGetPhysicalDeviceProperties2(device, &properties);
    return feature.cooperativeMatrix && (stages.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT);
}

cairn_gpu_matrix cairn_gpu__matrix_emulated(void)
{
    return (cairn_gpu_matrix){.form = CAIRN_MATRIX_EMULATED, .m = 16, .n = 16, .k = 16, .subgroup_size = 32};
}

/* "emulated", "emulated:16x8x16". */
static bool parse_emulated(cairn_gpu_matrix *out, const char *text)
{
    *out = cairn_gpu__matrix_emulated();
    int end = 0;
    if (!strcmp(text, "emulated")) return true;
    return sscanf(text, "emulated:%2ux%2ux%2u%n", &out->m, &out->n, &out->k, &end) == 3 && !text[end] &&
           usable(out->m, out->n, out->k);
}

cairn_status cairn_gpu__matrix_variable(void)
{
    const char *v = getenv("CAIRN_MATRIX");
    cairn_gpu_matrix m;
    if (!v || !v[0] || !strcmp(v, "off") || !strcmp(v, "khr") || !strcmp(v, "nv") || parse_emulated(&m, v))
        return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID,
                           "CAIRN_MATRIX is '%.40s', expected khr, nv, emulated, emulated:MxNxK or off", v);
}

void cairn_gpu__matrix_query(cairn_gpu_info *info, VkInstance instance, VkPhysicalDevice device)
{
    const char *v = getenv("CAIRN_MATRIX");
    cairn_gpu_matrix found = {0};
    size sizes[MOST_SIZES];
    info->matrix = found;
    if (v && parse_emulated(&found, v)) {
        info->matrix = found;
        return;
    }
    bool any = !v || !v[0];
    if (!info->usable || !base_usable(info, device)) return;
    if ((any || !strcmp(v, "khr")) && khr_feature(device) &&
        choose_size(&info->matrix, sizes, list_khr(sizes, instance, device)))
        info->matrix.form = CAIRN_MATRIX_KHR;
    else if ((any || !strcmp(v, "nv")) && nv_feature(device) &&
             choose_size(&info->matrix, sizes, list_nv(sizes, instance, device)))
        info->matrix.form = CAIRN_MATRIX_NV;
}

void cairn_gpu__matrix_features(gpu_matrix_features *f, const cairn_gpu *gpu, VkPhysicalDeviceVulkan12Features *core)
{
    cairn_matrix_form form = gpu->info.matrix.form;
    *f = (gpu_matrix_features){0};
    if (gpu->info.kernel_class != CAIRN_CLASS_MATRIX || form == CAIRN_MATRIX_EMULATED) return;
    _Static_assert(sizeof(VkPhysicalDeviceCooperativeMatrixFeaturesKHR) ==
                       sizeof(VkPhysicalDeviceCooperativeMatrixFeaturesNV),
                   "one structure for both");
    f->subgroup = (VkPhysicalDeviceSubgroupSizeControlFeatures){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
        .subgroupSizeControl = VK_TRUE,
        .computeFullSubgroups = VK_TRUE};
    f->matrix.nv = (VkPhysicalDeviceCooperativeMatrixFeaturesNV){
        .sType = form == CAIRN_MATRIX_KHR ? VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR
                                          : VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_NV,
        .pNext = &f->subgroup,
        .cooperativeMatrix = VK_TRUE};
    f->extensions[f->extension_count++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
    f->extensions[f->extension_count++] = form == CAIRN_MATRIX_KHR ? VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME
                                                                   : VK_NV_COOPERATIVE_MATRIX_EXTENSION_NAME;
    core->shaderFloat16 = VK_TRUE;
    core->vulkanMemoryModel = VK_TRUE;
    f->subgroup.pNext = core->pNext;
    core->pNext = &f->matrix.nv;
}
