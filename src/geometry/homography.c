#include "geometry/homography.h"

#include <math.h>
#include <string.h>

cairn_status cairn_homography_invert(cairn_homography *out, const cairn_homography *h)
{
    const double *a = h->m;
    double c[9] = {a[4] * a[8] - a[5] * a[7], a[2] * a[7] - a[1] * a[8], a[1] * a[5] - a[2] * a[4],
                   a[5] * a[6] - a[3] * a[8], a[0] * a[8] - a[2] * a[6], a[2] * a[3] - a[0] * a[5],
                   a[3] * a[7] - a[4] * a[6], a[1] * a[6] - a[0] * a[7], a[0] * a[4] - a[1] * a[3]};
    double first = a[0] * c[0], second = a[1] * c[3], third = a[2] * c[6];
    double det = first + second + third;
    /* Relative to its own terms: a determinant of pure rounding error is zero, whatever the scale. */
    if (!isfinite(det) || fabs(det) <= 1e-14 * (fabs(first) + fabs(second) + fabs(third)))
        return cairn_error_set(CAIRN_E_NUMERIC, "homography cannot be inverted: its determinant is %g", det);
    /* The overall factor is free: h33 = 1 keeps repeated inversions from drifting in size. */
    bool scale = fabs(c[8]) > 1e-12 * fabs(det);
    double factor = scale ? 1.0 / c[8] : 1.0 / det;
    for (int i = 0; i < 9; i++) out->m[i] = c[i] * factor;
    return CAIRN_OK;
}

cairn_homography cairn_homography_multiply(const cairn_homography *a, const cairn_homography *b)
{
    cairn_homography out;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out.m[3 * i + j] = a->m[3 * i] * b->m[j] + a->m[3 * i + 1] * b->m[3 + j] + a->m[3 * i + 2] * b->m[6 + j];
    return out;
}

bool cairn_homography_apply(const cairn_homography *h, double x, double y, double *out_x, double *out_y)
{
    const double *m = h->m;
    double w = m[6] * x + m[7] * y + m[8];
    double scale = fabs(m[6] * x) + fabs(m[7] * y) + fabs(m[8]);
    if (!(fabs(w) > 1e-14 * scale)) {
        *out_x = *out_y = NAN;
        return false;
    }
    *out_x = (m[0] * x + m[1] * y + m[2]) / w;
    *out_y = (m[3] * x + m[4] * y + m[5]) / w;
    return true;
}

/* Solves the n x n system a v = b in place by elimination with partial pivoting; false if it is singular. */
static bool solve8(double a[8][9])
{
    for (int k = 0; k < 8; k++) {
        int pivot = k;
        for (int i = k + 1; i < 8; i++)
            if (fabs(a[i][k]) > fabs(a[pivot][k])) pivot = i;
        if (!(fabs(a[pivot][k]) > 1e-12)) return false;
        if (pivot != k) {
            double row[9];
            memcpy(row, a[k], sizeof row);
            memcpy(a[k], a[pivot], sizeof row);
            memcpy(a[pivot], row, sizeof row);
        }
        for (int i = k + 1; i < 8; i++) {
            double f = a[i][k] / a[k][k];
            for (int j = k; j < 9; j++) a[i][j] -= f * a[k][j];
        }
    }
    for (int k = 7; k >= 0; k--) {
        for (int j = k + 1; j < 8; j++) a[k][8] -= a[k][j] * a[j][8];
        a[k][8] /= a[k][k];
    }
    return true;
}

/* Moves the four points to mean 0 and mean distance sqrt 2, so that the system is well scaled. */
static bool normalise4(double out[8], cairn_homography *undo, const double in[8])
{
    double cx = (in[0] + in[2] + in[4] + in[6]) / 4, cy = (in[1] + in[3] + in[5] + in[7]) / 4, d = 0;
    for (int i = 0; i < 4; i++) d += hypot(in[2 * i] - cx, in[2 * i + 1] - cy) / 4;
    if (!(d > 0) || !isfinite(d)) return false;
    double s = 1.4142135623730951 / d;
    for (int i = 0; i < 4; i++) {
        out[2 * i] = (in[2 * i] - cx) * s;
        out[2 * i + 1] = (in[2 * i + 1] - cy) * s;
    }
    *undo = (cairn_homography){{1 / s, 0, cx, 0, 1 / s, cy, 0, 0, 1}};
    return true;
}

