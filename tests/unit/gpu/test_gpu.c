/* Device, memory, kernels and commands, in both kernel classes, copied directly and through staging. */
#include "base/log.h"
#include "gpu/gpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* More than one row of linear_index and not a multiple of a group. */
enum { COUNT = 70001, WIDTH = 37, HEIGHT = 21 };

typedef struct setup {
    cairn_kernel_class kernel_class;
    bool staging;
} setup;

static void ok(cairn_status st)
{
    if (st < 0) fail_msg("status %d: %s", (int)st, cairn_error_message());
}

static cairn_gpu *open_gpu(const setup *s)
{
    cairn_gpu *gpu = NULL;
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    options.kernel_class = s ? s->kernel_class : CAIRN_CLASS_AUTO;
    options.staging = s && s->staging;
    options.cache_folder = "";
    options.quiet = true;
    ok(cairn_gpu_create(&gpu, &options));
    return gpu;
}

static void close_gpu(cairn_gpu *gpu)
{
    const char *first = NULL;
    if (cairn_gpu_validation_errors(gpu, &first)) fail_msg("validation: %s", first);
    cairn_gpu_destroy(&gpu);
    assert_null(gpu);
}

static uint32_t bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static uint64_t align_up(const cairn_gpu *gpu, uint64_t bytes)
{
    uint64_t a = cairn_gpu_get_info(gpu)->alignment;
    return (bytes + a - 1) / a * a;
}

static void test_gpu__lists_devices_best_first(void **state)
{
    (void)state;
    cairn_gpu_info *list = NULL;
    int count = 0;
    ok(cairn_gpu_list(&list, &count));
    assert_true(count >= 1);
    assert_true(list[0].usable);
    for (int i = 0; i < count; i++) {
        assert_true(list[i].name[0] && strlen(list[i].uuid) == 36);
        assert_true(list[i].is_cpu == !strcmp(list[i].type, "cpu"));
        assert_true(list[i].alignment >= 16 && list[i].alignment % 16 == 0);
        assert_true(list[i].kernel_class != CAIRN_CLASS_AUTO);
        if (i) assert_true(list[i - 1].usable || !list[i].usable);
        if (!list[i].usable) assert_true(list[i].reason[0]);
    }
    free(list);
}

static void test_gpu__finds_a_device_by_index_uuid_and_part_of_name(void **state)
{
    (void)state;
    cairn_gpu_info *list = NULL;
    int count = 0;
    ok(cairn_gpu_list(&list, &count));
    const char *wanted[] = {"0", list[0].uuid, list[0].name};
    for (int i = 0; i < 3; i++) {
        cairn_gpu *gpu = NULL;
        cairn_gpu_options options = {.device = wanted[i], .quiet = true, .cache_folder = "", .validation = -1};
        ok(cairn_gpu_create(&gpu, &options));
        if (i < 1) assert_string_equal(cairn_gpu_get_info(gpu)->name, list[0].name);
        close_gpu(gpu);
    }
    free(list);
}

static void test_gpu__unknown_device_is_named_with_the_choices(void **state)
{
    (void)state;
    cairn_gpu *gpu = (cairn_gpu *)state;
    cairn_gpu_options options = {.device = "no such device", .quiet = true, .validation = -1};
    assert_int_equal(cairn_gpu_create(&gpu, &options), CAIRN_E_NOTFOUND);
    assert_null(gpu);
    assert_non_null(strstr(cairn_error_message(), "no such device"));
    assert_non_null(strstr(cairn_error_message(), "there are: 0 '"));
}

