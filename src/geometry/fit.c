#include "geometry/homography.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

/* Weighted mean and the scale that makes the mean distance from it sqrt 2. */
static bool frame(double f[3], const double *p, const double *weights, int count)
{
    double sum = 0, x = 0, y = 0, d = 0;
    for (int i = 0; i < count; i++) {
        double w = weights ? weights[i] : 1;
        sum += w;
        x += w * p[2 * i];
        y += w * p[2 * i + 1];
    }
    if (!(sum > 0)) return false;
    f[0] = x / sum;
    f[1] = y / sum;
    for (int i = 0; i < count; i++) d += (weights ? weights[i] : 1) * hypot(p[2 * i] - f[0], p[2 * i + 1] - f[1]);
    f[2] = 1.4142135623730951 * sum / d;
    return d > 0 && isfinite(f[2]);
}

/* The 9x9 normal matrix of the two rows that each pair contributes, upper triangle, row major. The rows share their
 * structure, so that four weighted 3x3 moment matrices hold everything. */
static void normal_matrix(double a[81], const double *from, const double *to, const double *weights, int count,
                          const double f[3], const double g[3])
{
    double s[4][6] = {{0}}; /* weights 1, x, y, x^2 + y^2; moments XX XY X YY Y 1 */
    for (int i = 0; i < count; i++) {
        double w = weights ? weights[i] : 1;
        double X = (from[2 * i] - f[0]) * f[2], Y = (from[2 * i + 1] - f[1]) * f[2];
        double x = (to[2 * i] - g[0]) * g[2], y = (to[2 * i + 1] - g[1]) * g[2];
        double moments[6] = {X * X, X * Y, X, Y * Y, Y, 1}, factor[4] = {w, w * x, w * y, w * (x * x + y * y)};
        for (int k = 0; k < 4; k++)
            for (int j = 0; j < 6; j++) s[k][j] += factor[k] * moments[j];
    }
    static const int index[3][3] = {{0, 1, 2}, {1, 3, 4}, {2, 4, 5}};
    memset(a, 0, sizeof(double[81]));
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            int k = index[i][j];
            a[9 * i + j] = a[9 * (i + 3) + j + 3] = s[0][k];
            a[9 * i + j + 6] = -s[1][k];
            a[9 * (i + 3) + j + 6] = -s[2][k];
            a[9 * (i + 6) + j + 6] = s[3][k];
        }
    }
}

