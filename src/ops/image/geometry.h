#ifndef CAIRN_OPS_GEOMETRY_H
#define CAIRN_OPS_GEOMETRY_H
/* Homographies and keypoint maps on the device. Of these ops only cairn_op_warp has a gradient.
 *
 * Matrices are [N,1,1,9], row major, acting on (x, y, 1) in pixels, pixel centres at integers. For images they map
 * OUTPUT (warped) pixels to INPUT pixels; points of the input move by the inverse, which the host computes. The sign of
 * a matrix is free; what lies behind the camera, the centre of the mapped view being in front, counts as outside. */
#include "graph/graph.h"

/* x [N,H,W,C] sampled bilinearly at matrix (x, y) for each pixel of an h x w output; each of the four taps outside the
 * image reads 0. x or matrices may have a batch of 1, which is used for every output. -> [N,h,w,C]
 * Gradient to x only, gathered: exact, except that an input pixel within one pixel of the line that the output plane
 * shows at infinity gets none (only views magnified without bound show pixels there). */
cairn_tid cairn_op_warp(cairn_graph *g, cairn_tid x, cairn_tid matrices, int h, int w);
/* 1 where the input pixel nearest to matrix (x, y) exists in an image of in_h x in_w, else 0. -> [N,out_h,out_w,1] */
cairn_tid cairn_op_warp_valid(cairn_graph *g, cairn_tid matrices, int in_h, int in_w, int out_h, int out_w);
/* Smallest value within a disc of radius - 1/2 pixels around each pixel of [N,H,W,1]; outside the image nothing erodes.
 * On a 0/1 mask: the erosion of teacher.md 3.3. radius 0 and 1 change nothing; at most 32. */
cairn_tid cairn_op_erode(cairn_graph *g, cairn_tid mask, int radius);
/* Non-maximum suppression of [N,H,W,1] by window maxima with two rescue passes (teacher.md 7.1): pixels that equal the
 * maximum of their window of 2*radius+1 pixels, then twice the maxima among what no kept window covers. Kept pixels
 * above `threshold` hold their value, all others 0. Ties within a window are all kept. Values >= 0, radius 1..64. */
cairn_tid cairn_op_suppress(cairn_graph *g, cairn_tid heatmap, int radius, float threshold);
/* Cells of two views that see the same place (teacher.md 6.2), views of hc x wc cells of `cell` pixels whose centres
 * are (cell*c + cell/2, cell*r + cell/2): s[n,0,i,j] = 1 where the centre of cell i of view 1 (rows), moved by matrix
 * n, lies within `distance` pixels of the centre of cell j of view 2 (columns), else 0. The matrix maps pixels of view
 * 1 to pixels of view 2: where view 2 is the warped image, pass the INVERSE of the matrix that cairn_op_warp takes.
 * -> [N,1,hc*wc,hc*wc] */
cairn_tid cairn_op_correspondence(cairn_graph *g, cairn_tid matrices, int hc, int wc, int cell, float distance);
#endif
