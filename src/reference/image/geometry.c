#include "reference/image/geometry.h"

#include <math.h>
#include <string.h>

/* False where (x, y) goes to infinity, so far that no image is there, or behind the camera; the centre of the mapped
 * view lies in front. */
static bool project(const double *m, double x, double y, double centre_x, double centre_y, double *out_x, double *out_y)
{
    double w = m[6] * x + m[7] * y + m[8], front = m[6] * centre_x + m[7] * centre_y + m[8];
    *out_x = (m[0] * x + m[1] * y + m[2]) / w;
    *out_y = (m[3] * x + m[4] * y + m[5]) / w;
    return (front < 0 ? -w : w) > 0 && fabs(*out_x) < 1e6 && fabs(*out_y) < 1e6;
}

static double tap(const double *image, cairn_shape s, int y, int x, int c)
{
    return y >= 0 && y < s.h && x >= 0 && x < s.w ? image[((int64_t)y * s.w + x) * s.c + c] : 0;
}

void cairn_reference_warp(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    cairn_shape in = cairn_graph_shape(g, node->inputs[0]), out = cairn_graph_shape(g, node->outputs[0]);
    bool one_matrix = cairn_graph_shape(g, node->inputs[1]).n == 1;
    double *y = outputs[0];
    for (int n = 0; n < out.n; n++) {
        const double *image = inputs[0] + (in.n == 1 ? 0 : (int64_t)n * in.h * in.w * in.c);
        const double *m = inputs[1] + (one_matrix ? 0 : 9 * n);
        for (int i = 0; i < out.h; i++)
            for (int j = 0; j < out.w; j++) {
                double px, py;
                bool finite = project(m, j, i, 0.5 * (out.w - 1), 0.5 * (out.h - 1), &px, &py);
                int x0 = finite ? (int)floor(px) : 0, y0 = finite ? (int)floor(py) : 0;
                double tx = px - x0, ty = py - y0;
                for (int c = 0; c < out.c; c++)
                    *y++ =
                        !finite
                            ? 0
                            : (1 - ty) * ((1 - tx) * tap(image, in, y0, x0, c) + tx * tap(image, in, y0, x0 + 1, c)) +
                                  ty * ((1 - tx) * tap(image, in, y0 + 1, x0, c) +
                                        tx * tap(image, in, y0 + 1, x0 + 1, c));
            }
    }
}

/* The transpose of the above: each output pixel's gradient to the four taps. */
void cairn_reference_warp_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                               double *const *outputs)
{
    cairn_shape in = cairn_graph_shape(g, node->outputs[0]), out = cairn_graph_shape(g, node->inputs[0]);
    bool one_matrix = cairn_graph_shape(g, node->inputs[1]).n == 1;
    const double *dy = inputs[0];
    memset(outputs[0], 0, sizeof *outputs[0] * (size_t)cairn_shape_count(in));
    for (int n = 0; n < out.n; n++) {
        double *dx = outputs[0] + (in.n == 1 ? 0 : (int64_t)n * in.h * in.w * in.c);
        const double *m = inputs[1] + (one_matrix ? 0 : 9 * n);
        for (int i = 0; i < out.h; i++)
            for (int j = 0; j < out.w; j++, dy += out.c) {
                double px, py;
                if (!project(m, j, i, 0.5 * (out.w - 1), 0.5 * (out.h - 1), &px, &py)) continue;
                for (int k = 0; k < 4; k++) {
                    int x = (int)floor(px) + (k & 1), y = (int)floor(py) + (k >> 1);
                    if (x < 0 || y < 0 || x >= in.w || y >= in.h) continue;
                    for (int c = 0; c < in.c; c++)
                        dx[((int64_t)y * in.w + x) * in.c + c] += (1 - fabs(px - x)) * (1 - fabs(py - y)) * dy[c];
                }
            }
    }
}

void cairn_reference_warp_valid(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    cairn_shape out = cairn_graph_shape(g, node->outputs[0]);
    double *y = outputs[0];
    for (int n = 0; n < out.n; n++)
        for (int i = 0; i < out.h; i++)
            for (int j = 0; j < out.w; j++) {
                double px, py;
                bool finite = project(inputs[0] + 9 * n, j, i, 0.5 * (out.w - 1), 0.5 * (out.h - 1), &px, &py);
                px = rint(px);
                py = rint(py);
                *y++ = finite && px >= 0 && py >= 0 && px < a->in_w && py < a->in_h;
            }
}

void cairn_reference_erode(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    double disc = a->radius > 0 ? (a->radius - 0.5) * (a->radius - 0.5) : 0;
    for (int64_t row = 0; row < (int64_t)s.n * s.h; row++)
        for (int x = 0; x < s.w; x++) {
            int y = (int)(row % s.h);
            double least = INFINITY;
            for (int v = 0; v < s.h; v++)
                for (int u = 0; u < s.w; u++)
                    if ((v - y) * (v - y) + (u - x) * (u - x) <= disc)
                        least = fmin(least, inputs[0][(row - y + v) * s.w + u]);
            outputs[0][row * s.w + x] = least;
        }
}

/* Largest value of `values` [h,w] in the window around (y, x). */
static double window_max(const double *values, int h, int w, int y, int x, int radius)
{
    double largest = -INFINITY;
    for (int v = y - radius; v <= y + radius; v++)
        for (int u = x - radius; u <= x + radius; u++)
            if (v >= 0 && v < h && u >= 0 && u < w) largest = fmax(largest, values[v * w + u]);
    return largest;
}

static void suppress_image(const double *score, double *kept, double *rest, double *inside, int h, int w, int radius)
{
    for (int i = 0; i < h * w; i++) kept[i] = score[i] == window_max(score, h, w, i / w, i % w, radius);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < h * w; i++) {
            inside[i] = window_max(kept, h, w, i / w, i % w, radius) > 0;
            rest[i] = inside[i] != 0 ? 0 : score[i];
        }
        for (int i = 0; i < h * w; i++)
            if (inside[i] == 0 && rest[i] == window_max(rest, h, w, i / w, i % w, radius)) kept[i] = 1;
    }
}

void cairn_reference_suppress(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                              double *const *outputs)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    size_t pixels = (size_t)s.h * (size_t)s.w;
    double *scratch = malloc(2 * pixels * sizeof *scratch);
    CAIRN_ASSERT(scratch);
    for (int n = 0; n < s.n; n++) {
        const double *score = inputs[0] + (size_t)n * pixels;
        double *kept = outputs[0] + (size_t)n * pixels;
        suppress_image(score, kept, scratch, scratch + pixels, s.h, s.w, a->radius);
        for (size_t i = 0; i < pixels; i++) kept[i] = kept[i] > 0 && score[i] > a->limit ? score[i] : 0;
    }
    free(scratch);
}

void cairn_reference_correspondence(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                    double *const *outputs)
{
    const cairn_geometry_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->outputs[0]);
    double *out = outputs[0];
    for (int n = 0; n < s.n; n++)
        for (int i = 0; i < s.w; i++)
            for (int j = 0; j < s.c; j++) {
                double half = 0.5 * a->radius, x, y;
                bool finite = project(inputs[0] + 9 * n, i % a->in_w * a->radius + half, i / a->in_w * a->radius + half,
                                      half * a->in_w, half * a->in_h, &x, &y);
                double dx = j % a->in_w * a->radius + half - x, dy = j / a->in_w * a->radius + half - y;
                *out++ = finite && dx * dx + dy * dy <= (double)a->limit * a->limit;
            }
}
