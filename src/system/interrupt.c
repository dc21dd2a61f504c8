#include "system/interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t interrupted;

static void remember(int number)
{
    (void)number;
    interrupted = 1;
}

void cairn_interrupt_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = remember;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND; /* the second one does what it always did */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool cairn_interrupted(void)
{
    return interrupted != 0;
}

cairn_status cairn_interrupted_status(void)
{
    return cairn_error_set(CAIRN_E_FAIL, "interrupted; run the same command to resume");
}
