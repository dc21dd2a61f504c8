/* The robust homography of the common computer-vision library (its version 4), for parity with published numbers:
 * the same generator, samples, tests and stop, so that the inliers are the same ones. */
#include "geometry/keypoints.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ATTEMPTS = 10000, REFINEMENTS = 10 };

typedef struct point {
    float x, y; /* the library works on single precision */
} point;

/* Multiply with carry; the seed is fixed, so that the result depends on the matches alone. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = (uint64_t)(uint32_t)*state * 4164903690u + (uint32_t)(*state >> 32);
    return (uint32_t)*state % below;
}

/* Whether the last of four points lies on a line through two of the others. */
static bool collinear(const point p[4])
{
    for (int j = 1; j < 3; j++) {
        double ax = p[j].x - p[3].x, ay = p[j].y - p[3].y;
        for (int k = 0; k < j; k++) {
            double bx = p[k].x - p[3].x, by = p[k].y - p[3].y;
            if (fabs(bx * ay - by * ax) <= FLT_EPSILON * (fabs(ax) + fabs(ay) + fabs(bx) + fabs(by))) return true;
        }
    }
    return false;
}

static double orientation(const point *p, const int t[3])
{
    double ax = p[t[0]].x, ay = p[t[0]].y, bx = p[t[1]].x, by = p[t[1]].y, cx = p[t[2]].x, cy = p[t[2]].y;
    return ax * (by - cy) - ay * (bx - cx) + (bx * cy - by * cx);
}

/* The four triangles keep their orientation, or all change it. */
static bool consistent(const point a[4], const point b[4])
{
    static const int triangles[4][3] = {{0, 1, 2}, {1, 2, 3}, {0, 2, 3}, {0, 1, 3}};
    int changed = 0;
    for (int i = 0; i < 4; i++) changed += orientation(a, triangles[i]) * orientation(b, triangles[i]) < 0;
    return changed == 0 || changed == 4;
}

static bool sample(point a[4], point b[4], const point *from, const point *to, int count, uint64_t *state)
{
    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        uint32_t index[4];
        for (int i = 0; i < 4;) {
            bool fresh = true;
            index[i] = draw(state, (uint32_t)count);
            for (int j = 0; j < i; j++) fresh = fresh && index[j] != index[i];
            i += fresh;
        }
        for (int i = 0; i < 4; i++) {
            a[i] = from[index[i]];
            b[i] = to[index[i]];
        }
        if (!collinear(a) && !collinear(b) && consistent(a, b)) return true;
    }
    return false;
}

/* Mean, and the scale of each axis that makes its mean absolute deviation 1; false if an axis has none. */
static bool normaliser(double mean[2], double scale[2], const point *p, int count)
{
    mean[0] = mean[1] = scale[0] = scale[1] = 0;
    for (int i = 0; i < count; i++) {
        mean[0] += p[i].x;
        mean[1] += p[i].y;
    }
    mean[0] /= count;
    mean[1] /= count;
    for (int i = 0; i < count; i++) {
        scale[0] += fabs(p[i].x - mean[0]);
        scale[1] += fabs(p[i].y - mean[1]);
    }
    if (scale[0] < DBL_EPSILON || scale[1] < DBL_EPSILON) return false;
    scale[0] = count / scale[0];
    scale[1] = count / scale[1];
    return true;
}

static bool denormalise(cairn_homography *out, const double m[9], const double f[2], const double fs[2],
                        const double g[2], const double gs[2])
{
    cairn_homography h, undo = {{1 / gs[0], 0, g[0], 0, 1 / gs[1], g[1], 0, 0, 1}};
    const cairn_homography redo = {{fs[0], 0, -f[0] * fs[0], 0, fs[1], -f[1] * fs[1], 0, 0, 1}};
    memcpy(h.m, m, sizeof h.m);
    h = cairn_homography_multiply(&undo, &h);
    h = cairn_homography_multiply(&h, &redo);
    for (int i = 0; i < 9; i++) out->m[i] = h.m[i] / h.m[8];
    for (int i = 0; i < 9; i++)
        if (!isfinite(out->m[i])) return false;
    return true;
}

