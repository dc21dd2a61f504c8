/* A sheet as tables for the terminal. */
#include "experiments/measurements/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_WIDTH = 22, CELL_WIDTH = 9 };

/* The best mean of a column; chance left out. */
static double best_of(const cairn_sheet *s, int group, int measure)
{
    const int better = s->measures[measure].better;
    double best = NAN;
    for (int m = 0; better && m < s->method_count; m++) {
        const cairn_interval *v = &s->methods[m].summary[group][measure];
        if (v->count == 0 || s->methods[m].role == CAIRN_ROLE_CHANCE) continue;
        if (isnan(best) || (better > 0 ? v->mean > best : v->mean < best)) best = v->mean;
    }
    return best;
}

static void format_number(char text[32], double value)
{
    const double size = fabs(value);
    snprintf(text, 32, "%.*f", size < 10 ? 3 : size < 1000 ? 1 : 0, value);
}

static void print_cell(FILE *file, const cairn_interval *v, double best, bool bold)
{
    char text[32] = "-", top[32] = "";
    if (v->count) format_number(text, v->mean);
    if (!isnan(best)) format_number(top, best);
    const bool is_best = bold && v->count && !strcmp(text, top);
    const int pad = CELL_WIDTH - (int)strlen(text);
    fprintf(file, is_best ? "%*s\033[1m%s\033[0m" : "%*s%s", pad > 0 ? pad : 1, "", text);
}

static void print_interval(FILE *file, const cairn_interval *v)
{
    char low[32], high[32];
    format_number(low, v->low);
    format_number(high, v->high);
    if (v->count) fprintf(file, "  [%s, %s]", low, high);
}

static bool has_values(const cairn_sheet *s, int group, int measure)
{
    for (int m = 0; m < s->method_count; m++)
        if (s->methods[m].summary[group][measure].count) return true;
    return false;
}

/* As many columns as fit; the interval of the first headline behind the last block of a group. */
static void print_group(FILE *file, const cairn_sheet *s, int group, int columns, bool bold)
{
    int shown[CAIRN_SHEET_MEASURES], count = 0;
    int room = (columns - 2 - NAME_WIDTH) / CELL_WIDTH;
    if (room < 1) room = 1;
    for (int k = 0; k < s->measure_count; k++)
        if (has_values(s, group, k)) shown[count++] = k;
    for (int first = 0; first < count; first += room) {
        const int last = first + room < count ? first + room : count;
        char title[64];
        snprintf(title, sizeof title, "%s (%d)", s->groups[group], s->items[group]);
        fprintf(file, "  %-*s", NAME_WIDTH, first ? "" : title);
        for (int c = first; c < last; c++) fprintf(file, "%*s", CELL_WIDTH, s->measures[shown[c]].brief);
        const bool interval = first == 0 && columns >= 2 + NAME_WIDTH + CELL_WIDTH * (last - first) + 20;
        fputs(interval ? "  95 % of the first\n" : "\n", file);
        for (int m = 0; m < s->method_count; m++) {
            fprintf(file, "  %-*.*s", NAME_WIDTH, NAME_WIDTH, s->methods[m].name);
            for (int c = first; c < last; c++)
                print_cell(file, &s->methods[m].summary[group][shown[c]], best_of(s, group, shown[c]), bold);
            if (interval) print_interval(file, &s->methods[m].summary[group][shown[0]]);
            fputc('\n', file);
        }
    }
}

cairn_status cairn_sheet_table(char **out, const cairn_sheet *sheet, int columns, bool bold)
{
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    FILE *file = open_memstream(&text, &size);
    if (!file) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a table");
    fprintf(file, "%s, protocol %s\n", sheet->set, sheet->protocol);
    for (int g = sheet->group_count - 1; g >= 0; g--) print_group(file, sheet, g, columns > 0 ? columns : 100, bold);
    if (fclose(file) != 0) {
        free(text);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a table");
    }
    *out = text;
    return CAIRN_OK;
}