static void test_gpu__new_buffers_are_zero_and_keep_what_is_written(void **state)
{
    cairn_gpu *gpu = open_gpu(*state);
    /* More than one piece of the staging buffer, and an end that is no whole piece. */
    const uint64_t bytes = (40u << 20) + 48;
    cairn_gpu_buffer *buffer = NULL;
    ok(cairn_gpu_buffer_create(&buffer, gpu, bytes, "test"));
    assert_true(cairn_gpu_buffer_bytes(buffer) >= bytes);
    unsigned char *data = malloc(bytes), *back = malloc(bytes);
    assert_true(data && back);
    ok(cairn_gpu_read((cairn_gpu_view){buffer, 0, bytes}, back));
    for (uint64_t i = 0; i < bytes; i++)
        if (back[i]) fail_msg("byte %llu of a new buffer is %d", (unsigned long long)i, back[i]);
    for (uint64_t i = 0; i < bytes; i++) data[i] = (unsigned char)(i * 2654435761u >> 13);
    ok(cairn_gpu_write((cairn_gpu_view){buffer, 0, bytes}, data));
    ok(cairn_gpu_read((cairn_gpu_view){buffer, 0, bytes}, back));
    assert_memory_equal(data, back, bytes);
    memset(data + 4096, 7, 16); /* a window in the middle, its neighbours untouched */
    ok(cairn_gpu_write((cairn_gpu_view){buffer, 4096, 16}, data + 4096));
    memset(back, 0, bytes);
    ok(cairn_gpu_read((cairn_gpu_view){buffer, 2048, 8192}, back));
    assert_memory_equal(data + 2048, back, 8192);
    assert_int_equal(cairn_gpu_read((cairn_gpu_view){buffer, bytes, 4096}, back), CAIRN_E_INVALID);
    free(data);
    free(back);
    cairn_gpu_buffer_destroy(&buffer);
    assert_null(buffer);
    close_gpu(gpu);
}

static void test_gpu__too_large_a_buffer_is_refused_with_sizes(void **state)
{
    cairn_gpu *gpu = open_gpu(*state);
    cairn_gpu_buffer *buffer = (cairn_gpu_buffer *)gpu;
    assert_int_equal(cairn_gpu_buffer_create(&buffer, gpu, (uint64_t)1 << 50, "huge"), CAIRN_E_NOMEM);
    assert_null(buffer);
    assert_non_null(strstr(cairn_error_message(), "1073741824.0 MiB for 'huge'"));
    close_gpu(gpu);
}

typedef struct adder {
    cairn_gpu *gpu;
    cairn_gpu_buffer *buffer;
    cairn_gpu_view x, p, y;
    cairn_gpu_dispatch dispatch;
    float *host; /* COUNT vec4 */
} adder;

/* p += ... : x = i, scale 1, bias 0.5, repeat 3: each run adds i + 1.5 to p. */
static void fill_adder(adder *a)
{
    const uint64_t bytes = (uint64_t)COUNT * 16, room = align_up(a->gpu, bytes);
    ok(cairn_gpu_buffer_create(&a->buffer, a->gpu, room * 3, "arena"));
    a->x = (cairn_gpu_view){a->buffer, 0, bytes};
    a->p = (cairn_gpu_view){a->buffer, room, bytes};
    a->y = (cairn_gpu_view){a->buffer, room * 2, bytes};
    a->host = malloc(bytes);
    assert_non_null(a->host);
    for (int i = 0; i < COUNT * 4; i++) a->host[i] = (float)i;
    ok(cairn_gpu_write(a->x, a->host));
    uint32_t repeat = 3;
    a->dispatch = (cairn_gpu_dispatch){.views = {a->x, a->p, a->y},
                                       .view_count = 3,
                                       .push = {COUNT, bits(1.0f), bits(0.5f)},
                                       .push_count = 3,
                                       .threads = {65536, (COUNT + 65535) / 65536, 1},
                                       .label = "add"};
    ok(cairn_gpu_kernel_get(&a->dispatch.kernel, a->gpu, "test/add", &repeat, 1));
}

static adder make_adder(const setup *s)
{
    adder a = {.gpu = open_gpu(s)};
    fill_adder(&a);
    return a;
}

static void expect_runs(adder *a, cairn_gpu_view view, int runs)
{
    ok(cairn_gpu_read(view, a->host));
    for (int i = 0; i < COUNT * 4; i++) {
        float expected = 0;
        for (int k = 0; k < runs; k++) expected = (float)i + expected + 1.5f;
        if (a->host[i] != expected) fail_msg("element %d is %g, expected %g", i, (double)a->host[i], (double)expected);
    }
}

