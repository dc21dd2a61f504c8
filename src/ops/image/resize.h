#ifndef CAIRN_OPS_RESIZE_H
#define CAIRN_OPS_RESIZE_H
/* Resampling of maps. Shaders in shaders/resize. */
#include "graph/graph.h"

typedef enum cairn_resize {
                            CAIRN_RESIZE_NEAREST,  /* source index floor(position * in / out) */
                            CAIRN_RESIZE_BILINEAR, /* half-pixel centres: source position (position + 0.5) * in / out -
                                                      0.5 */
                            CAIRN_RESIZE_BICUBIC,  /* the same positions, cubic convolution with a = -0.75 */
                            CAIRN_RESIZE_COUNT
} cairn_resize;

/* [N,H,W,C] to [N,h,w,C]. Taps outside are clamped to the edge; nothing is filtered when shrinking. x itself if the
 * size stays.
 * error   CAIRN_E_SHAPE for sizes outside 1..16384
 * source  Keys 1981 (cubic convolution); conventions of PyTorch's interpolate with align_corners off */
cairn_tid cairn_op_resize(cairn_graph *g, cairn_tid x, int h, int w, cairn_resize mode);
/* addend [N,h,w,C] + x [N,H,W,C] resized to its size, as one op: a feature pyramid's step.
 * error  CAIRN_E_SHAPE as above, and where N or C differ */
cairn_tid cairn_op_resize_add(cairn_graph *g, cairn_tid x, cairn_tid addend, cairn_resize mode);
#endif
