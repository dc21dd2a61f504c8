/* Tables as CSV, Markdown and LaTeX. */
#include "system/file.h"
#include "experiments/report/results/tables.h"

#include <math.h>
#include <string.h>

static const cairn_table_cell *cell(const cairn_table *t, int method, int column)
{
    return &t->cells[method * t->columns + column];
}

static const cairn_result_measure *measure(const cairn_table *t, int column)
{
    return &t->set->measures[t->measures[column]];
}

/* Quoted; a leading sign that a spreadsheet would take for a formula is put behind an apostrophe. */
static void csv_text(FILE *file, const char *text)
{
    fputc('"', file);
    if (strchr("=+-@\t\r", text[0]) && text[0]) fputc('\'', file);
    for (; *text; text++) {
        if (*text == '"') fputc('"', file);
        fputc((unsigned char)*text < 32 ? ' ' : *text, file);
    }
    fputc('"', file);
}

static void csv_number(FILE *file, double value)
{
    if (isnan(value))
        fputc(',', file);
    else
        fprintf(file, ",%.9g", value);
}

void cairn_table_csv(FILE *file, const cairn_table *t)
{
    char name[80];
    fputs("method,role", file);
    for (int k = 0; k < t->columns; k++) {
        static const char *const parts[] = {"", " low", " high"};
        for (int p = 0; p < 3; p++) {
            snprintf(name, sizeof name, "%s%s", measure(t, k)->id, parts[p]);
            fputc(',', file);
            csv_text(file, name);
        }
    }
    fputc('\n', file);
    for (int i = 0; i < t->set->method_count; i++) {
        csv_text(file, t->set->methods[i].name);
        fputc(',', file);
        csv_text(file, t->set->methods[i].role);
        for (int k = 0; k < t->columns; k++) {
            csv_number(file, cell(t, i, k)->value.mean);
            csv_number(file, cell(t, i, k)->value.low);
            csv_number(file, cell(t, i, k)->value.high);
        }
        fputc('\n', file);
    }
}

static void markdown_text(FILE *file, const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 32) {
            fputc(' ', file);
            continue;
        }
        if (strchr("\\`*_{}[]<>|~&", *text)) fputc('\\', file);
        fputc(*text, file);
    }
}

/* 0.512 [0.480, 0.544] */
static void interval(FILE *file, const cairn_result_value *v, int digits)
{
    fprintf(file, " [%.*f, %.*f]", digits, v->low, digits, v->high);
}

void cairn_table_markdown(FILE *file, const cairn_table *t)
{
    fputs("| method |", file);
    for (int k = 0; k < t->columns; k++) {
        fputc(' ', file);
        markdown_text(file, measure(t, k)->title);
        if (measure(t, k)->unit[0]) fputs(", ", file);
        markdown_text(file, measure(t, k)->unit);
        fputs(" |", file);
    }
    fputs("\n| --- |", file);
    for (int k = 0; k < t->columns; k++) fputs(" ---: |", file);
    fputc('\n', file);
    for (int i = 0; i < t->set->method_count; i++) {
        fputs("| ", file);
        markdown_text(file, t->set->methods[i].name);
        fputs(" |", file);
        for (int k = 0; k < t->columns; k++) {
            const cairn_table_cell *c = cell(t, i, k);
            const int digits = cairn_table_digits(measure(t, k));
            if (isnan(c->value.mean)) {
                fputs(" - |", file);
                continue;
            }
            fprintf(file, c->mark == CAIRN_MARK_BEST ? " **%.*f**" : " %.*f", digits, c->value.mean);
            if (c->mark == CAIRN_MARK_NEAR) fputs("\xE2\x89\x88", file);
            if (!isnan(c->value.low) && !isnan(c->value.high)) interval(file, &c->value, digits);
            fputs(" |", file);
        }
        fputc('\n', file);
    }
}

static void latex_text(FILE *file, const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 32)
            fputc(' ', file);
        else if (*text == '\\')
            fputs("\\textbackslash{}", file);
        else if (*text == '~')
            fputs("\\textasciitilde{}", file);
        else if (*text == '^')
            fputs("\\textasciicircum{}", file);
        else if (*text == '<' || *text == '>' || *text == '|')
            fprintf(file, "$%s$", *text == '|' ? "\\mid" : *text == '<' ? "<" : ">");
        else
            fprintf(file, strchr("&%$#_{}", *text) ? "\\%c" : "%c", *text);
    }
}

void cairn_table_latex(FILE *file, const cairn_table *t)
{
    fputs("% ", file);
    for (const char *c = t->caption; *c; c++) fputc((unsigned char)*c < 32 ? ' ' : *c, file);
    fputs("\n\\begin{tabular}{l", file);
    for (int k = 0; k < t->columns; k++) fputc('r', file);
    fputs("}\n\\hline\nMethod", file);
    for (int k = 0; k < t->columns; k++) {
        fputs(" & ", file);
        latex_text(file, measure(t, k)->title);
        if (measure(t, k)->unit[0]) fputs(", ", file);
        latex_text(file, measure(t, k)->unit);
    }
    fputs(" \\\\\n\\hline\n", file);
    for (int i = 0; i < t->set->method_count; i++) {
        latex_text(file, t->set->methods[i].name);
        for (int k = 0; k < t->columns; k++) {
            const cairn_table_cell *c = cell(t, i, k);
            const int digits = cairn_table_digits(measure(t, k));
            fputs(" & ", file);
            if (isnan(c->value.mean)) {
                fputs("--", file);
                continue;
            }
            fprintf(file, c->mark == CAIRN_MARK_BEST ? "\\textbf{%.*f}" : "%.*f", digits, c->value.mean);
            if (c->mark == CAIRN_MARK_NEAR) fputs("$^{\\approx}$", file);
            if (!isnan(c->value.low) && !isnan(c->value.high)) {
                fputs(" {\\scriptsize", file);
                interval(file, &c->value, digits);
                fputc('}', file);
            }
        }
        fputs(" \\\\\n", file);
    }
    fputs("\\hline\n\\end{tabular}\n", file);
}

char *cairn_table_text(const cairn_table *table, cairn_table_writer *writer)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) return NULL;
    writer(file, table);
    if (fclose(file) == 0) return text;
    free(text);
    return NULL;
}

cairn_status cairn_table_save(const cairn_table *table, const char *folder)
{
    static const struct {
        const char *extension;
        cairn_table_writer *writer;
    } forms[] = {{"csv", cairn_table_csv}, {"md", cairn_table_markdown}, {"tex", cairn_table_latex}};
    cairn_status st = CAIRN_OK;
    char *path = NULL, *text = NULL;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char name[200];
        free(path);
        free(text);
        snprintf(name, sizeof name, "%s.%s", table->id, forms[i].extension);
        path = cairn_file_join(folder, name);
        text = cairn_table_text(table, forms[i].writer);
        if (!path || !text) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a table"));
        CAIRN_TRY(cairn_file_write(path, text, strlen(text)));
    }
done:
    free(path);
    free(text);
    return st;
}