static void free_adder(adder *a)
{
    free(a->host);
    cairn_gpu_buffer_destroy(&a->buffer);
    close_gpu(a->gpu);
}

static void test_gpu__recorded_commands_replay(void **state)
{
    adder a = make_adder(*state);
    cairn_gpu_commands *commands = NULL;
    ok(cairn_gpu_commands_create(&commands, a.gpu, false));
    ok(cairn_gpu_commands_dispatch(commands, &a.dispatch));
    ok(cairn_gpu_commands_end(commands));
    ok(cairn_gpu_submit(commands));
    ok(cairn_gpu_wait(a.gpu));
    expect_runs(&a, a.y, 1);
    ok(cairn_gpu_submit(commands)); /* twice in flight */
    ok(cairn_gpu_submit(commands));
    expect_runs(&a, a.y, 3); /* reading waits by itself */
    expect_runs(&a, a.p, 3);
    cairn_gpu_commands_destroy(&commands);
    assert_null(commands);
    free_adder(&a);
}

static void test_gpu__barriers_and_splits_keep_the_order(void **state)
{
    adder a = make_adder(*state);
    cairn_gpu_commands *commands = NULL;
    ok(cairn_gpu_commands_create(&commands, a.gpu, false));
    for (int i = 0; i < 100; i++) { /* more than one descriptor pool */
        ok(cairn_gpu_commands_dispatch(commands, &a.dispatch));
        if (i % 40 == 39)
            ok(cairn_gpu_commands_split(commands));
        else
            ok(cairn_gpu_commands_barrier(commands));
    }
    ok(cairn_gpu_commands_end(commands));
    ok(cairn_gpu_submit(commands));
    expect_runs(&a, a.p, 100);
    assert_int_equal(cairn_gpu_commands_dispatch(commands, &a.dispatch), CAIRN_E_INVALID);
    double ns[100];
    assert_int_equal(cairn_gpu_commands_times(commands, ns, 100), CAIRN_E_UNSUPPORTED);
    cairn_gpu_commands_destroy(&commands);
    free_adder(&a);
}

static void test_gpu__profiled_commands_give_times(void **state)
{
    enum { DISPATCHES = 300 }; /* more than one query pool */
    adder a = make_adder(*state);
    cairn_gpu_commands *commands = NULL;
    double ns[DISPATCHES];
    ok(cairn_gpu_commands_create(&commands, a.gpu, true));
    for (int i = 0; i < DISPATCHES; i++) {
        if (i == 200) ok(cairn_gpu_commands_split(commands));
        ok(cairn_gpu_commands_dispatch(commands, &a.dispatch)); /* no barriers: profiling sets them */
    }
    ok(cairn_gpu_commands_end(commands));
    assert_int_not_equal(cairn_gpu_commands_times(commands, ns, DISPATCHES), CAIRN_OK); /* nothing ran yet */
    for (int run = 0; run < 2; run++) {
        ok(cairn_gpu_submit(commands));
        ok(cairn_gpu_wait(a.gpu));
        if (cairn_gpu_get_info(a.gpu)->timestamp_ns > 0) {
            ok(cairn_gpu_commands_times(commands, ns, DISPATCHES));
            for (int i = 0; i < DISPATCHES; i++)
                if (!(ns[i] > 0 && ns[i] < 10e9)) fail_msg("dispatch %d took %g ns", i, ns[i]);
        }
    }
    expect_runs(&a, a.p, 2 * DISPATCHES);
    cairn_gpu_commands_destroy(&commands);
    free_adder(&a);
}

