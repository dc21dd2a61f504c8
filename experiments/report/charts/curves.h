#ifndef CAIRN_REPORT_CURVES_H
#define CAIRN_REPORT_CURVES_H
/* Private to the report: the numbers of a training over its steps, read from metrics.jsonl and drawn. */
#include "base/status.h"

#include <stddef.h>
#include <stdio.h>

/* One number over the steps of a training. */
typedef struct cairn_series {
    char name[64];
    size_t count, room;
    double *step, *value; /* [count], steps ascending; owned */
} cairn_series;

typedef struct cairn_curves {
    int count;
    cairn_series *series; /* [count]; owned */
    int bad_lines;        /* lines of the file that could not be read */
} cairn_curves;

/* Reads lines of JSON objects with a number "step" and other numbers. When a step comes again (a resumed run), what
 * followed it is dropped. At most 32 series of 2^20 values; lines that are no such object are counted and skipped.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_IO, CAIRN_E_FORMAT (larger than 256 MiB) */
cairn_status cairn_curves_read(cairn_curves *out, const char *path);
void cairn_curves_free(cairn_curves *curves);
/* Mean over the steps of a number between 0 and 1 that each line gives for the steps since the line before; -1: no such
 * number. */
double cairn_curves_mean_share(const cairn_curves *curves, const char *name);

enum { CAIRN_CURVES_MOST_RUNS = 16 };
/* A figure for each number, losses first: a light line (values, thinned) and a strong one (smoothed). The same number
 * of several runs shares a figure, with a legend of `names` [count]; runs that lack it are left out. At most
 * CAIRN_CURVES_MOST_RUNS runs. */
void cairn_curves_write(FILE *page, const cairn_curves *runs, const char *const *names, int count);
#endif
