#include "experiments/report/page/html.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

void cairn_html_text(FILE *page, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", page);
        else if (c == '<')
            fputs("&lt;", page);
        else if (c == '>')
            fputs("&gt;", page);
        else if (c == '"')
            fputs("&quot;", page);
        else if (c == '\'')
            fputs("&#39;", page);
        else
            fputc(c < 32 && c != '\t' && c != '\n' ? ' ' : c, page);
    }
}

void cairn_html_base64(FILE *page, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16;
        if (i + 1 < size) v |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < size) v |= bytes[i + 2];
        fputc(digits[v >> 18], page);
        fputc(digits[v >> 12 & 63], page);
        fputc(i + 1 < size ? digits[v >> 6 & 63] : '=', page);
        fputc(i + 2 < size ? digits[v & 63] : '=', page);
    }
}

void cairn_html_duration(char text[32], double seconds)
{
    if (!(seconds >= 0 && seconds < 1e8))
        snprintf(text, 32, "unknown");
    else if (seconds < 10)
        snprintf(text, 32, "%.1f s", seconds);
    else if (seconds < 60)
        snprintf(text, 32, "%.0f s", seconds);
    else if (seconds < 3600)
        snprintf(text, 32, "%d min %d s", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(text, 32, "%d h %d min", (int)(seconds / 3600), (int)seconds / 60 % 60);
}

void cairn_html_capital(FILE *page, const char *text)
{
    const char first[2] = {(char)toupper((unsigned char)text[0]), 0};
    const bool letter = text[0] && (unsigned char)text[0] < 128;
    if (letter) cairn_html_text(page, first);
    cairn_html_text(page, text + letter);
}

void cairn_html_slug(char *out, size_t room, const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < room; text++) {
        if (isalnum((unsigned char)*text) && (unsigned char)*text < 128)
            out[n++] = (char)tolower((unsigned char)*text);
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-') n--;
    out[n] = 0;
}

static void write_hash(FILE *page, const cairn_page_part *part)
{
    fputs("'sha256-", page);
    cairn_html_base64(page, part->sha256, sizeof part->sha256);
    fputc('\'', page);
}

void cairn_html_begin(FILE *page, const char *title)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; base-uri 'none'; "
          "form-action 'none'; style-src ",
          page);
    write_hash(page, &cairn_page_css);
    fputs("; script-src ", page);
    write_hash(page, &cairn_page_js);
    fputs("\">\n<link rel=\"icon\" href=\"data:,\">\n<title>", page);
    cairn_html_text(page, title);
    fprintf(page, "</title>\n<style>%s</style>\n</head>\n<body>\n", cairn_page_css.text);
    fputs("<a class=\"skip\" href=\"#summary\">Skip to the summary</a>\n", page);
}

void cairn_html_end(FILE *page, const cJSON *data)
{
    char *text = cJSON_PrintUnformatted(data);
    fputs("<script type=\"application/json\" id=\"data\">", page);
    for (const char *c = text ? text : "{}"; *c; c++) {
        if (*c == '<') /* no "</script>" or "<!--" */
            fputs("\\u003c", page);
        else
            fputc(*c, page);
    }
    fprintf(page, "</script>\n<script>%s</script>\n</body>\n</html>\n", cairn_page_js.text);
    cJSON_free(text);
}

const char *cairn_json_text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) && item->valuestring ? item->valuestring : "";
}

double cairn_json_number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}
