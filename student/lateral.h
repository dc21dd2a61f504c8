#ifndef CAIRN_STUDENT_LATERAL_H
#define CAIRN_STUDENT_LATERAL_H
/* A level of the feature pyramid for inference, by way of what it is made of.
 *
 * Its map is x = N(A f) + up2(N(B f') + up2(s)): backbone features f and f' of few channels through 1x1 convolutions
 * and instance norms N, and the sum s of the coarser levels, enlarged (nearest neighbour); its result is the 3x3
 * convolution W x. All of it is linear once the statistics are known, so
 *     W x = V [f - mean, up2(f' - mean)] + W up4(s),    V = W [A / deviation, B / deviation]:
 * a convolution of the features' channels (40 at the finest level) in place of the pyramid's (128), and neither x nor
 * the laterals in memory. W up4(s) has only 3 x 3 different values in each block of 4 x 4 pixels: conv2d, once it has
 * taken in the resize, makes them by 9 products for a pixel of s, 9/16 for each of its own. The deviation of A f
 * follows from the covariances of f. (At the next level, of 64 channels, it came out even.) */
#include "graph/graph.h"

/* N(A f) for one image. */
typedef struct cairn_lateral {
    cairn_tid feature; /* f [1,H,W,CI] */
    cairn_tid mean;    /* its mean by channel [1,1,1,CI]: around f - mean, zeros are zeros around N(A f) */
    cairn_tid weight;  /* A / deviation [1,1,CI,C] */
} cairn_lateral;

/* variance: of A f by channel [1,1,1,C], or CAIRN_NONE: to be found from f. weight: A. */
cairn_lateral cairn_lateral_create(cairn_graph *g, cairn_tid feature, cairn_tid weight, cairn_tid variance, float eps);
/* Whether the shapes are so (one image, f' half of f, s half of f', f in whole groups of four channels) and few enough
 * channels come in that this pays. */
bool cairn_lateral_pays(const cairn_graph *g, cairn_tid fine, cairn_tid middle, cairn_tid coarse);
/* W x from the laterals of f and f', and s [1,H,W,C]; weight: W [9,1,C,C]. -> [1,4H,4W,C] */
cairn_tid cairn_lateral_convolve(cairn_graph *g, const cairn_lateral *fine, const cairn_lateral *middle,
                                 cairn_tid coarse, cairn_tid weight);
#endif
