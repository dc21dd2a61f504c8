#ifndef CAIRN_SYSTEM_PARALLEL_H
#define CAIRN_SYSTEM_PARALLEL_H
#include "base/status.h"

/* Online cores of this machine, at least 1. */
int cairn_cores(void);

/* Runs body(payload, i) for i = 0..count-1 on all cores and waits. The body must not depend on the order.
 * Returns the status of the failed index with the smallest number (its error text is the caller's afterwards), or OK.
 * threads  0: one for each online core; otherwise at most that many. */
cairn_status cairn_parallel_for(int count, int threads, cairn_status (*body)(void *payload, int i), void *payload);
#endif
