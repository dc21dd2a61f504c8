#ifndef CAIRN_GPU_INJECT_H
#define CAIRN_GPU_INJECT_H
/* Faults on purpose, so that what is done about real ones can be tested: the variable CAIRN_INJECT lists events,
 * separated by commas, each with the call that it happens at, counted from 1 over the whole process.
 *
 *   device_lost@N   the N-th submission is run, then reported as lost
 *   oom@N           the N-th piece of device memory for tensors cannot be had
 *   host_oom@N      the N-th buffer cannot be made for want of host memory
 *   self_test@N     the N-th self-test of kernels finds a wrong value
 *
 * An event happens once. Nothing is counted while the variable is unset. */
#include "base/status.h"

#include <stdbool.h>

typedef enum cairn_fault {
    CAIRN_FAULT_DEVICE_LOST,
    CAIRN_FAULT_OOM,
    CAIRN_FAULT_HOST_OOM,
    CAIRN_FAULT_SELF_TEST,
    CAIRN_FAULTS
} cairn_fault;

/* Counts a call; true if the event is due at it. */
bool cairn_inject(cairn_fault fault);
/* error  CAIRN_E_INVALID for a list that is no such list */
cairn_status cairn_inject_check(void);
/* For tests inside one process: takes the place of the variable, and counting starts anew. NULL: the variable again. */
void cairn_inject_set(const char *list);
#endif
