#ifndef CAIRN_TESTS_SUPPORT_TORCH_H
#define CAIRN_TESTS_SUPPORT_TORCH_H
/* Tests that compute arrays in both classes of kernels, write them into one .npz and let a script compare them with
 * PyTorch (/usr/bin/python3 with Debian's python3-torch). */
#include "formats/npz.h"
#include "graph/graph.h"

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

/* Whether PyTorch is there; says so on standard error if not. */
bool test_torch_available(void);
/* The main of a program with this one test: exit code TEST_SKIP without a device or PyTorch. The test has a scratch
 * folder. */
int test_torch_main(void (*test)(void **state));
#endif
