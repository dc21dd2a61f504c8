#ifndef CAIRN_STAGES_LABELLED_H
#define CAIRN_STAGES_LABELLED_H
/* What stages that train the teacher on labelled photographs share. */
#include "experiments/stages/photo_feed.h"
#include "train/trainer.h"

/* The photographs with the keypoints of stage `labels`. Close the feed after a failure too.
 * error  those of cairn_photo_feed_open and cairn_photo_feed_label_from */
cairn_status cairn_labelled_open(cairn_photo_feed *out, const cairn_stage *stage, int64_t batch, const char *labels);
/* First weights: those of stage `from` as far as names and shapes agree; nothing is changed where `from` is empty.
 * Says how many tensors were taken. */
cairn_status cairn_labelled_start(cairn_training *t, const cairn_stage *stage, const char *from);
#endif
