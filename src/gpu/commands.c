#include "gpu/inject.h"
#include "gpu/internal.h"

#include <stdlib.h>
#include <string.h>

enum { SETS_PER_POOL = 64, QUERIES_PER_POOL = 512, VIEW_BUCKETS = 1024, ADDRESSES_PER_TABLE = 256 };

typedef struct segment {
    VkCommandBuffer cmd;
    const char *label, *last; /* of its first and last dispatch */
    uint32_t number;          /* what it writes into the breadcrumb */
} segment;

typedef struct shared_view {
    struct shared_view *next;
    cairn_gpu_view window;
    VkFormat format;
    VkBufferView handle;
} shared_view;

/* Addresses of tensors that are too large to be bound: each lies in a window of its own, which is bound instead. */
typedef struct address_table {
    cairn_gpu_buffer *buffer;
    uint64_t addresses[ADDRESSES_PER_TABLE];
    int count;
} address_table;

struct cairn_gpu_commands {
    cairn_gpu *gpu;
    cairn_gpu_commands *next; /* in gpu->recorded */
    bool profile, open, ended;
    bool dirty; /* something was recorded since the last barrier */
    segment *segments;
    int segment_count, segment_room;
    VkDescriptorPool *pools; /* the last one has room for sets_left sets */
    int pool_count, pool_room, sets_left;
    address_table *tables; /* only the last one has room */
    int table_count, table_room;
    VkQueryPool *queries;
    int query_count, query_room;
    int dispatches;
    shared_view *views[VIEW_BUCKETS];
    uint64_t last_submission; /* timeline value, 0: none */
};

/* Room for one more element in an array that doubles. */
static cairn_status grow(void **array, int count, int *room, size_t size)
{
    if (count < *room) return CAIRN_OK;
    int more = *room ? *room * 2 : 16;
    void *bigger = realloc(*array, (size_t)more * size);
    if (!bigger) return cairn_error_set(CAIRN_E_NOMEM, "no memory to record commands");
    *array = bigger;
    *room = more;
    return CAIRN_OK;
}

/* ---- barriers and submission ---- */

void cairn_gpu__full_barrier(VkCommandBuffer cmd)
{
    const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkAccessFlags writes = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = writes,
                               .dstAccessMask = writes | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT};
    vkCmdPipelineBarrier(cmd, stages, stages, 0, 1, &barrier, 0, NULL, 0, NULL);
}

void cairn_gpu__host_barrier(VkCommandBuffer cmd)
{
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                               .dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT};
    vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
}

/* Each command buffer is one submission that moves the timeline on by one. */
cairn_status cairn_gpu__submit(cairn_gpu *gpu, const VkCommandBuffer *buffers, int count)
{
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < count; i++) {
        uint64_t value = gpu->submitted + 1;
        VkTimelineSemaphoreSubmitInfo timeline = {.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                                  .signalSemaphoreValueCount = 1,
                                                  .pSignalSemaphoreValues = &value};
        VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                               .pNext = &timeline,
                               .commandBufferCount = 1,
                               .pCommandBuffers = &buffers[i],
                               .signalSemaphoreCount = 1,
                               .pSignalSemaphores = &gpu->timeline};
        VkResult result = gpu->lost ? VK_ERROR_DEVICE_LOST : vkQueueSubmit(gpu->queue, 1, &submit, VK_NULL_HANDLE);
        if (result == VK_SUCCESS && cairn_inject(CAIRN_FAULT_DEVICE_LOST)) {
            vkDeviceWaitIdle(gpu->device); /* what is destroyed from now on must not be in use */
            result = VK_ERROR_DEVICE_LOST;
        }
        CAIRN_TRY(cairn_gpu__result(gpu, result, "vkQueueSubmit"));
        gpu->submitted = value;
    }
done:
    return st;
}

static cairn_status wait_for(cairn_gpu *gpu, uint64_t value)
{
    cairn_status st = CAIRN_OK;
    if (gpu->lost) return cairn_gpu__result(gpu, VK_ERROR_DEVICE_LOST, "vkWaitSemaphores");
    if (!value) return CAIRN_OK;
    VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                .semaphoreCount = 1,
                                .pSemaphores = &gpu->timeline,
                                .pValues = &value};
    CAIRN_VK(gpu, vkWaitSemaphores(gpu->device, &info, UINT64_MAX));
