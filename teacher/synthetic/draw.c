#include "teacher/synthetic/draw.h"

#include <math.h>
#include <string.h>

enum { MOST_VERTICES = 16 };

cairn_status cairn_canvas_create(cairn_canvas *out, int h, int w)
{
    *out = (cairn_canvas){0};
    if (h < 1 || w < 1 || h > 1 << 14 || w > 1 << 14)
        return cairn_error_set(CAIRN_E_INVALID, "canvas of %dx%d: each side must be 1..16384", w, h);
    uint8_t *pixels = calloc((size_t)h * (size_t)w, 1);
    if (!pixels) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a canvas of %dx%d", w, h);
    *out = (cairn_canvas){h, w, pixels};
    return CAIRN_OK;
}

void cairn_canvas_free(cairn_canvas *canvas)
{
    free(canvas->pixels);
    *canvas = (cairn_canvas){0};
}

double cairn_canvas_mean(const cairn_canvas *canvas)
{
    uint64_t total = 0;
    for (int y = 0; y < canvas->h; y++) {
        const uint8_t *row = canvas->pixels + (size_t)y * canvas->w;
        uint32_t sum = 0;
        for (int x = 0; x < canvas->w; x++) sum += row[x];
        total += sum;
    }
    return (double)total / canvas->h / canvas->w;
}

