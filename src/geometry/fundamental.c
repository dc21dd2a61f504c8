#include "geometry/fundamental.h"

#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 8, STAGE = 0x46554E44, LEAST_ITERATIONS = 20 };

double cairn_fundamental_sampson(const double f[9], const double from[2], const double to[2])
{
    const double X = from[0], Y = from[1], x = to[0], y = to[1];
    const double a = f[0] * X + f[1] * Y + f[2], b = f[3] * X + f[4] * Y + f[5], c = f[6] * X + f[7] * Y + f[8];
    const double d = f[0] * x + f[3] * y + f[6], e = f[1] * x + f[4] * y + f[7];
    const double slope = a * a + b * b + d * d + e * e, value = x * a + y * b + c;
    return slope > 0 ? fabs(value) / sqrt(slope) : INFINITY;
}

/* Centre and the scale that makes the mean distance from it sqrt 2. */
static bool frame(double f[3], const double *p, const int *index, int count)
{
    f[0] = f[1] = 0;
    for (int i = 0; i < count; i++) {
        f[0] += p[2 * index[i]] / count;
        f[1] += p[2 * index[i] + 1] / count;
    }
    double distance = 0;
    for (int i = 0; i < count; i++) distance += hypot(p[2 * index[i]] - f[0], p[2 * index[i] + 1] - f[1]);
    f[2] = sqrt(2.0) * count / distance;
    return distance > 0 && isfinite(f[2]);
}

/* The nearest matrix of rank 2. */
static bool reduce_rank(double m[9])
{
    double a[9], u[9], vt[9], s[3], work[2];
    memcpy(a, m, sizeof a);
    if (LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'A', 'A', 3, 3, a, 3, s, u, 3, vt, 3, work) != 0) return false;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) m[3 * i + j] = u[3 * i] * s[0] * vt[j] + u[3 * i + 1] * s[1] * vt[3 + j];
    return s[1] > 0;
}

/* T_to^T m T_from with T p = scale (p - centre), to norm 1. */
static bool undo_frames(double m[9], const double f[3], const double g[3])
{
    const double t[9] = {f[2], 0, -f[2] * f[0], 0, f[2], -f[2] * f[1], 0, 0, 1};
    const double r[9] = {g[2], 0, -g[2] * g[0], 0, g[2], -g[2] * g[1], 0, 0, 1};
    double half[9] = {0}, whole[9] = {0}, norm = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++) half[3 * i + j] += m[3 * i + k] * t[3 * k + j];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++) whole[3 * i + j] += r[3 * k + i] * half[3 * k + j];
    for (int i = 0; i < 9; i++) norm += whole[i] * whole[i];
    norm = sqrt(norm);
    for (int i = 0; i < 9; i++) m[i] = whole[i] / norm;
    return norm > 0 && isfinite(norm);
}

/* The normalised eight-point algorithm on 8 or more pairs. */
static bool fit(double out[9], const double *from, const double *to, const int *index, int count)
{
    double f[3], g[3], a[81] = {0}, values[9];
    if (!frame(f, from, index, count) || !frame(g, to, index, count)) return false;
    for (int i = 0; i < count; i++) {
        const double X = (from[2 * index[i]] - f[0]) * f[2], Y = (from[2 * index[i] + 1] - f[1]) * f[2];
        const double x = (to[2 * index[i]] - g[0]) * g[2], y = (to[2 * index[i] + 1] - g[1]) * g[2];
        const double row[9] = {x * X, x * Y, x, y * X, y * Y, y, X, Y, 1};
        for (int j = 0; j < 9; j++)
            for (int k = j; k < 9; k++) a[9 * j + k] += row[j] * row[k];
    }
    /* Row major upper = column major lower; the eigenvectors come back as rows, smallest value first. */
    if (LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', 9, a, 9, values) != 0) return false;
    memcpy(out, a, 9 * sizeof *out);
    return reduce_rank(out) && undo_frames(out, f, g);
}

static int mark(uint8_t *inliers, const double f[9], const double *from, const double *to, int count, double threshold)
{
    int found = 0;
    for (int i = 0; i < count; i++)
        found += inliers[i] = cairn_fundamental_sampson(f, from + 2 * i, to + 2 * i) <= threshold;
    return found;
}

static void draw(int index[SAMPLE], int count, cairn_rng *rng)
{
    for (int i = 0; i < SAMPLE;) {
        bool fresh = true;
        index[i] = cairn_rng_integer(rng, 0, count - 1);
        for (int j = 0; j < i; j++) fresh = fresh && index[j] != index[i];
        i += fresh;
    }
}

cairn_status cairn_fundamental_ransac(double out[9], const double *from, const double *to, int count, double threshold,
                                      int iterations, double confidence, uint32_t seed, uint8_t *inliers)
{
    cairn_status st = CAIRN_OK;
    if (inliers && count > 0) memset(inliers, 0, (size_t)count);
    if (!(threshold > 0) || iterations < 1 || !(confidence > 0 && confidence < 1))
        return cairn_error_set(CAIRN_E_INVALID, "fundamental matrix: needs threshold > 0, iterations >= 1 and "
                                                "confidence in (0,1)");
    if (count < SAMPLE)
        return cairn_error_set(CAIRN_E_NUMERIC, "fundamental matrix: needs 8 matches or more, got %d", count);
    cairn_rng rng = cairn_rng_stream(seed, STAGE, 0, (uint32_t)count, 0);
    int *index = malloc((size_t)count * sizeof *index), most = 0;
    uint8_t *now = malloc((size_t)count), *best = calloc((size_t)count, 1);
    if (!index || !now || !best) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a robust fit of %d matches", count);
        goto done;
    }
    double f[9];
    for (int n = 0, needed = iterations; n < needed; n++) {
        draw(index, count, &rng);
        if (!fit(f, from, to, index, SAMPLE)) continue;
        const int found = mark(now, f, from, to, count, threshold);
        if (found <= most || found < SAMPLE) continue;
        most = found;
        memcpy(out, f, sizeof f);
        memcpy(best, now, (size_t)count);
        const double miss = 1 - pow((double)found / count, SAMPLE);
        const double enough = miss > 0 ? log(1 - confidence) / log(miss) : 0;
        needed = enough > iterations ? iterations : enough < LEAST_ITERATIONS ? LEAST_ITERATIONS : (int)ceil(enough);
        if (needed > iterations) needed = iterations;
    }
    if (most == 0) {
        st = cairn_error_set(CAIRN_E_NUMERIC, "fundamental matrix: no model in %d samples of %d matches", iterations,
                             count);
        goto done;
    }
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (best[i]) index[kept++] = i;
    if (fit(f, from, to, index, kept) && mark(now, f, from, to, count, threshold) >= most) {
        memcpy(out, f, sizeof f);
        memcpy(best, now, (size_t)count);
    }
    if (inliers) memcpy(inliers, best, (size_t)count);
done:
    free(index);
    free(now);
    free(best);
    return st;
}
