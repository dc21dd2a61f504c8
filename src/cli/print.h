#ifndef CAIRN_CLI_PRINT_H
#define CAIRN_CLI_PRINT_H
#include <stdbool.h>
#include <stdio.h>

/* Text of a file on standard output, without what could steer a terminal. lines: line feeds stay. */
static inline void cairn_cli_print_text(const char *text, bool lines)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        putchar(c == '\n' && lines ? '\n' : c < 32 || c == 127 ? '?' : c);
    }
}
#endif
