#ifndef CAIRN_REPORT_AXES_H
#define CAIRN_REPORT_AXES_H
/* Private to the report: the frame of a chart with a line for each of several things, as SVG. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct cairn_axes {
    double x0, x1, y0, y1; /* data range; y in log10 when `logarithmic` */
    bool logarithmic;
    int w, h; /* of the view box */
} cairn_axes;

/* Round numbers for an axis: the step between ticks so that about `wanted` fit. */
double cairn_chart_tick(double span, int wanted);
/* A frame of the given size around a range of values: logarithmic where they span much, from zero where it is near. */
cairn_axes cairn_axes_around(double x0, double x1, double least, double most, int w, int h);
void cairn_axes_draw(FILE *page, const cairn_axes *axes);
/* A line in hue 1..8, dashed differently for each round of hues; class "line" or "raw". */
void cairn_axes_line(FILE *page, const cairn_axes *axes, const char *class, int index, const double *x, const double *y,
                     size_t count);
void cairn_axes_dot(FILE *page, const cairn_axes *axes, int index, double x, double y);
/* Names of the lines, with a piece of each. */
void cairn_axes_legend(FILE *page, const char *const *names, int count);
#endif
