#include "gpu/internal.h"

#include <stdarg.h>
#include <string.h>

static const char *result_name(VkResult result)
{
    switch (result) {
#define NAME(r)                                                                                                        \
    case r:                                                                                                            \
        return #r
        NAME(VK_SUCCESS);
        NAME(VK_NOT_READY);
        NAME(VK_TIMEOUT);
        NAME(VK_INCOMPLETE);
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        NAME(VK_ERROR_INITIALIZATION_FAILED);
        NAME(VK_ERROR_DEVICE_LOST);
        NAME(VK_ERROR_MEMORY_MAP_FAILED);
        NAME(VK_ERROR_LAYER_NOT_PRESENT);
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT);
        NAME(VK_ERROR_FEATURE_NOT_PRESENT);
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER);
        NAME(VK_ERROR_TOO_MANY_OBJECTS);
        NAME(VK_ERROR_FORMAT_NOT_SUPPORTED);
        NAME(VK_ERROR_FRAGMENTED_POOL);
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY);
        NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE);
        NAME(VK_ERROR_FRAGMENTATION);
        NAME(VK_ERROR_UNKNOWN);
#undef NAME
    default:
        return NULL;
    }
}

void cairn_gpu__doing(cairn_gpu *gpu, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(gpu->doing, sizeof gpu->doing, fmt, args);
    va_end(args);
}

/* What the driver says of the fault, behind `text`. */
static void add_fault(const cairn_gpu *gpu, char *text, size_t size)
{
    VkDeviceFaultCountsEXT counts = {.sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT};
    VkDeviceFaultInfoEXT info = {.sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_INFO_EXT};
    VkDeviceFaultAddressInfoEXT addresses[4];
    VkDeviceFaultVendorInfoEXT vendor[4];
    if (!gpu->fault_info || vkGetDeviceFaultInfoEXT(gpu->device, &counts, NULL) < 0) return;
    if (counts.addressInfoCount > 4) counts.addressInfoCount = 4;
    if (counts.vendorInfoCount > 4) counts.vendorInfoCount = 4;
    counts.vendorBinarySize = 0;
    info.pAddressInfos = counts.addressInfoCount ? addresses : NULL;
    info.pVendorInfos = counts.vendorInfoCount ? vendor : NULL;
    if (vkGetDeviceFaultInfoEXT(gpu->device, &counts, &info) < 0) return;
    size_t used = strlen(text);
    snprintf(text + used, size - used, "; the driver says: %.120s", info.description);
    for (uint32_t i = 0; i < counts.vendorInfoCount; i++) {
        used = strlen(text);
        snprintf(text + used, size - used, ", %.80s", vendor[i].description);
    }
}

static cairn_status device_lost(cairn_gpu *gpu, const char *call, int call_length)
{
    const char *first = NULL, *last = NULL;
    char text[sizeof gpu->lost_text], range[300] = "unknown";
    if (gpu && gpu->lost) return cairn_error_set(CAIRN_E_DEVICE, "%s", gpu->lost_text); /* clean-up asks again */
    if (gpu && gpu->crumb && gpu->crumb->mapped) {
        uint32_t number;
        memcpy(&number, gpu->crumb->mapped, sizeof number);
        if (cairn_gpu__segment_range(gpu, number, &first, &last))
            snprintf(range, sizeof range, "'%.80s' to '%.80s'", first, last);
    }
    snprintf(text, sizeof text,
             "the device was lost (VK_ERROR_DEVICE_LOST from %.*s); last segment started: %s; a driver's watchdog or a "
             "driver fault may be the cause, see the system log",
             call_length, call, range);
    if (gpu) {
        add_fault(gpu, text, sizeof text);
        gpu->lost = true;
        memcpy(gpu->lost_text, text, sizeof text);
    }
    return cairn_error_set(CAIRN_E_DEVICE, "%s", text);
}

cairn_status cairn_gpu__result(cairn_gpu *gpu, VkResult result, const char *call)
{
    if (result >= 0) return CAIRN_OK;
    int length = (int)strcspn(call, "("); /* the function's name says enough */
    if (result == VK_ERROR_DEVICE_LOST) return device_lost(gpu, call, length);
    bool memory = result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY;
    const char *name = result_name(result);
    char number[32];
    snprintf(number, sizeof number, "VkResult %d", (int)result);
    return cairn_error_set(memory ? CAIRN_E_NOMEM : CAIRN_E_DEVICE, "%.*s failed with %s%s%s%s%s%s", length, call,
                           name ? name : number, gpu && gpu->doing[0] ? " while " : "", gpu ? gpu->doing : "",
                           gpu && gpu->info.name[0] ? " on '" : "", gpu ? gpu->info.name : "",
                           gpu && gpu->info.name[0] ? "'" : "");
}
