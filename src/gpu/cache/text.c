#include "gpu/cache/text.h"

#include "base/hash.h"
#include "base/log.h"
#include "gpu/internal.h"
#include "gpu/shaders.h"
#include "system/file.h"

#include <inttypes.h>
#include <shaderc/shaderc.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT_VERSION = 1, MOST_BYTES = 16 << 20 };

/* The file: this header, the text (which must be ours to the last byte: a hash is only its name), the words. */
typedef struct file_header {
    char magic[8];
    uint32_t version, header_bytes;
    uint64_t text_bytes, word_bytes;
    uint64_t compiler; /* hash of the compiler's version and of all include files */
    uint32_t kernel_class, variant;
    uint64_t checksum; /* of text and words, starting from the header with this field zero */
} file_header;
_Static_assert(sizeof(file_header) == 56, "the header has no padding");

typedef struct defined {
    struct defined *next;
    char name[32]; /* "text/HASH" */
    char *text;
    uint32_t *words[CAIRN_SHADER_VARIANTS]; /* NULL: not made yet */
    cairn_shader shader[CAIRN_SHADER_VARIANTS];
} defined;

struct gpu_texts {
    defined *first;
    char *folder; /* NULL: no cache */
    int compiled, loaded;
};

/* ---- compiling ---- */

static const cairn_shader_include *find_include(const char *name)
{
    for (const cairn_shader_include *i = cairn_shader_includes; i->name; i++)
        if (!strcmp(i->name, name)) return i;
    return NULL;
}

static shaderc_include_result *open_include(void *user, const char *name, int type, const char *from, size_t depth)
{
    static shaderc_include_result missing = {.source_name = "", .content = "no such include", .content_length = 15};
    (void)user, (void)type, (void)from, (void)depth;
    const cairn_shader_include *found = find_include(name);
    shaderc_include_result *result = found ? calloc(1, sizeof *result) : NULL;
    if (!result) return &missing;
    *result = (shaderc_include_result){.source_name = found->name,
                                       .source_name_length = strlen(found->name),
                                       .content = found->text,
                                       .content_length = strlen(found->text)};
    return result;
}

static void close_include(void *user, shaderc_include_result *result)
{
    (void)user;
    if (result->source_name_length) free(result);
}

static cairn_status compile(defined *d, cairn_shader_variant variant, cairn_kernel_class kernel_class)
{
    cairn_status st = CAIRN_OK;
    shaderc_compiler_t compiler = shaderc_compiler_initialize();
    shaderc_compile_options_t options = shaderc_compile_options_initialize();
    shaderc_compilation_result_t result = NULL;
    if (!compiler || !options) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the shader compiler");
        goto done;
    }
    shaderc_compile_options_set_target_env(options, shaderc_target_env_vulkan, shaderc_env_version_vulkan_1_2);
    shaderc_compile_options_set_optimization_level(options, shaderc_optimization_level_performance);
    shaderc_compile_options_set_include_callbacks(options, open_include, close_include, NULL);
    if (kernel_class == CAIRN_CLASS_TEXEL)
        shaderc_compile_options_add_macro_definition(options, "CAIRN_TEXEL", 11, "1", 1);
    if (variant != CAIRN_SHADER_PLAIN)
        shaderc_compile_options_add_macro_definition(options, "CAIRN_GENERAL", 13, "1", 1);
    if (variant == CAIRN_SHADER_WIDE) shaderc_compile_options_add_macro_definition(options, "CAIRN_WIDE", 10, "1", 1);
    result = shaderc_compile_into_spv(compiler, d->text, strlen(d->text), shaderc_glsl_compute_shader, d->name, "main",
                                      options);
    if (!result || shaderc_result_get_compilation_status(result) != shaderc_compilation_status_success) {
        st = cairn_error_set(CAIRN_E_FORMAT, "internal error: a kernel written at run time does not compile: %.600s",
                             result ? shaderc_result_get_error_message(result) : "no memory");
        goto done;
    }
    size_t bytes = shaderc_result_get_length(result);
    d->words[variant] = malloc(bytes);
    if (!d->words[variant]) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the kernel '%s'", d->name);
        goto done;
    }
    memcpy(d->words[variant], shaderc_result_get_bytes(result), bytes);
    d->shader[variant].count = bytes / 4;
