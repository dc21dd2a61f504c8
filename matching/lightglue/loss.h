#ifndef CAIRN_MATCHING_LIGHTGLUE_LOSS_H
#define CAIRN_MATCHING_LIGHTGLUE_LOSS_H
/* What LightGlue is trained by (matching.md 3.3): the likelihood of the true assignment behind every layer, and heads
 * that learn where a layer's answer is the last one's already. */
#include "matching/lightglue/lightglue.h"

/* The truth of B pairs as a graph's inputs; N is the number of rows of each image. */
typedef struct cairn_lightglue_targets {
    cairn_tid index;   /* [B,1,N+1,1] the column of each point of image 0: its match, N for none; the last row: -1 */
    cairn_tid weight;  /* [B,1,N+1,1] of its log-probability in the pair's loss */
    cairn_tid unmatched; /* [B,1,1,N+1] the same for the last row: points of image 1 without a match */
} cairn_lightglue_targets;

/* Values of one pair, from cairn_match_truth: of_a [n], of_b [m], n and m at most `rows`. A match weighs half of one
 * over the number of matches, a point without one half of one over the number of those in both images; the others 0.
 * out    index, weight, unmatched [rows + 1] each */
void cairn_lightglue_fill_targets(float *index, float *weight, float *unmatched, int rows, const int *of_a, int n,
                                  const int *of_b, int m);

typedef struct cairn_lightglue_losses {
    cairn_tid loss;       /* scalar: match + confidence */
    cairn_tid match;      /* scalar: negative log-likelihood, mean over layers and pairs */
    cairn_tid last;       /* scalar: that of the last layer */
    cairn_tid confidence; /* scalar: binary cross-entropy, mean over points, images and layers; CAIRN_NONE for one
                             layer. Its gradient reaches only the confidence heads */
} cairn_lightglue_losses;
/* outputs: of cairn_lightglue_build with this mask ([2B,1,1,N] or CAIRN_NONE: every row is a point). */
cairn_lightglue_losses cairn_lightglue_loss(cairn_graph *g, const cairn_lightglue_options *o,
                                            const cairn_lightglue_outputs *outputs,
                                            const cairn_lightglue_targets *targets, cairn_tid mask);
#endif
