#ifndef CAIRN_OPS_LIKELIHOOD_INTERNAL_H
#define CAIRN_OPS_LIKELIHOOD_INTERNAL_H
/* Shared by the files of src/ops/likelihood; private to them. */
#include "graph/lower.h"

/* y [N,H,W,1] = log of the sum of exp over channels of x; mask [N,1,1,C] or CAIRN_NONE. */
cairn_status cairn_likelihood__channels(cairn_lowering *l, cairn_slot x, cairn_slot mask, cairn_slot y);
/* y [N,1,1,C] = the same over rows of x [N,H,W,C]; packed: mask is [N,1,1,H*W], else [N,H,W,1]. */
cairn_status cairn_likelihood__rows(cairn_lowering *l, cairn_slot x, cairn_slot mask, bool packed, cairn_slot y);
#endif
