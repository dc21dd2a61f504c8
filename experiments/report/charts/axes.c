#include "experiments/report/charts/axes.h"

#include "experiments/report/page/html.h"

#include <math.h>

enum { LEFT = 56, RIGHT = 12, TOP = 8, BOTTOM = 28, HUES = 8 };

double cairn_chart_tick(double span, int wanted)
{
    if (!(span > 0) || !isfinite(span)) return 1;
    double raw = span / wanted, power = pow(10, floor(log10(raw))), lead = raw / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

static double place_x(const cairn_axes *a, double x)
{
    return LEFT + (x - a->x0) / (a->x1 - a->x0) * (a->w - LEFT - RIGHT);
}

static double place_y(const cairn_axes *a, double y)
{
    if (a->logarithmic) y = log10(y);
    return TOP + (a->y1 - y) / (a->y1 - a->y0) * (a->h - TOP - BOTTOM);
}

cairn_axes cairn_axes_around(double x0, double x1, double least, double most, int w, int h)
{
    cairn_axes a = {.x0 = x0, .x1 = x1, .y0 = least, .y1 = most, .w = w, .h = h};
    if (a.x1 <= a.x0) a.x1 = a.x0 + 1;
    a.logarithmic = a.y0 > 0 && a.y1 / a.y0 > 50;
    if (a.logarithmic) {
        a.y0 = log10(a.y0) - 0.05;
        a.y1 = log10(a.y1) + 0.05;
        return a;
    }
    if (a.y0 > 0 && a.y0 < 0.5 * a.y1) a.y0 = 0; /* near zero: show it */
    double room = a.y1 > a.y0 ? 0.04 * (a.y1 - a.y0) : fmax(0.5 * fabs(a.y1), 1e-6);
    if (a.y0 != 0) a.y0 -= room;
    a.y1 += room;
    return a;
}

static void draw_tick(FILE *page, const cairn_axes *a, double y)
{
    double at = place_y(a, y);
    fprintf(page, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>",
            LEFT, at, a->w - RIGHT, LEFT - 6, at + 4, fabs(y) < 1e-12 ? 0 : y);
}

void cairn_axes_draw(FILE *page, const cairn_axes *a)
{
    if (a->logarithmic) {
        bool sparse = a->y1 - a->y0 < 2; /* under two decades: 2 and 5 as well */
        for (int e = (int)floor(a->y0); e <= (int)ceil(a->y1); e++)
            for (int k = 0; k < (sparse ? 3 : 1); k++) {
                double y = pow(10, e) * (k == 0 ? 1 : k == 1 ? 2 : 5);
                if (log10(y) >= a->y0 && log10(y) <= a->y1) draw_tick(page, a, y);
            }
    } else {
        double tick = cairn_chart_tick(a->y1 - a->y0, a->h >= 300 ? 5 : 4);
        for (int i = 0; i < 12; i++) {
            double y = (ceil(a->y0 / tick) + i) * tick;
            if (y <= a->y1) draw_tick(page, a, y);
        }
    }
    double tick = cairn_chart_tick(a->x1 - a->x0, a->w > 600 ? 8 : 4);
    for (int i = 0; i < 20; i++) {
        double x = (ceil(a->x0 / tick) + i) * tick;
        if (x <= a->x1)
            fprintf(page, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.6g</text>", place_x(a, x), a->h - 5, x);
    }
}

static void style(FILE *page, const char *class, int index)
{
    fprintf(page, "class=\"%s hue%d", class, index % HUES + 1);
    if (index >= HUES) fprintf(page, " dash%d", (index / HUES - 1) % 3 + 1);
    fputc('"', page);
}

void cairn_axes_line(FILE *page, const cairn_axes *a, const char *class, int index, const double *x, const double *y,
                     size_t count)
{
    fputs("<path ", page);
    style(page, class, index);
    fputs(" d=\"", page);
    for (size_t i = 0; i < count; i++) fprintf(page, "%c%.1f %.1f", i ? 'L' : 'M', place_x(a, x[i]), place_y(a, y[i]));
    fputs("\"/>", page);
}

void cairn_axes_dot(FILE *page, const cairn_axes *a, int index, double x, double y)
{
    fprintf(page, "<circle class=\"dot hue%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>", index % HUES + 1, place_x(a, x),
            place_y(a, y));
}

void cairn_axes_legend(FILE *page, const char *const *names, int count)
{
    fputs("<ul class=\"legend\">", page);
    for (int i = 0; i < count; i++) {
        fputs("<li><svg viewBox=\"0 0 32 10\" aria-hidden=\"true\"><path ", page);
        style(page, "line", i);
        fputs(" d=\"M0 5H32\"/></svg>", page);
        cairn_html_text(page, names[i]);
        fputs("</li>", page);
    }
    fputs("</ul>\n", page);
}
