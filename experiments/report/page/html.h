#ifndef CAIRN_REPORT_HTML_H
#define CAIRN_REPORT_HTML_H
/* Private to the report: writing into a page. The FILE is a memory stream; its errors show when it is closed. */
#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* page.css and page.js, embedded by cmake/CairnPage.cmake. */
typedef struct cairn_page_part {
    const char *text;
    uint8_t sha256[32];
} cairn_page_part;
extern const cairn_page_part cairn_page_css, cairn_page_js;

/* Text with & < > " ' replaced; bytes below 32 other than tab and newline become blanks. */
void cairn_html_text(FILE *page, const char *text);
/* The same with a capital at its start. */
void cairn_html_capital(FILE *page, const char *text);
/* Text as a class, an id or a file name: letters and digits stay (lower case), anything else becomes one hyphen. */
void cairn_html_slug(char *out, size_t room, const char *text);
void cairn_html_base64(FILE *page, const uint8_t *bytes, size_t size);
/* "12 s", "3 min 20 s", "1 h 5 min" */
void cairn_html_duration(char text[32], double seconds);
/* The head, style sheet and everything up to the page's header. */
void cairn_html_begin(FILE *page, const char *title);
/* The data for the script (any JSON; no text in it can end the element), the script, and the end of the page. */
void cairn_html_end(FILE *page, const cJSON *data);

/* Fields of JSON objects that may lack or be of another type: "" and NaN then. */
const char *cairn_json_text(const cJSON *object, const char *name);
double cairn_json_number(const cJSON *object, const char *name);
#endif
