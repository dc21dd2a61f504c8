#include "base/log.h"
#include "gpu/internal.h"
#include "gpu/shaders.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The variant for the device's class, else one that other classes share: simt before texel, matrix never; else what was
 * written at run time, or NULL. */
static const cairn_shader *find_shader(const cairn_gpu *gpu, const char *name, cairn_shader_variant variant)
{
    const cairn_shader *other = NULL;
    for (const cairn_shader *s = cairn_shader_table; s->name; s++) {
        if (strcmp(s->name, name) || s->variant != variant) continue;
        if (s->kernel_class == gpu->info.kernel_class && s->form == (s->kernel_class == CAIRN_CLASS_MATRIX
                                                                         ? gpu->info.matrix.form
                                                                         : CAIRN_MATRIX_NONE))
            return s;
        if (s->kernel_class != CAIRN_CLASS_MATRIX && (!other || s->kernel_class == CAIRN_CLASS_SIMT)) other = s;
    }
    return other ? other : cairn_gpu__text_shader(gpu, name, variant);
}

/* Constants that a kernel of class matrix gets besides its own: rows and columns of A, B and C. */
static uint32_t matrix_constants(const cairn_gpu *gpu, uint32_t *values)
{
    const cairn_gpu_matrix *m = &gpu->info.matrix;
    const uint32_t sizes[6] = {m->m, m->k, m->k, m->n, m->m, m->n};
    memcpy(values, sizes, sizeof sizes);
    return 6;
}

bool cairn_gpu_kernel_exists(const cairn_gpu *gpu, const char *name)
{
    return find_shader(gpu, name, CAIRN_SHADER_PLAIN) != NULL;
}

static uint32_t hash_key(const char *name, const uint32_t *constants, int count, uint32_t half_mask)
{
    uint32_t h = 2166136261u ^ half_mask * 2654435761u; /* FNV-1a */
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 16777619u;
    for (int i = 0; i < count; i++) h = (h ^ constants[i]) * 16777619u, h ^= h >> 15;
    return h % GPU_KERNEL_BUCKETS;
}

/* What tells kernels of one name and the same constants apart. */
typedef struct key_masks {
    uint32_t half, wide; /* bit i: binding i holds fp16, an address */
    cairn_shader_variant variant;
    bool based; /* for dispatches that do not begin with group 0 */
} key_masks;

static cairn_gpu_kernel *look_up(cairn_gpu *gpu, uint32_t bucket, const char *name, const uint32_t *constants,
                                 int count, const key_masks *m)
{
    for (cairn_gpu_kernel *k = gpu->kernels[bucket]; k; k = k->next)
        if (k->constant_count == count && k->half_mask == m->half && k->wide_mask == m->wide &&
            k->variant == m->variant && k->based == m->based && !strcmp(k->name, name) &&
            (!count || !memcmp(k->constants, constants, (size_t)count * sizeof *constants)))
            return k;
    return NULL;
}

static cairn_status check_limits(const cairn_gpu *gpu, const cairn_gpu_kernel *k)
{
    const VkPhysicalDeviceLimits *limits = &gpu->properties.limits;
    const uint32_t *local = k->shader.local;
    uint32_t counts[4] = {0};
    for (int i = 0; i < k->shader.binding_count; i++) counts[k->shader.bindings[i]]++;
    uint64_t invocations = (uint64_t)local[0] * local[1] * local[2];
    for (int i = 0; i < 3; i++)
        if (local[i] > limits->maxComputeWorkGroupSize[i]) invocations = UINT64_MAX;
    if (invocations > limits->maxComputeWorkGroupInvocations)
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "kernel '%s' uses groups of %u x %u x %u threads, '%s' allows %u in all "
                               "and %u x %u x %u",
                               k->name, local[0], local[1], local[2], gpu->info.name,
                               limits->maxComputeWorkGroupInvocations, limits->maxComputeWorkGroupSize[0],
                               limits->maxComputeWorkGroupSize[1], limits->maxComputeWorkGroupSize[2]);
    if (k->shader.shared_bytes > limits->maxComputeSharedMemorySize)
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "kernel '%s' shares %u bytes in a group, '%s' allows %u", k->name,
                               k->shader.shared_bytes, gpu->info.name, limits->maxComputeSharedMemorySize);
    if (k->shader.push_bytes > limits->maxPushConstantsSize || k->shader.push_bytes > CAIRN_GPU_MAX_PUSH * 4)
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "kernel '%s' has a push block of %u bytes, allowed are %u", k->name,
                               k->shader.push_bytes, limits->maxPushConstantsSize);
    uint32_t allowed[4] = {UINT32_MAX, limits->maxPerStageDescriptorStorageBuffers,
                           limits->maxPerStageDescriptorSampledImages, limits->maxPerStageDescriptorStorageImages};
    static const char *const names[4] = {"", "storage buffers", "uniform texel buffers", "storage texel buffers"};
    for (int i = 1; i < 4; i++)
        if (counts[i] > allowed[i])
            return cairn_error_set(CAIRN_E_UNSUPPORTED, "kernel '%s' binds %u %s, '%s' allows %u", k->name, counts[i],
                                   names[i], gpu->info.name, allowed[i]);
    return CAIRN_OK;
}

