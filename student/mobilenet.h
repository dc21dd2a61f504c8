#ifndef CAIRN_STUDENT_MOBILENET_H
#define CAIRN_STUDENT_MOBILENET_H
/* MobileNetV3-Small features (Howard et al., ICCV 2019, table 2), indexed as torchvision does: 0 the stem, 1..11 the
 * blocks, 12 the last 1x1 convolution. Conventions of torchvision: squeeze-and-excite after the activation, BatchNorm
 * eps 1e-3 and update 0.01, symmetric padding. Parameters: <prefix>.<index>... under torchvision's names. */
#include "train/model.h"

enum { CAIRN_MOBILENET_SMALL_FEATURES = 13 };

/* x [N,H,W,3] -> features[0..last], each at its stride. width multiplies the channels (rounded to 8 as published). */
void cairn_mobilenet_small(cairn_model *m, const char *prefix, cairn_tid x, double width, int last,
                           cairn_tid *features);
/* max(8, v rounded to a multiple of 8), plus 8 where that loses more than 10 %. */
int cairn_mobilenet_round8(double v);
#endif