int cairn_mirror(int i, int n)
{
    if (n == 1) return 0;
    int period = 2 * (n - 1);
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

/* What spans are painted with: a value, or the pixels of a patch. */
typedef struct paint {
    cairn_canvas *canvas;
    uint8_t value;
    const cairn_canvas *patch;
    int x0, y0;
} paint;

/* Pixels with centres in [left, right] of row y, which is on the canvas. */
static void span(const paint *p, int y, double left, double right)
{
    if (!(left <= right) || right < 0 || left > p->canvas->w - 1) return;
    int x0 = left <= 0 ? 0 : (int)ceil(left), x1 = right >= p->canvas->w - 1 ? p->canvas->w - 1 : (int)floor(right);
    if (x0 > x1) return;
    uint8_t *row = p->canvas->pixels + (size_t)y * p->canvas->w;
    if (p->patch)
        memcpy(row + x0, p->patch->pixels + (size_t)(y - p->y0) * p->patch->w + (x0 - p->x0), (size_t)(x1 - x0 + 1));
    else
        memset(row + x0, p->value, (size_t)(x1 - x0 + 1));
}

/* Rows of [low, high] that are on the canvas. */
static void rows(const cairn_canvas *canvas, double low, double high, int *first, int *last)
{
    *first = low <= 0 ? 0 : low > canvas->h ? canvas->h : (int)ceil(low);
    *last = high >= canvas->h - 1 ? canvas->h - 1 : (int)floor(high);
}

void cairn_draw_disc(cairn_canvas *canvas, int x, int y, int radius, uint8_t value)
{
    paint p = {.canvas = canvas, .value = value};
    int first, last;
    rows(canvas, y - radius, y + radius, &first, &last);
    for (int row = first; row <= last; row++) {
        double reach = sqrt((double)radius * radius - (double)(row - y) * (row - y));
        span(&p, row, x - reach, x + reach);
    }
}

void cairn_draw_ellipse(cairn_canvas *canvas, int x, int y, int a, int b, double degrees, uint8_t value)
{
    paint p = {.canvas = canvas, .value = value};
    double c = cos(degrees * 0.017453292519943295), s = sin(degrees * 0.017453292519943295);
    double ia = 1.0 / ((double)a * a), ib = 1.0 / ((double)b * b);
    /* A dx^2 + 2 B dx dy + C dy^2 <= 1 */
    double A = c * c * ia + s * s * ib, B = c * s * (ia - ib), C = s * s * ia + c * c * ib;
    double height = sqrt(A / (A * C - B * B));
    int first, last;
    rows(canvas, y - height, y + height, &first, &last);
    for (int row = first; row <= last; row++) {
        double dy = row - y, root = B * B * dy * dy - A * (C * dy * dy - 1);
        if (root < 0) continue;
        double middle = -B * dy / A, reach = sqrt(root) / A;
        span(&p, row, x + middle - reach, x + middle + reach);
    }
}

static void thin_line(const paint *p, cairn_point from, cairn_point to)
{
    int dx = abs(to.x - from.x), dy = -abs(to.y - from.y), sx = from.x < to.x ? 1 : -1, sy = from.y < to.y ? 1 : -1;
    int error = dx + dy;
    for (;;) {
        if (from.y >= 0 && from.y < p->canvas->h) span(p, from.y, from.x, from.x);
        if (from.x == to.x && from.y == to.y) return;
        int twice = 2 * error;
        if (twice >= dy) {
            error += dy;
            from.x += sx;
        }
        if (twice <= dx) {
            error += dx;
            from.y += sy;
        }
    }
}

/* Widens [left, right] by where the segment p..q passes row y. */
static void widen(double *left, double *right, double px, double py, double qx, double qy, double y)
{
    if ((py < y && qy < y) || (py > y && qy > y)) return;
    double x = py == qy ? px : px + (qx - px) * (y - py) / (qy - py), other = py == qy ? qx : x;
    *left = fmin(*left, fmin(x, other));
    *right = fmax(*right, fmax(x, other));
}

void cairn_draw_line(cairn_canvas *canvas, cairn_point from, cairn_point to, int thickness, uint8_t value)
{
    paint p = {.canvas = canvas, .value = value};
    if (thickness <= 1) {
        thin_line(&p, from, to);
        return;
    }
    double r = thickness / 2.0, dx = to.x - from.x, dy = to.y - from.y, length = hypot(dx, dy);
    double nx = length > 0 ? -dy / length * r : r, ny = length > 0 ? dx / length * r : 0;
    int first, last;
    rows(canvas, fmin(from.y, to.y) - r, fmax(from.y, to.y) + r, &first, &last);
    for (int y = first; y <= last; y++) {
        double left = INFINITY, right = -INFINITY; /* the figure is convex: one span in each row */
        for (int end = 0; end < 2; end++) {
            cairn_point c = end ? to : from;
            double root = r * r - (double)(y - c.y) * (y - c.y);
            if (root < 0) continue;
            left = fmin(left, c.x - sqrt(root));
            right = fmax(right, c.x + sqrt(root));
        }
        widen(&left, &right, from.x + nx, from.y + ny, to.x + nx, to.y + ny, y);
        widen(&left, &right, from.x - nx, from.y - ny, to.x - nx, to.y - ny, y);
        span(&p, y, left, right);
    }
}

static void polygon(const paint *p, const cairn_point *v, int count)
{
    CAIRN_ASSERT(count <= MOST_VERTICES);
    int low = v[0].y, high = v[0].y, first, last;
    for (int i = 1; i < count; i++) {
        low = v[i].y < low ? v[i].y : low;
        high = v[i].y > high ? v[i].y : high;
    }
    rows(p->canvas, low, high, &first, &last);
    for (int y = first; y <= last; y++) {
        double cross[MOST_VERTICES];
        int n = 0;
        for (int i = 0; i < count; i++) {
            cairn_point a = v[i], b = v[(i + 1) % count];
            if ((a.y <= y) == (b.y <= y)) continue; /* half open: a vertex counts once */
            double x = a.x + (double)(b.x - a.x) * (y - a.y) / (b.y - a.y);
            int at = n++;
            for (; at > 0 && cross[at - 1] > x; at--) cross[at] = cross[at - 1];
            cross[at] = x;
        }
        for (int i = 0; i + 1 < n; i += 2) span(p, y, cross[i], cross[i + 1]);
    }
    for (int i = 0; i < count; i++) thin_line(p, v[i], v[(i + 1) % count]);
}

void cairn_draw_polygon(cairn_canvas *canvas, const cairn_point *vertices, int count, uint8_t value)
{
    paint p = {.canvas = canvas, .value = value};
    if (count > 0) polygon(&p, vertices, count);
}

void cairn_draw_polygon_patch(cairn_canvas *canvas, const cairn_point *vertices, int count, const cairn_canvas *patch,
                              int x0, int y0)
{
    paint p = {.canvas = canvas, .patch = patch, .x0 = x0, .y0 = y0};
    if (count > 0) polygon(&p, vertices, count);
}

cairn_status cairn_canvas_box_blur(cairn_canvas *out, const cairn_canvas *in, int k)
{
    int h = in->h, w = in->w, before = k / 2, after = k - 1 - before;
    if (k < 1 || out->h != h || out->w != w || out->pixels == in->pixels)
        return cairn_error_set(CAIRN_E_INVALID,
                               "box blur: kernel %d must be 1 or more, and the canvases two of one size", k);
    /* Sums over the rows of the window for each column, with the mirrored columns on both sides. */
    uint32_t *memory = calloc((size_t)(w + k), sizeof *memory), *columns = memory + before;
    if (!memory) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a box blur of %d columns", w);
    for (int i = -before; i <= after; i++) {
        const uint8_t *row = in->pixels + (size_t)cairn_mirror(i, h) * w;
        for (int x = 0; x < w; x++) columns[x] += row[x];
    }
    float scale = 1.0f / ((float)k * (float)k);
    for (int y = 0; y < h; y++) {
        for (int x = 1; x <= before; x++) columns[-x] = columns[cairn_mirror(-x, w)];
        for (int x = w; x < w + after; x++) columns[x] = columns[cairn_mirror(x, w)];
        uint32_t sum = 0;
        for (int x = -before; x < after; x++) sum += columns[x];
        uint8_t *to = out->pixels + (size_t)y * w;
        for (int x = 0; x < w; x++) {
            sum += columns[x + after];
            to[x] = (uint8_t)((float)(int32_t)sum * scale + 0.5f); /* below 2^31 for kernels up to 2900 */
            sum -= columns[x - before];
        }
        const uint8_t *enter = in->pixels + (size_t)cairn_mirror(y + 1 + after, h) * w;
        const uint8_t *leave = in->pixels + (size_t)cairn_mirror(y - before, h) * w;
        for (int x = 0; x < w; x++) columns[x] += (uint32_t)enter[x] - (uint32_t)leave[x];
    }
    free(memory);
    return CAIRN_OK;
}
