/* The driver's compiled pipelines, kept between runs. Drivers are known to crash on blobs that are not theirs, so the
 * file has a header of our own that must match to the last field; anything else is ignored and replaced. The cache only
 * saves time: no failure here is an error of the program. */
#include "base/log.h"
#include "gpu/internal.h"
#include "gpu/shaders.h"
#include "system/file.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT_VERSION = 1, MOST_BYTES = 512 << 20 };

typedef struct file_header {
    char magic[8];
    uint32_t version, header_bytes;
    uint64_t data_bytes;
    uint32_t crc; /* of the header with this field zero, and the data */
    uint32_t vendor, device, driver_version;
    uint8_t uuid[VK_UUID_SIZE]; /* pipelineCacheUUID */
    uint64_t shaders;           /* hash of all shaders of this build */
} file_header;
_Static_assert(sizeof(file_header) == 64, "the header has no padding");

static uint32_t crc32_of(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *p = data;
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        table[i] = c;
    }
    crc = ~crc;
    for (size_t i = 0; i < size; i++) crc = table[(crc ^ p[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

static uint64_t hash_shaders(void)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a by words */
    for (const cairn_shader *s = cairn_shader_table; s->name; s++) {
        for (const char *c = s->name; *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211u;
        h = (h ^ (uint64_t)s->kernel_class) * 1099511628211u;
        for (size_t i = 0; i < s->count; i++) h = (h ^ s->words[i]) * 1099511628211u;
    }
    return h;
}

static file_header expected_header(const cairn_gpu *gpu, const void *data, size_t size)
{
    file_header h = {.magic = {'C', 'A', 'I', 'R', 'N', 'P', 'C', '\n'},
                     .version = FORMAT_VERSION,
                     .header_bytes = sizeof h,
                     .data_bytes = size,
                     .vendor = gpu->properties.vendorID,
                     .device = gpu->properties.deviceID,
                     .driver_version = gpu->properties.driverVersion,
                     .shaders = hash_shaders()};
    memcpy(h.uuid, gpu->properties.pipelineCacheUUID, sizeof h.uuid);
    h.crc = crc32_of(crc32_of(0, &h, sizeof h), data, size);
    return h;
}

char *cairn_gpu_cache_file(const char *folder, const char *name)
{
    char *home = NULL;
    const char *base = getenv("XDG_CACHE_HOME");
    if (folder && !folder[0]) return NULL;
    if (!folder && base && base[0] == '/') /* the standard ignores relative paths */
        folder = home = cairn_file_join(base, "cairn");
    else if (!folder && (base = getenv("HOME")) && base[0])
        folder = home = cairn_file_join(base, ".cache/cairn");
    char *path = folder ? cairn_file_join(folder, name) : NULL;
    free(home);
    return path;
}

static VkResult create(cairn_gpu *gpu, const void *data, size_t size)
{
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                      .initialDataSize = size,
                                      .pInitialData = size ? data : NULL};
    return vkCreatePipelineCache(gpu->device, &info, NULL, &gpu->cache);
}

/* What the file would hold now; NULL if the driver gives nothing. */
static uint8_t *file_contents(const cairn_gpu *gpu, size_t *size)
{
    size_t n = 0;
    *size = 0;
    if (vkGetPipelineCacheData(gpu->device, gpu->cache, &n, NULL) != VK_SUCCESS || !n || n > MOST_BYTES) return NULL;
    uint8_t *bytes = malloc(sizeof(file_header) + n);
    /* VK_INCOMPLETE would be a cut blob */
    if (!bytes || vkGetPipelineCacheData(gpu->device, gpu->cache, &n, bytes + sizeof(file_header)) != VK_SUCCESS) {
        free(bytes);
        return NULL;
    }
    file_header h = expected_header(gpu, bytes + sizeof h, n);
    memcpy(bytes, &h, sizeof h);
    *size = sizeof h + n;
    return bytes;
}

static uint32_t crc_of_file(const uint8_t *bytes)
{
    file_header h;
    memcpy(&h, bytes, sizeof h);
    return h.crc;
}

/* Starts from the file if it is exactly what this device and build would have written. */
static void load(cairn_gpu *gpu)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    file_header found, expected;
    cairn_status st = cairn_file_read(&bytes, &size, gpu->cache_path, MOST_BYTES);
    if (st < 0) {
        cairn_debug("pipeline cache: %s", cairn_error_message());
        goto done;
    }
    if (size < sizeof found) {
        cairn_debug("pipeline cache: '%s' is too short, ignored", gpu->cache_path);
        goto done;
    }
    memcpy(&found, bytes, sizeof found);
    expected = expected_header(gpu, bytes + sizeof found, size - sizeof found);
    if (memcmp(&found, &expected, sizeof found)) {
        cairn_debug("pipeline cache: '%s' is damaged or of another device, driver or build, ignored", gpu->cache_path);
        goto done;
    }
    if (create(gpu, bytes + sizeof found, size - sizeof found) < 0) {
        cairn_debug("pipeline cache: the driver refuses '%s', ignored", gpu->cache_path);
        gpu->cache = VK_NULL_HANDLE;
        goto done;
    }
    /* Not the file's own checksum: SwiftShader's blob grows by being loaded. */
    uint8_t *now = file_contents(gpu, &size);
    if (now) gpu->cache_loaded_crc = crc_of_file(now);
    free(now);
done:
    free(bytes);
}

cairn_status cairn_gpu__cache_create(cairn_gpu *gpu, const char *folder)
{
    cairn_status st = CAIRN_OK;
    char name[64];
    snprintf(name, sizeof name, "pipelines-%04x-%04x.cache", gpu->properties.vendorID, gpu->properties.deviceID);
    gpu->cache_path = cairn_gpu_cache_file(folder, name);
    if (gpu->cache_path) load(gpu);
    if (!gpu->cache) CAIRN_VK(gpu, create(gpu, NULL, 0));
done:
    return st;
}

static void save(const cairn_gpu *gpu)
{
    size_t size;
    uint8_t *bytes = file_contents(gpu, &size);
    if (!bytes || crc_of_file(bytes) == gpu->cache_loaded_crc) goto done;
    char *slash = strrchr(gpu->cache_path, '/');
    CAIRN_ASSERT(slash);
    *slash = 0;
    cairn_status st = cairn_file_make_folder(gpu->cache_path);
    *slash = '/';
    if (st == CAIRN_OK) st = cairn_file_write(gpu->cache_path, bytes, size);
    if (st < 0) cairn_debug("pipeline cache: not kept: %s", cairn_error_message());
done:
    free(bytes);
}

void cairn_gpu__cache_destroy(cairn_gpu *gpu)
{
    if (!gpu->cache) return;
    if (gpu->cache_path && !gpu->lost) {
        /* A caller that cleans up after an error still wants to print that error. */
        char message[1024];
        snprintf(message, sizeof message, "%s", cairn_error_message());
        save(gpu);
        cairn_error_set(CAIRN_OK, "%s", message);
    }
    vkDestroyPipelineCache(gpu->device, gpu->cache, NULL);
}
