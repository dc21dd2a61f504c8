#include "base/log.h"
#include "gpu/inject.h"
#include "gpu/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- facts of one physical device ---- */

static const char *type_name(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return "cpu";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return "virtual";
    default:
        return "other";
    }
}

static int type_rank(const char *type)
{
    static const char *const order[] = {"discrete", "integrated", "virtual", "cpu"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(type, order[i])) return i;
    return 4;
}

bool cairn_gpu__has_extension(VkPhysicalDevice device, const char *name)
{
    uint32_t count = 0;
    bool found = false;
    if (vkEnumerateDeviceExtensionProperties(device, NULL, &count, NULL) < 0 || !count) return false;
    VkExtensionProperties *all = calloc(count, sizeof *all);
    if (all && vkEnumerateDeviceExtensionProperties(device, NULL, &count, all) >= 0)
        for (uint32_t i = 0; i < count; i++) found |= !strcmp(all[i].extensionName, name);
    free(all);
    return found;
}

/* A queue family with compute, preferring one without graphics: the display's work does not wait there.
 * Returns -1 if there is none. */
static int find_family(VkPhysicalDevice device, uint32_t *timestamp_bits)
{
    VkQueueFamilyProperties families[32];
    uint32_t count = 32;
    int best = -1;
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families);
    for (uint32_t i = 0; i < count; i++) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || !families[i].queueCount) continue;
        bool graphics = families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT;
        if (best < 0 || (!graphics && (families[best].queueFlags & VK_QUEUE_GRAPHICS_BIT))) best = (int)i;
    }
    *timestamp_bits = best < 0 ? 0 : families[best].timestampValidBits;
    return best;
}

static bool texel_usable(VkPhysicalDevice device)
{
    VkFormatProperties format;
    VkPhysicalDeviceFeatures features;
    vkGetPhysicalDeviceFormatProperties(device, VK_FORMAT_R32G32B32A32_SFLOAT, &format); /* fp16: always there */
    vkGetPhysicalDeviceFeatures(device, &features); /* one shader stores fp32 and fp16 */
    VkFormatFeatureFlags needed =
        VK_FORMAT_FEATURE_UNIFORM_TEXEL_BUFFER_BIT | VK_FORMAT_FEATURE_STORAGE_TEXEL_BUFFER_BIT;
    return (format.bufferFeatures & needed) == needed && features.shaderStorageImageWriteWithoutFormat &&
           features.shaderInt64; /* stores are vectors of two 64-bit integers */
}

static void fill_limits(cairn_gpu_info *info, VkPhysicalDevice device, const VkPhysicalDeviceProperties *properties,
                        uint64_t max_allocation)
{
    const VkPhysicalDeviceLimits *limits = &properties->limits;
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(device, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
        if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) &&
            memory.memoryHeaps[i].size > info->heap_bytes)
            info->heap_bytes = memory.memoryHeaps[i].size;
    info->max_buffer_bytes = max_allocation < info->heap_bytes ? max_allocation : info->heap_bytes;
    info->max_storage_range = limits->maxStorageBufferRange;
    info->max_texel_elements = limits->maxTexelBufferElements;
    info->max_shared_bytes = limits->maxComputeSharedMemorySize;
    info->max_group_threads = limits->maxComputeWorkGroupInvocations;
    /* 256 keeps windows on cache lines and covers every limit seen so far; the device may ask for more. */
    uint64_t alignment = 256, wishes[] = {limits->minStorageBufferOffsetAlignment,
                                          limits->minTexelBufferOffsetAlignment, limits->nonCoherentAtomSize};
    for (int i = 0; i < 3; i++)
        if (wishes[i] > alignment) alignment = wishes[i];
    info->alignment = (uint32_t)alignment;
    info->timestamp_ns = limits->timestampPeriod;
}

