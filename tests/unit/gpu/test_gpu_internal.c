/* Parts of src/gpu that cannot be reached through its header: reading shaders, and what is said of a lost device. */
#include "gpu/internal.h"
#include "gpu/shaders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void ok(cairn_status st)
{
    if (st < 0) fail_msg("status %d: %s", (int)st, cairn_error_message());
}

static const cairn_shader *find(const char *name, cairn_kernel_class kernel_class, cairn_shader_variant variant)
{
    for (const cairn_shader *s = cairn_shader_table; s->name; s++)
        if (!strcmp(s->name, name) && s->kernel_class == kernel_class && s->variant == variant) return s;
    return NULL;
}

static void test_gpu_reflect__reads_bindings_push_block_and_group(void **state)
{
    (void)state;
    const uint32_t constants[] = {8, 4};
    for (int variant = 0; variant < 4; variant++) {
        cairn_kernel_class c = variant < 2 ? CAIRN_CLASS_TEXEL : CAIRN_CLASS_SIMT;
        bool general = variant % 2;
        gpu_binding in = c == CAIRN_CLASS_TEXEL ? GPU_BINDING_TEXEL : GPU_BINDING_STORAGE;
        gpu_binding out = general && c == CAIRN_CLASS_TEXEL ? GPU_BINDING_TEXEL_STORE : GPU_BINDING_STORAGE;
        const cairn_shader *add = find("test/add", c, general), *grid = find("test/grid", c, general),
                           *tile = find("test/shared", c, general);
        gpu_reflection r;
        assert_true(add && grid && tile);
        ok(cairn_gpu__reflect(&r, add->name, add->words, add->count, NULL, 0));
        assert_int_equal(r.binding_count, 3);
        assert_true(r.bindings[0] == in && r.bindings[1] == out && r.bindings[2] == out);
        assert_int_equal(r.push_bytes, 12);
        assert_true(r.local[0] == 64 && r.local[1] == 1 && r.local[2] == 1 && r.shared_bytes == 0);
        ok(cairn_gpu__reflect(&r, grid->name, grid->words, grid->count, constants, 2));
        assert_int_equal(r.binding_count, 2);
        assert_true(r.bindings[0] == GPU_BINDING_NONE && r.bindings[1] == out);
        assert_int_equal(r.push_bytes, 24);
        assert_true(r.local[0] == 8 && r.local[1] == 4 && r.local[2] == 1);
        ok(cairn_gpu__reflect(&r, tile->name, tile->words, tile->count, NULL, 0));
        assert_true(r.push_bytes == 0 && r.shared_bytes == 64 * 16);
        ok(cairn_gpu__reflect(&r, tile->name, tile->words, tile->count, constants, 2));
        assert_int_equal(r.shared_bytes, 72 * 16);
    }
}

/* Every shader of this build can be driven. */
static void test_gpu_reflect__all_shaders(void **state)
{
    (void)state;
    int count = 0;
    for (const cairn_shader *s = cairn_shader_table; s->name; s++, count++) {
        gpu_reflection r;
        ok(cairn_gpu__reflect(&r, s->name, s->words, s->count, NULL, 0));
        assert_true(r.binding_count > 0 && r.push_bytes <= CAIRN_GPU_MAX_PUSH * 4);
    }
    assert_true(count > 0);
}

/* A long dispatch runs in parts, and gl_NumWorkGroups would be that of the part. */
static void test_gpu_reflect__no_shader_counts_its_workgroups(void **state)
{
    (void)state;
    enum { OP_DECORATE = 71, BUILT_IN = 11, NUM_WORKGROUPS = 24 };
    for (const cairn_shader *s = cairn_shader_table; s->name; s++)
        for (size_t i = 5; i < s->count && s->words[i] >> 16; i += s->words[i] >> 16)
            if ((s->words[i] & 0xffff) == OP_DECORATE && s->words[i + 2] == BUILT_IN &&
                s->words[i + 3] == NUM_WORKGROUPS)
                fail_msg("%s reads gl_NumWorkGroups", s->name);
}

static void test_gpu_reflect__damaged_words_are_errors_or_harmless(void **state)
{
    (void)state;
    const cairn_shader *s = find("test/grid", CAIRN_CLASS_SIMT, CAIRN_SHADER_PLAIN);
    gpu_reflection r;
    uint32_t *words = malloc(s->count * 4);
    assert_non_null(words);
    for (size_t n = 0; n < 5; n++) {
        assert_int_equal(cairn_gpu__reflect(&r, s->name, s->words, n, NULL, 0), CAIRN_E_FORMAT);
        assert_non_null(strstr(cairn_error_message(), "test/grid"));
    }
    for (size_t n = 5; n < s->count; n++) {
        uint32_t *cut = malloc(n * 4); /* of its own, so that the sanitizer sees a read beyond it */
        assert_non_null(cut);
        memcpy(cut, s->words, n * 4);
        cairn_gpu__reflect(&r, s->name, cut, n, NULL, 0);
        free(cut);
    }
    for (size_t at = 0; at < s->count; at++)
        for (int bit = 0; bit < 32; bit += 3) {
            memcpy(words, s->words, s->count * 4);
            words[at] ^= 1u << bit;
            cairn_gpu__reflect(&r, s->name, words, s->count, NULL, 0);
        }
    free(words);
}

