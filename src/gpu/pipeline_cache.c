#include "gpu/internal.h"

cairn_status cairn_gpu__cache_create(cairn_gpu *gpu, const char *folder)
{
    cairn_status st;
    (void)folder;
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    CAIRN_VK(gpu, vkCreatePipelineCache(gpu->device, &info, NULL, &gpu->cache));
done:
    return st;
}

void cairn_gpu__cache_destroy(cairn_gpu *gpu)
{
    if (gpu->cache) vkDestroyPipelineCache(gpu->device, gpu->cache, NULL);
}
