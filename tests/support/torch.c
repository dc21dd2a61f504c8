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
    assert_true(a->count > 0);
    assert_ok(cairn_npz_write(test_path("cases.npz"), a->of, a->count, false));
    for (int i = 0; i < a->count; i++) {
        free(a->of[i].name);
        free(a->of[i].data);
    }
    a->count = 0;
    if (test_torch_call(script, "'%s'", test_path("cases.npz"))) fail_msg("%s is not content", script);
}

int test_torch_call(const char *script, const char *arguments, ...)
{
    char command[8192];
    const char *source = getenv("CAIRN_TEST_SOURCE");
    va_list list;
    int used = snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/peers/torch/%s' ", source ? source : ".",
                        script);
    assert_true(used > 0 && used < (int)sizeof command);
    va_start(list, arguments);
    used += vsnprintf(command + used, sizeof command - (size_t)used, arguments, list);
    va_end(list);
    assert_true(used + 5 < (int)sizeof command);
    strcpy(command + used, " 1>&2");
    const int code = system(command);
    if (code) fprintf(stderr, "failed: %s\n", command);
    return code;
}

/* ---- cases ---- */

void test_torch_case_begin(test_torch_case *c, test_arrays *arrays, cairn_gpu *gpu, const char *name, ...)
{
    va_list list;
    *c = (test_torch_case){.arrays = arrays, .gpu = gpu};
    va_start(list, name);
    assert_in_range(vsnprintf(c->name, sizeof c->name, name, list), 1, sizeof c->name - 1);
    va_end(list);
    assert_ok(cairn_graph_create(&c->g));
}

cairn_tid test_torch_case_input(test_torch_case *c, const char *name, cairn_shape shape, float **values)
{
    assert_true(c->input_count < TEST_TORCH_TENSORS);
    struct test_torch_tensor *t = &c->inputs[c->input_count++];
    *values = test_arrays_add_tensor(c->arrays, shape, "%s|%s", c->name, name);
    *t = (struct test_torch_tensor){cairn_graph_input(c->g, name, shape), name, *values};
    return t->tensor;
}

static void add_output(test_torch_case *c, const char *prefix, const char *name, cairn_tid tensor)
{
    if (tensor == CAIRN_NONE) return;
    assert_true(c->output_count < TEST_TORCH_TENSORS);
    cairn_graph_output(c->g, tensor, name);
    float *values = test_arrays_add_tensor(c->arrays, cairn_graph_shape(c->g, tensor), "%s|%s%s", c->name, prefix, name);
    c->outputs[c->output_count++] = (struct test_torch_tensor){tensor, name, values};
}

void test_torch_case_output(test_torch_case *c, const char *name, cairn_tid tensor)
{
    add_output(c, "", name, tensor);
}

void test_torch_case_run(test_torch_case *c, cairn_tid loss, int varied)
{
    cairn_store *store;
    cairn_program *program;
    cairn_tid inputs[TEST_TORCH_TENSORS], gradients[TEST_TORCH_TENSORS];
    for (int i = 0; i < c->input_count; i++) inputs[i] = c->inputs[i].tensor;
    assert_ok(cairn_graph_status(c->g));
    assert_ok(cairn_graph_differentiate(c->g, loss, inputs, varied, gradients));
    for (int i = 0; i < varied; i++) add_output(c, "d_", c->inputs[i].name, gradients[i]);
    assert_ok(cairn_store_create(&store, c->gpu));
    assert_ok(cairn_program_create(&program, c->gpu, c->g, store, NULL));
    for (int i = 0; i < c->input_count; i++)
        assert_ok(cairn_program_write(program, c->inputs[i].tensor, c->inputs[i].values));
    assert_ok(cairn_program_run(program));
    for (int i = 0; i < c->output_count; i++)
        assert_ok(cairn_program_read(program, c->outputs[i].tensor, c->outputs[i].values));
    test_gpu_assert_valid(c->gpu);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&c->g);
}

void test_torch_compare_cases(int count, void (*run)(test_torch_case *c, int number), const char *script)
{
    static test_arrays arrays;
    for (int k = 0; k < 2; k++) {
        const cairn_kernel_class kernel_class = k ? CAIRN_CLASS_SIMT : CAIRN_CLASS_TEXEL;
        cairn_gpu *gpu = test_gpu(kernel_class);
        for (int i = 0; gpu && i < count; i++) {
            test_torch_case c;
            test_torch_case_begin(&c, &arrays, gpu, "%d, %s", i, test_gpu_class_name(kernel_class));
            run(&c, i);
        }
    }
    test_torch_compare(&arrays, script);
}

/* ---- programs ---- */

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
