#include "matching/views.h"

#include <math.h>
#include <string.h>

enum { CORNERS = 4, ANGLES = 10, TRIES = 100 };

/* Of a photograph, with sides 1: left top, left bottom, right bottom, right top. */
static const double unit[2 * CORNERS] = {0, 0, 0, 1, 1, 1, 1, 0};

/* All four successive edges turn the same way, and none by nearly nothing. */
static bool convex(const double *q)
{
    const double least = 0.05;
    for (int i = 0; i < CORNERS; i++) {
        const double *a = q + 2 * i, *b = q + 2 * ((i + 1) % CORNERS), *c = q + 2 * ((i + 2) % CORNERS);
        if ((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]) > -least) return false;
    }
    return true;
}

static bool inside(const double *q)
{
    for (int i = 0; i < 2 * CORNERS; i++)
        if (!(q[i] >= 0 && q[i] <= 1)) return false;
    return true;
}

/* Corners of the whole that moved towards an inner rectangle; its centroid in the middle. */
static void skew(double *q, cairn_rng *rng, double difficulty)
{
    double centre[2] = {0, 0};
    for (int i = 0; i < 2 * CORNERS; i++) {
        const double inner = 0.5 + (unit[i] - 0.5) * (1 - difficulty);
        q[i] = unit[i] + cairn_rng_uniform(rng) * (inner - unit[i]);
        centre[i % 2] += q[i] / CORNERS;
    }
    for (int i = 0; i < 2 * CORNERS; i++) q[i] += 0.5 - centre[i % 2];
}

/* aspect: width of the photograph over its height, in which angles are measured. */
static void turn(double *q, cairn_rng *rng, double most, double aspect)
{
    uint32_t order[ANGLES];
    cairn_rng_shuffle(rng, order, ANGLES);
    for (int k = 0; k < ANGLES; k++) {
        const double angle = most * (2.0 * order[k] / (ANGLES - 1) - 1), c = cos(angle), s = sin(angle);
        double turned[2 * CORNERS];
        for (int i = 0; i < CORNERS; i++) {
            const double x = (q[2 * i] - 0.5) * aspect, y = q[2 * i + 1] - 0.5;
            turned[2 * i] = (c * x - s * y) / aspect + 0.5;
            turned[2 * i + 1] = s * x + c * y + 0.5;
        }
        if (!inside(turned)) continue;
        memcpy(q, turned, sizeof turned);
        return;
    }
}

static void shift(double *q, cairn_rng *rng, double share)
{
    for (int axis = 0; axis < 2; axis++) {
        double low = q[axis], high = q[axis];
        for (int i = 1; i < CORNERS; i++) {
            low = fmin(low, q[2 * i + axis]);
            high = fmax(high, q[2 * i + axis]);
        }
        const double by = cairn_rng_between(rng, -low, 1 - high) * share;
        for (int i = 0; i < CORNERS; i++) q[2 * i + axis] += by;
    }
}

cairn_status cairn_view_sample(cairn_homography *view_to_photo, cairn_rng *rng, int photo_h, int photo_w, int h, int w,
                               const cairn_view_options *o)
{
    double q[2 * CORNERS], from[2 * CORNERS], to[2 * CORNERS];
    bool found = false;
    if (photo_h < 2 || photo_w < 2 || h < 2 || w < 2 || !(o->difficulty >= 0 && o->difficulty <= 0.95) ||
        !(o->translation >= 0 && o->translation <= 1) || !isfinite(o->max_angle))
        return cairn_error_set(CAIRN_E_INVALID, "a view of %dx%d pixels of a photograph of %dx%d: sides or options out "
                               "of range", w, h, photo_w, photo_h);
    for (int k = 0; k < TRIES && !found; k++) {
        skew(q, rng, o->difficulty);
        if (!convex(q) || !inside(q)) continue;
        if (o->max_angle != 0) turn(q, rng, o->max_angle * o->difficulty, (double)photo_w / photo_h);
        shift(q, rng, o->translation * o->difficulty);
        found = inside(q);
    }
    for (int i = 0; i < 2 * CORNERS; i++) {
        const double side = i % 2 ? photo_h - 1 : photo_w - 1;
        if (!found) q[i] = 0.5 + (unit[i] - 0.5) * (1 - o->difficulty / 2);
        from[i] = unit[i] * (i % 2 ? h - 1 : w - 1);
        to[i] = q[i] * side;
    }
    return cairn_homography_from_corners(view_to_photo, from, to);
}