done:
    return st;
}

void cairn_gpu__drain(cairn_gpu *gpu)
{
    if (gpu->lost || !gpu->submitted) return;
    VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                .semaphoreCount = 1,
                                .pSemaphores = &gpu->timeline,
                                .pValues = &gpu->submitted};
    vkWaitSemaphores(gpu->device, &info, UINT64_MAX); /* after a failure there is nothing left to wait for */
}

cairn_status cairn_gpu_wait(cairn_gpu *gpu)
{
    return wait_for(gpu, gpu->submitted);
}

bool cairn_gpu__segment_range(const cairn_gpu *gpu, uint32_t number, const char **first, const char **last)
{
    for (const cairn_gpu_commands *c = gpu->recorded; c; c = c->next)
        for (int i = 0; i < c->segment_count; i++)
            if (c->segments[i].number == number && c->segments[i].label) {
                *first = c->segments[i].label;
                *last = c->segments[i].last;
                return true;
            }
    return false;
}

/* ---- segments ---- */

static cairn_status open_segment(cairn_gpu_commands *c)
{
    cairn_status st;
    cairn_gpu *gpu = c->gpu;
    CAIRN_TRY(grow((void **)&c->segments, c->segment_count, &c->segment_room, sizeof *c->segments));
    segment *s = &c->segments[c->segment_count];
    *s = (segment){.number = ++gpu->segments};
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = gpu->pool,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1};
    CAIRN_VK(gpu, vkAllocateCommandBuffers(gpu->device, &info, &s->cmd));
    c->segment_count++;
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT};
    CAIRN_VK(gpu, vkBeginCommandBuffer(s->cmd, &begin));
    cairn_gpu__full_barrier(s->cmd); /* behind earlier submissions */
    vkCmdFillBuffer(s->cmd, gpu->crumb->handle, 0, 4, s->number);
    c->open = true;
    c->dirty = false;
    st = CAIRN_OK;
done:
    return st;
}

static cairn_status close_segment(cairn_gpu_commands *c)
{
    cairn_status st = CAIRN_OK;
    if (!c->open) return CAIRN_OK;
    c->open = false;
    VkCommandBuffer cmd = c->segments[c->segment_count - 1].cmd;
    cairn_gpu__host_barrier(cmd);
    CAIRN_VK(c->gpu, vkEndCommandBuffer(cmd));
done:
    return st;
}

static cairn_status check_recording(cairn_gpu_commands *c)
{
    if (c->ended) return cairn_error_set(CAIRN_E_INVALID, "internal error: commands are recorded after their end");
    return CAIRN_OK;
}

/* ---- descriptors ---- */

static cairn_status check_window(const cairn_gpu *gpu, cairn_gpu_view w, gpu_binding kind, uint64_t element, bool wide,
                                 const char *kernel, const char *label)
{
    if (!w.buffer || !w.bytes || w.offset % gpu->info.alignment || w.bytes % element || w.offset > w.buffer->bytes ||
        w.bytes > w.buffer->bytes - w.offset)
        return cairn_error_set(
            CAIRN_E_INVALID,
            "internal error: kernel '%s' (%s): a window at %llu of %llu bytes in '%s' of %llu bytes; it "
            "must lie inside, at a multiple of %u, in whole %u bytes",
            kernel, label, (unsigned long long)w.offset, (unsigned long long)w.bytes,
            w.buffer ? w.buffer->label : "no buffer", (unsigned long long)(w.buffer ? w.buffer->bytes : 0),
            gpu->info.alignment, (unsigned)element);
    uint64_t limit =
        kind == GPU_BINDING_STORAGE ? gpu->info.max_storage_range : (uint64_t)gpu->info.max_texel_elements * element;
    if (w.bytes > limit && !wide)
        return cairn_error_set(
            CAIRN_E_UNSUPPORTED,
            "kernel '%s' (%s) needs a tensor of %.1f MiB in one %s, '%s' allows %.1f MiB: use a smaller "
            "batch or image",
            kernel, label, (double)w.bytes / (1 << 20), kind == GPU_BINDING_STORAGE ? "storage buffer" : "texel buffer",
            gpu->info.name, (double)limit / (1 << 20));
    return CAIRN_OK;
}

