#ifndef CAIRN_TEACHER_DESCRIPTOR_LOSS_H
#define CAIRN_TEACHER_DESCRIPTOR_LOSS_H
/* Losses of the descriptor head on two views of a photo, as graphs (teacher.md, sections 6.3 to 6.6). M = Hc*Wc cells;
 * cell i of view 1 is row i of the similarity matrix S, cell j of view 2 its column j. */
#include "geometry/homography.h"
#include "graph/graph.h"

typedef enum cairn_descriptor_loss_kind {
    CAIRN_DESCRIPTOR_BALANCED,   /* means over positive pairs and over active negatives; needs no tuned weight */
    CAIRN_DESCRIPTOR_DENSE,      /* hinge over all pairs, positives lambda times, over cells times valid cells */
    CAIRN_DESCRIPTOR_NORMALISED, /* the same of ReLU(S), normalised over columns, then over rows: rpautrat/SuperPoint; a
                                    plateau from scratch, so a second stage only */
    CAIRN_DESCRIPTOR_SPARSE      /* sampled matches and sampled negatives: pytorch-superpoint */
} cairn_descriptor_loss_kind;
#define CAIRN_DESCRIPTOR_LOSSES "balanced,dense,normalised,sparse" /* their names, in order */

typedef struct cairn_descriptor_options {
    cairn_descriptor_loss_kind kind;
    bool raw;      /* dense only: S of the head's output without normalisation, as rpautrat's of 2018 */
    double lambda; /* weight of the positive pairs */
} cairn_descriptor_options;

typedef struct cairn_descriptor_views {
    cairn_tid a, b;         /* [N,Hc,Wc,D] unit norm, of the view and of the warped view */
    cairn_tid raw_a, raw_b; /* before normalisation: `raw` needs both, and raw_norm is that of a; else CAIRN_NONE */
    /* all but sparse */
    cairn_tid match; /* [N,1,M,M] 1 where cell i of view 1 and cell j of view 2 see the same point */
    cairn_tid valid; /* [N,1,1,M] cells of the warped view that show the image */
    /* sparse, from cairn_sparse_pairs */
    cairn_tid points_a, points_b; /* [N,1,K,2] cells (x, y), real numbers */
    cairn_tid weight;             /* [N,1,K,1] 1, or 0 for places that are not used */
    cairn_tid negatives;          /* [N,1,M,M] how often the pair was drawn */
} cairn_descriptor_views;

typedef struct cairn_descriptor_terms {
    cairn_tid loss;     /* lambda * positive + negative; scalar, like all below */
    cairn_tid positive; /* of the positive pairs, without lambda */
    cairn_tid negative;
    cairn_tid positive_cosine; /* mean cosine of positive pairs */
    cairn_tid mean_cosine;     /* of all pairs */
    cairn_tid active;          /* share of all pairs that are negative, valid and above the margin */
    cairn_tid mean_norm;       /* norm of the mean descriptor of view 1: 1 means collapse */
    cairn_tid raw_norm;        /* mean norm of view 1's descriptors before normalisation; CAIRN_NONE without raw_a */
} cairn_descriptor_terms;

/* Margins 1 and 0.2. Reductions: balanced, each image by itself, then the mean; dense and normalised, one sum over the
 * batch, divided by M times the valid cells of the batch; sparse, each image by itself. */
cairn_descriptor_terms cairn_descriptor_loss(cairn_graph *g, const cairn_descriptor_views *views,
                                             const cairn_descriptor_options *options);

/* Descriptors that have become alike (teacher.md 6.7). Begins as {0}. */
typedef struct cairn_collapse_alarm {
    bool rang;
} cairn_collapse_alarm;
/* True once: the first time that `mean_norm` is above 0.5 at step 2000 or later (steps count from 0; before, all young
 * descriptors are alike). NaN is no alarm. */
bool cairn_collapse_alarm_rings(cairn_collapse_alarm *alarm, int64_t step, double mean_norm);

/* The pairs of one image for the sparse loss, exactly as its source draws them: cell (u, v) is taken for pixel
 * (8u, 8v), warped and rounded; `matches` of those that stay inside, in random order, repeated at random where there
 * are fewer; descriptors are read at u (Wc-1)/Wc, in both views; `per_match` cells of the warped view for each match,
 * drawn uniformly, are its negatives, true matches among them.
 * out  points_a, points_b [matches,2], weight [matches], negatives [M,M], all overwritten
 * The draws depend on (seed, stage, step, sample) only. */
cairn_status cairn_sparse_pairs(float *points_a, float *points_b, float *weight, float *negatives,
                                const cairn_homography *to_warped, int hc, int wc, int matches, int per_match,
                                const uint32_t stream[4]);
#endif
