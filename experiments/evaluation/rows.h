#ifndef CAIRN_EVALUATION_ROWS_H
#define CAIRN_EVALUATION_ROWS_H
/* Private to the evaluation: one method on one pair, and the matches of all pairs. */
#include "experiments/evaluation/evaluate.h"

/* A match of the pool: its descriptors' distance, its pair, and whether it is right. */
typedef struct cairn_pooled_label {
    float distance;
    uint32_t pair_and_correct; /* 2 * pair + correct */
} cairn_pooled_label;

typedef struct cairn_label_pool {
    cairn_pooled_label *labels;
    size_t count, room;
    int *positives; /* [pairs] */
} cairn_label_pool;
void cairn_evaluation__pool_free(cairn_label_pool *pool);
/* Average precision of all labels, and intervals over resampled pairs, for each kind. Sorts the pool. */
cairn_status cairn_evaluation__pool_summaries(cairn_evaluation_method *method, cairn_label_pool *pool,
                                              const cairn_evaluation *evaluation);

/* The pair's images at the size of each view; NULL for a view that is not used. */
cairn_status cairn_evaluation__row(cairn_pair_row *row, cairn_label_pool *pool, int pair_index,
                                   const cairn_predictions *method, const cairn_pair *const views[CAIRN_PROTOCOL_VIEWS],
                                   const cairn_protocol *protocol, uint32_t seed);
/* Takes the RANSAC distance with the best mean area under the curve and fills in the rows what depends on it. */
cairn_status cairn_evaluation__choose_threshold(cairn_evaluation *evaluation, int m);
#endif
