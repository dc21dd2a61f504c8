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

static cairn_status device_lost(cairn_gpu *gpu, const char *call, int call_length)
{
    const char *label = NULL;
    if (gpu) gpu->lost = true;
    if (gpu && gpu->crumb && gpu->crumb->mapped) {
        uint32_t number;
        memcpy(&number, gpu->crumb->mapped, sizeof number);
        label = cairn_gpu__segment_label(gpu, number);
    }
    return cairn_error_set(CAIRN_E_DEVICE,
                           "the device was lost (VK_ERROR_DEVICE_LOST from %.*s); last segment started: %s; a driver's "
                           "watchdog or a driver fault may be the cause, see the system log and run again",
                           call_length, call, label ? label : "unknown");
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