cairn_status cairn_homography_from_corners(cairn_homography *out, const double from[8], const double to[8])
{
    double p[8], q[8], a[8][9];
    cairn_homography undo_p, undo_q, redo_p;
    cairn_status st = CAIRN_OK;
    if (!normalise4(p, &undo_p, from) || !normalise4(q, &undo_q, to)) goto degenerate;
    for (int i = 0; i < 4; i++) {
        double x = p[2 * i], y = p[2 * i + 1], u = q[2 * i], v = q[2 * i + 1];
        double rows[2][9] = {{x, y, 1, 0, 0, 0, -u * x, -u * y, u}, {0, 0, 0, x, y, 1, -v * x, -v * y, v}};
        memcpy(a[2 * i], rows, sizeof rows);
    }
    if (!solve8(a)) goto degenerate;
    cairn_homography h = {{a[0][8], a[1][8], a[2][8], a[3][8], a[4][8], a[5][8], a[6][8], a[7][8], 1}};
    if ((st = cairn_homography_invert(&redo_p, &undo_p)) < 0) return st;
    h = cairn_homography_multiply(&undo_q, &h);
    h = cairn_homography_multiply(&h, &redo_p);
    if (!(fabs(h.m[8]) > 1e-12)) goto degenerate;
    for (int i = 0; i < 9; i++) out->m[i] = h.m[i] / h.m[8];
    return CAIRN_OK;
degenerate:
    return cairn_error_set(CAIRN_E_NUMERIC, "no homography through four points of which three lie on one line");
}

/* Applies scale s and rotation (c, sn) about the centroid: row vectors times [[c,-sn],[sn,c]], as the source does. */
static void about_centroid(double out[8], const double q[8], double s, double c, double sn)
{
    double cx = (q[0] + q[2] + q[4] + q[6]) / 4, cy = (q[1] + q[3] + q[5] + q[7]) / 4;
    for (int i = 0; i < 4; i++) {
        double x = (q[2 * i] - cx) * s, y = (q[2 * i + 1] - cy) * s;
        out[2 * i] = x * c + y * sn + cx;
        out[2 * i + 1] = -x * sn + y * c + cy;
    }
}

static bool inside_unit(const double q[8])
{
    for (int i = 0; i < 8; i++)
        if (q[i] < 0 || q[i] > 1) return false;
    return true;
}

/* Replaces q by one of `count` candidates: any with artifacts, else one that stays inside. Candidate 0 is q unchanged
 * and a choice only without artifacts. */
static void pick(double q[8], double (*candidates)[8], int count, bool artifacts, cairn_rng *rng)
{
    int good[32], n = 0;
    for (int i = artifacts ? 1 : 0; i < count; i++)
        if (artifacts || inside_unit(candidates[i])) good[n++] = i;
    if (n > 0) memcpy(q, candidates[good[cairn_rng_integer(rng, 0, n - 1)]], sizeof(double[8]));
}

static void sample_scale(double q[8], double amplitude, bool artifacts, cairn_rng *rng)
{
    double candidates[6][8];
    about_centroid(candidates[0], q, 1, 1, 0);
    for (int i = 1; i < 6; i++) about_centroid(candidates[i], q, cairn_rng_truncated(rng, 1, amplitude / 2), 1, 0);
    pick(q, candidates, 6, artifacts, rng);
}

static void sample_rotation(double q[8], double max_angle, bool artifacts, cairn_rng *rng)
{
    double candidates[26][8];
    about_centroid(candidates[0], q, 1, 1, 0);
    for (int i = 0; i < 25; i++) {
        double angle = max_angle * (i - 12) / 12;
        about_centroid(candidates[i + 1], q, 1, cos(angle), sin(angle));
    }
    pick(q, candidates, 26, artifacts, rng);
}

static void sample_translation(double q[8], double overflow, cairn_rng *rng)
{
    for (int axis = 0; axis < 2; axis++) {
        double least = INFINITY, most = -INFINITY;
        for (int i = 0; i < 4; i++) {
            least = fmin(least, q[2 * i + axis]);
            most = fmax(most, q[2 * i + axis]);
        }
        double t = cairn_rng_between(rng, -(least + overflow), 1 - most + overflow);
        for (int i = 0; i < 4; i++) q[2 * i + axis] += t;
    }
}