/* The texel view of exactly this window, shared by all dispatches of these commands. */
static cairn_status get_view(VkBufferView *out, cairn_gpu_commands *c, cairn_gpu_view w, bool half)
{
    VkFormat format = half ? VK_FORMAT_R16G16B16A16_SFLOAT : VK_FORMAT_R32G32B32A32_SFLOAT;
    cairn_status st;
    uint64_t h = (w.offset / 256 * 0x9e3779b97f4a7c15u) ^ (w.bytes / 16 * 0xc2b2ae3d27d4eb4fu);
    shared_view **bucket = &c->views[(h >> 40) % VIEW_BUCKETS];
    for (shared_view *v = *bucket; v; v = v->next)
        if (v->window.buffer == w.buffer && v->window.offset == w.offset && v->window.bytes == w.bytes &&
            v->format == format) {
            *out = v->handle;
            return CAIRN_OK;
        }
    shared_view *v = calloc(1, sizeof *v);
    if (!v) return cairn_error_set(CAIRN_E_NOMEM, "no memory to record commands");
    VkBufferViewCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                   .buffer = w.buffer->handle,
                                   .format = format,
                                   .offset = w.offset,
                                   .range = w.bytes};
    CAIRN_VK(c->gpu, vkCreateBufferView(c->gpu->device, &info, NULL, &v->handle));
    v->window = w;
    v->format = format;
    v->next = *bucket;
    *bucket = v;
    *out = v->handle;
    v = NULL;
    st = CAIRN_OK;
done:
    free(v);
    return st;
}

static cairn_status allocate_set(VkDescriptorSet *out, cairn_gpu_commands *c, const cairn_gpu_kernel *kernel)
{
    cairn_status st;
    const uint32_t room = SETS_PER_POOL * CAIRN_GPU_MAX_BINDINGS; /* enough whatever the kernels bind */
    if (!c->sets_left) {
        CAIRN_TRY(grow((void **)&c->pools, c->pool_count, &c->pool_room, sizeof *c->pools));
        VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, room},
                                        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, room},
                                        {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, room}};
        VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                           .maxSets = SETS_PER_POOL,
                                           .poolSizeCount = 3,
                                           .pPoolSizes = sizes};
        CAIRN_VK(c->gpu, vkCreateDescriptorPool(c->gpu->device, &info, NULL, &c->pools[c->pool_count]));
        c->pool_count++;
        c->sets_left = SETS_PER_POOL;
    }
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                        .descriptorPool = c->pools[c->pool_count - 1],
                                        .descriptorSetCount = 1,
                                        .pSetLayouts = &kernel->set_layout};
    CAIRN_VK(c->gpu, vkAllocateDescriptorSets(c->gpu->device, &info, out));
    c->sets_left--;
    st = CAIRN_OK;
done:
    return st;
}

/* The window that holds the address of `w`. */
static cairn_status get_address(cairn_gpu_view *out, cairn_gpu_commands *c, cairn_gpu_view w)
{
    cairn_status st = CAIRN_OK;
    cairn_gpu *gpu = c->gpu;
    uint64_t address = w.buffer->address + w.offset, step = gpu->info.alignment;
    for (int t = 0; t < c->table_count; t++)
        for (int i = 0; i < c->tables[t].count; i++)
            if (c->tables[t].addresses[i] == address) {
                *out = (cairn_gpu_view){c->tables[t].buffer, (uint64_t)i * step, 16};
                return CAIRN_OK;
            }
    if (!c->table_count || c->tables[c->table_count - 1].count == ADDRESSES_PER_TABLE) {
        CAIRN_TRY(grow((void **)&c->tables, c->table_count, &c->table_room, sizeof *c->tables));
        address_table *fresh = &c->tables[c->table_count];
        *fresh = (address_table){0};
        CAIRN_TRY(cairn_gpu_buffer_create(&fresh->buffer, gpu, ADDRESSES_PER_TABLE * step, "addresses"));
        c->table_count++;
    }
    address_table *t = &c->tables[c->table_count - 1];
    const uint32_t words[4] = {(uint32_t)address, (uint32_t)(address >> 32)}; /* the lower word first */
    *out = (cairn_gpu_view){t->buffer, (uint64_t)t->count * step, 16};
    CAIRN_TRY(cairn_gpu_write(*out, words));
    t->addresses[t->count++] = address;
done:
    return st;
}