static void check_usable(cairn_gpu_info *info, VkPhysicalDevice device)
{
    uint32_t bits;
    const char *lacking = NULL;
    if (info->api_version < VK_API_VERSION_1_2)
        lacking = "Vulkan 1.2 (update the driver)";
    else {
        VkPhysicalDeviceVulkan12Features features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
        VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &features};
        vkGetPhysicalDeviceFeatures2(device, &all);
        if (!features.timelineSemaphore) lacking = "timeline semaphores";
    }
    if (!lacking && find_family(device, &bits) < 0) lacking = "a compute queue";
    info->usable = lacking == NULL;
    if (lacking) snprintf(info->reason, sizeof info->reason, "the driver offers no %s", lacking);
}

static void fill_info(cairn_gpu_info *info, VkInstance instance, VkPhysicalDevice device)
{
    *info = (cairn_gpu_info){0};
    VkPhysicalDeviceProperties basic;
    vkGetPhysicalDeviceProperties(device, &basic);
    VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties subgroup = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
                                                   .pNext = &driver};
    VkPhysicalDeviceMaintenance3Properties allocation = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES, .pNext = &subgroup};
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, .pNext = &allocation};
    VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
    if (basic.apiVersion >= VK_API_VERSION_1_2) vkGetPhysicalDeviceProperties2(device, &all);
    snprintf(info->name, sizeof info->name, "%s", basic.deviceName);
    snprintf(info->driver, sizeof info->driver, "%.100s %.150s", driver.driverName[0] ? driver.driverName : "unknown",
             driver.driverInfo);
    for (int i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) info->uuid[at++] = '-';
        at += snprintf(info->uuid + at, sizeof info->uuid - (size_t)at, "%02x", id.deviceUUID[i]);
    }
    info->type = type_name(basic.deviceType);
    info->is_cpu = basic.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    info->vendor_id = basic.vendorID;
    info->device_id = basic.deviceID;
    info->driver_version = basic.driverVersion;
    info->api_version = basic.apiVersion;
    info->subgroup_size = subgroup.subgroupSize;
    fill_limits(info, device, &basic,
                allocation.maxMemoryAllocationSize ? allocation.maxMemoryAllocationSize : 1u << 30);
    check_usable(info, device);
    uint32_t bits = 0;
    if (find_family(device, &bits) < 0 || !bits) info->timestamp_ns = 0;
    bool texel = info->is_cpu && info->max_texel_elements >= GPU_MIN_TEXELS_FOR_TEXEL_CLASS && texel_usable(device);
    cairn_gpu__matrix_query(info, instance, device);
    bool matrix = info->matrix.form == CAIRN_MATRIX_KHR || info->matrix.form == CAIRN_MATRIX_NV;
    info->kernel_class = texel ? CAIRN_CLASS_TEXEL : matrix && !info->is_cpu ? CAIRN_CLASS_MATRIX : CAIRN_CLASS_SIMT;
}

/* ---- the list, best first ---- */

typedef struct candidate {
    VkPhysicalDevice device;
    cairn_gpu_info info;
    uint32_t order; /* as the loader lists them */
} candidate;

static int better(const void *pa, const void *pb)
{
    const candidate *a = pa, *b = pb;
    int ra = type_rank(a->info.type), rb = type_rank(b->info.type);
    if (a->info.usable != b->info.usable) return a->info.usable ? -1 : 1;
    if (ra != rb) return ra - rb;
    if (a->info.heap_bytes != b->info.heap_bytes) return a->info.heap_bytes > b->info.heap_bytes ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static cairn_status list_candidates(candidate **out, int *count, VkInstance instance)
{
    cairn_status st;
    VkPhysicalDevice *devices = NULL;
    candidate *list = NULL;
    uint32_t n = 0;
    *out = NULL;
    *count = 0;
    VkResult result = vkEnumeratePhysicalDevices(instance, &n, NULL);
    if (result == VK_ERROR_INITIALIZATION_FAILED || !n) { /* drivers are installed, and none finds its hardware */
        st = cairn_error_set(CAIRN_E_DEVICE, "no Vulkan driver finds a device: install mesa-vulkan-drivers (its "
                                             "lavapipe runs on any CPU) or your GPU vendor's driver, and see that "
                                             "VK_ICD_FILENAMES and VK_DRIVER_FILES do not exclude it");
        goto done;
    }
    CAIRN_TRY(cairn_gpu__result(NULL, result, "vkEnumeratePhysicalDevices"));
    devices = calloc(n, sizeof *devices);
    list = calloc(n, sizeof *list);
    if (!devices || !list) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the list of devices");
        goto done;
    }
    CAIRN_VK(NULL, vkEnumeratePhysicalDevices(instance, &n, devices));
    for (uint32_t i = 0; i < n; i++) {
        list[i].device = devices[i];
        list[i].order = i;
        fill_info(&list[i].info, instance, devices[i]);
    }
    qsort(list, n, sizeof *list, better);
    *out = list;
    *count = (int)n;
    list = NULL;
    st = CAIRN_OK;
done:
    free(devices);
    free(list);
    return st;
}