static void test_gpu__constants_size_the_group_and_stripped_bindings_are_ignored(void **state)
{
    cairn_gpu *gpu = open_gpu(*state);
    cairn_gpu_buffer *buffer = NULL;
    cairn_gpu_kernel *kernel = NULL, *again = NULL, *other = NULL;
    cairn_gpu_commands *commands = NULL;
    const uint32_t local[2] = {8, 4}, turned[2] = {4, 8};
    const uint64_t bytes = WIDTH * HEIGHT * 16;
    float *y = malloc(bytes);
    assert_non_null(y);
    ok(cairn_gpu_kernel_get(&kernel, gpu, "test/grid", local, 2));
    ok(cairn_gpu_kernel_get(&again, gpu, "test/grid", local, 2));
    ok(cairn_gpu_kernel_get(&other, gpu, "test/grid", turned, 2));
    assert_ptr_equal(kernel, again);
    assert_ptr_not_equal(kernel, other);
    ok(cairn_gpu_buffer_create(&buffer, gpu, bytes, "grid"));
    cairn_gpu_dispatch d = {.kernel = kernel,
                            .views = {{0}, {buffer, 0, bytes}},
                            .view_count = 2,
                            .push = {bits(0.5f), bits(0.25f), bits(0), bits(-1), WIDTH, HEIGHT},
                            .push_count = 6,
                            .threads = {WIDTH, HEIGHT, 1}};
    ok(cairn_gpu_commands_create(&commands, gpu, false));
    ok(cairn_gpu_commands_dispatch(commands, &d));
    ok(cairn_gpu_commands_end(commands));
    ok(cairn_gpu_submit(commands));
    ok(cairn_gpu_read((cairn_gpu_view){buffer, 0, bytes}, y));
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        const float expected[4] = {(float)(i % WIDTH) + 0.5f, (float)(i / WIDTH) + 0.25f, 8, 3};
        assert_memory_equal(y + i * 4, expected, sizeof expected);
    }
    free(y);
    cairn_gpu_commands_destroy(&commands);
    cairn_gpu_buffer_destroy(&buffer);
    close_gpu(gpu);
}

static void test_gpu__wrong_dispatches_are_refused(void **state)
{
    adder a = make_adder(*state);
    cairn_gpu_commands *commands = NULL;
    cairn_gpu_kernel *kernel = a.dispatch.kernel;
    cairn_gpu_dispatch d;
    ok(cairn_gpu_commands_create(&commands, a.gpu, false));
    d = a.dispatch, d.view_count = 2;
    assert_int_equal(cairn_gpu_commands_dispatch(commands, &d), CAIRN_E_INVALID);
    d = a.dispatch, d.push_count = 2;
    assert_int_equal(cairn_gpu_commands_dispatch(commands, &d), CAIRN_E_INVALID);
    d = a.dispatch, d.views[0].offset = 16;
    assert_int_equal(cairn_gpu_commands_dispatch(commands, &d), CAIRN_E_INVALID);
    d = a.dispatch, d.views[2].bytes += cairn_gpu_buffer_bytes(a.buffer);
    assert_int_equal(cairn_gpu_commands_dispatch(commands, &d), CAIRN_E_INVALID);
    d = a.dispatch, d.threads[1] = UINT32_MAX;
    assert_int_equal(cairn_gpu_commands_dispatch(commands, &d), CAIRN_E_INVALID);
    assert_non_null(strstr(cairn_error_message(), "test/add"));
    d = a.dispatch, d.threads[2] = 0;
    assert_int_equal(cairn_gpu_commands_dispatch(commands, &d), CAIRN_E_INVALID);
    assert_int_equal(cairn_gpu_submit(commands), CAIRN_E_INVALID); /* not ended */
    ok(cairn_gpu_commands_end(commands));
    cairn_gpu_commands_destroy(&commands);
    assert_int_equal(cairn_gpu_kernel_get(&kernel, a.gpu, "test/absent", NULL, 0), CAIRN_E_NOTFOUND);
    assert_null(kernel);
    assert_false(cairn_gpu_kernel_exists(a.gpu, "test/absent"));
    assert_true(cairn_gpu_kernel_exists(a.gpu, "test/add"));
    const uint32_t group[2] = {1u << 20, 1};
    assert_int_equal(cairn_gpu_kernel_get(&kernel, a.gpu, "test/grid", group, 2), CAIRN_E_UNSUPPORTED);
    free_adder(&a);
}

