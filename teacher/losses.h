#ifndef CAIRN_TEACHER_LOSSES_H
#define CAIRN_TEACHER_LOSSES_H
/* The teacher's detector losses as graphs (teacher.md 4.2); the descriptors' are in descriptor_loss.h. */
#include "graph/graph.h"

#include <stdbool.h>

typedef enum cairn_detector_loss_kind {
    CAIRN_DETECTOR_CROSS_ENTROPY, /* of one class for each cell */
    CAIRN_DETECTOR_SOFT /* binary cross-entropy of each of the 65 softmax outputs, summed: pytorch-superpoint */
} cairn_detector_loss_kind;
#define CAIRN_DETECTOR_LOSSES "cross-entropy,soft" /* their names, in order */

typedef struct cairn_detector_options {
    cairn_detector_loss_kind kind;
    bool per_image; /* the mean of the images' own means, as shaofengzeng's; else the mean over the batch's cells */
} cairn_detector_options;

/* Mean over valid cells, 0 where there is none.
 * logits [N,Hc,Wc,65]; valid [N,Hc,Wc,1] 0 or 1 -> scalar
 * target  cross-entropy: [N,Hc,Wc,1] class 0..64; soft: [N,Hc,Wc,65] 0..1, sums of 1 (teacher/labels/labels.h)
 * A soft loss's outputs are kept from 0 by 1e-30 under the logarithm, where the gradient is 0; PyTorch's stop at
 * e^-100. */
cairn_tid cairn_detector_loss_of(cairn_graph *g, cairn_tid logits, cairn_tid target, cairn_tid valid,
                                 const cairn_detector_options *options);
/* Cross-entropy over the batch: what all sources but two train with. */
cairn_tid cairn_detector_loss(cairn_graph *g, cairn_tid logits, cairn_tid labels, cairn_tid valid);
#endif
