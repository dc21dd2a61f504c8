#ifndef CAIRN_REPORT_TABLES_H
#define CAIRN_REPORT_TABLES_H
/* Private to the report: tables of methods and measures, as a piece of the page, CSV, Markdown and LaTeX. */
#include "experiments/report/results/results.h"

enum { CAIRN_TABLE_COLUMNS = 32 };

typedef enum cairn_table_mark {
    CAIRN_MARK_NONE,
    CAIRN_MARK_BEST, /* no other mean rounds to a better number (chance is left out) */
    CAIRN_MARK_NEAR, /* pair by pair, the 95 % interval of the difference to the best one contains 0 */
} cairn_table_mark;

typedef struct cairn_table_cell {
    cairn_result_value value;
    cairn_table_mark mark;
} cairn_table_cell;

typedef struct cairn_table {
    char id[160], caption[256];
    const cairn_result_set *set; /* borrowed; rows are its methods */
    int measures[CAIRN_TABLE_COLUMNS], columns;
    bool paired[CAIRN_TABLE_COLUMNS]; /* whether the rest was compared with the best pair by pair */
    cairn_table_cell *cells;          /* [methods, columns]; owned */
} cairn_table;

/* The chosen measures of a set over one kind of pairs. Columns without any value are left out.
 * group  "headline": the headline measures; else those of that group
 * error  CAIRN_E_NOMEM; columns 0 is no error */
cairn_status cairn_table_make(cairn_table *out, const cairn_result_set *set, const char *kind, const char *group);
void cairn_table_free(cairn_table *table);
/* Digits behind the point that a measure is shown with. */
int cairn_table_digits(const cairn_result_measure *measure);

void cairn_table_html(FILE *page, const cairn_table *table);
void cairn_table_csv(FILE *file, const cairn_table *table);      /* method; of each measure mean, low, high */
void cairn_table_markdown(FILE *file, const cairn_table *table); /* mean [low, high], best in bold */
void cairn_table_latex(FILE *file, const cairn_table *table);    /* a tabular that needs no package */

typedef void cairn_table_writer(FILE *file, const cairn_table *table);
/* What a writer writes, as text that the caller frees; NULL when memory is out. */
char *cairn_table_text(const cairn_table *table, cairn_table_writer *writer);
/* <folder>/<id>.csv, .md, .tex, each by rename. */
cairn_status cairn_table_save(const cairn_table *table, const char *folder);
#endif
