#ifndef CAIRN_TEACHER_SUPERPOINT_H
#define CAIRN_TEACHER_SUPERPOINT_H
/* SuperPoint: VGG encoder, 65-way detector head, descriptor head (DeTone et al., CVPRW 2018, sec. 3), with or
 * without BatchNorm after every convolution and a width multiplier, so that small teachers train on a CPU. */
#include "train/model.h"

/* Where a layer's normalisation stands (teacher.md, section 1.2). */
typedef enum cairn_superpoint_order {
    CAIRN_ORDER_BN_RELU, /* folds exactly into the convolution */
    CAIRN_ORDER_RELU_BN, /* as the public checkpoints with BatchNorm */
    CAIRN_ORDER_NONE     /* no normalisation, as the first public checkpoint */
} cairn_superpoint_order;
#define CAIRN_SUPERPOINT_ORDERS "bn-relu,relu-bn,none" /* their names, in order */
#define CAIRN_SUPERPOINT_EPS 1e-3 /* of every normalisation, and its share of a new batch in the running statistics: */
#define CAIRN_SUPERPOINT_MOMENTUM 0.01 /* the TensorFlow original's, teacher.md 1.2 */
#define CAIRN_SUPERPOINT_LEAST_EPS 1e-8
#define CAIRN_SUPERPOINT_LEAST_MOMENTUM 1e-4

typedef struct cairn_superpoint_options {
    double width;     /* multiplies every channel count (64, 64, 128, 128, heads 256): multiples of 4; 0.0625..2 */
    int descriptor;   /* channels of the descriptor; 0: none (MagicPoint) */
    cairn_superpoint_order order;
    double eps, momentum; /* of every normalisation, up to 1; 0: the ones above */
} cairn_superpoint_options;

typedef struct cairn_superpoint_outputs {
    cairn_tid logits;     /* [N,H/8,W/8,65], channel 64 is "no point" */
    cairn_tid descriptor; /* [N,H/8,W/8,D] unit norm, or CAIRN_NONE */
    cairn_tid raw;        /* the same before normalisation */
} cairn_superpoint_outputs;

/* image [N,H,W,1] in [0,1], H and W multiples of 8. Parameters: conv1a.weight, conv1a.bias, bn1a.* ... convDb, bnDb. */
cairn_superpoint_outputs cairn_superpoint(cairn_model *m, cairn_tid image, const cairn_superpoint_options *options);
/* Probability map [N,H,W,1] of the logits: softmax without its last channel, cell to pixels (row-major in a cell). */
cairn_tid cairn_superpoint_heatmap(cairn_graph *g, cairn_tid logits);
/* "superpoint width=0.25 descriptor=64 order=bn-relu", as in a checkpoint's metadata, with " eps=1e-05 momentum=0.1"
 * behind it where one of them is not the usual; and back: false if it is none. */
void cairn_superpoint_describe(char *text, size_t size, const cairn_superpoint_options *options);
bool cairn_superpoint_parse(cairn_superpoint_options *options, const char *text);
/* A channel count under the width multiplier. */
int cairn_superpoint_channels(int channels, double width);
#endif
