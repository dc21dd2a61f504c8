#include "gpu/inject.h"
#include "gpu/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void cairn_gpu__name(cairn_gpu *gpu, VkObjectType type, uint64_t handle, const char *name)
{
    if (!gpu->instance.debug_utils) return;
    VkDebugUtilsObjectNameInfoEXT info = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                          .objectType = type,
                                          .objectHandle = handle,
                                          .pObjectName = name};
    vkSetDebugUtilsObjectNameEXT(gpu->device, &info); /* a name only: its failure changes nothing */
}

/* A CPU driver's device memory is this process's own: with pages of 2 MiB a SuperPoint training step takes 8 % less
 * time (in a virtual machine, 4 KiB pages cost two walks of page tables). Advice only: failure changes nothing. */
static void prefer_huge_pages(void *memory, uint64_t bytes)
{
    const uintptr_t page = 2 << 20;
    uintptr_t first = ((uintptr_t)memory + page - 1) / page * page, end = ((uintptr_t)memory + bytes) / page * page;
    if (end > first) madvise((void *)first, end - first, MADV_HUGEPAGE);
}

static int find_type(const cairn_gpu *gpu, uint32_t allowed, VkMemoryPropertyFlags needed, uint64_t heap_at_least)
{
    for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++) {
        const VkMemoryType *type = &gpu->memory.memoryTypes[i];
        if ((allowed & (1u << i)) && (type->propertyFlags & needed) == needed &&
            gpu->memory.memoryHeaps[type->heapIndex].size >= heap_at_least)
            return (int)i;
    }
    return -1;
}

/* Memory types to try, best first. A host-visible window onto device memory is used only where it covers most of that
 * memory: a small one (256 MiB of a discrete GPU) would be used up by the first buffers. */
static int rank_types(int types[4], const cairn_gpu *gpu, uint32_t allowed, uint64_t bytes, gpu_memory_kind kind)
{
    const VkMemoryPropertyFlags host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    int wishes[4] = {-1, -1, -1, -1}, count = 0;
    if (kind == GPU_MEMORY_HOST) {
        wishes[0] = find_type(gpu, allowed, host | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, bytes);
        wishes[1] = find_type(gpu, allowed, host, bytes);
    } else {
        uint64_t most = gpu->info.heap_bytes / 2 > bytes ? gpu->info.heap_bytes / 2 : bytes;
        if (!gpu->force_staging) {
            wishes[0] = find_type(gpu, allowed, local | host | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, most);
            wishes[1] = find_type(gpu, allowed, local | host, most);
        }
        wishes[2] = find_type(gpu, allowed, local, bytes);
        wishes[3] = find_type(gpu, allowed, 0, bytes);
    }
    for (int i = 0; i < 4; i++)
        if (wishes[i] >= 0 && (i == 0 || wishes[i] != wishes[i - 1])) types[count++] = wishes[i];
    return count;
}

static cairn_status too_large(const cairn_gpu *gpu, uint64_t bytes, const char *label)
{
    return cairn_error_set(CAIRN_E_NOMEM,
                           "'%s' cannot give %.1f MiB for '%s' (largest allocation %.1f MiB, heap %.1f MiB): use a "
                           "smaller batch or image, or close other programs that use the device",
                           gpu->info.name, (double)bytes / (1 << 20), label,
                           (double)gpu->info.max_buffer_bytes / (1 << 20), (double)gpu->info.heap_bytes / (1 << 20));
}

/* Whether kernels may reach it by its address. */
static bool addressed(const cairn_gpu *gpu, gpu_memory_kind kind)
{
    return kind == GPU_MEMORY_TENSORS && gpu->info.any_size;
}

