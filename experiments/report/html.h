#ifndef CAIRN_REPORT_HTML_H
#define CAIRN_REPORT_HTML_H
/* Private to the report: writing into a page. The FILE is a memory stream; its errors show when it is closed. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Text with & < > " ' replaced; bytes below 32 other than tab and newline become blanks. */
void cairn_html_text(FILE *page, const char *text);
void cairn_html_base64(FILE *page, const uint8_t *bytes, size_t size);
/* "12 s", "3 min 20 s", "1 h 5 min" */
void cairn_html_duration(char text[32], double seconds);
/* The head, style sheet and everything up to the page's header. */
void cairn_html_begin(FILE *page, const char *title);
void cairn_html_end(FILE *page);
#endif
