#ifndef CAIRN_MATCHING_NEAREST_DEVICE_H
#define CAIRN_MATCHING_NEAREST_DEVICE_H
/* Nearest neighbours on a device, many pairs of images at once: products of descriptors a block of rows at a time, each
 * block searched for the best of its rows and columns and then forgotten, so that of a pair of 4096 x 4096 points 16
 * MiB are kept and not 64. The same matches as cairn_nearest_match but for distances that agree to single precision. */
#include "gpu/gpu.h"
#include "matching/matcher.h"

typedef struct cairn_nearest_device cairn_nearest_device;

/* The device must outlive it. Programs of the last four sizes are kept. */
cairn_status cairn_nearest_device_create(cairn_nearest_device **out, cairn_gpu *gpu);
void cairn_nearest_device_destroy(cairn_nearest_device **device); /* accepts NULL; leaves NULL */

typedef struct cairn_nearest_pair {
    const cairn_keypoints *a, *b; /* borrowed */
    cairn_match *matches;         /* out: the caller's, free() it; NULL on failure */
    int count;
} cairn_nearest_pair;
/* Matches `count` pairs in one run, 1..64; sizes may differ, and each pair costs as much as the largest. At most 16384
 * points on a side.
 * error  CAIRN_E_SHAPE if the dimensions differ, among the pairs too, or are 0; CAIRN_E_INVALID; of the device */
cairn_status cairn_nearest_device_match(cairn_nearest_device *device, cairn_nearest_pair *pairs, int count,
                                        const cairn_nearest_options *options);
/* The matcher `nearest` on a device, which must outlive it. NULL options: the defaults. */
cairn_status cairn_matcher_nearest_device(cairn_matcher *out, cairn_gpu *gpu, const cairn_nearest_options *options);
#endif
