#ifndef CAIRN_STUDENT_FINEST_LEVEL_H
#define CAIRN_STUDENT_FINEST_LEVEL_H
/* The finest level of the feature pyramid for inference, by way of what it is made of.
 *
 * Its map is x = N(A f0) + up2(N(B f1) + up2(s)): two backbone features of few channels through 1x1 convolutions and
 * instance norms N, and the sum s of the coarser levels, enlarged (nearest neighbour); its result is the 3x3 convolution
 * W x. All of it is linear once the statistics are known, so
 *     W x = V [f0 - mean, up2(f1 - mean)] + W up4(s),    V = W [A / deviation, B / deviation]:
 * a convolution of the features' channels (40) in place of the pyramid's (128), without x in memory. And W up4(s) has
 * only 3 x 3 different values in each block of 4 x 4 pixels: conv2d, once it has taken in the resize, makes them by 9
 * products for a pixel of s, 9/16 for each of its own. The deviation of A f0 follows from the covariances of f0. */
#include "graph/graph.h"

typedef struct cairn_finest_level {
    cairn_tid fine, middle;                 /* f0 [1,4H,4W,C0], f1 [1,2H,2W,C1] */
    cairn_tid coarse;                       /* s [1,H,W,C] */
    cairn_tid fine_weight, middle_weight;   /* A, B: 1x1 convolutions' [1,1,C0 or C1,C] */
    cairn_tid middle_variance;              /* of B f1, by channel [1,1,1,C] */
    cairn_tid weight;                       /* W [9,1,C,C] */
    float eps;                              /* of the instance norms */
} cairn_finest_level;

/* Whether the shapes are so (one image, sizes that double) and few enough channels come in that this pays. */
bool cairn_finest_level_fits(const cairn_graph *g, cairn_tid fine, cairn_tid middle, cairn_tid coarse);
/* W x, [1,4H,4W,C]. */
cairn_tid cairn_finest_level_convolve(cairn_graph *g, const cairn_finest_level *level);
#endif
