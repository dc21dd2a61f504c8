#ifndef CAIRN_STUDENT_DROP_IN_H
#define CAIRN_STUDENT_DROP_IN_H
/* A student with SuperPoint's outputs, so that what works with those works with it (student.md 6): MobileNetV3, a
 * feature pyramid with BatchNorm, a 65-way detector head and a descriptor head.
 *
 * Published variants: A channels 64, separable; B 64, full; C 128, separable (all Small, taps 1,3,8,11); D Large, taps
 * 3,6,12,15, 64, separable. The detector reads the space-to-depth of the stride-4 sum alone, which holds the stride-8
 * sum already (as the published parameter counts say). */
#include "student/sp_fpn.h"
#include "teacher/superpoint.h"

typedef struct cairn_drop_in_heads {
    int descriptor; /* channels, 1..1024; the teacher's */
    bool separable; /* 3x3 convolutions of pyramid and heads as depthwise and 1x1; else full */
} cairn_drop_in_heads;

/* Whether its heads can read these taps: their cells of 8 pixels want the first two at strides 4 and 8. */
bool cairn_drop_in_takes(const cairn_sp_fpn_options *options);
/* image [N,H,W,1] in [0,1], H and W multiples of 8, at least 32 -> logits [N,H/8,W/8,65], dustbin last; descriptor
 * [N,H/8,W/8,D] of unit norm, and before normalisation. Parameters: rgb.*, backbone.*, fpn.*, detector.*, descriptor.*;
 * none has a name of the teacher's. */
cairn_superpoint_outputs cairn_drop_in(cairn_model *m, cairn_tid image, const cairn_sp_fpn_options *options,
                                       const cairn_drop_in_heads *heads);
#endif
