#ifndef CAIRN_STAGES_PHOTO_FEED_H
#define CAIRN_STAGES_PHOTO_FEED_H
/* What a stage that trains on labelled photographs draws its batches from: every photo once in each pass, each pass in
 * an order of its own that depends on seed, stage and pass only. */
#include "experiments/stages/photos.h"
#include "geometry/keypoints.h"

typedef struct cairn_photo_feed {
    const cairn_stage *stage;
    cairn_stage_photos *photos; /* those that training uses */
    cairn_keypoints *labels;    /* of each photo; NULL before cairn_photo_feed_label */
    int count, h, w;            /* photos, and their size */
    int batch;
    int64_t step;         /* of the last cairn_photo_feed_step */
    float *const *inputs; /* its arrays, for the functions that fill them in parallel */
    int *photo_of;        /* [batch] the photos of that step */
    uint32_t *order;      /* [count] of pass `pass` */
    int64_t pass;
} cairn_photo_feed;

/* Decodes the photos. Close it after a failure too.
 * in     batch  samples of a step, > 0
 * error  those of cairn_stage_photos_open; CAIRN_E_NOMEM */
cairn_status cairn_photo_feed_open(cairn_photo_feed *out, const cairn_stage *stage, int64_t batch);
/* Reads the labels from a folder that cairn_stage_label wrote; errors as of cairn_stage_read_labels. */
cairn_status cairn_photo_feed_label(cairn_photo_feed *feed, const char *folder);
/* Chooses the photos of a step, whatever step came before. */
void cairn_photo_feed_step(cairn_photo_feed *feed, int64_t step, float *const *inputs);
void cairn_photo_feed_close(cairn_photo_feed *feed);
#endif
