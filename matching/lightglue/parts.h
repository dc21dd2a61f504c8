#ifndef CAIRN_MATCHING_LIGHTGLUE_PARTS_H
#define CAIRN_MATCHING_LIGHTGLUE_PARTS_H
/* The programs that a matcher runs on one pair: the whole network, one layer, one layer's assignment; each for a
 * number of points rounded up, made when first needed. Between the files of this folder. */
#include "gpu/gpu.h"
#include "matching/lightglue/lightglue.h"

typedef struct cairn_lightglue_parts cairn_lightglue_parts;
/* The store holds the parameters and outlives the parts. */
cairn_status cairn_lightglue_parts_create(cairn_lightglue_parts **out, cairn_gpu *gpu, cairn_store *store,
                                          const cairn_lightglue_options *options);
void cairn_lightglue_parts_destroy(cairn_lightglue_parts **parts);

/* Points of the two images: row major, without gaps. */
typedef struct cairn_lightglue_rows {
    int count[2];
    const float *positions[2];
    float *states[2];       /* [count, width], before layer 0 [count, descriptor]; with room for the wider of the two */
    float *matchability[2]; /* [count] out, or NULL */
    float *confidence[2];   /* [count] out, or NULL; not written by the last layer */
} cairn_lightglue_rows;

/* states become those behind the layer. */
cairn_status cairn_lightglue_parts_layer(cairn_lightglue_parts *parts, int layer, const cairn_lightglue_rows *rows);
/* *assignment [stride, stride], the caller's to free: of the states behind `layer`, or of the descriptors through the
 * whole network where layer is -1. */
cairn_status cairn_lightglue_parts_assignment(cairn_lightglue_parts *parts, int layer, const cairn_lightglue_rows *rows,
                                              float **assignment, int *stride);
#endif