static void test_gpu_kernel__shared_memory_over_the_limit_is_refused(void **state)
{
    (void)state;
    cairn_gpu *gpu = NULL;
    cairn_gpu_kernel *kernel = NULL;
    cairn_gpu_options options = {.quiet = true, .validation = -1, .cache_folder = ""};
    ok(cairn_gpu_create(&gpu, &options));
    uint32_t spare = cairn_gpu_get_info(gpu)->max_shared_bytes / 16;
    assert_int_equal(cairn_gpu_kernel_get(&kernel, gpu, "test/shared", &spare, 1), CAIRN_E_UNSUPPORTED);
    spare -= 64;
    ok(cairn_gpu_kernel_get(&kernel, gpu, "test/shared", &spare, 1));
    assert_int_equal(cairn_gpu_validation_errors(gpu, NULL), 0);
    cairn_gpu_destroy(&gpu);
}

static void record(cairn_gpu_commands *commands, cairn_gpu_dispatch *d, const char *label)
{
    d->label = label;
    ok(cairn_gpu_commands_dispatch(commands, d));
    ok(cairn_gpu_commands_split(commands));
}

static void test_gpu_result__a_lost_device_names_the_segment_and_keeps_the_message(void **state)
{
    (void)state;
    cairn_gpu *gpu = NULL;
    cairn_gpu_buffer *buffer = NULL;
    cairn_gpu_commands *commands = NULL;
    cairn_gpu_options options = {.quiet = true, .validation = -1, .cache_folder = ""};
    ok(cairn_gpu_create(&gpu, &options));
    ok(cairn_gpu_buffer_create(&buffer, gpu, 4096, "two tiles"));
    cairn_gpu_dispatch d = {.views = {{buffer, 0, 1024}, {buffer, 1024, 1024}}, .view_count = 2, .threads = {64, 1, 1}};
    ok(cairn_gpu_kernel_get(&d.kernel, gpu, "test/shared", NULL, 0));
    ok(cairn_gpu_commands_create(&commands, gpu, false));
    record(commands, &d, "first segment");
    record(commands, &d, "second segment");
    ok(cairn_gpu_commands_end(commands));
    ok(cairn_gpu_submit(commands));
    ok(cairn_gpu_wait(gpu));
    assert_int_equal(cairn_gpu__result(gpu, VK_ERROR_DEVICE_LOST, "vkQueueSubmit(queue)"), CAIRN_E_DEVICE);
    assert_non_null(strstr(cairn_error_message(), "second segment"));
    assert_non_null(strstr(cairn_error_message(), "VK_ERROR_DEVICE_LOST from vkQueueSubmit)"));
    cairn_gpu_commands_destroy(&commands);
    cairn_gpu_buffer_destroy(&buffer);
    cairn_gpu_destroy(&gpu);
    assert_non_null(strstr(cairn_error_message(), "second segment"));
}

static void test_gpu_result__errors_name_call_result_and_purpose(void **state)
{
    (void)state;
    cairn_gpu gpu = {0};
    cairn_gpu__doing(&gpu, "making the kernel '%s'", "conv/forward");
    assert_int_equal(cairn_gpu__result(&gpu, VK_SUCCESS, "vkX()"), CAIRN_OK);
    assert_int_equal(cairn_gpu__result(&gpu, VK_ERROR_UNKNOWN, "vkCreateComputePipelines(a, b)"), CAIRN_E_DEVICE);
    assert_string_equal(cairn_error_message(), "vkCreateComputePipelines failed with VK_ERROR_UNKNOWN while making the "
                                               "kernel 'conv/forward'");
    assert_int_equal(cairn_gpu__result(NULL, VK_ERROR_OUT_OF_DEVICE_MEMORY, "vkY(a)"), CAIRN_E_NOMEM);
    assert_string_equal(cairn_error_message(), "vkY failed with VK_ERROR_OUT_OF_DEVICE_MEMORY");
    assert_int_equal(cairn_gpu__result(NULL, (VkResult)-4711, "vkZ(a)"), CAIRN_E_DEVICE);
    assert_string_equal(cairn_error_message(), "vkZ failed with VkResult -4711");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpu_reflect__reads_bindings_push_block_and_group),
        cmocka_unit_test(test_gpu_reflect__all_shaders),
        cmocka_unit_test(test_gpu_reflect__no_shader_counts_its_workgroups),
        cmocka_unit_test(test_gpu_reflect__damaged_words_are_errors_or_harmless),
        cmocka_unit_test(test_gpu_kernel__shared_memory_over_the_limit_is_refused),
        cmocka_unit_test(test_gpu_result__a_lost_device_names_the_segment_and_keeps_the_message),
        cmocka_unit_test(test_gpu_result__errors_name_call_result_and_purpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