/* The exact homography of a sample: what the direct linear transform gives for four pairs, up to rounding, without
 * eigenvectors, which took nearly all the time. The sample's triangles keep their orientation, so that the denominator
 * has one sign at all its points and is not zero at their mean, where the normalised h33 is its value.
 *
 * Weights l of the points that add up to nothing, sum l_i (X, Y, 1)_i = 0, are the areas of the triangles without each;
 * with w_i = 1 + h7 X_i + h8 Y_i then sum l_i x_i w_i = sum l_i y_i w_i = 0 gives h7 and h8, and the other rows are
 * affine maps of three points. */
static bool fit_four(cairn_homography *out, const point from[4], const point to[4])
{
    static const int others[4][3] = {{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}};
    double f[2], fs[2], g[2], gs[2], X[4], Y[4], x[4], y[4], l[4], m[9];
    if (!normaliser(f, fs, from, 4) || !normaliser(g, gs, to, 4)) return false;
    for (int i = 0; i < 4; i++) {
        X[i] = (from[i].x - f[0]) * fs[0], Y[i] = (from[i].y - f[1]) * fs[1];
        x[i] = (to[i].x - g[0]) * gs[0], y[i] = (to[i].y - g[1]) * gs[1];
    }
    int left_out = 0;
    for (int i = 0; i < 4; i++) {
        const int *o = others[i];
        l[i] = (X[o[1]] - X[o[0]]) * (Y[o[2]] - Y[o[0]]) - (Y[o[1]] - Y[o[0]]) * (X[o[2]] - X[o[0]]);
        if (fabs(l[i]) > fabs(l[left_out])) left_out = i;
    }
    for (int i = 1; i < 4; i += 2) l[i] = -l[i];
    double a[2][3] = {{0}};
    for (int i = 0; i < 4; i++) {
        const double factor[3] = {X[i], Y[i], 1};
        for (int k = 0; k < 3; k++) {
            a[0][k] += l[i] * x[i] * factor[k];
            a[1][k] += l[i] * y[i] * factor[k];
        }
    }
    const double det = a[0][0] * a[1][1] - a[0][1] * a[1][0];
    m[6] = (a[0][1] * a[1][2] - a[1][1] * a[0][2]) / det;
    m[7] = (a[1][0] * a[0][2] - a[0][0] * a[1][2]) / det;
    m[8] = 1;
    const int *o = others[left_out], p = o[0], q = o[1], r = o[2];
    const double area = (X[q] - X[p]) * (Y[r] - Y[p]) - (Y[q] - Y[p]) * (X[r] - X[p]);
    for (int row = 0; row < 2; row++) {
        const double *v = row ? y : x;
        const double vp = v[p] * (1 + m[6] * X[p] + m[7] * Y[p]), vq = v[q] * (1 + m[6] * X[q] + m[7] * Y[q]) - vp,
                     vr = v[r] * (1 + m[6] * X[r] + m[7] * Y[r]) - vp;
        m[3 * row] = (vq * (Y[r] - Y[p]) - vr * (Y[q] - Y[p])) / area;
        m[3 * row + 1] = (vr * (X[q] - X[p]) - vq * (X[r] - X[p])) / area;
        m[3 * row + 2] = vp - m[3 * row] * X[p] - m[3 * row + 1] * Y[p];
    }
    return denormalise(out, m, f, fs, g, gs);
}

