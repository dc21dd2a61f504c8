#ifndef CAIRN_STUDENT_SP_FPN_H
#define CAIRN_STUDENT_SP_FPN_H
/* The SP-FPN student: MobileNetV3, a feature pyramid, one heatmap at full size (student.md section 2). */
#include "student/mobilenet.h"

typedef struct cairn_sp_fpn_options {
    double width; /* of the backbone, 0.25..2; 1 as published */
    int channels; /* of the pyramid, 8..512; 128 as published */
    int taps[4];  /* backbone features, finest first; 1, 2, 4, 12 as published */
    cairn_mobilenet_style style; /* of the backbone */
} cairn_sp_fpn_options;
#define CAIRN_SP_FPN_OPTIONS_INIT ((cairn_sp_fpn_options){.width = 1.0, .channels = 128, .taps = {1, 2, 4, 12}})

/* image [N,H,W,1] in [0,1] -> logits [N,H,W,1]; the probability is their sigmoid. H and W at least 32.
 * Parameters carry the names of the source's checkpoints: rgb.*, backbone.*, fpn.*, integrate.*. */
cairn_tid cairn_sp_fpn(cairn_model *m, cairn_tid image, const cairn_sp_fpn_options *options);
#endif
