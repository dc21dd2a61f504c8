#ifndef CAIRN_REPORT_CHARTS_H
#define CAIRN_REPORT_CHARTS_H
/* Private to the report: charts of results as inline SVG, coloured by the page's style sheet. */
#include <stdio.h>

/* A row of an interval chart. */
typedef struct cairn_interval_row {
    const char *name;
    int colour; /* 1..4 */
    double mean, low, high;
} cairn_interval_row;
/* Dots with their intervals on one axis that starts at 0. note: a few words beside the title; digits behind the point.
 * No row with a positive end of its interval: no chart. */
void cairn_chart_intervals(FILE *page, const char *title, const char *note, int digits, const cairn_interval_row *rows,
                           int count);

/* A line for each method over the thresholds 1, 2, ... pixels, from 0 to 1. */
typedef struct cairn_mma_row {
    const char *name;
    int steps;
    double share[10];
} cairn_mma_row;
void cairn_chart_mma(FILE *page, const char *title, const cairn_mma_row *rows, int count);
#endif
