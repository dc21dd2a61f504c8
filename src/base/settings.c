#include "base/settings.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_NAMES = 256, MOST_NAME_BYTES = 64 };

static void *field_of(void *settings, const cairn_setting *row)
{
    return (char *)settings + row->offset;
}

static char plain(char c)
{
    return c == '-' ? '_' : c;
}

static bool same_name(const char *a, const char *b)
{
    while (*a && plain(*a) == plain(*b)) a++, b++;
    return *a == *b;
}

void cairn_settings_defaults(void *out, const cairn_setting *table)
{
    for (const cairn_setting *row = table; row->name; row++) {
        void *field = field_of(out, row);
        switch (row->type) {
        case CAIRN_SETTING_INT:
            *(int64_t *)field = (int64_t)row->fallback;
            break;
        case CAIRN_SETTING_FLOAT:
            *(double *)field = row->fallback;
            break;
        case CAIRN_SETTING_BOOL:
            *(bool *)field = row->fallback != 0;
            break;
        case CAIRN_SETTING_CHOICE:
            *(int *)field = (int)row->fallback;
            break;
        case CAIRN_SETTING_TEXT:
            memset(field, 0, CAIRN_SETTING_TEXT_BYTES);
            snprintf(field, CAIRN_SETTING_TEXT_BYTES, "%s", row->fallback_text ? row->fallback_text : "");
            break;
        case CAIRN_SETTING_END:
            break;
        }
    }
}

const cairn_setting *cairn_settings_find(const cairn_setting *table, const char *name)
{
    for (const cairn_setting *row = table; row->name; row++)
        if (same_name(row->name, name)) return row;
    return NULL;
}

/* Levenshtein distance of two short names. */
static int edit_distance(const char *a, const char *b)
{
    int previous[MOST_NAME_BYTES + 1], current[MOST_NAME_BYTES + 1];
    const int la = (int)strnlen(a, MOST_NAME_BYTES), lb = (int)strnlen(b, MOST_NAME_BYTES);
    for (int j = 0; j <= lb; j++) previous[j] = j;
    for (int i = 1; i <= la; i++) {
        current[0] = i;
        for (int j = 1; j <= lb; j++) {
            int best = previous[j - 1] + (plain(a[i - 1]) != plain(b[j - 1]));
            if (previous[j] + 1 < best) best = previous[j] + 1;
            if (current[j - 1] + 1 < best) best = current[j - 1] + 1;
            current[j] = best;
        }
        memcpy(previous, current, sizeof previous);
    }
    return previous[lb];
}

const char *cairn_closest_name(const char *name, const char *const *known)
{
    const char *best = NULL;
    int best_distance = 0;
    const size_t length = strlen(name);
    for (; *known; known++) {
        /* A beginning of a known name is as good as one slip of a finger. */
        int distance = edit_distance(name, *known);
        if (length >= 3 && !strncmp(name, *known, length) && distance > 1) distance = 1;
        if (!best || distance < best_distance) best = *known, best_distance = distance;
    }
    return best && best_distance <= 1 + (int)length / 3 ? best : NULL;
}

static cairn_status unknown_name(const cairn_setting *table, const char *name, const char *where)
{
    const char *names[MOST_NAMES + 1] = {0};
    char list[512] = "";
    size_t used = 0, count = 0;
    for (const cairn_setting *row = table; row->name && count < MOST_NAMES; row++) {
        names[count++] = row->name;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", row->name);
    }
    const char *closest = cairn_closest_name(name, names);
    if (closest)
        return cairn_error_set(CAIRN_E_INVALID, "%s: unknown key '%s'; did you mean '%s'?", where, name, closest);
    return cairn_error_set(CAIRN_E_INVALID, "%s: unknown key '%s'; known: %s", where, name, count ? list : "none");
}

static const char *range_text(char *text, size_t size, const cairn_setting *row)
{
    if (row->low == 0 && row->high == 0)
        text[0] = 0;
    else if (row->high >= 9e15)
        snprintf(text, size, " of at least %.10g", row->low);
    else
        snprintf(text, size, " in %.10g..%.10g", row->low, row->high);
    return text;
}

static cairn_status wrong(const cairn_setting *row, const char *text, const char *where, const char *expected)
{
    return cairn_error_set(CAIRN_E_INVALID, "%s: %s: expected %s, not '%.80s'", where, row->name, expected, text);
}

/* A number may carry spaces around it and, for whole numbers, an exponent (1e5). */
static cairn_status set_number(void *field, const cairn_setting *row, const char *text, const char *where)
{
    const bool whole = row->type == CAIRN_SETTING_INT;
    char range[96], expected[160], *end = NULL;
    snprintf(expected, sizeof expected, "%s%s", whole ? "a whole number" : "a number",
             range_text(range, sizeof range, row));
    errno = 0;
    const double value = strtod(text, &end);
    const bool bounded = row->low != 0 || row->high != 0;
    while (end && *end == ' ') end++;
    if (end == text || *end || !isfinite(value) || errno == ERANGE) return wrong(row, text, where, expected);
    if (bounded && (value < row->low || value > row->high)) return wrong(row, text, where, expected);
    if (!whole) {
        *(double *)field = value;
        return CAIRN_OK;
    }
    if (value != floor(value) || fabs(value) > 9007199254740992.0) return wrong(row, text, where, expected);
    *(int64_t *)field = (int64_t)value;
    return CAIRN_OK;
}

static cairn_status set_bool(void *field, const cairn_setting *row, const char *text, const char *where)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (int i = 0; i < 8; i++) {
        if (strcasecmp(text, words[i])) continue;
        *(bool *)field = i % 2;
        return CAIRN_OK;
    }
    return wrong(row, text, where, "true or false");
}