static cairn_status write_set(VkDescriptorSet set, cairn_gpu_commands *c, const cairn_gpu_dispatch *d,
                              const char *label)
{
    cairn_status st = CAIRN_OK;
    const cairn_gpu_kernel *k = d->kernel;
    VkWriteDescriptorSet writes[CAIRN_GPU_MAX_BINDINGS];
    VkDescriptorBufferInfo ranges[CAIRN_GPU_MAX_BINDINGS];
    VkBufferView texels[CAIRN_GPU_MAX_BINDINGS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < (uint32_t)k->shader.binding_count; i++) {
        gpu_binding kind = k->shader.bindings[i];
        if (kind == GPU_BINDING_NONE) continue;
        bool half = k->half_mask >> i & 1;
        bool wide = k->wide_mask >> i & 1;
        cairn_gpu_view view = d->views[i];
        CAIRN_TRY(check_window(c->gpu, view, kind, half ? 8 : 16, wide, k->name, label));
        if (wide) CAIRN_TRY(get_address(&view, c, view));
        VkWriteDescriptorSet *w = &writes[count++];
        *w = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, .dstSet = set, .dstBinding = i, .descriptorCount = 1};
        if (kind == GPU_BINDING_STORAGE) {
            ranges[i] = (VkDescriptorBufferInfo){view.buffer->handle, view.offset, view.bytes};
            w->descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
            w->pBufferInfo = &ranges[i];
        } else {
            CAIRN_TRY(get_view(&texels[i], c, view, half));
            w->descriptorType = kind == GPU_BINDING_TEXEL ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                                          : VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER;
            w->pTexelBufferView = &texels[i];
        }
    }
    vkUpdateDescriptorSets(c->gpu->device, count, writes, 0, NULL);
done:
    return st;
}

/* ---- dispatch ---- */

static const char *label_of(const cairn_gpu_dispatch *d)
{
    return d->label ? d->label : d->kernel->name;
}

static cairn_status check_dispatch(const cairn_gpu_dispatch *d, const char *label)
{
    const gpu_reflection *s = &d->kernel->shader;
    if (d->view_count < s->binding_count || d->view_count > CAIRN_GPU_MAX_BINDINGS)
        return cairn_error_set(CAIRN_E_INVALID,
                               "internal error: kernel '%s' (%s) gets %d views, its shader has %d bindings",
                               d->kernel->name, label, d->view_count, s->binding_count);
    if (s->push_bytes && s->push_bytes != (uint32_t)d->push_count * 4)
        return cairn_error_set(CAIRN_E_INVALID,
                               "internal error: kernel '%s' (%s) gets %d push words, its block has %u bytes",
                               d->kernel->name, label, d->push_count, s->push_bytes);
    return CAIRN_OK;
}

cairn_status cairn_gpu_dispatch_groups(uint32_t groups[3], const cairn_gpu *gpu, const cairn_gpu_dispatch *d)
{
    const gpu_reflection *s = &d->kernel->shader;
    for (int i = 0; i < 3; i++) {
        groups[i] = d->threads[i] / s->local[i] + (d->threads[i] % s->local[i] != 0);
        uint32_t most = gpu->properties.limits.maxComputeWorkGroupCount[i];
        if (!groups[i] || groups[i] > most)
            return cairn_error_set(
                CAIRN_E_INVALID,
                "internal error: kernel '%s' (%s) over %u x %u x %u threads in groups of %u x %u x %u: "
                "'%s' takes 1..%u groups in each direction",
                d->kernel->name, label_of(d), d->threads[0], d->threads[1], d->threads[2], s->local[0], s->local[1],
                s->local[2], gpu->info.name, most);
    }
    return CAIRN_OK;
}

/* The box of workgroups to run: all of them unless the dispatch names one. */
static cairn_status find_box(uint32_t groups[3], const cairn_gpu *gpu, const cairn_gpu_dispatch *d)
{
    cairn_status st;
    uint32_t all[3];
    CAIRN_TRY(cairn_gpu_dispatch_groups(all, gpu, d));
    for (int i = 0; i < 3; i++) {
        groups[i] = d->groups[0] ? d->groups[i] : all[i];
        if (!groups[i] || groups[i] > all[i] || d->first_group[i] > all[i] - groups[i])
            st = cairn_error_set(CAIRN_E_INVALID, "internal error: kernel '%s' (%s) runs groups %u to %u of %u",
                                 d->kernel->name, label_of(d), d->first_group[i], d->first_group[i] + groups[i],
                                 all[i]);
    }
done:
    return st;
}

