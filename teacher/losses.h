#ifndef CAIRN_TEACHER_LOSSES_H
#define CAIRN_TEACHER_LOSSES_H
/* The teacher's losses as graphs. */
#include "graph/graph.h"

/* 65-way cross-entropy, mean over valid cells of the batch, 0 if there is none (teacher.md 4.2).
 * logits [N,Hc,Wc,65]; labels [N,Hc,Wc,1] class 0..64; valid [N,Hc,Wc,1] 0 or 1 -> scalar */
cairn_tid cairn_detector_loss(cairn_graph *g, cairn_tid logits, cairn_tid labels, cairn_tid valid);

typedef struct cairn_descriptor_terms {
    cairn_tid loss;            /* positive_weight * positive + negative, mean over the batch; scalar */
    cairn_tid positive;        /* mean over positive pairs of max(0, positive_margin - S) */
    cairn_tid negative;        /* mean over active negatives of S - negative_margin */
    cairn_tid positive_cosine; /* mean similarity of positive pairs */
    cairn_tid mean_norm;       /* squared norm of the mean descriptor of view 1: 1 means collapse */
} cairn_descriptor_terms;

/* The balanced hinge on the full similarity matrix S = A B^T (teacher.md 6.4), margins 1 and 0.2.
 * a, b [N,Hc,Wc,D] unit norm, of the view and of the warped view; match [N,1,M,M], M = Hc*Wc: 1 where cell i of a and
 * cell j of b see the same point; valid [N,1,1,M]: cells of the warped view that show the image */
cairn_descriptor_terms cairn_descriptor_loss(cairn_graph *g, cairn_tid a, cairn_tid b, cairn_tid match, cairn_tid valid,
                                             float positive_weight);
#endif