static cairn_status create_layouts(cairn_gpu *gpu, cairn_gpu_kernel *k)
{
    static const VkDescriptorType types[] = {0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                             VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
                                             VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER};
    cairn_status st;
    VkDescriptorSetLayoutBinding bindings[GPU_REFLECT_BINDINGS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < (uint32_t)k->shader.binding_count; i++)
        if (k->shader.bindings[i] != GPU_BINDING_NONE)
            bindings[count++] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                               .descriptorType = types[k->shader.bindings[i]],
                                                               .descriptorCount = 1,
                                                               .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = count, .pBindings = bindings};
    CAIRN_VK(gpu, vkCreateDescriptorSetLayout(gpu->device, &set, NULL, &k->set_layout));
    VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = k->shader.push_bytes};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .setLayoutCount = 1,
                                         .pSetLayouts = &k->set_layout,
                                         .pushConstantRangeCount = k->shader.push_bytes ? 1 : 0,
                                         .pPushConstantRanges = &push};
    CAIRN_VK(gpu, vkCreatePipelineLayout(gpu->device, &layout, NULL, &k->layout));
    st = CAIRN_OK;
done:
    return st;
}

static cairn_status create_pipeline(cairn_gpu *gpu, cairn_gpu_kernel *k, const cairn_shader *shader)
{
    cairn_status st;
    VkShaderModule code = VK_NULL_HANDLE;
    VkSpecializationMapEntry entries[CAIRN_GPU_MAX_CONSTANTS + 8];
    uint32_t values[CAIRN_GPU_MAX_CONSTANTS + 8], count = (uint32_t)k->constant_count;
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (VkSpecializationMapEntry){.constantID = i, .offset = i * 4, .size = 4};
        values[i] = k->constants[i];
    }
    if (k->half_mask) {
        entries[count] =
            (VkSpecializationMapEntry){.constantID = GPU_REFLECT_HALF_CONSTANT, .offset = count * 4, .size = 4};
        values[count++] = k->half_mask;
    }
    if (k->wide_mask) {
        entries[count] =
            (VkSpecializationMapEntry){.constantID = GPU_REFLECT_WIDE_CONSTANT, .offset = count * 4, .size = 4};
        values[count++] = k->wide_mask;
    }
    if (shader->kernel_class == CAIRN_CLASS_MATRIX) {
        uint32_t more = matrix_constants(gpu, values + count);
        for (uint32_t i = 0; i < more; i++, count++)
            entries[count] =
                (VkSpecializationMapEntry){.constantID = GPU_MATRIX_CONSTANT + i, .offset = count * 4, .size = 4};
    }
    bool full = shader->form == CAIRN_MATRIX_KHR || shader->form == CAIRN_MATRIX_NV; /* of one size, none half empty */
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = gpu->info.matrix.subgroup_size};
    VkSpecializationInfo specialization = {
        .mapEntryCount = count, .pMapEntries = entries, .dataSize = (size_t)count * 4, .pData = values};
    VkShaderModuleCreateInfo module = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = shader->count * 4, .pCode = shader->words};
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    CAIRN_VK(gpu, vkCreateShaderModule(gpu->device, &module, NULL, &code));
    VkComputePipelineCreateInfo pipeline = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = k->based ? VK_PIPELINE_CREATE_DISPATCH_BASE : 0,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = full ? &subgroup : NULL,
                  .flags = full ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = code,
                  .pName = "main",
                  .pSpecializationInfo = count ? &specialization : NULL},
        .layout = k->layout,
    };
    CAIRN_VK(gpu, vkCreateComputePipelines(gpu->device, gpu->cache, 1, &pipeline, NULL, &k->pipeline));
    clock_gettime(CLOCK_MONOTONIC, &end);
    cairn_gpu__name(gpu, VK_OBJECT_TYPE_PIPELINE, (uint64_t)k->pipeline, k->name);
    cairn_debug("kernel '%s' (%s, %d constants) made in %.1f ms", k->name,
                cairn_kernel_class_name(shader->kernel_class), k->constant_count,
                (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6);
    st = CAIRN_OK;
done:
    if (code) vkDestroyShaderModule(gpu->device, code, NULL);
    return st;
}

static void destroy_kernel(cairn_gpu *gpu, cairn_gpu_kernel *k)
{
    if (!k) return;
    if (k->pipeline) vkDestroyPipeline(gpu->device, k->pipeline, NULL);
    if (k->layout) vkDestroyPipelineLayout(gpu->device, k->layout, NULL);
    if (k->set_layout) vkDestroyDescriptorSetLayout(gpu->device, k->set_layout, NULL);
    free(k->name);
    free(k);
}

cairn_status cairn_gpu_kernel_get(cairn_gpu_kernel **out, cairn_gpu *gpu, const char *name, const uint32_t *constants,
                                  int constant_count)
{
    return cairn_gpu_kernel_get_half(out, gpu, name, constants, constant_count, 0);
}