static cairn_status timestamp(cairn_gpu_commands *c, VkCommandBuffer cmd, int query, VkPipelineStageFlagBits stage)
{
    cairn_status st;
    if (query / QUERIES_PER_POOL >= c->query_count) {
        CAIRN_TRY(grow((void **)&c->queries, c->query_count, &c->query_room, sizeof *c->queries));
        VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                      .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                      .queryCount = QUERIES_PER_POOL};
        CAIRN_VK(c->gpu, vkCreateQueryPool(c->gpu->device, &info, NULL, &c->queries[c->query_count]));
        vkCmdResetQueryPool(cmd, c->queries[c->query_count], 0, QUERIES_PER_POOL);
        c->query_count++;
    }
    vkCmdWriteTimestamp(cmd, stage, c->queries[query / QUERIES_PER_POOL], (uint32_t)(query % QUERIES_PER_POOL));
    st = CAIRN_OK;
done:
    return st;
}

static void begin_label(const cairn_gpu *gpu, VkCommandBuffer cmd, const char *label)
{
    if (!gpu->instance.debug_utils) return;
    VkDebugUtilsLabelEXT info = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT, .pLabelName = label};
    vkCmdBeginDebugUtilsLabelEXT(cmd, &info);
}

static void end_label(const cairn_gpu *gpu, VkCommandBuffer cmd)
{
    if (gpu->instance.debug_utils) vkCmdEndDebugUtilsLabelEXT(cmd);
}

cairn_status cairn_gpu_commands_dispatch(cairn_gpu_commands *commands, const cairn_gpu_dispatch *dispatch)
{
    cairn_status st;
    cairn_gpu_commands *c = commands;
    cairn_gpu_dispatch d = *dispatch;
    cairn_gpu_kernel *k = d.kernel;
    const char *label = label_of(dispatch);
    const bool based = d.first_group[0] || d.first_group[1] || d.first_group[2];
    bool timed = c->profile && c->gpu->info.timestamp_ns > 0;
    uint32_t groups[3];
    VkDescriptorSet set = VK_NULL_HANDLE;
    cairn_gpu__doing(c->gpu, "recording the kernel '%s' (%s)", k->name, label);
    CAIRN_TRY(check_recording(c));
    CAIRN_TRY(check_dispatch(&d, label));
    CAIRN_TRY(find_box(groups, c->gpu, &d));
    CAIRN_TRY(cairn_gpu__kernel_for_views(&d.kernel, c->gpu, k, d.views, k->shader.binding_count, based));
    k = d.kernel;
    CAIRN_TRY(allocate_set(&set, c, k));
    CAIRN_TRY(write_set(set, c, &d, label));
    if (!c->open) CAIRN_TRY(open_segment(c));
    segment *s = &c->segments[c->segment_count - 1];
    if (!s->label) s->label = label;
    s->last = label;
    begin_label(c->gpu, s->cmd, label);
    vkCmdBindPipeline(s->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, k->pipeline);
    vkCmdBindDescriptorSets(s->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, k->layout, 0, 1, &set, 0, NULL);
    if (k->shader.push_bytes)
        vkCmdPushConstants(s->cmd, k->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, k->shader.push_bytes, dispatch->push);
    if (timed) CAIRN_TRY(timestamp(c, s->cmd, c->dispatches * 2, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT));
    if (based)
        vkCmdDispatchBase(s->cmd, d.first_group[0], d.first_group[1], d.first_group[2], groups[0], groups[1],
                          groups[2]);
    else
        vkCmdDispatch(s->cmd, groups[0], groups[1], groups[2]);
    if (timed) CAIRN_TRY(timestamp(c, s->cmd, c->dispatches * 2 + 1, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT));
    end_label(c->gpu, s->cmd);
    c->dispatches++;
    c->dirty = true;
    if (c->profile) CAIRN_TRY(cairn_gpu_commands_barrier(c));
    st = CAIRN_OK;
done:
    return st;
}

cairn_status cairn_gpu_commands_barrier(cairn_gpu_commands *commands)
{
    cairn_status st = check_recording(commands);
    if (st < 0 || !commands->open || !commands->dirty) return st; /* a new segment starts with one */
    cairn_gpu__full_barrier(commands->segments[commands->segment_count - 1].cmd);
    commands->dirty = false;
    return CAIRN_OK;
}