done:
    if (result) shaderc_result_release(result);
    if (options) shaderc_compile_options_release(options);
    if (compiler) shaderc_compiler_release(compiler);
    return st;
}

/* ---- the file ---- */

static uint64_t compiler_hash(void)
{
    unsigned version, revision;
    shaderc_get_spv_version(&version, &revision);
    uint64_t h = cairn_hash_text(CAIRN_HASH_START, CAIRN_SHADERC_VERSION);
    h = cairn_hash_bytes(h, &version, sizeof version);
    h = cairn_hash_bytes(h, &revision, sizeof revision);
    for (const cairn_shader_include *i = cairn_shader_includes; i->name; i++)
        h = cairn_hash_text(cairn_hash_text(h, i->name), i->text);
    return h;
}

static file_header expected_header(const char *text, cairn_kernel_class kernel_class, cairn_shader_variant variant,
                                   const void *words, uint64_t word_bytes)
{
    file_header h = {.magic = {'C', 'A', 'I', 'R', 'N', 'T', 'X', '\n'},
                     .version = FORMAT_VERSION,
                     .header_bytes = sizeof h,
                     .text_bytes = strlen(text),
                     .word_bytes = word_bytes,
                     .compiler = compiler_hash(),
                     .kernel_class = (uint32_t)kernel_class,
                     .variant = (uint32_t)variant};
    uint64_t sum = cairn_hash_bytes(CAIRN_HASH_START, &h, sizeof h);
    h.checksum = cairn_hash_bytes(cairn_hash_text(sum, text), words, (size_t)word_bytes);
    return h;
}

static char *file_of(const gpu_texts *texts, const defined *d, cairn_shader_variant variant,
                     cairn_kernel_class kernel_class)
{
    static const char *const suffixes[CAIRN_SHADER_VARIANTS] = {"", "-general", "-wide"};
    char name[64];
    if (!texts->folder) return NULL;
    uint64_t h = cairn_hash_text(compiler_hash(), d->text);
    snprintf(name, sizeof name, "text-%016" PRIx64 "-%s%s.spv", h,
             kernel_class == CAIRN_CLASS_TEXEL ? "texel" : "simt", suffixes[variant]);
    return cairn_file_join(texts->folder, name);
}

/* Takes the words from the file if it is exactly what this build would have written. */
static bool load(defined *d, cairn_shader_variant variant, const char *path, cairn_kernel_class kernel_class)
{
    uint8_t *bytes = NULL;
    size_t size = 0, text_bytes = strlen(d->text), head = sizeof(file_header) + text_bytes;
    if (!cairn_file_exists(path)) return false;
    if (cairn_file_read(&bytes, &size, path, MOST_BYTES) < 0 || size < head + 20 || (size - head) % 4) goto bad;
    file_header expected = expected_header(d->text, kernel_class, variant, bytes + head, size - head);
    if (memcmp(bytes, &expected, sizeof expected) || memcmp(bytes + sizeof expected, d->text, text_bytes)) goto bad;
    d->words[variant] = malloc(size - head);
    if (!d->words[variant]) goto bad;
    memcpy(d->words[variant], bytes + head, size - head);
    d->shader[variant].count = (size - head) / 4;
    free(bytes);
    return true;
bad:
    cairn_debug("kernel cache: '%s' is damaged or of another build, ignored", path);
    free(bytes);
    return false;
}

static void save(const gpu_texts *texts, const defined *d, cairn_shader_variant variant, const char *path,
                 cairn_kernel_class kernel_class)
{
    size_t text_bytes = strlen(d->text), word_bytes = d->shader[variant].count * 4;
    size_t head = sizeof(file_header) + text_bytes;
    uint8_t *bytes = malloc(head + word_bytes);
    if (!bytes) return;
    file_header h = expected_header(d->text, kernel_class, variant, d->words[variant], word_bytes);
    memcpy(bytes, &h, sizeof h);
    memcpy(bytes + sizeof h, d->text, text_bytes);
    memcpy(bytes + head, d->words[variant], word_bytes);
    cairn_status st = cairn_file_make_folder(texts->folder);
    if (st == CAIRN_OK) st = cairn_file_write(path, bytes, head + word_bytes);
    if (st < 0) cairn_debug("kernel cache: not kept: %s", cairn_error_message());
    free(bytes);
}