cairn_status cairn_gpu_list(cairn_gpu_info **out, int *count)
{
    cairn_status st;
    gpu_instance instance;
    candidate *list = NULL;
    int n = 0;
    *out = NULL;
    *count = 0;
    CAIRN_TRY(cairn_gpu__instance_create(&instance, 0));
    CAIRN_TRY(list_candidates(&list, &n, instance.handle));
    cairn_gpu_info *infos = calloc((size_t)n, sizeof *infos);
    if (!infos) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the list of devices");
        goto done;
    }
    for (int i = 0; i < n; i++) infos[i] = list[i].info;
    *out = infos;
    *count = n;
    st = CAIRN_OK;
done:
    free(list);
    cairn_gpu__instance_destroy(&instance);
    return st;
}

/* ---- selection ---- */

static bool contains(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++)
        if (!strncasecmp(text, part, n)) return true;
    return false;
}

static cairn_status choose(const candidate **out, const candidate *list, int count, const char *wanted)
{
    *out = NULL;
    if (!wanted || !wanted[0]) {
        if (!list[0].info.usable)
            return cairn_error_set(CAIRN_E_UNSUPPORTED,
                                   "no usable Vulkan device: the best one, '%s', cannot be used: %s", list[0].info.name,
                                   list[0].info.reason);
        *out = &list[0];
        return CAIRN_OK;
    }
    char *end;
    long index = strtol(wanted, &end, 10);
    if (!*end && index >= 0 && index < count) *out = &list[index];
    for (int i = 0; i < count && !*out; i++)
        if (!strcasecmp(list[i].info.uuid, wanted)) *out = &list[i];
    for (int i = 0; i < count && !*out; i++)
        if (contains(list[i].info.name, wanted)) *out = &list[i];
    if (!*out) {
        char names[600] = "";
        for (int i = 0, at = 0; i < count && at < (int)sizeof names - 1; i++)
            at += snprintf(names + at, sizeof names - (size_t)at, "%s%d '%s'", i ? ", " : "", i, list[i].info.name);
        return cairn_error_set(CAIRN_E_NOTFOUND,
                               "no device matches '%.80s' (an index, a UUID or a part of a name); there "
                               "are: %s",
                               wanted, names);
    }
    if (!(*out)->info.usable)
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "the device '%s' cannot be used: %s", (*out)->info.name,
                               (*out)->info.reason);
    return CAIRN_OK;
}

const char *cairn_kernel_class_name(cairn_kernel_class kernel_class)
{
    static const char *const names[CAIRN_CLASSES] = {"auto", "texel", "simt", "matrix"};
    return names[kernel_class];
}

static cairn_status choose_class(cairn_gpu *gpu, cairn_kernel_class wanted)
{
    const char *variable = getenv("CAIRN_KERNELS");
    if (wanted == CAIRN_CLASS_AUTO && variable && variable[0]) {
        for (int c = CAIRN_CLASS_TEXEL; c < CAIRN_CLASSES; c++)
            if (!strcmp(variable, cairn_kernel_class_name((cairn_kernel_class)c))) wanted = (cairn_kernel_class)c;
        if (wanted == CAIRN_CLASS_AUTO)
            return cairn_error_set(CAIRN_E_INVALID, "CAIRN_KERNELS is '%.40s', expected texel, simt or matrix",
                                   variable);
    }
    if (wanted == CAIRN_CLASS_TEXEL && !texel_usable(gpu->physical))
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "'%s' cannot read and write texel buffers of any format: choose the simt kernels",
                               gpu->info.name);
    if (wanted == CAIRN_CLASS_MATRIX && gpu->info.matrix.form == CAIRN_MATRIX_NONE)
        gpu->info.matrix = cairn_gpu__matrix_emulated();
    if (wanted != CAIRN_CLASS_AUTO) gpu->info.kernel_class = wanted;
    return CAIRN_OK;
}

