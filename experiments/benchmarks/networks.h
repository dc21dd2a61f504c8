#ifndef CAIRN_BENCHMARKS_NETWORKS_H
#define CAIRN_BENCHMARKS_NETWORKS_H
/* The networks that benchmarks know by name, and what one costs before any measurement. */
#include "student/network.h"

/* superpoint and magicpoint (with and without descriptors, 256 of them), the source's heatmap student, and the four
 * published variants of the drop-in student (student/drop_in.h): drop-in is A. */
#define CAIRN_BENCHMARK_MODELS "superpoint,magicpoint,sp-fpn,drop-in,drop-in-b,drop-in-c,drop-in-d"
extern const char *const cairn_benchmark_models[]; /* the same, NULL-ended */

/* multiplier: of the channels of a teacher and its descriptors, or of a student's backbone.
 * error  CAIRN_E_NOTFOUND for another name */
cairn_status cairn_benchmark_network(cairn_network_spec *out, const char *model, double multiplier);

/* Multiply-accumulates of convolutions and of squeeze-and-excite in a forward pass of n images [h,w], of the network as
 * it is defined (and trained): an inference program may do less. A convolution behind enlarged maps is counted on each
 * of them, which is how ours computes the last one of sp-fpn: 0.0008 of 4.18 GMAC more than on their sum.
 * parameters (may be NULL): trainable ones. Needs no device. */
cairn_status cairn_network_cost(const cairn_network_spec *spec, int n, int h, int w, double *macs, int64_t *parameters);
#endif