static void test_gpu__a_window_over_the_limit_is_refused_with_sizes(void **state)
{
    setenv("CAIRN_ADDRESSES", "0", 1); /* as on a device that has none */
    cairn_gpu *gpu = open_gpu(*state);
    unsetenv("CAIRN_ADDRESSES");
    const cairn_gpu_info *info = cairn_gpu_get_info(gpu);
    uint64_t limit =
        info->kernel_class == CAIRN_CLASS_SIMT ? info->max_storage_range : (uint64_t)info->max_texel_elements * 16;
    uint64_t bytes = limit / 16 * 16 + 16;
    if (bytes > ((uint64_t)256 << 20) || bytes > info->max_buffer_bytes) { /* would need all memory to be seen */
        close_gpu(gpu);
        skip();
    }
    cairn_gpu_buffer *buffer = NULL;
    cairn_gpu_commands *commands = NULL;
    const uint32_t local[2] = {8, 4};
    ok(cairn_gpu_buffer_create(&buffer, gpu, bytes, "large"));
    cairn_gpu_dispatch d = {.views = {{0}, {buffer, 0, bytes}}, .view_count = 2, .push_count = 6, .threads = {1, 1, 1}};
    ok(cairn_gpu_kernel_get(&d.kernel, gpu, "test/grid", local, 2));
    ok(cairn_gpu_commands_create(&commands, gpu, false));
    assert_int_equal(cairn_gpu_commands_dispatch(commands, &d), CAIRN_E_UNSUPPORTED);
    assert_non_null(strstr(cairn_error_message(), "MiB"));
    cairn_gpu_commands_destroy(&commands);
    cairn_gpu_buffer_destroy(&buffer);
    close_gpu(gpu);
}

/* A window beyond the limit of a storage buffer is written all the same, by another variant: in class texel through an
 * image buffer, in the others by its address. */
static void test_gpu__a_window_over_the_storage_limit_is_written(void **state)
{
    cairn_gpu *gpu = open_gpu(*state);
    const cairn_gpu_info *info = cairn_gpu_get_info(gpu);
    uint64_t bytes = info->max_storage_range / 4096 * 4096 + 4096;
    const bool texel = info->kernel_class == CAIRN_CLASS_TEXEL;
    if (bytes > ((uint64_t)256 << 20) || bytes > info->max_buffer_bytes || (!texel && !info->any_size) ||
        (texel && bytes / 16 > info->max_texel_elements)) {
        close_gpu(gpu);
        skip();
    }
    cairn_gpu_buffer *buffer = NULL;
    cairn_gpu_commands *commands = NULL;
    const uint32_t local[2] = {8, 4};
    uint32_t width = 256, height = (uint32_t)(bytes / 4096);
    ok(cairn_gpu_buffer_create(&buffer, gpu, bytes, "large"));
    cairn_gpu_dispatch d = {.views = {{0}, {buffer, 0, bytes}}, .view_count = 2, .push_count = 6,
                            .push = {0, 0, 0, 0, width, height}, .threads = {width, height, 1}};
    ok(cairn_gpu_kernel_get(&d.kernel, gpu, "test/grid", local, 2));
    ok(cairn_gpu_commands_create(&commands, gpu, false));
    ok(cairn_gpu_commands_dispatch(commands, &d));
    ok(cairn_gpu_commands_end(commands));
    ok(cairn_gpu_submit(commands));
    ok(cairn_gpu_wait(gpu));
    float last[4];
    ok(cairn_gpu_read((cairn_gpu_view){buffer, bytes - 16, 16}, last));
    assert_true(last[0] == (float)(width - 1) && last[1] == (float)(height - 1) && last[2] == 8 && last[3] == 4);
    cairn_gpu_commands_destroy(&commands);
    cairn_gpu_buffer_destroy(&buffer);
    close_gpu(gpu);
}