/* After the class was chosen: class texel has views of any size that matters. */
static cairn_status plan_ranges(cairn_gpu *gpu)
{
    const char *variable = getenv("CAIRN_RANGE_MB"), *addresses = getenv("CAIRN_ADDRESSES");
    char *end;
    VkPhysicalDeviceVulkan12Features features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &features};
    vkGetPhysicalDeviceFeatures2(gpu->physical, &all);
    gpu->info.any_size = gpu->info.kernel_class != CAIRN_CLASS_TEXEL && features.bufferDeviceAddress &&
                         !(addresses && addresses[0] == '0');
    if (!variable || !variable[0]) return CAIRN_OK;
    double bytes = strtod(variable, &end) * 1e6;
    if (*end || !(bytes >= 1e3 && bytes <= 1e12))
        return cairn_error_set(CAIRN_E_INVALID, "CAIRN_RANGE_MB is '%.40s', expected 0.001 to 1e6 MB", variable);
    if (bytes < (double)gpu->info.max_storage_range) gpu->info.max_storage_range = (uint64_t)bytes / 16 * 16;
    return CAIRN_OK;
}

/* How long a submission may be by estimate, and the rates that the estimate assumes: floors, which any device of the
 * kind is above, so that the true time is shorter. A desktop driver's watchdog ends work after some 2 s. On a CPU the
 * limit only keeps Ctrl-C responsive. */
static cairn_status plan_segments(cairn_gpu_info *info, double scale)
{
    const char *variable = getenv("CAIRN_SEGMENT_MS");
    const bool discrete = !strcmp(info->type, "discrete");
    char *end;
    info->segment_ms = info->is_cpu ? 500 : 100;
    info->assumed_gflops = info->is_cpu ? 20 : discrete ? 1000 : 200;
    info->assumed_gbps = info->is_cpu ? 1 : discrete ? 100 : 20;
    if (variable && variable[0]) {
        info->segment_ms = strtod(variable, &end);
        if (*end || !(info->segment_ms >= 0.001 && info->segment_ms <= 1e6))
            return cairn_error_set(CAIRN_E_INVALID, "CAIRN_SEGMENT_MS is '%.40s', expected 0.001 to 1e6 milliseconds",
                                   variable);
    }
    info->segment_ms *= scale;
    return CAIRN_OK;
}

/* ---- the device ---- */

static bool can_report_faults(VkPhysicalDevice device)
{
    VkPhysicalDeviceFaultFeaturesEXT fault = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT};
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &fault};
    if (!cairn_gpu__has_extension(device, VK_EXT_DEVICE_FAULT_EXTENSION_NAME)) return false;
    vkGetPhysicalDeviceFeatures2(device, &all);
    return fault.deviceFault;
}

