#include "support/torch.h"

#include "support/scratch.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

#include <stdio.h>
#include <stdlib.h>

static float *add(test_arrays *a, int rank, const int64_t *shape, const char *name, va_list arguments)
{
    char text[96];
    size_t count = 1;
    assert_true(a->count < TEST_ARRAYS_MOST);
    assert_true(rank >= 1 && rank <= CAIRN_NPZ_RANK);
    int length = vsnprintf(text, sizeof text, name, arguments);
    assert_true(length > 0 && length < (int)sizeof text);
    cairn_npz_array *e = &a->of[a->count++];
    *e = (cairn_npz_array){.name = strdup(text), .type = CAIRN_NPZ_F32, .rank = rank};
    for (int i = 0; i < rank; i++) {
        e->shape[i] = shape[i];
        count *= (size_t)shape[i];
    }
    e->data = calloc(count, sizeof(float));
    assert_true(e->name && e->data);
    return e->data;
}

float *test_arrays_add(test_arrays *a, int rank, const int64_t *shape, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    float *data = add(a, rank, shape, name, arguments);
    va_end(arguments);
    return data;
}

float *test_arrays_add_tensor(test_arrays *a, cairn_shape shape, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    float *data = add(a, 4, (const int64_t[]){shape.n, shape.h, shape.w, shape.c}, name, arguments);
    va_end(arguments);
    return data;
}

void test_torch_compare(test_arrays *a, const char *script)
{
    char command[4096];
    const char *source = getenv("CAIRN_TEST_SOURCE"), *path = test_path("cases.npz");
    assert_true(a->count > 0);
    assert_ok(cairn_npz_write(path, a->of, a->count, false));
    for (int i = 0; i < a->count; i++) {
        free(a->of[i].name);
        free(a->of[i].data);
    }
    a->count = 0;
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/peers/torch/%s' '%s'", source ? source : ".", script,
             path);
    if (system(command) != 0) fail_msg("failed: %s", command);
}

bool test_torch_available(void)
{
    if (system("/usr/bin/python3 -c 'import torch, numpy' 2>/dev/null") == 0) return true;
    fprintf(stderr, "skipped: no PyTorch (Debian package python3-torch)\n");
    return false;
}

int test_torch_main(void (*test)(void **state))
{
    const struct CMUnitTest tests[] = {{.name = "agrees with PyTorch", .test_func = test}};
    if (!test_torch_available()) return TEST_SKIP;
    return test_gpu_main("PyTorch", tests, 1, test_scratch_create, test_scratch_remove);
}
