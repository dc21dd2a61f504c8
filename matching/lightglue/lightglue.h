#ifndef CAIRN_MATCHING_LIGHTGLUE_LIGHTGLUE_H
#define CAIRN_MATCHING_LIGHTGLUE_LIGHTGLUE_H
/* LightGlue (Lindenberger, Sarlin, Pollefeys, ICCV 2023; matching.md 2): the network as a graph, for training and
 * inference alike.
 *
 * B pairs of images are one batch of 2B: first the images 0 of all pairs, then their images 1. Both have N rows of
 * points; where an image has fewer, a mask says which rows are points. So the two images of a pair go through the
 * same kernels, and a pair with M != N points is one with a mask. What the rows without a point hold means nothing, and
 * takes no part in any other row.
 *
 * Parameters: posenc.weight, input_proj (only where descriptors are not as wide as the states), and for layer L
 * layers.L.self.{q,k,v,out}, layers.L.cross.{qk,v,out}, each block's ffn.{in,norm,out}, layers.L.assignment.{match,
 * project} and, but for the last one, layers.L.confidence; each with .weight and .bias in PyTorch's shapes. */
#include "train/model.h"

enum { CAIRN_LIGHTGLUE_LAYERS = 16 /* at most */ };

typedef struct cairn_lightglue_options {
    int layers;     /* 1..16; published: 9 */
    int heads;      /* 1..16; published: 4 */
    int width;      /* channels of a point's state, heads times a multiple of 4, at most 1024; published: 256 */
    int descriptor; /* channels of the descriptors, 1..1024 */
} cairn_lightglue_options;
#define CAIRN_LIGHTGLUE_OPTIONS_INIT ((cairn_lightglue_options){9, 4, 256, 256})

/* error  CAIRN_E_INVALID with `where` in front for numbers out of range */
cairn_status cairn_lightglue_check(const cairn_lightglue_options *options, const char *where);
/* "lightglue layers=9 heads=4 width=256 descriptor=256", as in a checkpoint's metadata; and back: false if it is none,
 * or out of range. */
void cairn_lightglue_describe(char *text, size_t size, const cairn_lightglue_options *options);
bool cairn_lightglue_parse(cairn_lightglue_options *options, const char *text);

/* What describes the points, at the start and between layers. */
typedef struct cairn_lightglue_points {
    cairn_tid states;   /* [2B,1,N,width] */
    cairn_tid encoding; /* [2B,1,N,width/heads]: cosines and sines of the positions */
    cairn_tid mask;     /* [2B,1,1,N] 0/1, or CAIRN_NONE: every row is a point */
} cairn_lightglue_points;

/* positions [2B,1,N,2]: of cairn_lightglue_normalise. descriptors [2B,1,N,descriptor], unit norm. */
cairn_lightglue_points cairn_lightglue_begin(cairn_model *m, const cairn_lightglue_options *o, cairn_tid positions,
                                             cairn_tid descriptors, cairn_tid mask);
/* States behind layer 0..layers-1: self-attention in each image, then cross-attention between the two. */
cairn_tid cairn_lightglue_layer(cairn_model *m, const cairn_lightglue_options *o, int layer,
                                const cairn_lightglue_points *points);
/* Logit of a point having a match: [2B,1,N,1]. */
cairn_tid cairn_lightglue_matchability(cairn_model *m, int layer, cairn_tid states);
/* Logit of a point's match being what the last layer will say: [2B,1,N,1]; layer < layers - 1. */
cairn_tid cairn_lightglue_confidence(cairn_model *m, int layer, cairn_tid states);
/* Log-assignment [B,1,N+1,N+1] of cairn_op_log_assignment (ops/loss/likelihood.h). */
cairn_tid cairn_lightglue_assignment(cairn_model *m, const cairn_lightglue_options *o, int layer, cairn_tid states,
                                     cairn_tid mask);

/* Everything: what nobody uses later is not computed. */
typedef struct cairn_lightglue_outputs {
    cairn_tid states[CAIRN_LIGHTGLUE_LAYERS];     /* behind each layer */
    cairn_tid assignment[CAIRN_LIGHTGLUE_LAYERS];
    cairn_tid confidence[CAIRN_LIGHTGLUE_LAYERS]; /* of detached states; CAIRN_NONE for the last */
} cairn_lightglue_outputs;
cairn_lightglue_outputs cairn_lightglue_build(cairn_model *m, const cairn_lightglue_options *o, cairn_tid positions,
                                              cairn_tid descriptors, cairn_tid mask);

/* Positions for the network: (p - size / 2) / (longer side / 2). points: (x, y) pairs `stride` floats apart.
 * width, height  of the image in pixels; 0: of the box around the points (1 + largest - smallest), as the published
 *                code. Differences of positions are all that the network sees, so that half a pixel does not matter. */
void cairn_lightglue_normalise(float *out, const float *points, int stride, int count, int width, int height);
#endif