static cairn_status allocate_memory(cairn_gpu_buffer *b, cairn_gpu *gpu, gpu_memory_kind kind)
{
    cairn_status st;
    VkMemoryRequirements needs;
    int types[4];
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    const VkMemoryAllocateFlagsInfo flags_info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                                  .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
    const bool refused = kind == GPU_MEMORY_TENSORS && cairn_inject(CAIRN_FAULT_OOM);
    vkGetBufferMemoryRequirements(gpu->device, b->handle, &needs);
    int count = rank_types(types, gpu, needs.memoryTypeBits, needs.size, kind), used = -1;
    for (int i = 0; i < count && used < 0; i++) {
        VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .pNext = addressed(gpu, kind) ? &flags_info : NULL,
                                     .allocationSize = needs.size,
                                     .memoryTypeIndex = (uint32_t)types[i]};
        result = refused ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                         : vkAllocateMemory(gpu->device, &info, NULL, &b->memory);
        if (result == VK_SUCCESS) used = types[i];
        if (result != VK_SUCCESS && result != VK_ERROR_OUT_OF_DEVICE_MEMORY && result != VK_ERROR_OUT_OF_HOST_MEMORY)
            break;
    }
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY) {
        st = too_large(gpu, b->bytes, b->label);
        goto done;
    }
    if ((st = cairn_gpu__result(gpu, result, "vkAllocateMemory")) < 0) goto done;
    CAIRN_VK(gpu, vkBindBufferMemory(gpu->device, b->handle, b->memory, 0));
    if (addressed(gpu, kind)) {
        VkBufferDeviceAddressInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = b->handle};
        b->address = vkGetBufferDeviceAddress(gpu->device, &info);
    }
    VkMemoryPropertyFlags flags = gpu->memory.memoryTypes[used].propertyFlags;
    const VkMemoryPropertyFlags host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    if ((flags & host) == host && (kind == GPU_MEMORY_HOST || !gpu->force_staging)) {
        void *mapped;
        CAIRN_VK(gpu, vkMapMemory(gpu->device, b->memory, 0, VK_WHOLE_SIZE, 0, &mapped));
        b->mapped = mapped;
        if (gpu->info.is_cpu) prefer_huge_pages(mapped, b->bytes);
        b->cached = flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    }
    CAIRN_ASSERT(kind == GPU_MEMORY_TENSORS || b->mapped); /* Vulkan guarantees such a memory type */
    st = CAIRN_OK;
done:
    return st;
}

cairn_status cairn_gpu__buffer_allocate(cairn_gpu_buffer **out, cairn_gpu *gpu, uint64_t bytes, gpu_memory_kind kind,
                                        const char *label)
{
    cairn_status st;
    cairn_gpu_buffer *b = NULL;
    *out = NULL;
    if (!label) label = "unnamed";
    if (bytes == 0) return cairn_error_set(CAIRN_E_INVALID, "the buffer '%s' has no bytes", label);
    if (kind == GPU_MEMORY_TENSORS && bytes > gpu->info.max_buffer_bytes) return too_large(gpu, bytes, label);
    b = calloc(1, sizeof *b);
    if (!b) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the buffer '%s'", label);
    b->gpu = gpu;
    b->bytes = (bytes + 15) / 16 * 16;
    snprintf(b->label, sizeof b->label, "%s", label);
    cairn_gpu__doing(gpu, "making the buffer '%s' of %llu bytes", b->label, (unsigned long long)b->bytes);
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    if (kind == GPU_MEMORY_TENSORS)
        usage |= VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
                 VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT;
    if (addressed(gpu, kind)) usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = b->bytes,
                               .usage = usage,
                               .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
    if (cairn_inject(CAIRN_FAULT_HOST_OOM))
        CAIRN_TRY(cairn_gpu__result(gpu, VK_ERROR_OUT_OF_HOST_MEMORY, "vkCreateBuffer"));
    CAIRN_VK(gpu, vkCreateBuffer(gpu->device, &info, NULL, &b->handle));
    cairn_gpu__name(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)b->handle, b->label);
    CAIRN_TRY(allocate_memory(b, gpu, kind));
    *out = b;
    b = NULL;
    st = CAIRN_OK;
done:
    cairn_gpu_buffer_destroy(&b);
    return st;
}

/* ---- one-off transfers; the caller has waited for all submitted work ---- */

static cairn_status begin_transfer(cairn_gpu *gpu)
{
    cairn_status st;
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    CAIRN_VK(gpu, vkBeginCommandBuffer(gpu->transfer, &begin));
    cairn_gpu__full_barrier(gpu->transfer);
    st = CAIRN_OK;
done:
    return st;
}

static cairn_status finish_transfer(cairn_gpu *gpu)
{
    cairn_status st;
    cairn_gpu__full_barrier(gpu->transfer);
    cairn_gpu__host_barrier(gpu->transfer);
    CAIRN_VK(gpu, vkEndCommandBuffer(gpu->transfer));
    CAIRN_TRY(cairn_gpu__submit(gpu, &gpu->transfer, 1));
    CAIRN_TRY(cairn_gpu_wait(gpu));
    st = CAIRN_OK;
done:
    return st;
}

cairn_status cairn_gpu_buffer_create(cairn_gpu_buffer **out, cairn_gpu *gpu, uint64_t bytes, const char *label)
{
    cairn_status st;
    cairn_gpu_buffer *b = NULL;
    *out = NULL;
    CAIRN_TRY(cairn_gpu__buffer_allocate(&b, gpu, bytes, GPU_MEMORY_TENSORS, label));
    if (b->mapped) {
        memset(b->mapped, 0, b->bytes);
    } else {
        CAIRN_TRY(cairn_gpu_wait(gpu)); /* the transfer's command buffer may be in use */
        CAIRN_TRY(begin_transfer(gpu));
        vkCmdFillBuffer(gpu->transfer, b->handle, 0, VK_WHOLE_SIZE, 0);
        CAIRN_TRY(finish_transfer(gpu));
    }
    *out = b;
    b = NULL;
    st = CAIRN_OK;
done:
    cairn_gpu_buffer_destroy(&b);
    return st;
}

