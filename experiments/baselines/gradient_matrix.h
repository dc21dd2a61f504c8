#ifndef CAIRN_BASELINES_GRADIENT_MATRIX_H
#define CAIRN_BASELINES_GRADIENT_MATRIX_H
/* Private to the baselines: what the Harris and Shi-Tomasi detectors share. */
#include "data/image.h"

/* Sums of gx*gx, gx*gy, gy*gy (Sobel 3x3) over 4x4 boxes that reach from -2 to +1 around each pixel; borders are
 * mirrored without repeating the edge pixel.
 * out  [3,h,w] planes xx, xy, yy; caller frees. Gradients are divided by 4 and by the box's side, as the common library
 *      does, so that the numbers agree with its own.
 * error CAIRN_E_SHAPE for images under 4 pixels a side */
cairn_status cairn_baselines__gradient_matrix(float **out, const cairn_image *gray);
#endif
