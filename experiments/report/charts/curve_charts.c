/* Curves of training as figures. */
#include "experiments/report/charts/axes.h"
#include "experiments/report/charts/curves.h"
#include "experiments/report/page/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 400, SMOOTH_FROM = 60, MOST_NAMES = 64 };

typedef struct thinned {
    const cairn_series *series;
    int run;
    size_t count;
    double step[SHOWN], value[SHOWN], even[SHOWN];
} thinned;

/* Means of equal runs of values, so that a curve has at most SHOWN points. */
static void thin(thinned *t)
{
    const cairn_series *s = t->series;
    const size_t group = (s->count + SHOWN - 1) / SHOWN;
    t->count = 0;
    for (size_t i = 0; i < s->count; i += group) {
        const size_t end = i + group < s->count ? i + group : s->count;
        double x = 0, y = 0;
        for (size_t k = i; k < end; k++) {
            x += s->step[k];
            y += s->value[k];
        }
        t->step[t->count] = x / (double)(end - i);
        t->value[t->count++] = y / (double)(end - i);
    }
}

/* Mean over a window of 1/20 of the curve, centred. */
static void smooth(thinned *t)
{
    const size_t reach = t->count / 40 + 1;
    for (size_t i = 0; i < t->count; i++) {
        const size_t first = i > reach ? i - reach : 0, last = i + reach < t->count ? i + reach : t->count - 1;
        double sum = 0;
        for (size_t k = first; k <= last; k++) sum += t->value[k];
        t->even[i] = sum / (double)(last - first + 1);
    }
}

static cairn_axes axes_for(const thinned *curves, int count, bool wide)
{
    double x0 = INFINITY, x1 = -INFINITY, least = INFINITY, most = -INFINITY;
    for (int c = 0; c < count; c++) {
        x0 = fmin(x0, curves[c].step[0]);
        x1 = fmax(x1, curves[c].step[curves[c].count - 1]);
        for (size_t i = 0; i < curves[c].count; i++) {
            least = fmin(least, curves[c].value[i]);
            most = fmax(most, curves[c].value[i]);
        }
    }
    return cairn_axes_around(x0, x1, least, most, wide ? 1000 : 420, wide ? 300 : 200);
}

static void caption(FILE *page, const char *name, const thinned *curves, int count, bool logarithmic)
{
    fputs("<figcaption><h5>", page);
    cairn_html_text(page, name);
    fputs("</h5><span>", page);
    if (count == 1) {
        const cairn_series *s = curves[0].series;
        const size_t tail = s->count / 20 + 1;
        double end = 0;
        for (size_t i = s->count - tail; i < s->count; i++) end += s->value[i] / (double)tail;
        fprintf(page, "%.4g at first, %.4g at the end", s->value[0], end);
    } else {
        fprintf(page, "%d runs", count);
    }
    fprintf(page, "%s</span></figcaption>\n", logarithmic ? ", logarithmic" : "");
}

static void draw(FILE *page, const cairn_axes *axes, thinned *t)
{
    if (t->count >= SMOOTH_FROM) {
        smooth(t);
        cairn_axes_line(page, axes, "raw", t->run, t->step, t->value, t->count);
        cairn_axes_line(page, axes, "line", t->run, t->step, t->even, t->count);
        return;
    }
    cairn_axes_line(page, axes, "line", t->run, t->step, t->value, t->count);
    for (size_t i = 0; i < t->count; i++) cairn_axes_dot(page, axes, t->run, t->step[i], t->value[i]);
}

static void write_figure(FILE *page, const char *name, thinned *curves, int count, const char *const *names, int runs,
                         bool wide)
{
    for (int c = 0; c < count; c++) thin(&curves[c]);
    const cairn_axes axes = axes_for(curves, count, wide);
    const cairn_series *first = curves[0].series;
    fprintf(page, "<figure class=\"chart%s\">", wide ? " first" : "");
    caption(page, name, curves, count, axes.logarithmic);
    fprintf(page, "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", axes.w, axes.h);
    cairn_html_text(page, name);
    fprintf(page, " over %zu steps, from %.4g to %.4g\">", first->count, first->value[0],
            first->value[first->count - 1]);
    cairn_axes_draw(page, &axes);
    for (int c = 0; c < count; c++) draw(page, &axes, &curves[c]);
    fputs("</svg>", page);
    if (runs > 1) cairn_axes_legend(page, names, runs);
    fputs("</figure>\n", page);
}

static int loss_first(const void *left, const void *right)
{
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    const int rank_a = !strcmp(a, "loss") ? 0 : strstr(a, "loss") ? 1 : 2;
    const int rank_b = !strcmp(b, "loss") ? 0 : strstr(b, "loss") ? 1 : 2;
    return rank_a != rank_b ? rank_a - rank_b : strcmp(a, b);
}

/* Every name once, losses first. */
static int collect_names(const char *names[MOST_NAMES], const cairn_curves *runs, int count)
{
    int found = 0;
    for (int r = 0; r < count; r++)
        for (int s = 0; s < runs[r].count; s++) {
            bool known = runs[r].series[s].count == 0;
            for (int i = 0; i < found && !known; i++) known = !strcmp(names[i], runs[r].series[s].name);
            if (!known && found < MOST_NAMES) names[found++] = runs[r].series[s].name;
        }
    qsort(names, (size_t)found, sizeof *names, loss_first);
    return found;
}

void cairn_curves_write(FILE *page, const cairn_curves *runs, const char *const *names, int count)
{
    const char *series[MOST_NAMES];
    if (count > CAIRN_CURVES_MOST_RUNS) count = CAIRN_CURVES_MOST_RUNS;
    thinned *curves = calloc(CAIRN_CURVES_MOST_RUNS, sizeof *curves);
    const int found = collect_names(series, runs, count);
    fputs("<div class=\"charts\">\n", page);
    for (int i = 0; i < found && curves; i++) {
        int shown = 0;
        for (int r = 0; r < count; r++)
            for (int s = 0; s < runs[r].count; s++) {
                if (strcmp(runs[r].series[s].name, series[i]) || runs[r].series[s].count == 0) continue;
                curves[shown].series = &runs[r].series[s];
                curves[shown++].run = r;
            }
        write_figure(page, series[i], curves, shown, names, count, i == 0);
    }
    fputs("</div>\n", page);
    free(curves);
}
