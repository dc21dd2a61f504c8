#ifndef CAIRN_SYSTEM_INTERRUPT_H
#define CAIRN_SYSTEM_INTERRUPT_H
/* A polite end: SIGINT and SIGTERM set a flag that long loops poll between steps. They then write a checkpoint and
 * return cairn_interrupted_status(). A second signal ends the process at once. */
#include "base/status.h"

#include <stdbool.h>

void cairn_interrupt_install(void); /* by the program, once */
bool cairn_interrupted(void);
/* CAIRN_E_FAIL with the text "interrupted; run the same command to resume". */
cairn_status cairn_interrupted_status(void);
#endif