/* Normalised direct linear transform by the 9x9 normal matrix. */
static bool fit(cairn_homography *out, const point *from, const point *to, int count)
{
    double f[2], fs[2], g[2], gs[2], a[81] = {0}, values[9];
    if (!normaliser(f, fs, from, count) || !normaliser(g, gs, to, count)) return false;
    for (int i = 0; i < count; i++) {
        double X = (from[i].x - f[0]) * fs[0], Y = (from[i].y - f[1]) * fs[1];
        double x = (to[i].x - g[0]) * gs[0], y = (to[i].y - g[1]) * gs[1];
        const double row_x[9] = {X, Y, 1, 0, 0, 0, -x * X, -x * Y, -x};
        const double row_y[9] = {0, 0, 0, X, Y, 1, -y * X, -y * Y, -y};
        for (int j = 0; j < 9; j++)
            for (int k = j; k < 9; k++) a[9 * j + k] += row_x[j] * row_x[k] + row_y[j] * row_y[k];
    }
    /* Row major upper = column major lower; the eigenvectors come back as rows, smallest value first. */
    if (LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', 9, a, 9, values) != 0) return false;
    return denormalise(out, a, f, fs, g, gs);
}

/* Forward error only, in single precision, h33 taken as 1. */
static int mark(uint8_t *inliers, const cairn_homography *h, const point *from, const point *to, int count, float limit)
{
    float m[8];
    int found = 0;
    for (int i = 0; i < 8; i++) m[i] = (float)h->m[i];
    for (int i = 0; i < count; i++) {
        float w = 1.0f / (m[6] * from[i].x + m[7] * from[i].y + 1.0f);
        float dx = (m[0] * from[i].x + m[1] * from[i].y + m[2]) * w - to[i].x;
        float dy = (m[3] * from[i].x + m[4] * from[i].y + m[5]) * w - to[i].y;
        found += inliers[i] = dx * dx + dy * dy <= limit;
    }
    return found;
}

static int iterations_needed(double confidence, double outliers, int most)
{
    double miss = 1 - pow(1 - outliers, 4);
    if (miss < DBL_MIN) return 0;
    double left = log(fmax(1 - confidence, DBL_MIN)), each = log(miss);
    return each >= 0 || -left >= most * -each ? most : (int)rint(left / each);
}

typedef struct work {
    point *from, *to;
    uint8_t *now, *best;
} work;

/* Marks the inliers of the best model in w->best; false if there is none. */
static bool search(const work *w, int count, float limit, int iterations, double confidence)
{
    uint64_t state = UINT64_MAX;
    int most = 0;
    for (int n = 0; n < iterations; n++) {
        point a[4], b[4];
        cairn_homography h;
        if (!sample(a, b, w->from, w->to, count, &state)) break;
        if (!fit_four(&h, a, b)) continue;
        int found = mark(w->now, &h, w->from, w->to, count, limit);
        if (found <= (most > 3 ? most : 3)) continue;
        memcpy(w->best, w->now, (size_t)count);
        most = found;
        iterations = iterations_needed(confidence, (double)(count - found) / count, iterations);
    }
    return most > 0;
}

static bool refine(cairn_homography *out, const work *w, const double *from, const double *to, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (!w->best[i]) continue;
        w->from[kept] = w->from[i];
        w->to[kept++] = w->to[i];
    }
    if (!fit(out, w->from, w->to, kept)) return false;
    cairn_homography_polish(out, from, to, w->best, count, INFINITY, REFINEMENTS);
    return true;
}

cairn_status cairn_homography_ransac_cv(cairn_homography *out, const double *from, const double *to, int count,
                                        double threshold, int iterations, double confidence, uint8_t *inliers)
{
    cairn_status st = CAIRN_OK;
    bool found;
    if (inliers && count > 0) memset(inliers, 0, (size_t)count);
    if (!(threshold > 0) || iterations < 1 || !(confidence >= 0 && confidence <= 1))
        return cairn_error_set(CAIRN_E_INVALID, "robust homography: needs threshold > 0, iterations >= 1 and "
                                                "confidence in [0,1]");
    if (count < 4) return cairn_error_set(CAIRN_E_NUMERIC, "robust homography: needs 4 matches or more, got %d", count);
    size_t n = (size_t)count;
    work w = {malloc(n * sizeof(point)), malloc(n * sizeof(point)), calloc(n, 1), calloc(n, 1)};
    if (!w.from || !w.to || !w.now || !w.best) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a robust fit of %d matches", count);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        w.from[i] = (point){(float)from[2 * i], (float)from[2 * i + 1]};
        w.to[i] = (point){(float)to[2 * i], (float)to[2 * i + 1]};
    }
    if (count == 4) {
        memset(w.best, 1, 4);
        found = fit(out, w.from, w.to, 4);
    } else {
        found = search(&w, count, (float)(threshold * threshold), iterations, confidence) &&
                refine(out, &w, from, to, count);
    }
    if (!found) {
        st = cairn_error_set(CAIRN_E_NUMERIC, "robust homography: no model in %d samples of %d matches", iterations,
                             count);
        goto done;
    }
    if (inliers) memcpy(inliers, w.best, n);
done:
    free(w.from);
    free(w.to);
    free(w.now);
    free(w.best);
    return st;
}
