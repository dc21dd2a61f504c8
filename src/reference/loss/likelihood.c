#include "reference/loss/likelihood.h"

#include "ops/loss/likelihood.h"

#include <math.h>
#include <string.h>

static int64_t cells_of(cairn_shape s)
{
    return (int64_t)s.n * s.h * s.w;
}

/* log of the sum of exp(scale * x) of `count` values `step` apart, where mask (or NULL) holds 1; 0 if none does. */
static double log_sum(const double *x, int64_t count, int64_t step, const double *mask, double scale)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++)
        if (!mask || mask[i] > 0.5) largest = fmax(largest, scale * x[i * step]);
    if (!isfinite(largest)) return 0;
    for (int64_t i = 0; i < count; i++)
        if (!mask || mask[i] > 0.5) sum += exp(scale * x[i * step] - largest);
    return largest + log(sum);
}

void cairn_ref_log_sum_exp(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_lse_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    int64_t rows = (int64_t)s.h * s.w;
    for (int n = 0; n < s.n; n++) {
        const double *x = in[0] + n * rows * s.c, *mask = in[1] ? in[1] + n * (at->rows ? rows : s.c) : NULL;
        for (int c = 0; c < s.c && at->rows; c++) out[0][n * s.c + c] = log_sum(x + c, rows, s.c, mask, 1);
        for (int64_t r = 0; r < rows && !at->rows; r++) out[0][n * rows + r] = log_sum(x + r * s.c, s.c, 1, mask, 1);
    }
}

/* in: x, y, dy, mask */
void cairn_ref_log_sum_exp_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_lse_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    int64_t rows = (int64_t)s.h * s.w;
    for (int n = 0; n < s.n; n++)
        for (int64_t r = 0; r < rows; r++)
            for (int c = 0; c < s.c; c++) {
                int64_t i = (n * rows + r) * s.c + c, j = at->rows ? n * s.c + c : n * rows + r;
                bool kept = !in[3] || in[3][at->rows ? n * rows + r : n * s.c + c] > 0.5;
                out[0][i] = kept ? exp(in[0][i] - in[1][j]) * in[2][j] : 0;
            }
}

void cairn_ref_pick(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t i = 0; i < cells_of(s); i++)
        out[0][i] = in[1][i] >= 0 && in[1][i] < s.c ? in[0][i * s.c + (int)in[1][i]] : 0;
}

/* in: index, dy */
void cairn_ref_pick_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape s = cairn_graph_shape(g, node->outputs[0]);
    memset(out[0], 0, sizeof(double) * (size_t)cairn_shape_count(s));
    for (int64_t i = 0; i < cells_of(s); i++)
        if (in[0][i] >= 0 && in[0][i] < s.c) out[0][i * s.c + (int)in[0][i]] = in[1][i];
}

void cairn_ref_largest_channel(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t i = 0; i < cells_of(s); i++) {
        int best = 0;
        for (int c = 1; c < s.c; c++)
            if (in[0][i * s.c + c] > in[0][i * s.c + best]) best = c;
        out[0][i] = best;
    }
}

static double smoothed_weight(const cairn_node *node, int classes, double label, int c)
{
    const cairn_likelihood_attributes *at = cairn_node_attributes(node);
    return (double)at->value / classes + (c == (int)label ? 1 - (double)at->value : 0);
}

void cairn_ref_smoothed(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t i = 0; i < cells_of(s); i++) {
        const double *x = in[0] + i * s.c;
        double whole = log_sum(x, s.c, 1, NULL, 1), sum = 0;
        for (int c = 0; c < s.c; c++) sum += smoothed_weight(node, s.c, in[1][i], c) * (whole - x[c]);
        out[0][i] = in[1][i] >= 0 && in[1][i] < s.c ? sum : 0;
    }
}

void cairn_ref_smoothed_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t i = 0; i < cells_of(s); i++) {
        const double *x = in[0] + i * s.c;
        double whole = log_sum(x, s.c, 1, NULL, 1), d = in[1][i] >= 0 && in[1][i] < s.c ? in[2][i] : 0;
        for (int c = 0; c < s.c; c++)
            out[0][i * s.c + c] = (exp(x[c] - whole) - smoothed_weight(node, s.c, in[1][i], c)) * d;
    }
}

void cairn_ref_kl(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_likelihood_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t i = 0; i < cells_of(s); i++) {
        const double *x = in[0] + i * s.c, *t = in[1] + i * s.c;
        double p = log_sum(x, s.c, 1, NULL, at->value), q = log_sum(t, s.c, 1, NULL, at->value), sum = 0;
        for (int c = 0; c < s.c; c++)
            sum += exp(at->value * t[c] - q) * ((at->value * t[c] - q) - (at->value * x[c] - p));
        out[0][i] = sum;
    }
}

