/* The evaluation as tables: for a terminal, folded to its width, or as Markdown. */
#include "experiments/evaluation/evaluate.h"

#include <math.h>
#include <string.h>

enum { LEAST_NAME_WIDTH = 20, MOST_NAME_WIDTH = 36, CELL_WIDTH = 8, MOST_COLUMNS = CAIRN_MEASURES };

typedef struct table {
    const cairn_evaluation *e;
    cairn_pair_kind kind;
    const cairn_table_style *style;
    cairn_measure columns[MOST_COLUMNS];
    int count, name_width; /* of the first column, in characters */
    cairn_interval *values; /* [methods, count] */
} table;

static bool whole_numbers(cairn_measure measure)
{
    return cairn_measure_get(measure)->better == 0;
}

static bool is_time(cairn_measure measure)
{
    return !strcmp(cairn_measure_get(measure)->group, "time");
}

/* Best mean of a column over the methods, chance left out; NaN where nothing is better, or all are alike. */
static double best_of(const table *t, int column)
{
    const int better = cairn_measure_get(t->columns[column])->better;
    double best = NAN, worst = NAN;
    if (better == 0) return NAN;
    for (int m = 0; m < t->e->methods; m++) {
        const cairn_interval *v = &t->values[m * t->count + column];
        if (t->e->method[m].role == CAIRN_ROLE_CHANCE || v->count == 0) continue;
        if (isnan(best) || (better > 0 ? v->mean > best : v->mean < best)) best = v->mean;
        if (isnan(worst) || (better > 0 ? v->mean < worst : v->mean > worst)) worst = v->mean;
    }
    return best == worst ? (double)NAN : best;
}

/* The number as shown, without padding. */
static void format_value(char text[32], cairn_measure measure, double value)
{
    if (isnan(value))
        snprintf(text, 32, "-");
    else if (isinf(value))
        snprintf(text, 32, "none");
    else
        snprintf(text, 32, "%.*f", whole_numbers(measure) ? 0 : is_time(measure) ? 1 : 3, value);
}

static void print_cell(FILE *file, const table *t, int m, int column, double best)
{
    const cairn_interval *v = &t->values[m * t->count + column];
    const cairn_measure measure = t->columns[column];
    char text[32], top[32], low[32], high[32];
    format_value(text, measure, v->count ? v->mean : NAN);
    format_value(top, measure, best);
    const bool is_best = v->count && !isnan(best) && !strcmp(text, top) && t->e->method[m].role != CAIRN_ROLE_CHANCE;
    if (!t->style->markdown) {
        const int pad = CELL_WIDTH - (int)strlen(text);
        fprintf(file, is_best && t->style->bold ? " %*s\033[1m%s\033[0m" : " %*s%s", pad > 0 ? pad : 0, "", text);
        return;
    }
    fprintf(file, is_best ? " **%s**" : " %s", text);
    if (v->count && !whole_numbers(measure) && !is_time(measure)) {
        format_value(low, measure, v->low);
        format_value(high, measure, v->high);
        fprintf(file, " [%s, %s]", low, high);
    }
    fputs(" |", file);
}

static void print_heading(FILE *file, const table *t, int first, int last)
{
    char title[64];
    const bool all = t->kind == CAIRN_PAIR_KINDS;
    snprintf(title, sizeof title, "%s (%d)", all ? "all" : cairn_pair_kind_name(t->kind),
             cairn_evaluation_count(t->e, t->kind));
    if (t->style->markdown)
        fprintf(file, "\n| %s |", title);
    else
        fprintf(file, "  %-*s", t->name_width, title);
    for (int c = first; c < last; c++) {
        const cairn_measure_info *info = cairn_measure_get(t->columns[c]);
        if (t->style->markdown)
            fprintf(file, " %s%s%s |", info->title, info->unit[0] ? ", " : "", info->unit);
        else
            fprintf(file, " %*s", CELL_WIDTH, info->brief);
    }
    fputc('\n', file);
    if (!t->style->markdown) return;
    for (int c = first; c <= last; c++) fputs(c == first ? "| --- |" : " --- |", file);
    fputc('\n', file);
}

static void print_block(FILE *file, const table *t, int first, int last)
{
    double best[MOST_COLUMNS];
    for (int c = first; c < last; c++) best[c] = best_of(t, c);
    print_heading(file, t, first, last);
    for (int m = 0; m < t->e->methods; m++) {
        bool any = false; /* methods without descriptors have no line in their tables */
        for (int c = first; c < last; c++) any |= t->values[m * t->count + c].count > 0;
        if (!any) continue;
        if (t->style->markdown)
            fprintf(file, "| %s |", t->e->method[m].name);
        else
            fprintf(file, "  %-*.*s", t->name_width, t->name_width, t->e->method[m].name);
        for (int c = first; c < last; c++) print_cell(file, t, m, c, best[c]);
        fputc('\n', file);
    }
}

/* Areas under the curve begin a line of their own in a long group. */
static bool starts_block(cairn_measure measure)
{
    return measure == CAIRN_MEASURE_AUC_1;
}