static cairn_status create_device(cairn_gpu *gpu)
{
    cairn_status st;
    const char *extensions[6];
    uint32_t extension_count = 0;
    gpu_matrix_features matrix;
    int family = find_family(gpu->physical, &gpu->timestamp_bits);
    CAIRN_ASSERT(family >= 0); /* a usable device has one */
    gpu->family = (uint32_t)family;
    static const char portability[] = "VK_KHR_portability_subset"; /* must be enabled where it exists */
    if (cairn_gpu__has_extension(gpu->physical, portability)) extensions[extension_count++] = portability;
    gpu->fault_info = can_report_faults(gpu->physical);
    if (gpu->fault_info) extensions[extension_count++] = VK_EXT_DEVICE_FAULT_EXTENSION_NAME;
    gpu->budget_info = cairn_gpu__has_extension(gpu->physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    if (gpu->budget_info) extensions[extension_count++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
    VkPhysicalDeviceFaultFeaturesEXT fault = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT,
                                              .deviceFault = VK_TRUE};
    VkPhysicalDeviceVulkan12Features features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                                 .pNext = gpu->fault_info ? &fault : NULL,
                                                 .timelineSemaphore = VK_TRUE};
    features.bufferDeviceAddress = gpu->info.any_size;
    cairn_gpu__matrix_features(&matrix, gpu, &features);
    for (uint32_t i = 0; i < matrix.extension_count; i++) extensions[extension_count++] = matrix.extensions[i];
    bool texel = gpu->info.kernel_class == CAIRN_CLASS_TEXEL;
    VkPhysicalDeviceFeatures basic = {.shaderStorageImageWriteWithoutFormat = texel, .shaderInt64 = texel};
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &(VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                                        .queueFamilyIndex = gpu->family,
                                                        .queueCount = 1,
                                                        .pQueuePriorities = &(float){1.0f}},
        .enabledExtensionCount = extension_count,
        .ppEnabledExtensionNames = extensions,
        .pEnabledFeatures = &basic,
    };
    cairn_gpu__doing(gpu, "opening the device");
    CAIRN_VK(gpu, vkCreateDevice(gpu->physical, &info, NULL, &gpu->device));
    vkGetDeviceQueue(gpu->device, gpu->family, 0, &gpu->queue);
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                    .queueFamilyIndex = gpu->family};
    CAIRN_VK(gpu, vkCreateCommandPool(gpu->device, &pool, NULL, &gpu->pool));
    VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
    CAIRN_VK(gpu, vkCreateSemaphore(gpu->device, &semaphore, NULL, &gpu->timeline));
    VkCommandBufferAllocateInfo transfer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = gpu->pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
    CAIRN_VK(gpu, vkAllocateCommandBuffers(gpu->device, &transfer, &gpu->transfer));
    CAIRN_TRY(cairn_gpu__buffer_allocate(&gpu->crumb, gpu, 16, GPU_MEMORY_HOST, "breadcrumb"));
    memset(gpu->crumb->mapped, 0, 16);
    st = CAIRN_OK;
done:
    return st;
}

/* Matrices that multiply wrongly are not used; only a lost device is an error. */
static cairn_status check_matrices(cairn_gpu *gpu)
{
    if (gpu->info.kernel_class != CAIRN_CLASS_MATRIX) return CAIRN_OK;
    cairn_status st = cairn_gpu__matrix_check(gpu);
    if (st >= 0 || gpu->lost) return st;
    cairn_warn("%s: kernels of class simt are used instead", cairn_error_message());
    cairn_gpu__kernels_destroy(gpu);
    gpu->info.kernel_class = CAIRN_CLASS_SIMT;
    gpu->info.matrix.form = CAIRN_MATRIX_NONE;
    return CAIRN_OK;
}

static void announce(const cairn_gpu *gpu, bool quiet)
{
    const cairn_gpu_info *info = &gpu->info;
    cairn_debug("device '%s' (%s), driver %s, %s kernels, heap %.1f GiB%s", info->name, info->type, info->driver,
                cairn_kernel_class_name(info->kernel_class), (double)info->heap_bytes / (1 << 30),
                gpu->instance.validating ? ", with validation layers" : "");
    if (info->is_cpu && !quiet)
        cairn_warn(
            "'%s' is a CPU, not a GPU: everything works, many times slower. On a machine with a GPU, install its "
            "Vulkan driver and see `cairn devices`.",
            info->name);
}