/* ---- the list ---- */

static void destroy(defined *d)
{
    if (!d) return;
    free(d->text);
    for (int v = 0; v < CAIRN_SHADER_VARIANTS; v++) free(d->words[v]);
    free(d);
}

cairn_status cairn_gpu__texts_create(cairn_gpu *gpu, const char *folder)
{
    gpu->texts = calloc(1, sizeof *gpu->texts);
    if (!gpu->texts) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a device");
    gpu->texts->folder = cairn_gpu_cache_file(folder, "kernels");
    return CAIRN_OK;
}

void cairn_gpu__texts_destroy(cairn_gpu *gpu)
{
    gpu_texts *texts = gpu->texts;
    if (!texts) return;
    for (defined *d = texts->first, *next; d; d = next) {
        next = d->next;
        destroy(d);
    }
    free(texts->folder);
    free(texts);
    gpu->texts = NULL;
}

void cairn_gpu_text_counts(const cairn_gpu *gpu, int *compiled, int *loaded)
{
    *compiled = gpu->texts->compiled;
    *loaded = gpu->texts->loaded;
}

/* From the file or by compiling. */
static cairn_status make_variant(defined *d, cairn_shader_variant variant, const cairn_gpu *gpu)
{
    cairn_status st = CAIRN_OK;
    gpu_texts *texts = gpu->texts;
    cairn_kernel_class kernel_class = gpu->info.kernel_class;
    char *path = file_of(texts, d, variant, kernel_class);
    if (path && load(d, variant, path, kernel_class)) {
        texts->loaded++;
    } else {
        CAIRN_TRY(compile(d, variant, kernel_class));
        texts->compiled++;
        if (path) save(texts, d, variant, path, kernel_class);
    }
    d->shader[variant].name = d->name;
    d->shader[variant].kernel_class = kernel_class;
    d->shader[variant].words = d->words[variant];
    d->shader[variant].variant = variant;
done:
    free(path);
    return st;
}

const cairn_shader *cairn_gpu__text_shader(const cairn_gpu *gpu, const char *name, cairn_shader_variant variant)
{
    for (defined *d = gpu->texts->first; d; d = d->next)
        if (!strcmp(d->name, name))
            return d->words[variant] || make_variant(d, variant, gpu) >= 0 ? &d->shader[variant] : NULL;
    return NULL;
}

cairn_status cairn_gpu_kernel_define(const char **name, cairn_gpu *gpu, const char *text)
{
    cairn_status st = CAIRN_OK;
    gpu_texts *texts = gpu->texts;
    *name = NULL;
    for (const defined *d = texts->first; d && !*name; d = d->next)
        if (!strcmp(d->text, text)) *name = d->name;
    if (*name) return CAIRN_OK;
    defined *d = calloc(1, sizeof *d);
    if (d) d->text = strdup(text);
    if (!d || !d->text) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a kernel");
        goto done;
    }
    snprintf(d->name, sizeof d->name, "text/%016" PRIx64, cairn_hash_text(CAIRN_HASH_START, text));
    if (cairn_gpu__text_shader(gpu, d->name, CAIRN_SHADER_PLAIN)) {
        st = cairn_error_set(CAIRN_E_FAIL, "two kernels written at run time have the hash %s", d->name);
        goto done;
    }
    CAIRN_TRY(make_variant(d, CAIRN_SHADER_PLAIN, gpu));
    CAIRN_TRY(make_variant(d, CAIRN_SHADER_GENERAL, gpu));
    d->next = texts->first;
    texts->first = d;
    *name = d->name;
    d = NULL;
done:
    destroy(d);
    return st;
}