/* Blocks of columns that fit: a group stays together where it can; counts and times share one. */
static void print_blocks(FILE *file, const table *t)
{
    int room = ((t->style->columns > 0 ? t->style->columns : 100) - 2 - t->name_width) / (CELL_WIDTH + 1);
    if (room < 1) room = 1;
    if (t->style->markdown) room = MOST_COLUMNS;
    for (int first = 0; first < t->count;) {
        int last = first;
        while (last < t->count && last - first < room) {
            const char *group = cairn_measure_get(t->columns[last])->group;
            int end = last;
            while (end < t->count && !strcmp(cairn_measure_get(t->columns[end])->group, group)) end++;
            for (int c = last + 1; c < end; c++)
                if (starts_block(t->columns[c])) end = c;
            if (last > first && (end - first > room || strcmp(group, "time"))) break;
            last = end - first > room ? first + room : end;
        }
        print_block(file, t, first, last);
        first = last;
    }
}

static cairn_status print_kind(FILE *file, const cairn_evaluation *e, cairn_pair_kind kind,
                               const cairn_table_style *style)
{
    cairn_status st = CAIRN_OK;
    table t = {.e = e, .kind = kind, .style = style, .name_width = LEAST_NAME_WIDTH};
    for (int m = 0; m < e->methods; m++) {
        const int length = (int)strlen(e->method[m].name);
        if (length > t.name_width) t.name_width = length < MOST_NAME_WIDTH ? length : MOST_NAME_WIDTH;
    }
    for (cairn_measure measure = 0; measure < CAIRN_MEASURES; measure++)
        if (cairn_evaluation_has(e, measure) && !(style->markdown && is_time(measure))) t.columns[t.count++] = measure;
    t.values = malloc(((size_t)t.count * (size_t)e->methods + 1) * sizeof *t.values);
    if (!t.values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a table");
    for (int m = 0; m < e->methods; m++)
        for (int c = 0; c < t.count; c++)
            CAIRN_TRY(cairn_evaluation_summary(&t.values[m * t.count + c], e, m, t.columns[c], kind));
    print_blocks(file, &t);
done:
    free(t.values);
    return st;
}

static cairn_status print_comparisons(FILE *file, const cairn_evaluation *e, const cairn_table_style *style)
{
    enum { MOST = 16 };
    cairn_status st = CAIRN_OK;
    int chosen[MOST][2], count = cairn_evaluation_comparisons(chosen, MOST, e);
    if (count && style->markdown) fputc('\n', file);
    for (int i = 0; i < count; i++) {
        cairn_interval value;
        CAIRN_TRY(cairn_evaluation_compare(&value, e, chosen[i][0], chosen[i][1], CAIRN_MEASURE_REPEATABILITY));
        if (value.count == 0) continue;
        const char *verdict = value.low > 0 ? "better" : value.high < 0 ? "worse" : "no clear difference";
        fprintf(file, "%srepeatability of %s against %s: %+.3f [%+.3f, %+.3f], %s\n", style->markdown ? "- " : "  ",
                e->method[chosen[i][0]].name, e->method[chosen[i][1]].name, value.mean, value.low, value.high, verdict);
    }
done:
    return st;
}

static void print_size(FILE *file, const char *what, const cairn_protocol_view *v)
{
    if (!v->used) return;
    fprintf(file, "; %s ", what);
    if (v->resize == CAIRN_RESIZE_NATIVE)
        fputs("at native size", file);
    else if (v->resize == CAIRN_RESIZE_SHORT_SIDE)
        fprintf(file, "at short side %d", v->h);
    else
        fprintf(file, "at %dx%d", v->h, v->w);
    fprintf(file, " with %d points", v->points);
}

static cairn_status print_tables(FILE *file, const cairn_evaluation *e, const cairn_table_style *style)
{
    cairn_status st = CAIRN_OK;
    fprintf(file, style->markdown ? "## %s, protocol %s\n\n%d pairs" : "%s, protocol %s: %d pairs", e->set,
            e->protocol.id, e->used);
    if (e->skipped) fprintf(file, " (%d left out)", e->skipped);
    print_size(file, "detection", &e->protocol.view[CAIRN_VIEW_DETECT]);
    print_size(file, "description", &e->protocol.view[CAIRN_VIEW_DESCRIBE]);
    fputs(style->markdown ? ". 95 % intervals over pairs in brackets.\n" : "\n", file);
    for (int k = 0; k < CAIRN_KINDS_OF_PAIRS; k++) {
        /* "all" stands last in a terminal, near the prompt, and first in a document. */
        const cairn_pair_kind kind =
            (cairn_pair_kind)(style->markdown ? (k + CAIRN_PAIR_KINDS) % CAIRN_KINDS_OF_PAIRS : k);
        const int pairs = cairn_evaluation_count(e, kind);
        if (pairs == 0 || (kind < CAIRN_PAIR_KINDS && pairs == e->used)) continue;
        CAIRN_TRY(print_kind(file, e, kind, style));
    }
    CAIRN_TRY(print_comparisons(file, e, style));
done:
    return st;
}

cairn_status cairn_evaluation_table(char **out, const cairn_evaluation *evaluation, const cairn_table_style *style)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    FILE *file = open_memstream(&text, &size);
    if (!file) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a table");
    st = print_tables(file, evaluation, style);
    if (fclose(file) != 0 && st >= 0) st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a table");
    if (st < 0)
        free(text);
    else
        *out = text;
    return st;
}
