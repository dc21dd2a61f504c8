#include "base/status.h"

#include <stdarg.h>

static _Thread_local char message[1024];

cairn_status cairn_error_set(cairn_status code, const char *fmt, ...)
{
    char text[sizeof message]; /* the arguments may quote the old message */
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    /* One line, whatever a hostile file's names hold. */
    for (size_t i = 0; i < sizeof text; i++) message[i] = text[i] && (unsigned char)text[i] < 32 ? ' ' : text[i];
    return code;
}

const char *cairn_error_message(void)
{
    return message[0] ? message : "no error recorded";
}
