/* Kernels written at run time, and the files that keep them: only an intact file of this text, class and build is used,
 * any other is replaced, and nothing about it can make the program fail. */
#include "support/test.h"

#include "system/file.h"
#include "gpu/gpu.h"
#include "gpu/cache/text.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[64], kernels[96];

static const char text[] = "#version 450\n"
                           "#include \"tensor.glsl\"\n"
                           "LINEAR_KERNEL;\n"
                           "INPUT(0, x);\n"
                           "OUTPUT(1, y);\n"
                           "layout(push_constant) uniform Push { uint vectors; };\n"
                           "void main()\n"
                           "{\n"
                           "    uint i = linear_index();\n"
                           "    if (i < vectors) STORE(y, i, LOAD(x, i) * 3.0 + 1.0);\n"
                           "}\n";

static cairn_gpu *open_gpu(void)
{
    cairn_gpu *gpu;
    assert_ok(cairn_gpu_create(&gpu, &(cairn_gpu_options){.cache_folder = folder, .quiet = true, .validation = -1}));
    return gpu;
}

static void run_kernel(cairn_gpu *gpu, const char *name)
{
    cairn_gpu_kernel *kernel;
    cairn_gpu_buffer *buffer;
    cairn_gpu_commands *commands;
    float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_ok(cairn_gpu_kernel_get(&kernel, gpu, name, NULL, 0));
    uint64_t step = cairn_gpu_get_info(gpu)->alignment > 32 ? cairn_gpu_get_info(gpu)->alignment : 32;
    assert_ok(cairn_gpu_buffer_create(&buffer, gpu, 2 * step, "test"));
    cairn_gpu_view in = {buffer, 0, 32}, out = {buffer, step, 32};
    assert_ok(cairn_gpu_write(in, values));
    assert_ok(cairn_gpu_commands_create(&commands, gpu, false));
    cairn_gpu_dispatch d = {.kernel = kernel, .views = {in, out}, .view_count = 2, .push = {2}, .push_count = 1,
                            .threads = {2, 1, 1}, .label = "test"};
    assert_ok(cairn_gpu_commands_dispatch(commands, &d));
    assert_ok(cairn_gpu_commands_end(commands));
    assert_ok(cairn_gpu_submit(commands));
    assert_ok(cairn_gpu_wait(gpu));
    assert_ok(cairn_gpu_read(out, values));
    for (int i = 0; i < 8; i++) assert_float_equal(values[i], 3 * (i + 1) + 1, 0);
    cairn_gpu_commands_destroy(&commands);
    cairn_gpu_buffer_destroy(&buffer);
}

/* A whole run; returns whether the text was compiled (true) or taken from the file. */
static bool run_once(void)
{
    const char *name, *again, *first;
    int compiled, loaded;
    cairn_gpu *gpu = open_gpu();
    assert_ok(cairn_gpu_kernel_define(&name, gpu, text));
    assert_ok(cairn_gpu_kernel_define(&again, gpu, text));
    assert_ptr_equal(name, again);
    run_kernel(gpu, name);
    cairn_gpu_text_counts(gpu, &compiled, &loaded);
    assert_int_equal(compiled + loaded, 2); /* the usual and the general variant */
    if (cairn_gpu_validation_errors(gpu, &first)) fail_msg("validation: %s", first);
    cairn_gpu_destroy(&gpu);
    return compiled > 0;
}

static char *one_file(void)
{
    cairn_file_list list;
    assert_ok(cairn_file_list_folder(&list, kernels, NULL, false));
    assert_int_equal(list.count, 2);
    char *path = strdup(list.paths[0]);
    cairn_file_list_free(&list);
    return path;
}

static void test_text__is_compiled_once_and_kept(void **state)
{
    (void)state;
    assert_true(run_once());
    assert_false(run_once());
    free(one_file());
}

/* Every byte of the file matters, as do its end and what stands behind it. */
static void test_text__damaged_files_are_replaced(void **state)
{
    (void)state;
    uint8_t *good, *now;
    size_t size, new_size;
    run_once();
    char *path = one_file();
    assert_ok(cairn_file_read(&good, &size, path, 1 << 24));
    uint8_t *bad = malloc(size + 4);
    assert_non_null(bad);
    const size_t places[] = {0, 8, 12, 16, 24, 32, 40, 48, 60, 56 + sizeof text, size - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places + 4; i++) {
        size_t length = size;
        memcpy(bad, good, size);
        memset(bad + size, 0, 4);
        if (i < sizeof places / sizeof *places) bad[places[i]] ^= 0x10;
        else length = (size_t[]){0, 55, size - 4, size + 4}[i - sizeof places / sizeof *places];
        assert_ok(cairn_file_write(path, bad, length));
        assert_true(run_once());
        assert_ok(cairn_file_read(&now, &new_size, path, 1 << 24));
        assert_int_equal(new_size, size);
        assert_memory_equal(now, good, size);
        free(now);
    }
    free(bad);
    free(good);
    free(path);
}

static void test_text__a_folder_that_cannot_be_written_does_no_harm(void **state)
{
    (void)state;
    run_once();
    char *path = one_file(); /* a folder where the file should be */
    assert_int_equal(unlink(path), 0);
    assert_ok(cairn_file_make_folder(path));
    assert_true(run_once());
    assert_int_equal(rmdir(path), 0);
    free(path);
}

static void test_text__a_mistake_names_the_line(void **state)
{
    (void)state;
    const char *name;
    cairn_gpu *gpu = open_gpu();
    assert_status(cairn_gpu_kernel_define(&name, gpu, "#version 450\nvoid main() { nonsense; }\n"), CAIRN_E_FORMAT,
                  "nonsense");
    assert_null(name);
    assert_status(cairn_gpu_kernel_define(&name, gpu, "#version 450\n#include \"nowhere.glsl\"\nvoid main() {}\n"),
                  CAIRN_E_FORMAT, "no such include");
    cairn_gpu_destroy(&gpu);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "cache-text-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(kernels, sizeof kernels, "%s/kernels", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    const char *folders[] = {kernels, folder};
    for (int i = 0; i < 2; i++) {
        cairn_file_list list;
        if (cairn_file_list_folder(&list, folders[i], NULL, false) < 0) continue;
        for (size_t k = 0; k < list.count; k++) unlink(list.paths[k]);
        cairn_file_list_free(&list);
        rmdir(folders[i]);
    }
    return 0;
}

int main(void)
{
    cairn_gpu_info *list;
    int count;
    if (cairn_gpu_list(&list, &count) < 0) return 77;
    bool usable = count > 0 && list[0].usable;
    free(list);
    if (!usable) return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text__is_compiled_once_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text__damaged_files_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text__a_folder_that_cannot_be_written_does_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text__a_mistake_names_the_line, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("text kernels", tests, NULL, NULL);
}
