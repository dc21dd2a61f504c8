#include "reference/gate/squeeze_excite.h"

#include <math.h>
#include <string.h>

typedef struct sizes {
    int64_t n, pixels, c, d, blocks; /* blocks: of pixels, in the sums that the gradients use */
} sizes;

static sizes sizes_of(const cairn_graph *g, cairn_tid x, cairn_tid hidden, cairn_tid sums)
{
    cairn_shape s = cairn_graph_shape(g, x);
    return (sizes){s.n, (int64_t)s.h * s.w, s.c, cairn_graph_shape(g, hidden).c, cairn_graph_shape(g, sums).w};
}

/* sums[n][block][c] = sum over the block's pixels of x (times dy, if there is one) */
static void pool(const sizes *s, const double *x, const double *dy, double *sums)
{
    int64_t length = (s->pixels + s->blocks - 1) / s->blocks;
    memset(sums, 0, sizeof *sums * (size_t)(s->n * s->blocks * s->c));
    for (int64_t n = 0; n < s->n; n++)
        for (int64_t p = 0; p < s->pixels; p++)
            for (int64_t c = 0; c < s->c; c++) {
                int64_t i = (n * s->pixels + p) * s->c + c;
                sums[(n * s->blocks + p / length) * s->c + c] += x[i] * (dy ? dy[i] : 1);
            }
}

static double total(const sizes *s, const double *sums, int64_t n, int64_t c)
{
    double sum = 0;
    for (int64_t b = 0; b < s->blocks; b++) sum += sums[(n * s->blocks + b) * s->c + c];
    return sum;
}

/* inputs: x, weight1, bias1, weight2, bias2; outputs: y, hidden [N,1,1,D], gate [N,1,1,C], pooled [N,1,blocks,C] */
void cairn_ref_squeeze_excite(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    sizes s = sizes_of(g, node->inputs[0], node->outputs[1], node->outputs[3]);
    double *hidden = out[1], *gate = out[2], *pooled = out[3];
    pool(&s, in[0], NULL, pooled);
    for (int64_t i = 0; i < s.n * s.blocks * s.c; i++) pooled[i] /= (double)s.pixels;
    for (int64_t n = 0; n < s.n; n++) {
        for (int64_t d = 0; d < s.d; d++) {
            double sum = in[2][d];
            for (int64_t c = 0; c < s.c; c++) sum += total(&s, pooled, n, c) * in[1][c * s.d + d];
            hidden[n * s.d + d] = fmax(sum, 0);
        }
        for (int64_t c = 0; c < s.c; c++) {
            double sum = in[4][c];
            for (int64_t d = 0; d < s.d; d++) sum += hidden[n * s.d + d] * in[3][d * s.c + c];
            gate[n * s.c + c] = fmin(fmax(sum + 3, 0), 6) / 6;
        }
    }
    for (int64_t i = 0; i < s.n * s.pixels * s.c; i++)
        out[0][i] = in[0][i] * gate[i / (s.pixels * s.c) * s.c + i % s.c];
}

/* inputs: x, dy, weight1, weight2, hidden, gate; outputs: dx, dz1 [N,1,1,D], dz2 [N,1,blocks,C]: the gradients of what
 * the two functions read */
void cairn_ref_squeeze_excite_grad(const cairn_node *node, const cairn_graph *g, double *const *in,
                                   double *const *out)
{
    sizes s = sizes_of(g, node->inputs[0], node->outputs[1], node->outputs[2]);
    const double *dy = in[1], *hidden = in[4], *gate = in[5];
    double *dx = out[0], *dz1 = out[1], *dz2 = out[2];
    pool(&s, in[0], dy, dz2);
    for (int64_t i = 0; i < s.n * s.blocks * s.c; i++) {
        double result = gate[i / (s.blocks * s.c) * s.c + i % s.c];
        dz2[i] *= result > 0 && result < 1 ? 1.0 / 6 : 0;
    }
    for (int64_t n = 0; n < s.n; n++) {
        for (int64_t d = 0; d < s.d; d++) {
            double sum = 0;
            for (int64_t c = 0; c < s.c; c++) sum += total(&s, dz2, n, c) * in[3][d * s.c + c];
            dz1[n * s.d + d] = hidden[n * s.d + d] > 0 ? sum : 0;
        }
        for (int64_t c = 0; c < s.c; c++) {
            double sum = 0;
            for (int64_t d = 0; d < s.d; d++) sum += dz1[n * s.d + d] * in[2][c * s.d + d];
            for (int64_t p = 0; p < s.pixels; p++) {
                int64_t i = (n * s.pixels + p) * s.c + c;
                dx[i] = dy[i] * gate[n * s.c + c] + sum / (double)s.pixels;
            }
        }
    }
}

/* inputs: pooled, dz1, hidden, dz2; outputs: dweight1, dbias1, dweight2, dbias2 */
void cairn_ref_squeeze_excite_grad_weight(const cairn_node *node, const cairn_graph *g, double *const *in,
                                          double *const *out)
{
    sizes s = sizes_of(g, node->inputs[0], node->inputs[1], node->inputs[0]);
    for (int k = 0; k < 4; k++)
        memset(out[k], 0, sizeof *out[k] * (size_t)cairn_shape_count(cairn_graph_shape(g, node->outputs[k])));
    for (int64_t n = 0; n < s.n; n++) {
        for (int64_t d = 0; d < s.d; d++) out[1][d] += in[1][n * s.d + d];
        for (int64_t c = 0; c < s.c; c++) {
            double mean = total(&s, in[0], n, c), dz2 = total(&s, in[3], n, c);
            out[3][c] += dz2;
            for (int64_t d = 0; d < s.d; d++) {
                out[0][c * s.d + d] += mean * in[1][n * s.d + d];
                out[2][d * s.c + c] += in[2][n * s.d + d] * dz2;
            }
        }
    }
}
