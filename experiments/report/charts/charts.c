#include "experiments/report/charts/charts.h"

#include "experiments/report/charts/axes.h"
#include "experiments/report/page/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void figure(FILE *page, const char *class, const char *title, const char *note)
{
    fprintf(page, "<figure class=\"chart %s\"><figcaption><h5>", class);
    cairn_html_text(page, title);
    fputs("</h5><span>", page);
    cairn_html_text(page, note);
    fputs("</span></figcaption>\n", page);
}

/* Names are cut to the room beside the chart; the table has them in full. */
static void short_name(FILE *page, const char *name)
{
    enum { MOST = 24 };
    char text[MOST * 4 + 1];
    size_t bytes = 0, letters = 0;
    for (const char *c = name; *c && bytes < sizeof text - 1; c++) {
        letters += ((unsigned char)*c & 0xC0) != 0x80;
        if (letters > MOST) break;
        text[bytes++] = *c;
    }
    text[bytes] = 0;
    cairn_html_text(page, text);
    if (name[bytes]) fputs("&hellip;", page);
}

void cairn_chart_intervals(FILE *page, const char *title, const char *note, int digits, const cairn_interval_row *rows,
                           int count)
{
    enum { WIDTH = 420, NAMES = 156, VALUES = 52, ROW = 22 };
    double most = 0;
    for (int i = 0; i < count; i++) most = fmax(most, rows[i].high);
    if (count == 0 || !(most > 0) || !isfinite(most)) return;
    const double tick = cairn_chart_tick(most, 4), end = ceil(most / tick - 1e-9) * tick;
    const double scale = (WIDTH - NAMES - VALUES) / end;
    figure(page, "intervals", title, note);
    fprintf(page, "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, count * ROW + 24);
    cairn_html_text(page, title);
    fputs(", the numbers are in the table\">", page);
    for (int i = 0; i * tick <= end + tick / 2; i++) {
        const double x = NAMES + i * tick * scale;
        fprintf(page,
                "<path class=\"grid\" d=\"M%.1f 0V%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>", x,
                count * ROW + 4, x, count * ROW + 19, i * tick);
    }
    for (int i = 0; i < count; i++) {
        const double y = i * ROW + 13;
        fprintf(page, "<text class=\"name\" x=\"0\" y=\"%.1f\">", y + 4);
        short_name(page, rows[i].name);
        fprintf(page,
                "</text><path class=\"whisker bar%d\" d=\"M%.1f %.1fH%.1f\"/><circle class=\"bar%d\" cx=\"%.1f\" "
                "cy=\"%.1f\" r=\"4\"/><text class=\"value\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>",
                rows[i].colour, NAMES + fmax(rows[i].low, 0) * scale, y, NAMES + rows[i].high * scale, rows[i].colour,
                NAMES + fmax(rows[i].mean, 0) * scale, y, WIDTH, y + 4, digits, rows[i].mean);
    }
    fputs("</svg></figure>\n", page);
}

void cairn_chart_mma(FILE *page, const char *title, const cairn_mma_row *rows, int count)
{
    const char **names = calloc((size_t)count + 1, sizeof *names);
    int steps = 0;
    for (int i = 0; i < count; i++) steps = rows[i].steps > steps ? rows[i].steps : steps;
    if (names && steps > 1) {
        const cairn_axes axes = {.x0 = 1, .x1 = steps, .y0 = 0, .y1 = 1, .w = 640, .h = 300};
        figure(page, "mma", title, "share of mutual matches within 1 to 10 px");
        fputs("<svg class=\"plot\" viewBox=\"0 0 640 300\" role=\"img\" aria-label=\"", page);
        cairn_html_text(page, title);
        fputs("\">", page);
        cairn_axes_draw(page, &axes);
        for (int i = 0; i < count; i++) {
            static const double x[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
            names[i] = rows[i].name;
            fputs("<g class=\"curve\"><title>", page);
            cairn_html_text(page, rows[i].name);
            fprintf(page, ": %.3f at 1 px, %.3f at %d px</title>", rows[i].share[0], rows[i].share[rows[i].steps - 1],
                    rows[i].steps);
            cairn_axes_line(page, &axes, "line", i, x, rows[i].share, (size_t)rows[i].steps);
            for (int k = 0; k < rows[i].steps; k++) cairn_axes_dot(page, &axes, i, x[k], rows[i].share[k]);
            fputs("</g>", page);
        }
        fputs("</svg>", page);
        cairn_axes_legend(page, names, count);
        fputs("</figure>\n", page);
    }
    free(names);
}