cairn_status cairn_gpu_kernel_half_able(uint32_t *bindings, const cairn_gpu *gpu, const char *name)
{
    gpu_reflection reflection;
    const cairn_shader *shader = find_shader(gpu, name, CAIRN_SHADER_GENERAL);
    *bindings = 0;
    if (!shader && cairn_gpu_kernel_exists(gpu, name)) return CAIRN_OK;
    if (!shader) return cairn_error_set(CAIRN_E_NOTFOUND, "this build has no kernel '%s'", name);
    cairn_status st = cairn_gpu__reflect(&reflection, name, shader->words, shader->count, NULL, 0);
    if (st >= 0) *bindings = reflection.half_able;
    return st;
}

static cairn_status get_kernel(cairn_gpu_kernel **out, cairn_gpu *gpu, const char *name, const uint32_t *constants,
                               int constant_count, const key_masks *m)
{
    cairn_status st;
    *out = NULL;
    if (constant_count < 0 || constant_count > CAIRN_GPU_MAX_CONSTANTS)
        return cairn_error_set(CAIRN_E_INVALID, "internal error: kernel '%s' with %d constants, at most %d", name,
                               constant_count, CAIRN_GPU_MAX_CONSTANTS);
    uint32_t bucket = hash_key(name, constants, constant_count, m->half ^ m->wide << 12);
    if ((*out = look_up(gpu, bucket, name, constants, constant_count, m))) return CAIRN_OK;
    const cairn_shader *shader = find_shader(gpu, name, m->variant);
    if (!shader && !m->wide) shader = find_shader(gpu, name, CAIRN_SHADER_PLAIN); /* a kernel of another class */
    if (!shader) return cairn_error_set(CAIRN_E_NOTFOUND, "this build has no kernel '%s'", name);
    cairn_gpu_kernel *k = calloc(1, sizeof *k);
    if (k) k->name = strdup(name);
    if (!k || !k->name) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the kernel '%s'", name);
        goto done;
    }
    for (int i = 0; i < constant_count; i++) k->constants[i] = constants[i];
    k->constant_count = constant_count;
    k->half_mask = m->half;
    k->wide_mask = m->wide;
    k->variant = m->variant;
    k->based = m->based;
    cairn_gpu__doing(gpu, "making the kernel '%s'", name);
    CAIRN_TRY(cairn_gpu__reflect(&k->shader, name, shader->words, shader->count, constants, constant_count));
    CAIRN_TRY(check_limits(gpu, k));
    if (m->half & ~k->shader.half_able) {
        st = cairn_error_set(CAIRN_E_UNSUPPORTED, "kernel '%s' cannot read or write fp16 at the bindings 0x%x", name,
                             m->half & ~k->shader.half_able);
        goto done;
    }
    CAIRN_TRY(create_layouts(gpu, k));
    CAIRN_TRY(create_pipeline(gpu, k, shader));
    k->next = gpu->kernels[bucket];
    gpu->kernels[bucket] = k;
    *out = k;
    k = NULL;
    st = CAIRN_OK;
done:
    destroy_kernel(gpu, k);
    return st;
}

cairn_status cairn_gpu_kernel_get_half(cairn_gpu_kernel **out, cairn_gpu *gpu, const char *name,
                                       const uint32_t *constants, int constant_count, uint32_t half_mask)
{
    const key_masks m = {.half = half_mask, .variant = half_mask ? CAIRN_SHADER_GENERAL : CAIRN_SHADER_PLAIN};
    return get_kernel(out, gpu, name, constants, constant_count, &m);
}

cairn_status cairn_gpu__kernel_for_views(cairn_gpu_kernel **out, cairn_gpu *gpu, cairn_gpu_kernel *kernel,
                                         const cairn_gpu_view *views, int count, bool based)
{
    key_masks m = {.half = kernel->half_mask, .variant = kernel->variant, .based = based};
    uint32_t wide = 0;
    for (int i = 0; i < count; i++)
        if (kernel->shader.bindings[i] == GPU_BINDING_STORAGE && views[i].bytes > gpu->info.max_storage_range)
            wide |= 1u << i;
    if (wide && gpu->info.kernel_class == CAIRN_CLASS_TEXEL) {
        m.variant = CAIRN_SHADER_GENERAL;
    } else if (wide && gpu->info.any_size) { /* else check_window says so */
        m.variant = CAIRN_SHADER_WIDE;
        m.wide = wide;
    }
    *out = kernel;
    if (m.variant == kernel->variant && !based) return CAIRN_OK;
    return get_kernel(out, gpu, kernel->name, kernel->constants, kernel->constant_count, &m);
}

void cairn_gpu__kernels_destroy(cairn_gpu *gpu)
{
    for (int i = 0; i < GPU_KERNEL_BUCKETS; i++)
        while (gpu->kernels[i]) {
            cairn_gpu_kernel *k = gpu->kernels[i];
            gpu->kernels[i] = k->next;
            destroy_kernel(gpu, k);
        }
}