/* Copies entry `index` of a comma-separated list; false behind its end. */
static bool choice_at(char *out, size_t size, const char *choices, int index)
{
    while (index-- > 0) {
        choices = strchr(choices, ',');
        if (!choices) return false;
        choices++;
    }
    size_t length = strcspn(choices, ",");
    if (length >= size) length = size - 1;
    memcpy(out, choices, length);
    out[length] = 0;
    return true;
}

static cairn_status set_choice(void *field, const cairn_setting *row, const char *text, const char *where)
{
    char choice[MOST_NAME_BYTES], expected[256];
    for (int i = 0; choice_at(choice, sizeof choice, row->choices, i); i++) {
        if (!same_name(choice, text)) continue;
        *(int *)field = i;
        return CAIRN_OK;
    }
    snprintf(expected, sizeof expected, "one of %s", row->choices);
    return wrong(row, text, where, expected);
}

cairn_status cairn_settings_set(void *out, const cairn_setting *table, const char *name, const char *text,
                                const char *where)
{
    const cairn_setting *row = cairn_settings_find(table, name);
    if (!row) return unknown_name(table, name, where);
    void *field = field_of(out, row);
    switch (row->type) {
    case CAIRN_SETTING_INT:
    case CAIRN_SETTING_FLOAT:
        return set_number(field, row, text, where);
    case CAIRN_SETTING_BOOL:
        return set_bool(field, row, text, where);
    case CAIRN_SETTING_CHOICE:
        return set_choice(field, row, text, where);
    case CAIRN_SETTING_TEXT:
        if (strlen(text) >= CAIRN_SETTING_TEXT_BYTES) return wrong(row, text, where, "a text of at most 511 bytes");
        if (strpbrk(text, "\n\r")) return wrong(row, text, where, "a text on one line");
        memset(field, 0, CAIRN_SETTING_TEXT_BYTES);
        memcpy(field, text, strlen(text));
        return CAIRN_OK;
    case CAIRN_SETTING_END:
        break;
    }
    return CAIRN_OK;
}

void cairn_settings_format(char *text, size_t size, const cairn_setting *row, const void *settings)
{
    const void *field = (const char *)settings + row->offset;
    switch (row->type) {
    case CAIRN_SETTING_INT:
        snprintf(text, size, "%lld", (long long)*(const int64_t *)field);
        return;
    case CAIRN_SETTING_BOOL:
        snprintf(text, size, "%s", *(const bool *)field ? "true" : "false");
        return;
    case CAIRN_SETTING_TEXT:
        snprintf(text, size, "%s", (const char *)field);
        return;
    case CAIRN_SETTING_FLOAT:
        /* The shortest text that reads back as the same number. */
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(text, size, "%.*g", digits, *(const double *)field);
            if (strtod(text, NULL) == *(const double *)field) return;
        }
        return;
    case CAIRN_SETTING_CHOICE:
        if (!choice_at(text, size, row->choices, *(const int *)field)) snprintf(text, size, "?");
        return;
    case CAIRN_SETTING_END:
        text[0] = 0;
        return;
    }
}

void cairn_settings_write(FILE *file, const cairn_setting *table, const void *settings, int indent)
{
    char text[CAIRN_SETTING_TEXT_BYTES];
    for (const cairn_setting *row = table; row->name; row++) {
        cairn_settings_format(text, sizeof text, row, settings);
        fprintf(file, "%*s%s: ", indent, "", row->name);
        if (row->type != CAIRN_SETTING_TEXT) {
            fprintf(file, "%s\n", text);
            continue;
        }
        fputc('\'', file); /* single quotes: only the quote itself needs care */
        for (const char *c = text; *c; c++) fputs(*c == '\'' ? "''" : (char[2]){*c, 0}, file);
        fputs("'\n", file);
    }
}

static void accepted_text(char *text, size_t size, const cairn_setting *row)
{
    char range[96];
    switch (row->type) {
    case CAIRN_SETTING_INT:
        snprintf(text, size, "whole number%s", range_text(range, sizeof range, row));
        return;
    case CAIRN_SETTING_FLOAT:
        snprintf(text, size, "number%s", range_text(range, sizeof range, row));
        return;
    case CAIRN_SETTING_BOOL:
        snprintf(text, size, "true|false");
        return;
    case CAIRN_SETTING_TEXT:
        snprintf(text, size, "text");
        return;
    case CAIRN_SETTING_CHOICE:
        snprintf(text, size, "%s", row->choices);
        return;
    case CAIRN_SETTING_END:
        text[0] = 0;
        return;
    }
}

void cairn_settings_help(FILE *file, const cairn_setting *table, const char *prefix)
{
    for (const cairn_setting *row = table; row->name; row++) {
        char name[MOST_NAME_BYTES], accepted[160], fallback[32] = "";
        snprintf(name, sizeof name, "%s%s", prefix, row->name);
        for (char *c = name; *prefix && *c; c++)
            if (*c == '_') *c = '-';
        accepted_text(accepted, sizeof accepted, row);
        const bool text = row->type == CAIRN_SETTING_TEXT;
        if (row->type == CAIRN_SETTING_BOOL)
            snprintf(fallback, sizeof fallback, "%s", row->fallback ? "true" : "false");
        if (row->type == CAIRN_SETTING_CHOICE) choice_at(fallback, sizeof fallback, row->choices, (int)row->fallback);
        if (!fallback[0] && !text) snprintf(fallback, sizeof fallback, "%.10g", row->fallback);
        const char *shown = text ? row->fallback_text : fallback;
        fprintf(file, "  %-20s %s (%s%s%s)\n", name, row->help ? row->help : "", accepted,
                shown && *shown ? "; default " : "", shown && *shown ? shown : "");
    }
}
