#ifndef CAIRN_OPS_NORM_INTERNAL_H
#define CAIRN_OPS_NORM_INTERNAL_H
/* Shared by the files of batch normalisation; private to them. */
#include "ops/norm/norm.h"
#include "ops/norm/rows.h"
#include "reference/norm/norm.h"

typedef struct cairn_norm__problem {
    const cairn_norm_attributes *at;
    cairn_slot x, mean, variance, gamma, beta; /* the last two may be CAIRN_NONE */
} cairn_norm__problem;

/* Constants 2..4 and the five tensors from binding `first` on: an absent one is bound to something. */
void cairn_norm__set_channels(cairn_kernel_call *call, const cairn_norm__problem *n, int first);

/* pooled.c: with a 2x2 maximum behind the activation. For statistics over N, H and W. */
cairn_status cairn_norm__pooled(cairn_lowering *l, const cairn_norm__problem *n, cairn_slot y);
cairn_status cairn_norm__pooled_grad(cairn_lowering *l, const cairn_norm__problem *n, cairn_slot dy, cairn_slot dx,
                                     cairn_slot sum0, cairn_slot sum1);
/* cairn_op's absorb of the normalisations: the pooling that follows. */
bool cairn_norm__absorb_pool(cairn_node *node, const cairn_graph *g, const cairn_node *next);
/* cairn_op's absorb_source of their gradient: the gradient of that pooling. */
bool cairn_norm__absorb_pool_grad(cairn_node *node, const cairn_graph *g, const cairn_node *source);
/* norm.c: x, mean, variance, gamma, beta of a node of normalize or batch_norm; false: it is neither. */
bool cairn_norm__operands(const cairn_node *node, cairn_tid operands[5]);
#endif
