#ifndef CAIRN_STAGES_PHOTO_FEED_H
#define CAIRN_STAGES_PHOTO_FEED_H
/* What a stage that trains on labelled photographs draws its batches from: every photo once in each pass, each pass in
 * an order of its own that depends on seed, stage and pass only.
 *
 * Where the photos do not all fit into memory, those of the next steps are decoded while this one is at work, and one
 * that cannot be used gives its place to the next usable one of the pass's order: a batch depends on the files and the
 * number of the step, not on what was read before. */
#include "experiments/stages/photos.h"
#include "geometry/keypoints.h"

typedef struct cairn_photo_feed {
    const cairn_stage *stage;
    cairn_stage_photos *photos; /* those that training uses */
    int count, h, w;            /* photos to draw from, and their size */
    int batch;
    /* Of the last cairn_photo_feed_step; all are the feed's. */
    int64_t step;
    float *const *inputs;    /* its arrays, for the functions that fill them in parallel */
    int *photo_of;           /* [batch] numbers of the photos */
    cairn_image *images;     /* [batch] gray [h,w,1] */
    cairn_keypoints *points; /* [batch] their labels; empty before cairn_photo_feed_label */
    /* Private. */
    cairn_keypoints *labels; /* of each photo, where all photos are in memory */
    char *label_folder;
    uint64_t checkpoint;
    uint32_t *drawn; /* [count] where some are held out: the others */
    uint32_t *order; /* [count] of pass `pass` */
    int64_t pass;
} cairn_photo_feed;

/* Close it after a failure too.
 * in     batch  samples of a step, > 0
 * error  those of cairn_stage_photos_open; CAIRN_E_NOMEM */
cairn_status cairn_photo_feed_open(cairn_photo_feed *out, const cairn_stage *stage, int64_t batch);
/* Takes the labels from a folder that cairn_stage_label wrote with the checkpoint of this hash. They are all read now
 * where all photos are in memory, else each when its photo is drawn.
 * error  as of cairn_stage_check_labels and cairn_stage_read_label */
cairn_status cairn_photo_feed_label(cairn_photo_feed *feed, const char *folder, uint64_t checkpoint);
/* The same from a stage of the recipe that keeps labels (CAIRN_LABEL_KINDS): its setting `teacher` names the stage whose
 * checkpoint it is, or, where the kind has none, its labels.json says it. */
cairn_status cairn_photo_feed_label_from(cairn_photo_feed *feed, const char *stage_name);
/* Keeps a share of the photos out of all steps: whole photographs, of KITTI whole drives, chosen by their names and the
 * recipe's seed, at least one and not all. Before the first step.
 * out    held   their numbers, [*count]; NULL where share is 0. The caller frees
 * error  CAIRN_E_INVALID with the stage's name where there is one photograph only; CAIRN_E_NOMEM */
cairn_status cairn_photo_feed_hold_out(uint32_t **held, int *count, cairn_photo_feed *feed, double share);
/* Photo i with its labels, whether it is held out or not. Any thread.
 * error  CAIRN_E_NOMEM; anything else means that this photograph cannot be used
 * owner  the caller frees both */
cairn_status cairn_photo_feed_read(cairn_image *image, cairn_keypoints *points, const cairn_photo_feed *feed, int i);
/* Chooses the photos of a step, whatever step came before, and reads them and their labels on all cores.
 * error  CAIRN_E_NOTFOUND if no photo can be used; CAIRN_E_NOMEM; those of cairn_stage_read_label */
cairn_status cairn_photo_feed_step(cairn_photo_feed *feed, int64_t step, float *const *inputs);
void cairn_photo_feed_close(cairn_photo_feed *feed);
#endif
