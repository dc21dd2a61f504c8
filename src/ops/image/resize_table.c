#include "ops/image/resize_table.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_TAPS = 4 };

typedef struct axis_taps {
    int count, at[MOST_TAPS];
    double weight[MOST_TAPS];
} axis_taps;

static double cubic(double distance)
{
    const double a = -0.75;
    double d = fabs(distance);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* What output `position` reads. The source position is kept as a fraction of integers: no size loses digits. */
static axis_taps taps_of(cairn_resize mode, int position, int in, int out)
{
    axis_taps t = {.count = 1, .weight = {1}};
    if (mode == CAIRN_RESIZE_NEAREST) {
        t.at[0] = (int)((int64_t)position * in / out);
        return t;
    }
    int64_t numerator = (2 * (int64_t)position + 1) * in - out, denominator = 2 * (int64_t)out;
    int64_t base = (numerator + denominator) / denominator - 1; /* the numerator is above -denominator */
    double rest = (double)(numerator - base * denominator) / (double)denominator;
    int first = mode == CAIRN_RESIZE_BICUBIC ? -1 : 0;
    t.count = mode == CAIRN_RESIZE_BICUBIC ? 4 : 2;
    for (int k = 0; k < t.count; k++) {
        int64_t at = base + first + k;
        t.weight[k] = mode == CAIRN_RESIZE_BICUBIC ? cubic(rest - first - k) : 1 - fabs(rest - k);
        t.at[k] = (int)(at < 0 ? 0 : at >= in ? in - 1 : at);
    }
    return t;
}

typedef struct window {
    int32_t low, high; /* none while low > high */
} window;

/* Elements of the widest window; at least 1. */
static int32_t find_windows(window *windows, cairn_resize mode, int in, int out, bool transposed)
{
    int positions = transposed ? in : out;
    int32_t widest = 1;
    for (int i = 0; i < positions; i++) windows[i] = (window){INT32_MAX, -1};
    for (int p = 0; p < out; p++) {
        axis_taps t = taps_of(mode, p, in, out);
        for (int k = 0; k < t.count; k++) {
            window *w = &windows[transposed ? t.at[k] : p];
            int element = transposed ? p : t.at[k];
            if (t.weight[k] == 0) continue;
            if (element < w->low) w->low = element;
            if (element > w->high) w->high = element;
        }
    }
    for (int i = 0; i < positions; i++)
        if (windows[i].high - windows[i].low >= widest && windows[i].high >= 0)
            widest = windows[i].high - windows[i].low + 1;
    return widest;
}

cairn_tid cairn_resize__table(cairn_graph *g, cairn_resize mode, int in, int out, bool transposed, int32_t *taps)
{
    int positions = transposed ? in : out, length = transposed ? out : in;
    cairn_tid table = CAIRN_NONE;
    float *values = NULL;
    window *windows = malloc(sizeof *windows * (size_t)positions);
    *taps = 0;
    if (!windows) return cairn_graph_mistake(g, "resize", "no memory for %d positions", positions);
    int32_t widest = find_windows(windows, mode, in, out, transposed), width = 4 + (widest + 3) / 4 * 4;
    values = calloc((size_t)positions * (size_t)width, sizeof *values);
    if (!values) {
        cairn_graph_mistake(g, "resize", "no memory for the weights of %d positions", positions);
        goto done;
    }
    for (int i = 0; i < positions; i++) {
        int32_t begin = windows[i].high < 0 ? 0 : windows[i].low;
        windows[i].low = begin < length - widest ? begin : length - widest;
        values[(size_t)i * (size_t)width] = (float)windows[i].low;
    }
    for (int p = 0; p < out; p++) {
        axis_taps t = taps_of(mode, p, in, out);
        for (int k = 0; k < t.count; k++) {
            int row = transposed ? t.at[k] : p, element = transposed ? p : t.at[k];
            if (t.weight[k] == 0) continue;
            values[(size_t)row * (size_t)width + 4 + (size_t)(element - windows[row].low)] += (float)t.weight[k];
        }
    }
    *taps = widest;
    table = cairn_graph_constant_data(g, (cairn_shape){1, 1, positions, width}, values);
done:
    free(windows);
    free(values);
    return table;
}
