#ifndef CAIRN_STUDENT_LOSSES_H
#define CAIRN_STUDENT_LOSSES_H
/* Losses of the student's two phases as graphs (student.md 4.2 and 5.4). */
#include "graph/graph.h"

#include <stdbool.h>

/* ---- phase 1: one heatmap against a target ---- */
typedef enum cairn_heatmap_loss {
    CAIRN_HEATMAP_FOCAL, /* alpha 0.25, gamma 2 */
    CAIRN_HEATMAP_BCE,   /* binary cross-entropy */
    CAIRN_HEATMAP_SOFT   /* |target - probability|^2 * binary cross-entropy: quality focal loss, for soft targets */
} cairn_heatmap_loss;
#define CAIRN_HEATMAP_LOSSES "focal,bce,soft" /* their names, in order */
/* The sum over valid pixels. logits, target in [0,1], valid 0/1 [N,H,W,1] -> scalar */
cairn_tid cairn_heatmap_loss_sum(cairn_graph *g, cairn_tid logits, cairn_tid target, cairn_tid valid,
                                 cairn_heatmap_loss kind);

/* ---- phase 2: an image I and its warp I', each with a mask of matched keypoints ---- */
typedef struct cairn_pair_tensors {
    cairn_tid logits, logits_warped; /* [N,H,W,1] of the student */
    cairn_tid mask, mask_warped;     /* [N,H,W,1] in 0.1..0.9: m and m' */
    cairn_tid use, use_warped;       /* [N,H,W,1] 0: a pixel that counts for nothing; or CAIRN_NONE */
    cairn_tid to_input, to_warped;   /* [N,1,1,9] pixels of I' to I, and back: H^-1 and H */
} cairn_pair_tensors;

typedef struct cairn_consistency_options {
    double huber, kl;        /* weights of the regression and of the classification form; 0: left out */
    double direct;           /* of the same losses without a warp: p against m, p' against m' */
    double agreement;        /* of Huber[sigma(pH), sigma(p')] and its reverse, in which no mask takes part */
    double delta;            /* of Huber, in probability; 0.2 */
    double positive;         /* pixels count 1 + positive * (mask - 0.1) / 0.8 in Huber; 20 */
    int erosion;             /* pixels along the border of what the other image sees that do not count; 3 */
    bool softmax_target;     /* KL: against S(mask / temperature), as published; else against (mask - 0.1), divided by
                                its sum: the published one has almost no signal */
    double temperature;      /* 1 as published */
} cairn_consistency_options;
#define CAIRN_CONSISTENCY_OPTIONS_INIT ((cairn_consistency_options){1, 0, 1, 0, 0.2, 20, 3, false, 1})

typedef struct cairn_consistency_terms {
    cairn_tid loss;                          /* the weighted sum; scalar, like all below */
    cairn_tid huber, kl, direct, agreement; /* unweighted; CAIRN_NONE where the weight is 0 */
    cairn_tid seen;                          /* share of pixels of I' that show I and count */
} cairn_consistency_terms;

/* With pH = the logits of I warped into I', and V' = what of I' shows I, eroded:
 *   huber = H[sigma(pH), m'] on V' + H[sigma(p'H^-1), m] on V, weighted means over the batch's pixels;
 *   kl    = KL[log S(pH), t(m')] on V' + KL[log S(p'H^-1), t(m)] on V, S over valid pixels, mean over images.
 * Logits are warped, as published; pixels from outside are left out and not taken for zeros.
 * Gradients to the logits only. error  a mistake of the graph: erosion outside 0..32, nothing with a weight */
cairn_consistency_terms cairn_consistency_loss(cairn_graph *g, const cairn_pair_tensors *pair,
                                               const cairn_consistency_options *options);

/* ---- descriptors and 65-way logits (student.md 6.1 and 6.2) ---- */
typedef struct cairn_distillation_tensors {
    cairn_tid logits, teacher_logits;         /* [N,Hc,Wc,65] */
    cairn_tid descriptor, teacher_descriptor; /* [N,Hc,Wc,D] of unit norm */
    cairn_tid valid;                          /* [N,Hc,Wc,1] 0/1 cells that show the photograph */
    cairn_tid first, second;                  /* [N,1,P,1] numbers of the cells of pairs */
    cairn_tid labels;       /* [N,Hc,Wc,1] classes 0..64 of pseudo-labels; CAIRN_NONE: there are none */
    cairn_tid log_variance; /* [1,1,1,CAIRN_DISTILLATION_TERMS] s of each term, which is learned; CAIRN_NONE: fixed
                               weights */
} cairn_distillation_tensors;
/* The terms, in order: detector, descriptor, relational, hard. */
enum { CAIRN_DISTILLATION_TERMS = 4 };

typedef struct cairn_distillation_options {
    double temperature;  /* of both distributions over the 65 classes; 2 */
    double points;       /* cells count 1 + points * (1 - the teacher's probability of no point) in the detector; 4 */
    double background;   /* and background + (1 - background) * that probability in the descriptor; 0.2 */
    double descriptor, relational, hard; /* weights beside the detector's 1; 1, 0.5 and 0.25. 0: left out */
} cairn_distillation_options;
#define CAIRN_DISTILLATION_OPTIONS_INIT ((cairn_distillation_options){2, 4, 0.2, 1, 0.5, 0.25})

typedef struct cairn_distillation_terms {
    cairn_tid loss, detector, descriptor, relational; /* scalars */
    cairn_tid hard;   /* CAIRN_NONE without labels */
    cairn_tid cosine; /* mean cosine of both descriptors, weighted as the loss: 1 - descriptor */
} cairn_distillation_terms;

/* detector: T^2 KL(teacher, student) at temperature T, a weighted mean over valid cells. descriptor: 1 - cosine,
 * likewise. relational: the mean over pairs of (cosine of the student's pair - of the teacher's)^2. hard: cross-entropy
 * of the labels' classes, mean over valid cells. Gradients to the student and to log_variance.
 * loss: the sum of weight * term; with log_variance the sum of exp(-s) * weight * term + s over the terms whose weight
 * is not 0, the detector's weight then being 2. A term's s tends to the logarithm of weight * term, so that each comes to
 * count 1 whatever its unit; the loss may be negative.
 * source  Hinton et al. 2015; Kendall et al. 2018 by way of hfnet; student.md 6.1, 6.2 (the descriptor's weight is the
 *         probability of a point, where the latter asks whether a cell holds one) */
cairn_distillation_terms cairn_distillation_loss(cairn_graph *g, const cairn_distillation_tensors *tensors,
                                                 const cairn_distillation_options *options);
#endif