void cairn_ref_kl_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    const cairn_likelihood_attributes *at = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t i = 0; i < cells_of(s); i++) {
        const double *x = in[0] + i * s.c, *t = in[1] + i * s.c;
        double p = log_sum(x, s.c, 1, NULL, at->value), q = log_sum(t, s.c, 1, NULL, at->value);
        for (int c = 0; c < s.c; c++)
            out[0][i * s.c + c] = (exp(at->value * x[c] - p) - exp(at->value * t[c] - q)) * at->value * in[2][i];
    }
}

static double log_sigmoid(double z)
{
    return fmin(z, 0) - log1p(exp(-fabs(z)));
}

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

/* in: s, z0, z1, mask0, mask1; out: P, row sums, column sums */
void cairn_ref_log_assignment(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape t = cairn_graph_shape(g, node->inputs[0]);
    int n = t.w, m = t.c;
    for (int b = 0; b < t.n; b++) {
        const double *s = in[0] + (int64_t)b * n * m, *z0 = in[1] + b * n, *z1 = in[2] + b * m;
        const double *mask0 = in[3] ? in[3] + b * n : NULL, *mask1 = in[4] ? in[4] + b * m : NULL;
        double *rows = out[1] + b * n, *columns = out[2] + b * m, *p = out[0] + (int64_t)b * (n + 1) * (m + 1);
        for (int i = 0; i < n; i++) rows[i] = log_sum(s + (int64_t)i * m, m, 1, mask1, 1);
        for (int j = 0; j < m; j++) columns[j] = log_sum(s + j, n, m, mask0, 1);
        for (int i = 0; i <= n; i++)
            for (int j = 0; j <= m; j++, p++) {
                bool out0 = i < n && mask0 && mask0[i] <= 0.5, out1 = j < m && mask1 && mask1[j] <= 0.5;
                *p = out0 || out1     ? CAIRN_ASSIGNMENT_MASKED
                     : i == n && j == m ? 0
                     : i == n           ? log_sigmoid(-z1[j])
                     : j == m           ? log_sigmoid(-z0[i])
                                        : 2 * s[(int64_t)i * m + j] - rows[i] - columns[j] + log_sigmoid(z0[i]) +
                                    log_sigmoid(z1[j]);
            }
    }
}

/* One batch element. counts: whether both points of (i, j) take part. */
static void assignment_grad(int n, int m, const double *const *in, double *const *d)
{
    const double *s = in[0], *rows = in[1], *columns = in[2], *z0 = in[3], *z1 = in[4], *dp = in[5];
    for (int i = 0; i < n; i++) d[1][i] = !in[6] || in[6][i] > 0.5 ? -sigmoid(z0[i]) * dp[i * (m + 1) + m] : 0;
    for (int j = 0; j < m; j++) d[2][j] = !in[7] || in[7][j] > 0.5 ? -sigmoid(z1[j]) * dp[n * (m + 1) + j] : 0;
    memset(d[0], 0, sizeof(double) * (size_t)n * (size_t)m);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) {
            if ((in[6] && in[6][i] <= 0.5) || (in[7] && in[7][j] <= 0.5)) continue;
            double u = dp[i * (m + 1) + j];
            d[0][i * m + j] += 2 * u;
            d[1][i] += sigmoid(-z0[i]) * u;
            d[2][j] += sigmoid(-z1[j]) * u;
            for (int k = 0; k < m; k++)
                if (!in[7] || in[7][k] > 0.5) d[0][i * m + k] -= exp(s[i * m + k] - rows[i]) * u;
            for (int k = 0; k < n; k++)
                if (!in[6] || in[6][k] > 0.5) d[0][k * m + j] -= exp(s[k * m + j] - columns[j]) * u;
        }
}

/* in: s, row sums, column sums, z0, z1, dP, mask0, mask1; out: ds, dz0, dz1 */
void cairn_ref_log_assignment_grad(const cairn_node *node, const cairn_graph *g, double *const *in, double *const *out)
{
    cairn_shape t = cairn_graph_shape(g, node->inputs[0]);
    int n = t.w, m = t.c;
    for (int b = 0; b < t.n; b++) {
        int64_t steps[8] = {(int64_t)n * m, n, m, n, m, (int64_t)(n + 1) * (m + 1), n, m};
        const double *inputs[8];
        for (int k = 0; k < 8; k++) inputs[k] = in[k] ? in[k] + b * steps[k] : NULL;
        double *const d[3] = {out[0] + b * steps[0], out[1] + b * n, out[2] + b * m};
        assignment_grad(n, m, inputs, d);
    }
}
