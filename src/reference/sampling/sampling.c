#include "reference/sampling/sampling.h"

#include "ops/sampling/sampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct axis { /* the two taps of a position along one axis */
    int at[2];
    double weight[2], slope[2]; /* slope: of the weights with the coordinate */
} axis;

static axis axis_of(double coordinate, int length, const cairn_sample_attributes *a)
{
    double u = (coordinate + 0.5) / (double)a->stride - 0.5, slope = 1 / (double)a->stride;
    if (a->border == CAIRN_BORDER_CLAMP && (u < 0 || u > length - 1)) {
        u = u < 0 ? 0 : length - 1;
        slope = 0;
    }
    double low = floor(u), t = u - low;
    axis r = {{(int)low, (int)low + 1}, {1 - t, t}, {-slope, slope}};
    for (int k = 0; k < 2; k++)
        if (r.at[k] < 0 || r.at[k] >= length) {
            r.at[k] = 0;
            r.weight[k] = r.slope[k] = 0;
        }
    return r;
}

void cairn_reference_sample(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                            double *const *outputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]), y = cairn_graph_shape(g, node->outputs[0]);
    for (int64_t i = 0; i < (int64_t)y.n * y.w; i++) {
        const double *map = inputs[0] + i / y.w * s.h * s.w * s.c, *p = inputs[1] + 2 * i;
        axis ax = axis_of(p[0], s.w, cairn_node_attributes(node)), ay = axis_of(p[1], s.h, cairn_node_attributes(node));
        for (int c = 0; c < s.c; c++) {
            double sum = 0;
            for (int k = 0; k < 4; k++)
                sum += ay.weight[k / 2] * ax.weight[k % 2] *
                       map[((int64_t)ay.at[k / 2] * s.w + ax.at[k % 2]) * s.c + c];
            outputs[0][i * s.c + c] = sum;
        }
    }
}

void cairn_reference_sample_grad_map(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                     double *const *outputs)
{
    cairn_shape dy = cairn_graph_shape(g, node->inputs[1]), s = cairn_graph_shape(g, node->outputs[0]);
    memset(outputs[0], 0, sizeof(double) * (size_t)cairn_shape_count(s));
    for (int64_t i = 0; i < (int64_t)dy.n * dy.w; i++) {
        double *map = outputs[0] + i / dy.w * s.h * s.w * s.c;
        const double *p = inputs[0] + 2 * i;
        axis ax = axis_of(p[0], s.w, cairn_node_attributes(node)), ay = axis_of(p[1], s.h, cairn_node_attributes(node));
        for (int k = 0; k < 4; k++)
            for (int c = 0; c < s.c; c++)
                map[((int64_t)ay.at[k / 2] * s.w + ax.at[k % 2]) * s.c + c] +=
                    ay.weight[k / 2] * ax.weight[k % 2] * inputs[1][i * s.c + c];
    }
}

void cairn_reference_sample_grad_points(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                        double *const *outputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]), dy = cairn_graph_shape(g, node->inputs[2]);
    for (int64_t i = 0; i < (int64_t)dy.n * dy.w; i++) {
        const double *map = inputs[0] + i / dy.w * s.h * s.w * s.c, *p = inputs[1] + 2 * i;
        axis ax = axis_of(p[0], s.w, cairn_node_attributes(node)), ay = axis_of(p[1], s.h, cairn_node_attributes(node));
        double dx = 0, dv = 0;
        for (int k = 0; k < 4; k++)
            for (int c = 0; c < s.c; c++) {
                double v = map[((int64_t)ay.at[k / 2] * s.w + ax.at[k % 2]) * s.c + c] * inputs[2][i * s.c + c];
                dx += ay.weight[k / 2] * ax.slope[k % 2] * v;
                dv += ay.slope[k / 2] * ax.weight[k % 2] * v;
            }
        outputs[0][2 * i] = dx;
        outputs[0][2 * i + 1] = dv;
    }
}

/* -1: no row */
static int64_t row_of(double index, int rows)
{
    return index >= -0.5 && index < rows - 0.5 ? (int64_t)floor(index + 0.5) : -1;
}

void cairn_reference_gather(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    cairn_shape x = cairn_graph_shape(g, node->inputs[0]), y = cairn_graph_shape(g, node->outputs[0]);
    for (int64_t i = 0; i < (int64_t)y.n * y.w; i++) {
        int64_t row = row_of(inputs[1][i], x.w);
        for (int c = 0; c < x.c; c++)
            outputs[0][i * x.c + c] = row < 0 ? 0 : inputs[0][(i / y.w * x.w + row) * x.c + c];
    }
}

void cairn_reference_gather_grad(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs)
{
    cairn_shape dy = cairn_graph_shape(g, node->inputs[1]), x = cairn_graph_shape(g, node->outputs[0]);
    memset(outputs[0], 0, sizeof(double) * (size_t)cairn_shape_count(x));
    for (int64_t i = 0; i < (int64_t)dy.n * dy.w; i++) {
        int64_t row = row_of(inputs[0][i], x.w);
        for (int c = 0; c < x.c && row >= 0; c++)
            outputs[0][(i / dy.w * x.w + row) * x.c + c] += inputs[1][i * x.c + c];
    }
}

typedef struct candidate {
    double score;
    int64_t at;
} candidate;

static int better_first(const void *a, const void *b)
{
    const candidate *p = a, *q = b;
    if (p->score != q->score) return p->score > q->score ? -1 : 1;
    return p->at < q->at ? -1 : p->at > q->at;
}

void cairn_reference_top_points(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                double *const *outputs)
{
    const cairn_top_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]), points = cairn_graph_shape(g, node->outputs[0]);
    candidate *list = malloc(sizeof *list * (size_t)s.h * (size_t)s.w);
    CAIRN_ASSERT(list);
    for (int n = 0; n < s.n; n++) {
        int64_t count = 0;
        for (int y = a->border; y < s.h - a->border; y++)
            for (int x = a->border; x < s.w - a->border; x++) {
                double v = inputs[0][((int64_t)n * s.h + y) * s.w + x];
                if (v > (double)a->threshold) list[count++] = (candidate){v, (int64_t)y * s.w + x};
            }
        qsort(list, (size_t)count, sizeof *list, better_first);
        if (count > points.w) count = points.w;
        for (int64_t i = 0; i < points.w; i++) {
            int64_t row = (int64_t)n * points.w + i;
            outputs[0][2 * row] = i < count ? (double)(list[i].at % s.w) : -1;
            outputs[0][2 * row + 1] = i < count ? (double)(list[i].at / s.w) : -1;
            outputs[1][row] = i < count ? list[i].score : 0;
        }
        outputs[2][n] = (double)count;
    }
    free(list);
}