cairn_status cairn_gpu_create(cairn_gpu **out, const cairn_gpu_options *options)
{
    cairn_status st;
    cairn_gpu_options defaults = CAIRN_GPU_OPTIONS_INIT;
    const cairn_gpu_options *o = options ? options : &defaults;
    candidate *list = NULL;
    const candidate *chosen;
    int count;
    *out = NULL;
    cairn_gpu *gpu = calloc(1, sizeof *gpu);
    if (!gpu) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the device");
    CAIRN_TRY(cairn_inject_check());
    CAIRN_TRY(cairn_gpu__instance_create(&gpu->instance, o->validation));
    CAIRN_TRY(list_candidates(&list, &count, gpu->instance.handle));
    CAIRN_TRY(choose(&chosen, list, count, o->device ? o->device : getenv("CAIRN_DEVICE")));
    gpu->physical = chosen->device;
    gpu->info = chosen->info;
    vkGetPhysicalDeviceProperties(gpu->physical, &gpu->properties);
    vkGetPhysicalDeviceMemoryProperties(gpu->physical, &gpu->memory);
    const char *staging = getenv("CAIRN_STAGING");
    CAIRN_TRY(plan_segments(&gpu->info, o->segment_scale > 0 ? o->segment_scale : 1));
    gpu->force_staging = o->staging || (staging && !strcmp(staging, "1"));
    CAIRN_TRY(cairn_gpu__matrix_variable());
    CAIRN_TRY(choose_class(gpu, o->kernel_class));
    CAIRN_TRY(plan_ranges(gpu));
    CAIRN_TRY(cairn_gpu__tuning_create(gpu, o));
    CAIRN_TRY(cairn_gpu__texts_create(gpu, o->cache_folder));
    CAIRN_TRY(create_device(gpu));
    CAIRN_TRY(cairn_gpu__cache_create(gpu, o->cache_folder));
    CAIRN_TRY(check_matrices(gpu));
    announce(gpu, o->quiet);
    *out = gpu;
    gpu = NULL;
    st = CAIRN_OK;
done:
    free(list);
    cairn_gpu_destroy(&gpu);
    return st;
}

void cairn_gpu_destroy(cairn_gpu **gpu)
{
    cairn_gpu *g = *gpu;
    if (!g) return;
    *gpu = NULL;
    if (g->device) {
        vkDeviceWaitIdle(g->device);
        cairn_gpu__cache_destroy(g);
        cairn_gpu__kernels_destroy(g);
        cairn_gpu_buffer_destroy(&g->staging);
        cairn_gpu_buffer_destroy(&g->crumb);
        vkDestroySemaphore(g->device, g->timeline, NULL);
        vkDestroyCommandPool(g->device, g->pool, NULL);
        vkDestroyDevice(g->device, NULL);
    }
    cairn_gpu__tuning_destroy(g);
    cairn_gpu__texts_destroy(g);
    cairn_gpu__instance_destroy(&g->instance);
    free(g->cache_path);
    free(g);
}

const cairn_gpu_info *cairn_gpu_get_info(const cairn_gpu *gpu)
{
    return &gpu->info;
}

uint64_t cairn_gpu_free_bytes(const cairn_gpu *gpu)
{
    const char *variable = getenv("CAIRN_BUDGET_MB");
    double wished = variable ? strtod(variable, NULL) * 1e6 : 0;
    if (wished > 0) return (uint64_t)wished;
    if (!gpu->budget_info) return UINT64_MAX;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 memory = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                                .pNext = &budget};
    vkGetPhysicalDeviceMemoryProperties2(gpu->physical, &memory);
    uint64_t most = 0, bytes = UINT64_MAX;
    for (uint32_t i = 0; i < gpu->memory.memoryHeapCount; i++) {
        const VkMemoryHeap *heap = &gpu->memory.memoryHeaps[i];
        if (!(heap->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) || heap->size <= most) continue;
        most = heap->size;
        bytes = budget.heapBudget[i] > budget.heapUsage[i] ? budget.heapBudget[i] - budget.heapUsage[i] : 0;
    }
    return bytes == UINT64_MAX ? bytes : bytes / 20 * 19;
}

bool cairn_gpu_is_lost(const cairn_gpu *gpu)
{
    return gpu->lost;
}

int cairn_gpu_validation_errors(const cairn_gpu *gpu, const char **first)
{
    if (first) *first = gpu->instance.errors ? gpu->instance.first : NULL;
    return gpu->instance.errors;
}
