#ifndef CAIRN_OPS_QUANTISE_INTERNAL_H
#define CAIRN_OPS_QUANTISE_INTERNAL_H
/* Shared by the quantisation op files; private to them. */
#include "ops/quantise/quantise.h"
#include "reference/quantise/quantise.h"

/* The integers of that many bits. False after recording a mistake of `op`. */
bool cairn_quantise__integers(cairn_graph *g, const char *op, int bits, bool symmetric, cairn_quantise_attributes *a);
#endif