cairn_status cairn_gpu_commands_split(cairn_gpu_commands *commands)
{
    cairn_status st = check_recording(commands);
    return st < 0 ? st : close_segment(commands);
}

cairn_status cairn_gpu_commands_end(cairn_gpu_commands *commands)
{
    cairn_status st;
    CAIRN_TRY(check_recording(commands));
    CAIRN_TRY(close_segment(commands));
    commands->ended = true;
done:
    return st;
}

/* ---- life and use ---- */

cairn_status cairn_gpu_commands_create(cairn_gpu_commands **out, cairn_gpu *gpu, bool profile)
{
    *out = NULL;
    cairn_gpu_commands *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "no memory to record commands");
    c->gpu = gpu;
    c->profile = profile;
    c->next = gpu->recorded;
    gpu->recorded = c;
    *out = c;
    return CAIRN_OK;
}

void cairn_gpu_commands_destroy(cairn_gpu_commands **commands)
{
    cairn_gpu_commands *c = *commands;
    if (!c) return;
    *commands = NULL;
    VkDevice device = c->gpu->device;
    cairn_gpu__drain(c->gpu);
    for (int i = 0; i < c->segment_count; i++) vkFreeCommandBuffers(device, c->gpu->pool, 1, &c->segments[i].cmd);
    for (int i = 0; i < c->pool_count; i++) vkDestroyDescriptorPool(device, c->pools[i], NULL);
    for (int i = 0; i < c->query_count; i++) vkDestroyQueryPool(device, c->queries[i], NULL);
    for (int i = 0; i < c->table_count; i++) cairn_gpu_buffer_destroy(&c->tables[i].buffer);
    for (int i = 0; i < VIEW_BUCKETS; i++)
        while (c->views[i]) {
            shared_view *v = c->views[i];
            c->views[i] = v->next;
            vkDestroyBufferView(device, v->handle, NULL);
            free(v);
        }
    for (cairn_gpu_commands **at = &c->gpu->recorded; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    free(c->segments);
    free(c->pools);
    free(c->queries);
    free(c->tables);
    free(c);
}

cairn_status cairn_gpu_submit(cairn_gpu_commands *commands)
{
    cairn_status st;
    cairn_gpu *gpu = commands->gpu;
    if (!commands->ended)
        return cairn_error_set(CAIRN_E_INVALID, "internal error: commands are submitted before their end");
    for (int i = 0; i < commands->segment_count; i++) {
        cairn_gpu__doing(gpu, "running the segment that starts with '%s'", commands->segments[i].label);
        CAIRN_TRY(cairn_gpu__submit(gpu, &commands->segments[i].cmd, 1));
        commands->last_submission = gpu->submitted;
    }
    st = CAIRN_OK;
done:
    return st;
}

cairn_status cairn_gpu_commands_times(cairn_gpu_commands *commands, double *ns, int count)
{
    cairn_status st;
    cairn_gpu *gpu = commands->gpu;
    if (!commands->profile || gpu->info.timestamp_ns <= 0)
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               commands->profile ? "'%s' has no timestamps"
                                                 : "'%s': these commands were recorded without profile",
                               gpu->info.name);
    if (count != commands->dispatches || !commands->last_submission)
        return cairn_error_set(CAIRN_E_INVALID, "internal error: times of %d dispatches asked for, %d recorded%s",
                               count, commands->dispatches, commands->last_submission ? "" : ", none submitted");
    uint64_t mask = gpu->timestamp_bits >= 64 ? UINT64_MAX : ((uint64_t)1 << gpu->timestamp_bits) - 1;
    cairn_gpu__doing(gpu, "reading timestamps");
    CAIRN_TRY(wait_for(gpu, commands->last_submission));
    for (int i = 0; i < count; i++) {
        uint64_t ticks[2];
        int query = i * 2;
        CAIRN_VK(gpu, vkGetQueryPoolResults(gpu->device, commands->queries[query / QUERIES_PER_POOL],
                                            (uint32_t)(query % QUERIES_PER_POOL), 2, sizeof ticks, ticks, sizeof *ticks,
                                            VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
        ns[i] = (double)((ticks[1] - ticks[0]) & mask) * gpu->info.timestamp_ns;
    }
    st = CAIRN_OK;
done:
    return st;
}
