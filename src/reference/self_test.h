#ifndef CAIRN_REFERENCE_SELF_TEST_H
#define CAIRN_REFERENCE_SELF_TEST_H
/* Does this driver compute what it is told? A small graph (a convolution, a sum over rows, a matrix product) is run on
 * the device and by the reference, and the results are compared: drivers that are wrong for one kernel and right for
 * the next exist, and would train networks that merely look bad. */
#include "gpu/gpu.h"

/* error  CAIRN_E_DEVICE naming device, driver, op and the difference */
cairn_status cairn_self_test(cairn_gpu *gpu);
/* Opens a device as cairn_gpu_create does, and tests it when it is used for the first time with this driver and these
 * shaders: a file in the cache folder remembers that it passed. CAIRN_SELF_TEST=0 leaves the test out, 1 repeats it. */
cairn_status cairn_self_test_open(cairn_gpu **out, const cairn_gpu_options *options);
#endif
