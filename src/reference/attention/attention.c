#include "reference/attention/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One head of one batch element: rows of q, k, v start `stride` doubles apart. */
typedef struct head {
    int n, m, d, stride;
    double scale;
    const double *q, *k, *v, *key_mask, *query_mask; /* masks may be NULL */
} head;

static head head_of(const cairn_node *node, const cairn_graph *g, double *const *in, int b, int h)
{
    const cairn_attention_attributes *at = cairn_node_attributes(node);
    cairn_shape q = cairn_graph_shape(g, node->inputs[0]), k = cairn_graph_shape(g, node->inputs[1]);
    int d = q.c / at->heads;
    return (head){.n = q.w,
                  .m = k.w,
                  .d = d,
                  .stride = q.c,
                  .scale = at->scale,
                  .q = in[0] + (int64_t)b * q.w * q.c + h * d,
                  .k = in[1] + (int64_t)b * k.w * k.c + h * d,
                  .v = in[2] + (int64_t)b * k.w * k.c + h * d};
}

static bool kept(const double *mask, int i)
{
    return !mask || mask[i] > 0.5;
}

static double product(const double *a, const double *b, int d)
{
    double sum = 0;
    for (int c = 0; c < d; c++) sum += a[c] * b[c];
    return sum;
}

/* s [m]: the scores of query i. Returns the log of the sum of their exponentials. */
static double scores(const head *p, int i, double *s)
{
    double largest = -INFINITY, sum = 0;
    for (int j = 0; j < p->m; j++) {
        s[j] = kept(p->key_mask, j) && kept(p->query_mask, i)
                   ? p->scale * product(p->q + (int64_t)i * p->stride, p->k + (int64_t)j * p->stride, p->d)
                   : -INFINITY;
        largest = fmax(largest, s[j]);
    }
    if (!isfinite(largest)) return CAIRN_ATTENTION_NOTHING;
    for (int j = 0; j < p->m; j++) sum += exp(s[j] - largest);
    return largest + log(sum);
}

/* in: q, k, v, key mask, query mask; out: y, log of sums [B,heads,N,1] */
void cairn_ref_attention(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_attention_attributes *at = cairn_node_attributes(node);
    cairn_shape q = cairn_graph_shape(g, node->inputs[0]);
    double *s = malloc(sizeof *s * (size_t)cairn_graph_shape(g, node->inputs[1]).w);
    CAIRN_ASSERT(s);
    memset(out[0], 0, sizeof(double) * (size_t)cairn_shape_count(q));
    for (int b = 0; b < q.n; b++)
        for (int h = 0; h < at->heads; h++) {
            head p = head_of(node, g, in, b, h);
            p.key_mask = in[3] ? in[3] + (int64_t)b * p.m : NULL;
            p.query_mask = in[4] ? in[4] + (int64_t)b * p.n : NULL;
            for (int i = 0; i < p.n; i++) {
                double whole = scores(&p, i, s), *y = out[0] + ((int64_t)b * p.n + i) * q.c + h * p.d;
                out[1][((int64_t)b * at->heads + h) * p.n + i] = whole;
                for (int j = 0; j < p.m; j++)
                    for (int c = 0; c < p.d; c++) y[c] += exp(s[j] - whole) * p.v[(int64_t)j * p.stride + c];
            }
        }
    free(s);
}

static void grad_head(const head *p, const double *y, const double *whole, const double *dy, double *const *d)
{
    for (int i = 0; i < p->n; i++) {
        int64_t row = (int64_t)i * p->stride;
        double along = product(y + row, dy + row, p->d);
        for (int j = 0; j < p->m; j++) {
            int64_t other = (int64_t)j * p->stride;
            double s = p->scale * product(p->q + row, p->k + other, p->d);
            double w = kept(p->key_mask, j) ? exp(s - whole[i]) : 0;
            double ds = w * (product(dy + row, p->v + other, p->d) - along) * p->scale;
            for (int c = 0; c < p->d; c++) {
                d[0][row + c] += ds * p->k[other + c];
                d[1][other + c] += ds * p->q[row + c];
                d[2][other + c] += w * dy[row + c];
            }
        }
    }
}

/* in: q, k, v, y, log of sums, dy, key mask; out: dq, dk, dv */
void cairn_ref_attention_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_attention_attributes *at = cairn_node_attributes(node);
    cairn_shape q = cairn_graph_shape(g, node->inputs[0]), k = cairn_graph_shape(g, node->inputs[1]);
    memset(out[0], 0, sizeof(double) * (size_t)cairn_shape_count(q));
    memset(out[1], 0, sizeof(double) * (size_t)cairn_shape_count(k));
    memset(out[2], 0, sizeof(double) * (size_t)cairn_shape_count(k));
    for (int b = 0; b < q.n; b++)
        for (int h = 0; h < at->heads; h++) {
            head p = head_of(node, g, in, b, h);
            int64_t from = (int64_t)b * q.w * q.c + h * p.d, to = (int64_t)b * k.w * k.c + h * p.d;
            p.key_mask = at->key_mask ? in[6] + (int64_t)b * p.m : NULL;
            double *const d[3] = {out[0] + from, out[1] + to, out[2] + to};
            grad_head(&p, in[3] + from, in[4] + ((int64_t)b * at->heads + h) * p.n, in[5] + from, d);
        }
}

void cairn_ref_cos_sin(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[0]));
    for (int64_t i = 0; i < count; i++) {
        out[0][2 * i] = cos(in[0][i]);
        out[0][2 * i + 1] = sin(in[0][i]);
    }
}

/* in: the table, its gradient */
void cairn_ref_cos_sin_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    int64_t count = cairn_shape_count(cairn_graph_shape(g, node->outputs[0]));
    for (int64_t i = 0; i < count; i++)
        out[0][i] = in[0][2 * i] * in[1][2 * i + 1] - in[0][2 * i + 1] * in[1][2 * i];
}

void cairn_ref_rotate(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_rotate_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]), t = cairn_graph_shape(g, node->inputs[1]);
    for (int64_t r = 0; r < (int64_t)s.n * s.w; r++)
        for (int c = 0; c < s.c; c += 2) {
            const double *x = in[0] + r * s.c + c, *table = in[1] + r % ((int64_t)t.n * t.w) * t.c + c % t.c;
            double sine = at->inverse ? -table[1] : table[1];
            out[0][r * s.c + c] = x[0] * table[0] - x[1] * sine;
            out[0][r * s.c + c + 1] = x[1] * table[0] + x[0] * sine;
        }
}

/* in: x, dy; out: the gradient of a table for every row of x */
void cairn_ref_rotate_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]), t = cairn_graph_shape(g, node->outputs[0]);
    memset(out[0], 0, sizeof(double) * (size_t)cairn_shape_count(t));
    for (int64_t r = 0; r < (int64_t)s.n * s.w; r++)
        for (int c = 0; c < s.c; c += 2) {
            const double *x = in[0] + r * s.c + c, *dy = in[1] + r * s.c + c;
            double *d = out[0] + r * t.c + c % t.c;
            d[0] += dy[0] * x[0] + dy[1] * x[1];
            d[1] += dy[1] * x[0] - dy[0] * x[1];
        }
}
