#include "gpu/inject.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[CAIRN_FAULTS] = {"device_lost", "oom", "host_oom", "self_test"};
static const char *given; /* by a test */
static atomic_long counts[CAIRN_FAULTS];

static const char *list(void)
{
    const char *text = given ? given : getenv("CAIRN_INJECT");
    return text && text[0] ? text : NULL;
}

/* Reads one event at *text and moves behind it. False if there is none. */
static bool read_event(const char **text, int *fault, long *at)
{
    char *end;
    const size_t length = strcspn(*text, "@,");
    for (*fault = 0; *fault < CAIRN_FAULTS; ++*fault)
        if (strlen(names[*fault]) == length && !strncmp(names[*fault], *text, length)) break;
    if (*fault == CAIRN_FAULTS || (*text)[length] != '@') return false;
    *at = strtol(*text + length + 1, &end, 10);
    if (end == *text + length + 1 || *at < 1 || (*end && *end != ',')) return false;
    *text = *end ? end + 1 : end;
    return true;
}

bool cairn_inject(cairn_fault fault)
{
    const char *text = list();
    int which;
    long at, now;
    bool due = false;
    if (!text) return false;
    now = atomic_fetch_add(&counts[fault], 1) + 1;
    while (*text && read_event(&text, &which, &at)) due |= which == (int)fault && at == now;
    return due;
}

cairn_status cairn_inject_check(void)
{
    const char *text = list();
    int which;
    long at;
    while (text && *text)
        if (!read_event(&text, &which, &at))
            return cairn_error_set(CAIRN_E_INVALID, "CAIRN_INJECT: '%.40s' is no event; expected device_lost@N, oom@N, "
                                                    "host_oom@N or self_test@N", text);
    return CAIRN_OK;
}

void cairn_inject_set(const char *text)
{
    given = text;
    for (int i = 0; i < CAIRN_FAULTS; i++) atomic_store(&counts[i], 0);
}
