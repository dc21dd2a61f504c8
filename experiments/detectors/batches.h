#ifndef CAIRN_DETECTORS_BATCHES_H
#define CAIRN_DETECTORS_BATCHES_H
/* A network looks at many image files: decoded ahead on all cores, those of one size in batches. */
#include "experiments/detectors/learned.h"

/* An image that was looked at, or could not be. */
typedef struct cairn_batch_item {
    int index;           /* in the list of paths */
    cairn_status status; /* < 0: neither image nor points */
    char message[1024];  /* of the failure */
    cairn_image gray;
    cairn_keypoints points;
    float *heatmap; /* of gray's size, probabilities; NULL unless asked for */
} cairn_batch_item;

typedef struct cairn_batches {
    int batch;     /* images in one program at most, 1..64 */
    size_t pixels; /* in one program at most, but one image in any case; cairn_batches_pixels */
    int top_k;     /* keypoints of an image, 0: all */
    bool heatmaps; /* wanted */
    /* Called for each group of images that is done, not always in the order of the list: images wait for others of
     * their size. What it returns below 0 ends the work. items: borrowed. */
    cairn_status (*take)(void *payload, const cairn_batch_item *items, int count);
    void *payload;
} cairn_batches;

/* What suits the device. */
size_t cairn_batches_pixels(cairn_gpu *gpu);
/* error  that of `take`; CAIRN_E_NOMEM, CAIRN_E_DEVICE; a file that cannot be used is an item with its failure */
cairn_status cairn_batches_run(const cairn_detector *detector, const char *const *paths, int count,
                               const cairn_batches *options);
#endif