void cairn_gpu_buffer_destroy(cairn_gpu_buffer **buffer)
{
    cairn_gpu_buffer *b = *buffer;
    if (!b) return;
    *buffer = NULL;
    VkDevice device = b->gpu->device;
    cairn_gpu__drain(b->gpu);
    if (b->handle) vkDestroyBuffer(device, b->handle, NULL);
    if (b->memory) vkFreeMemory(device, b->memory, NULL);
    free(b);
}

uint64_t cairn_gpu_buffer_bytes(const cairn_gpu_buffer *buffer)
{
    return buffer->bytes;
}

static cairn_status check_view(cairn_gpu_view view, const char *verb)
{
    if (!view.buffer) return cairn_error_set(CAIRN_E_INVALID, "internal error: %s a view without a buffer", verb);
    if (view.offset > view.buffer->bytes || view.bytes > view.buffer->bytes - view.offset)
        return cairn_error_set(CAIRN_E_INVALID,
                               "internal error: %s bytes %llu..%llu of the buffer '%s', which has %llu", verb,
                               (unsigned long long)view.offset, (unsigned long long)(view.offset + view.bytes),
                               view.buffer->label, (unsigned long long)view.buffer->bytes);
    return CAIRN_OK;
}

static cairn_status need_staging(cairn_gpu *gpu)
{
    if (gpu->staging) return CAIRN_OK;
    return cairn_gpu__buffer_allocate(&gpu->staging, gpu, GPU_STAGING_BYTES, GPU_MEMORY_HOST, "staging");
}

/* Copies between the host and a window in pieces of the staging buffer; exactly one of in and out is given. */
static cairn_status copy_staged(cairn_gpu_view view, const unsigned char *in, unsigned char *out)
{
    cairn_status st;
    cairn_gpu *gpu = view.buffer->gpu;
    CAIRN_TRY(need_staging(gpu));
    for (uint64_t at = 0; at < view.bytes; at += GPU_STAGING_BYTES) {
        uint64_t n = view.bytes - at < GPU_STAGING_BYTES ? view.bytes - at : GPU_STAGING_BYTES;
        VkBufferCopy region = {
            .srcOffset = in ? 0 : view.offset + at, .dstOffset = in ? view.offset + at : 0, .size = n};
        if (in) memcpy(gpu->staging->mapped, in + at, n);
        CAIRN_TRY(begin_transfer(gpu));
        if (in)
            vkCmdCopyBuffer(gpu->transfer, gpu->staging->handle, view.buffer->handle, 1, &region);
        else
            vkCmdCopyBuffer(gpu->transfer, view.buffer->handle, gpu->staging->handle, 1, &region);
        CAIRN_TRY(finish_transfer(gpu));
        if (out) memcpy(out + at, gpu->staging->mapped, n);
    }
    st = CAIRN_OK;
done:
    return st;
}

cairn_status cairn_gpu_write(cairn_gpu_view view, const void *data)
{
    cairn_status st;
    CAIRN_TRY(check_view(view, "writing"));
    CAIRN_TRY(cairn_gpu_wait(view.buffer->gpu));
    cairn_gpu__doing(view.buffer->gpu, "writing to the buffer '%s'", view.buffer->label);
    if (view.buffer->mapped)
        memcpy(view.buffer->mapped + view.offset, data, view.bytes);
    else
        CAIRN_TRY(copy_staged(view, data, NULL));
    st = CAIRN_OK;
done:
    return st;
}

cairn_status cairn_gpu_read(cairn_gpu_view view, void *data)
{
    cairn_status st;
    CAIRN_TRY(check_view(view, "reading"));
    CAIRN_TRY(cairn_gpu_wait(view.buffer->gpu));
    cairn_gpu__doing(view.buffer->gpu, "reading the buffer '%s'", view.buffer->label);
    /* Mapped but uncached memory (a window onto a discrete GPU) is read at some 10 MB/s: copy it out instead. */
    if (view.buffer->mapped && view.buffer->cached)
        memcpy(data, view.buffer->mapped + view.offset, view.bytes);
    else
        CAIRN_TRY(copy_staged(view, NULL, data));
    st = CAIRN_OK;
done:
    return st;
}
