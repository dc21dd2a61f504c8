#include "experiments/report/charts.h"

#include "experiments/report/html.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { LEFT = 56, RIGHT = 12, TOP = 8, BOTTOM = 28, SHOWN = 400, SMOOTH_FROM = 60 };

double cairn_chart_tick(double span, int wanted)
{
    if (!(span > 0) || !isfinite(span)) return 1;
    double raw = span / wanted, power = pow(10, floor(log10(raw))), lead = raw / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

typedef struct axes {
    double x0, x1, y0, y1; /* data range; y in log10 when `logarithmic` */
    bool logarithmic;
    int w, h;
} axes;

static double place_x(const axes *a, double x)
{
    return LEFT + (x - a->x0) / (a->x1 - a->x0) * (a->w - LEFT - RIGHT);
}

static double place_y(const axes *a, double y)
{
    if (a->logarithmic) y = log10(y);
    return TOP + (a->y1 - y) / (a->y1 - a->y0) * (a->h - TOP - BOTTOM);
}

/* Means of equal runs of values, so that a curve has at most SHOWN points. */
static size_t thin(double *step, double *value, const cairn_series *s)
{
    size_t group = (s->count + SHOWN - 1) / SHOWN, count = 0;
    for (size_t i = 0; i < s->count; i += group) {
        size_t end = i + group < s->count ? i + group : s->count;
        double x = 0, y = 0;
        for (size_t k = i; k < end; k++) {
            x += s->step[k];
            y += s->value[k];
        }
        step[count] = x / (double)(end - i);
        value[count++] = y / (double)(end - i);
    }
    return count;
}

static axes choose_axes(const double *step, const double *value, size_t count, bool wide)
{
    axes a = {.x0 = step[0],
              .x1 = step[count - 1],
              .y0 = INFINITY,
              .y1 = -INFINITY,
              .w = wide ? 1000 : 420,
              .h = wide ? 300 : 200};
    for (size_t i = 0; i < count; i++) {
        a.y0 = fmin(a.y0, value[i]);
        a.y1 = fmax(a.y1, value[i]);
    }
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

static void draw_tick(FILE *page, const axes *a, double y)
{
    double at = place_y(a, y);
    fprintf(page, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>",
            LEFT, at, a->w - RIGHT, LEFT - 6, at + 4, fabs(y) < 1e-12 ? 0 : y);
}

static void draw_axes(FILE *page, const axes *a)
{
    if (a->logarithmic) {
        bool sparse = a->y1 - a->y0 < 2; /* under two decades: 2 and 5 as well */
        for (int e = (int)floor(a->y0); e <= (int)ceil(a->y1); e++)
            for (int k = 0; k < (sparse ? 3 : 1); k++) {
                double y = pow(10, e) * (k == 0 ? 1 : k == 1 ? 2 : 5);
                if (log10(y) >= a->y0 && log10(y) <= a->y1) draw_tick(page, a, y);
            }
    } else {
        double tick = cairn_chart_tick(a->y1 - a->y0, 4);
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

static void draw_line(FILE *page, const axes *a, const char *class, const double *step, const double *value,
                      size_t count)
{
    fprintf(page, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < count; i++)
        fprintf(page, "%c%.1f %.1f", i ? 'L' : 'M', place_x(a, step[i]), place_y(a, value[i]));
    fputs("\"/>", page);
}

/* Mean over a window of 1/20 of the curve, centred. */
static void smooth(double *out, const double *value, size_t count)
{
    size_t reach = count / 40 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t first = i > reach ? i - reach : 0, last = i + reach < count ? i + reach : count - 1;
        double sum = 0;
        for (size_t k = first; k <= last; k++) sum += value[k];
        out[i] = sum / (double)(last - first + 1);
    }
}

static void write_series(FILE *page, const cairn_series *s, bool wide)
{
    double step[SHOWN] = {0}, value[SHOWN] = {0}, even[SHOWN], end = 0;
    size_t count = thin(step, value, s), tail = s->count / 20 + 1;
    axes a = choose_axes(step, value, count, wide);
    for (size_t i = s->count - tail; i < s->count; i++) end += s->value[i] / (double)tail;
    fprintf(page, "<figure class=\"chart%s\"><figcaption><h4>", wide ? " first" : "");
    cairn_html_text(page, s->name);
    fprintf(page, "</h4><span>%.4g at first, %.4g at the end%s</span></figcaption>\n", s->value[0], end,
            a.logarithmic ? ", logarithmic" : "");
    fprintf(page, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", a.w, a.h);
    cairn_html_text(page, s->name);
    fprintf(page, " over %zu steps, from %.4g to %.4g\">", s->count, s->value[0], end);
    draw_axes(page, &a);
    if (count >= SMOOTH_FROM) {
        smooth(even, value, count);
        draw_line(page, &a, "raw", step, value, count);
        draw_line(page, &a, "line", step, even, count);
    } else {
        draw_line(page, &a, "line", step, value, count);
        for (size_t i = 0; i < count; i++)
            fprintf(page, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>", place_x(&a, step[i]),
                    place_y(&a, value[i]));
    }
    fputs("</svg></figure>\n", page);
}

static int loss_first(const void *left, const void *right)
{
    const cairn_series *a = left, *b = right;
    int rank_a = !strcmp(a->name, "loss") ? 0 : strstr(a->name, "loss") ? 1 : 2;
    int rank_b = !strcmp(b->name, "loss") ? 0 : strstr(b->name, "loss") ? 1 : 2;
    return rank_a != rank_b ? rank_a - rank_b : strcmp(a->name, b->name);
}

cairn_status cairn_curves_write(FILE *page, cairn_curves *curves)
{
    qsort(curves->series, (size_t)curves->count, sizeof *curves->series, loss_first);
    fputs("<div class=\"charts\">\n", page);
    for (int i = 0; i < curves->count; i++)
        if (curves->series[i].count > 0) write_series(page, &curves->series[i], i == 0);
    fputs("</div>\n", page);
    return CAIRN_OK;
}

void cairn_chart_intervals(FILE *page, const char *title, const cairn_interval_row *rows, int count)
{
    enum { WIDTH = 640, NAMES = 180, VALUES = 60, ROW = 30 };
    double most = 0;
    for (int i = 0; i < count; i++) most = fmax(most, rows[i].high);
    if (count == 0 || !(most > 0)) return;
    double tick = cairn_chart_tick(most, 5), end = ceil(most / tick - 1e-9) * tick;
    double scale = (WIDTH - NAMES - VALUES) / end;
    fputs("<figure class=\"chart intervals\"><figcaption><h4>", page);
    cairn_html_text(page, title);
    fputs("</h4><span class=\"legend\"><span class=\"key teacher\"></span>teacher<span class=\"key student\"></span>"
          "student<span class=\"key classical\"></span>classical<span class=\"key other\"></span>untrained or chance; "
          "bars: 95 % "
          "interval</span></figcaption>\n",
          page);
    fprintf(page, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, count * ROW + 30);
    cairn_html_text(page, title);
    fputs(", the numbers are in the table below\">", page);
    for (int i = 0; i * tick <= end + tick / 2; i++) {
        double x = NAMES + i * tick * scale;
        fprintf(page,
                "<path class=\"grid\" d=\"M%.1f 0V%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>", x,
                count * ROW + 4, x, count * ROW + 22, i * tick);
    }
    for (int i = 0; i < count; i++) {
        double y = i * ROW + 18;
        fprintf(page, "<text class=\"name\" x=\"0\" y=\"%.1f\">", y + 5);
        cairn_html_text(page, rows[i].name);
        fprintf(page,
                "</text><path class=\"bar%d\" stroke-width=\"3\" opacity=\".55\" d=\"M%.1f %.1fH%.1f\"/><circle "
                "class=\"bar%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/><text class=\"value\" x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%.3f</text>",
                rows[i].colour, NAMES + rows[i].low * scale, y, NAMES + rows[i].high * scale, rows[i].colour,
                NAMES + rows[i].mean * scale, y, WIDTH, y + 5, rows[i].mean);
    }
    fputs("</svg></figure>\n", page);
}