/* The checks of all other tests are worth something only if the layer speaks when it should. */
static void test_gpu__validation_sees_a_missing_barrier(void **state)
{
    adder a = {0};
    cairn_gpu_commands *commands = NULL;
    const char *first = NULL;
    cairn_gpu_options options = {.validation = 1, .quiet = true, .cache_folder = ""};
    (void)state;
    if (cairn_gpu_create(&a.gpu, &options) == CAIRN_E_UNSUPPORTED) skip(); /* the layer is not installed */
    assert_non_null(a.gpu);
    cairn_log_set_level((cairn_log_level)(CAIRN_LOG_ERROR + 1)); /* the message is expected */
    fill_adder(&a);
    ok(cairn_gpu_commands_create(&commands, a.gpu, false));
    ok(cairn_gpu_commands_dispatch(commands, &a.dispatch));
    a.dispatch.views[0] = a.dispatch.views[2]; /* reads what the first wrote */
    ok(cairn_gpu_commands_dispatch(commands, &a.dispatch));
    ok(cairn_gpu_commands_end(commands));
    int errors = cairn_gpu_validation_errors(a.gpu, &first);
    assert_true(errors > 0);
    assert_non_null(strstr(first, "READ_AFTER_WRITE"));
    cairn_log_set_level(CAIRN_LOG_INFO);
    cairn_gpu_commands_destroy(&commands);
    free(a.host);
    cairn_gpu_buffer_destroy(&a.buffer);
    cairn_gpu_destroy(&a.gpu);
}

static void test_gpu__a_wrong_kernel_class_variable_is_an_error(void **state)
{
    (void)state;
    cairn_gpu *gpu = NULL;
    const char *old = getenv("CAIRN_KERNELS");
    char *keep = old ? strdup(old) : NULL;
    cairn_gpu_options options = {.quiet = true, .cache_folder = ""};
    setenv("CAIRN_KERNELS", "cuda", 1);
    assert_int_equal(cairn_gpu_create(&gpu, &options), CAIRN_E_INVALID);
    if (keep)
        setenv("CAIRN_KERNELS", keep, 1);
    else
        unsetenv("CAIRN_KERNELS");
    free(keep);
}

static bool class_runs(cairn_kernel_class kernel_class)
{
    cairn_gpu_info *list = NULL;
    int count;
    ok(cairn_gpu_list(&list, &count));
    /* The texel buffers of SwiftShader hold too few elements for these tests. */
    bool runs = kernel_class == CAIRN_CLASS_SIMT || list[0].max_texel_elements > COUNT;
    free(list);
    return runs;
}

int main(void)
{
    static setup setups[] = {{CAIRN_CLASS_TEXEL, false}, {CAIRN_CLASS_SIMT, false}, {CAIRN_CLASS_TEXEL, true}};
    const struct CMUnitTest once[] = {
        cmocka_unit_test(test_gpu__lists_devices_best_first),
        cmocka_unit_test(test_gpu__finds_a_device_by_index_uuid_and_part_of_name),
        cmocka_unit_test(test_gpu__unknown_device_is_named_with_the_choices),
        cmocka_unit_test(test_gpu__a_wrong_kernel_class_variable_is_an_error),
        cmocka_unit_test(test_gpu__validation_sees_a_missing_barrier),
    };
    int failed = cmocka_run_group_tests(once, NULL, NULL);
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
        if (!class_runs(setups[i].kernel_class)) setups[i].kernel_class = CAIRN_CLASS_SIMT;
        const struct CMUnitTest each[] = {
            cmocka_unit_test_prestate(test_gpu__new_buffers_are_zero_and_keep_what_is_written, &setups[i]),
            cmocka_unit_test_prestate(test_gpu__too_large_a_buffer_is_refused_with_sizes, &setups[i]),
            cmocka_unit_test_prestate(test_gpu__recorded_commands_replay, &setups[i]),
            cmocka_unit_test_prestate(test_gpu__barriers_and_splits_keep_the_order, &setups[i]),
            cmocka_unit_test_prestate(test_gpu__profiled_commands_give_times, &setups[i]),
            cmocka_unit_test_prestate(test_gpu__constants_size_the_group_and_stripped_bindings_are_ignored, &setups[i]),
            cmocka_unit_test_prestate(test_gpu__wrong_dispatches_are_refused, &setups[i]),
            cmocka_unit_test_prestate(test_gpu__a_window_over_the_limit_is_refused_with_sizes, &setups[i]),
            cmocka_unit_test_prestate(test_gpu__a_window_over_the_storage_limit_is_written, &setups[i]),
        };
        failed += cmocka_run_group_tests(each, NULL, NULL);
    }
    return failed ? 1 : 0;
}
