#include "base/log.h"
#include "gpu/internal.h"

#include <stdlib.h>
#include <string.h>

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    gpu_instance *instance = user;
    (void)severity;
    if (!(types & VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT)) return VK_FALSE;
    if (instance->errors++ == 0) snprintf(instance->first, sizeof instance->first, "%s", data->pMessage);
    if (instance->errors <= 20) cairn_log(CAIRN_LOG_ERROR, "Vulkan validation: %s", data->pMessage);
    return VK_FALSE;
}

static bool has_extension(const char *layer, const char *name)
{
    uint32_t count = 0;
    bool found = false;
    if (vkEnumerateInstanceExtensionProperties(layer, &count, NULL) < 0 || !count) return false;
    VkExtensionProperties *all = calloc(count, sizeof *all);
    if (all && vkEnumerateInstanceExtensionProperties(layer, &count, all) >= 0)
        for (uint32_t i = 0; i < count; i++) found |= !strcmp(all[i].extensionName, name);
    free(all);
    return found;
}

static bool has_layer(const char *name)
{
    uint32_t count = 0;
    bool found = false;
    if (vkEnumerateInstanceLayerProperties(&count, NULL) < 0 || !count) return false;
    VkLayerProperties *all = calloc(count, sizeof *all);
    if (all && vkEnumerateInstanceLayerProperties(&count, all) >= 0)
        for (uint32_t i = 0; i < count; i++) found |= !strcmp(all[i].layerName, name);
    free(all);
    return found;
}

static cairn_status load(void)
{
    if (volkInitialize() != VK_SUCCESS)
        return cairn_error_set(CAIRN_E_DEVICE, "no Vulkan loader on this machine: install libvulkan1 and a driver "
                                               "(mesa-vulkan-drivers, or your GPU vendor's)");
    uint32_t version = volkGetInstanceVersion();
    if (version < VK_API_VERSION_1_2)
        return cairn_error_set(CAIRN_E_DEVICE, "the Vulkan loader is version %u.%u, 1.2 is needed: update libvulkan1",
                               VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
    return CAIRN_OK;
}

/* Whether the layer is to be used. A layer that the variable asks for and that is not installed is a warning. */
static cairn_status decide_validation(bool *use, int validation)
{
    const char *variable = getenv("CAIRN_VALIDATION");
    *use = false;
    if (validation == 0 || (validation < 0 && (!variable || !variable[0] || !strcmp(variable, "0")))) return CAIRN_OK;
    if (has_layer(validation_layer)) {
        *use = true;
        return CAIRN_OK;
    }
    if (validation > 0)
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "validation was asked for, but the layer %s is not installed: "
                               "install vulkan-validationlayers",
                               validation_layer);
    cairn_warn("CAIRN_VALIDATION is set, but the layer %s is not installed: running without", validation_layer);
    return CAIRN_OK;
}

typedef struct wishes {
    const char *extensions[3];
    uint32_t count;
    bool features, portability; /* validation can be told what to check; drivers with gaps can be listed */
} wishes;

static wishes find_extensions(gpu_instance *instance)
{
    wishes w = {0};
    /* Names of objects and labels are for debuggers and validation only. */
    const char *utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME, *features = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    const char *portability = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    instance->debug_utils =
        instance->validating && (has_extension(NULL, utils) || has_extension(validation_layer, utils));
    if (instance->debug_utils) w.extensions[w.count++] = utils;
    w.features = instance->validating && has_extension(validation_layer, features);
    if (w.features) w.extensions[w.count++] = features;
    w.portability = has_extension(NULL, portability);
    if (w.portability) w.extensions[w.count++] = portability;
    return w;
}

cairn_status cairn_gpu__instance_create(gpu_instance *instance, int validation)
{
    cairn_status st;
    const char *layers[] = {validation_layer};
    *instance = (gpu_instance){0};
    CAIRN_TRY(load());
    CAIRN_TRY(decide_validation(&instance->validating, validation));
    wishes w = find_extensions(instance);
    VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = instance,
    };
    VkValidationFeatureEnableEXT enable = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT checks = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = instance->debug_utils ? &messenger : NULL,
        .enabledValidationFeatureCount = 1,
        .pEnabledValidationFeatures = &enable,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = w.features ? &checks : checks.pNext,
        .flags = w.portability ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
        .pApplicationInfo = &(VkApplicationInfo){.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                                 .pApplicationName = "cairn",
                                                 .pEngineName = "cairn",
                                                 .apiVersion = VK_API_VERSION_1_2},
        .enabledLayerCount = instance->validating ? 1 : 0,
        .ppEnabledLayerNames = layers,
        .enabledExtensionCount = w.count,
        .ppEnabledExtensionNames = w.extensions,
    };
    VkResult result = vkCreateInstance(&info, NULL, &instance->handle);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
        st = cairn_error_set(CAIRN_E_DEVICE, "no Vulkan driver on this machine: install mesa-vulkan-drivers (its "
                                             "lavapipe runs on any CPU) or your GPU vendor's driver");
        goto done;
    }
    if ((st = cairn_gpu__result(NULL, result, "vkCreateInstance")) < 0) goto done;
    volkLoadInstance(instance->handle);
    if (instance->debug_utils)
        CAIRN_VK(NULL, vkCreateDebugUtilsMessengerEXT(instance->handle, &messenger, NULL, &instance->messenger));
    st = CAIRN_OK;
done:
    if (st < 0) cairn_gpu__instance_destroy(instance);
    return st;
}

void cairn_gpu__instance_destroy(gpu_instance *instance)
{
    if (instance->handle) {
        if (instance->messenger) vkDestroyDebugUtilsMessengerEXT(instance->handle, instance->messenger, NULL);
        vkDestroyInstance(instance->handle, NULL);
    }
    instance->handle = VK_NULL_HANDLE;
    instance->messenger = VK_NULL_HANDLE;
}