static cairn_status sample_affine(cairn_homography *warped_to_input, cairn_rng *rng, int h, int w,
                                  const cairn_homography_options *o)
{
    if (h < 2 || w < 2 || !(o->affine_low > 0) || !(o->affine_high >= o->affine_low) || !(o->affine_translation >= 0) ||
        !(o->affine_shear >= 0) || !(o->affine_shear < 1.5) || !(o->max_angle >= 0))
        return cairn_error_set(CAIRN_E_INVALID,
                               "homography sampler: an affine map needs an image of 2x2 or more (got "
                               "%dx%d), 0 < scale low <= high, translation, shear and angle >= 0, shear below 1.5",
                               w, h);
    const double angle = cairn_rng_between(rng, -o->max_angle, o->max_angle);
    const double dx = w * cairn_rng_between(rng, -o->affine_translation, o->affine_translation);
    const double dy = h * cairn_rng_between(rng, -o->affine_translation, o->affine_translation);
    const double s = cairn_rng_between(rng, o->affine_low, o->affine_high);
    const double shear = tan(cairn_rng_between(rng, -o->affine_shear, o->affine_shear));
    const double c = s * cos(angle), sn = s * sin(angle), cx = (w - 1) / 2.0, cy = (h - 1) / 2.0;
    const double a[4] = {c, c * shear - sn, sn, sn * shear + c}; /* scaled rotation after the shear */
    const cairn_homography to_warped = {{a[0], a[1], cx + dx - a[0] * cx - a[1] * cy, a[2], a[3],
                                         cy + dy - a[2] * cx - a[3] * cy, 0, 0, 1}};
    return cairn_homography_invert(warped_to_input, &to_warped);
}

cairn_status cairn_homography_sample(cairn_homography *warped_to_input, cairn_rng *rng, int h, int w,
                                     const cairn_homography_options *options)
{
    const cairn_homography_options *o = options;
    if (o->affine) return sample_affine(warped_to_input, rng, h, w, o);
    if (h < 2 || w < 2 || !(o->patch_ratio > 0 && o->patch_ratio <= 1) || !(o->scaling_amplitude >= 0) ||
        !(o->scaling_amplitude < 1) || !(o->perspective_x >= 0) || !(o->perspective_y >= 0) || !(o->max_angle >= 0))
        return cairn_error_set(CAIRN_E_INVALID,
                               "homography sampler: needs an image of 2x2 or more (got %dx%d), patch ratio in (0,1], "
                               "scaling in [0,1), perspective and angle >= 0",
                               w, h);
    for (int attempt = 0; attempt < 100; attempt++) {
        double r = o->patch_ratio, m = (1 - r) / 2;
        double p[8] = {m, m, m, m + r, m + r, m + r, m + r, m}, q[8];
        memcpy(q, p, sizeof q);
        if (o->perspective_x > 0 || o->perspective_y > 0) {
            double ax = o->allow_artifacts ? o->perspective_x : fmin(o->perspective_x, m);
            double ay = o->allow_artifacts ? o->perspective_y : fmin(o->perspective_y, m);
            double d = cairn_rng_truncated(rng, 0, ay / 2), l = cairn_rng_truncated(rng, 0, ax / 2);
            double g = cairn_rng_truncated(rng, 0, ax / 2);
            double move[8] = {l, d, l, -d, g, d, g, -d};
            for (int i = 0; i < 8; i++) q[i] += move[i];
        }
        if (o->scaling_amplitude > 0) sample_scale(q, o->scaling_amplitude, o->allow_artifacts, rng);
        if (o->translation) sample_translation(q, o->allow_artifacts ? o->translation_overflow : 0, rng);
        if (o->max_angle > 0) sample_rotation(q, o->max_angle, o->allow_artifacts, rng);
        for (int i = 0; i < 8; i++) {
            if (o->full_corners) p[i] = p[i] > 0.5; /* the patch lies around the centre */
            p[i] *= i % 2 ? h : w;
            q[i] *= i % 2 ? h : w;
        }
        /* Extreme options can fold the quadrilateral; such a draw is no view of a plane. */
        if (cairn_homography_from_corners(warped_to_input, p, q) == CAIRN_OK) return CAIRN_OK;
    }
    return cairn_error_set(CAIRN_E_NUMERIC, "homography sampler: no usable draw in 100; use a smaller perspective");
}
