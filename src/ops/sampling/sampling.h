#ifndef CAIRN_OPS_SAMPLING_H
#define CAIRN_OPS_SAMPLING_H
/* Values at points and rows by number, and the best points of a map. Gradients gather (every element adds up what
 * reaches it, in the order of the points), so that the same inputs give the same bits. */
#include "graph/graph.h"

typedef enum cairn_border {
    CAIRN_BORDER_ZERO, /* each of the four taps outside the map reads 0 */
    CAIRN_BORDER_CLAMP /* the position is clamped to the map; there the gradient of the point is 0 */
} cairn_border;

/* map [B,H,W,C] sampled bilinearly at points [B,1,N,2], (x, y) in pixels of an image of which the map has one cell
 * for each `stride` pixels: the position on the map is (x + 0.5) / stride - 0.5, so that with stride 1 an integer point
 * is a pixel. -> [B,1,N,C]. Gradients to the map and to the points. Points finite, |position| < 2^23. */
cairn_tid cairn_op_sample(cairn_graph *g, cairn_tid map, cairn_tid points, float stride, cairn_border border);
/* Rows of x [B,1,R,C] by number -> [B,1,N,C]. index [B,1,N,1] holds integers as floats (exact up to 2^24; the nearest
 * one is taken); a number outside 0..R-1, -1 among them, gives a row of zeros. Gradient to x. */
cairn_tid cairn_op_gather(cairn_graph *g, cairn_tid x, cairn_tid index);

typedef struct cairn_top_points {
    cairn_tid points; /* [B,1,K,2] (x, y); rows without a point hold (-1, -1) */
    cairn_tid scores; /* [B,1,K,1]; 0 in rows without a point */
    cairn_tid count;  /* [B,1,1,1] */
} cairn_top_points;
/* The k best pixels of scores [B,H,W,1] above `threshold` that lie at least `border` pixels from the edge, best first,
 * ties by smaller y, then x: what cairn_keypoints_from_heatmap gives with radius 0. Suppression is an op of its own
 * (cairn_op_suppress). k in 1..4096 and H*W <= 2^24. No gradient. Work: ten passes over the map. */
cairn_top_points cairn_op_top_points(cairn_graph *g, cairn_tid scores, int k, float threshold, int border);
#endif
