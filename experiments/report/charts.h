#ifndef CAIRN_REPORT_CHARTS_H
#define CAIRN_REPORT_CHARTS_H
/* Private to the report: charts as inline SVG, coloured by the page's style sheet. */
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
 * followed it is dropped. At most 16 series of 2^20 values; lines that are no such object are counted and skipped.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_IO, CAIRN_E_FORMAT (larger than 256 MiB) */
cairn_status cairn_curves_read(cairn_curves *out, const char *path);
void cairn_curves_free(cairn_curves *curves);
/* A figure for each series, losses first, each with a light line (values, thinned) and a strong one (smoothed). */
cairn_status cairn_curves_write(FILE *page, cairn_curves *curves);

/* A row of an interval chart. */
typedef struct cairn_interval_row {
    const char *name;
    int colour; /* 1..4 */
    double mean, low, high;
} cairn_interval_row;
/* Dots with their intervals on one axis from 0. */
void cairn_chart_intervals(FILE *page, const char *title, const cairn_interval_row *rows, int count);
/* Round numbers for an axis: the step between ticks so that about `wanted` fit. */
double cairn_chart_tick(double span, int wanted);
#endif
