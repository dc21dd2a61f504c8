#ifndef CAIRN_TESTS_SUPPORT_TEST_GPU_H
#define CAIRN_TESTS_SUPPORT_TEST_GPU_H
/* The devices of a test program: one for each kernel class, created on first use and shared by all tests of the
 * process.
 * Validation layers follow the variable CAIRN_VALIDATION; no pipeline cache. */
#include "gpu/gpu.h"
#include "support/test.h"

#include <stdbool.h>

enum { TEST_SKIP = 77 }; /* exit code that CTest reports as skipped */

/* Whether the machine has a usable Vulkan device at all; says so on standard error if not. */
bool test_gpu_available(void);
/* The main of a program whose tests need a device: runs them, destroys the devices, returns the exit code (TEST_SKIP
 * without a device). set_up and tear_down of the group may be NULL. */
int test_gpu_main(const char *group, const struct CMUnitTest *tests, size_t count, CMFixtureFunction set_up,
                  CMFixtureFunction tear_down);
/* A device with this class, or NULL if the device cannot have it (texel on a device with small texel buffers) or the
 * variable CAIRN_KERNELS asks for the other one. Any other failure ends the test program with an error. */
cairn_gpu *test_gpu(cairn_kernel_class kernel_class);
/* For the end of main (not atexit: a driver's own exit handlers may have run by then). */
void test_gpu_destroy_all(void);
const char *test_gpu_class_name(cairn_kernel_class kernel_class);
/* Fails the running cmocka test if the validation layers said anything since the last call. */
void test_gpu_assert_valid(cairn_gpu *gpu);
#endif