cairn_status cairn_homography_fit(cairn_homography *out, const double *from, const double *to, const double *weights,
                                  int count)
{
    double f[3], g[3], a[81], values[9];
    if (count < 4 || !frame(f, from, weights, count) || !frame(g, to, weights, count)) goto degenerate;
    normal_matrix(a, from, to, weights, count, f, g);
    /* Row major upper = column major lower; the eigenvectors come back as rows of `a`, smallest value first. */
    if (LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', 9, a, 9, values) != 0) goto degenerate;
    /* A second eigenvalue near zero means a family of solutions. */
    if (!(values[1] > 1e-12 * values[8])) goto degenerate;
    cairn_homography h, undo = {{1 / g[2], 0, g[0], 0, 1 / g[2], g[1], 0, 0, 1}};
    memcpy(h.m, a, sizeof h.m);
    cairn_homography redo = {{f[2], 0, -f[2] * f[0], 0, f[2], -f[2] * f[1], 0, 0, 1}};
    h = cairn_homography_multiply(&undo, &h);
    h = cairn_homography_multiply(&h, &redo);
    double norm = 0;
    for (int i = 0; i < 9; i++) norm += h.m[i] * h.m[i];
    double factor = fabs(h.m[8]) > 1e-12 * sqrt(norm) ? h.m[8] : sqrt(norm);
    if (!(fabs(factor) > 0) || !isfinite(factor)) goto degenerate;
    for (int i = 0; i < 9; i++) out->m[i] = h.m[i] / factor;
    return CAIRN_OK;
degenerate:
    return cairn_error_set(CAIRN_E_NUMERIC, "%d point pairs do not determine a homography", count);
}

typedef struct problem {
    const double *from, *to;
    const uint8_t *use;
    int count;
    double huber;
} problem;

/* Huber cost at h; with a != NULL also the normal equations a d = b of the weighted Gauss-Newton step. */
static double evaluate(const problem *p, const double m[9], double a[8][8], double b[8])
{
    double cost = 0;
    if (a) memset(a, 0, sizeof(double[8][8]));
    if (b) memset(b, 0, sizeof(double[8]));
    for (int i = 0; i < p->count; i++) {
        if (p->use && !p->use[i]) continue;
        double X = p->from[2 * i], Y = p->from[2 * i + 1], w = m[6] * X + m[7] * Y + m[8];
        if (!(fabs(w) > 1e-12)) return INFINITY;
        double x = (m[0] * X + m[1] * Y + m[2]) / w, y = (m[3] * X + m[4] * Y + m[5]) / w;
        double ex = p->to[2 * i] - x, ey = p->to[2 * i + 1] - y, e = hypot(ex, ey);
        double weight = e <= p->huber ? 1 : p->huber / e;
        cost += e <= p->huber ? 0.5 * e * e : p->huber * (e - 0.5 * p->huber);
        if (!a) continue;
        double jx[8] = {X / w, Y / w, 1 / w, 0, 0, 0, -X * x / w, -Y * x / w};
        double jy[8] = {0, 0, 0, X / w, Y / w, 1 / w, -X * y / w, -Y * y / w};
        for (int r = 0; r < 8; r++) {
            b[r] += weight * (jx[r] * ex + jy[r] * ey);
            for (int c = 0; c <= r; c++) a[r][c] += weight * (jx[r] * jx[c] + jy[r] * jy[c]);
        }
    }
    return cost;
}

/* Cholesky solve of (a + lambda diag a) d = b from the lower triangle; false if it is not positive definite. */
static bool step(double d[8], double a[8][8], const double b[8], double lambda)
{
    double l[8][8];
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j <= i; j++) {
            double v = a[i][j] * (i == j ? 1 + lambda : 1);
            for (int k = 0; k < j; k++) v -= l[i][k] * l[j][k];
            if (i == j && !(v > 0)) return false;
            l[i][j] = i == j ? sqrt(v) : v / l[j][j];
        }
    }
    for (int i = 0; i < 8; i++) {
        d[i] = b[i];
        for (int k = 0; k < i; k++) d[i] -= l[i][k] * d[k];
        d[i] /= l[i][i];
    }
    for (int i = 7; i >= 0; i--) {
        for (int k = i + 1; k < 8; k++) d[i] -= l[k][i] * d[k];
        d[i] /= l[i][i];
    }
    return true;
}

void cairn_homography_polish(cairn_homography *h, const double *from, const double *to, const uint8_t *use, int count,
                             double huber, int iterations)
{
    problem p = {from, to, use, count, huber};
    double a[8][8], b[8], d[8], m[9], lambda = 1e-3;
    if (!(fabs(h->m[8]) > 1e-12)) return;
    for (int i = 0; i < 9; i++) m[i] = h->m[i] / h->m[8];
    double cost = evaluate(&p, m, a, b);
    for (int n = 0; n < iterations && isfinite(cost); n++) {
        double next[9];
        memcpy(next, m, sizeof next);
        double trial = INFINITY;
        if (step(d, a, b, lambda)) {
            for (int i = 0; i < 8; i++) next[i] += d[i];
            trial = evaluate(&p, next, NULL, NULL);
        }
        if (!(trial < cost)) {
            lambda *= 10;
            continue;
        }
        bool settled = cost - trial < 1e-10 * cost;
        lambda /= 10;
        memcpy(m, next, sizeof m);
        cost = evaluate(&p, m, a, b);
        if (settled) break;
    }
    memcpy(h->m, m, sizeof m);
}
