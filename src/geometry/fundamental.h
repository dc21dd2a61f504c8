#ifndef CAIRN_GEOMETRY_FUNDAMENTAL_H
#define CAIRN_GEOMETRY_FUNDAMENTAL_H
/* The fundamental matrix of two views of a scene that need not be plane. */
#include "base/rng.h"
#include "base/status.h"

#include <stdint.h>

/* F with (to, 1)^T F (from, 1) = 0: row major, of rank 2 and Frobenius norm 1. RANSAC on samples of eight pairs with
 * the normalised eight-point algorithm; a pair is an inlier within `threshold` pixels of Sampson distance; the model of
 * the best sample is fitted again to its inliers. from, to: [count] (x, y) pairs; inliers (may be NULL): [count] 0/1.
 * The same arguments give the same result. error   CAIRN_E_NUMERIC if no model was found (fewer than 8 pairs included),
 * CAIRN_E_INVALID for options out of range source  [hartley97defense] */
cairn_status cairn_fundamental_ransac(double out[9], const double *from, const double *to, int count, double threshold,
                                      int iterations, double confidence, uint32_t seed, uint8_t *inliers);
/* First-order distance of a pair to the model, pixels. */
double cairn_fundamental_sampson(const double f[9], const double from[2], const double to[2]);
#endif
