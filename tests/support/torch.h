#ifndef CAIRN_TESTS_SUPPORT_TORCH_H
#define CAIRN_TESTS_SUPPORT_TORCH_H
/* Tests that compute arrays in both classes of kernels, write them into one .npz and let a script compare them with
 * PyTorch (/usr/bin/python3 with Debian's python3-torch). */
#include "formats/npz.h"
#include "graph/program.h"

#include <stdbool.h>

enum { TEST_ARRAYS_MOST = 256 };

typedef struct test_arrays {
    cairn_npz_array of[TEST_ARRAYS_MOST];
    int count;
} test_arrays;

/* Adds an array of zeros of this type and returns its elements, which test_torch_compare frees.
 * in     shape  [rank], 1..8 dimensions; name as of printf
 * error  fails the running test */
float *test_arrays_add(test_arrays *a, int rank, const int64_t *shape, const char *name, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for a dense NHWC array. */
float *test_arrays_add_tensor(test_arrays *a, cairn_shape shape, const char *name, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes the arrays into the scratch folder, calls tests/peers/torch/SCRIPT with the file, fails the running test
 * unless it is content, and empties `a`. */
void test_torch_compare(test_arrays *a, const char *script);

/* Runs tests/peers/torch/SCRIPT with arguments as of printf, its output on standard error; its exit code. */
int test_torch_call(const char *script, const char *arguments, ...) __attribute__((format(printf, 2, 3)));

enum { TEST_TORCH_TENSORS = 16 };

/* One case: a graph whose inputs, outputs and gradients become the arrays "<case>|<tensor>" and "<case>|d_<input>". */
typedef struct test_torch_case {
    test_arrays *arrays;
    char name[64];
    cairn_gpu *gpu;
    cairn_graph *g;
    struct test_torch_tensor {
        cairn_tid tensor;
        const char *name; /* borrowed */
        float *values;
    } inputs[TEST_TORCH_TENSORS], outputs[TEST_TORCH_TENSORS];
    int input_count, output_count;
} test_torch_case;
/* gpu: borrowed; name as of printf */
void test_torch_case_begin(test_torch_case *c, test_arrays *arrays, cairn_gpu *gpu, const char *name, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds an input, whose zeros the caller replaces. */
cairn_tid test_torch_case_input(test_torch_case *c, const char *name, cairn_shape shape, float **values);
void test_torch_case_output(test_torch_case *c, const char *name, cairn_tid tensor); /* CAIRN_NONE: nothing */
/* Adds the gradients of `loss` to the first `varied` inputs, runs the graph, and frees what the case holds. */
void test_torch_case_run(test_torch_case *c, cairn_tid loss, int varied);
/* A test of cases "0, texel", "1, texel" ... and the same for simt: `run` builds each and ends it with the above. */
void test_torch_compare_cases(int count, void (*run)(test_torch_case *c, int number), const char *script);

/* Whether PyTorch is there; says so on standard error if not. */
bool test_torch_available(void);
/* The main of a program with this one test: exit code TEST_SKIP without a device or PyTorch. The test has a scratch
 * folder. */
int test_torch_main(void (*test)(void **state));
#endif
