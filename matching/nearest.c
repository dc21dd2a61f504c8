#include "matching/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Dot products of ROWS x COLUMNS descriptors at a time, four values of each in a vector: each loaded vector is used
 * two or four times, and the eight accumulators stay in the registers of any x86-64 or Arm processor. */
enum { ROWS = 2, COLUMNS = 4, LANES = 4 };
typedef float lanes __attribute__((vector_size(sizeof(float) * LANES)));

typedef cairn_match__nearest nearest;

static void offer(nearest *n, float dot, int index)
{
    if (dot > n->best) {
        n->second = n->best;
        n->best = dot;
        n->index = index;
    } else if (dot > n->second) {
        n->second = dot;
    }
}

static inline lanes load(const float *p)
{
    lanes v;
    memcpy(&v, p, sizeof v); /* no alignment is promised */
    return v;
}

static void block(float out[ROWS][COLUMNS], const float *const a[ROWS], const float *const b[COLUMNS], int dimension)
{
    const float *a0 = a[0], *a1 = a[1], *b0 = b[0], *b1 = b[1], *b2 = b[2], *b3 = b[3];
    lanes s00 = {0}, s01 = {0}, s02 = {0}, s03 = {0}, s10 = {0}, s11 = {0}, s12 = {0}, s13 = {0};
    int k = 0;
    for (; k + LANES <= dimension; k += LANES) {
        lanes x = load(a0 + k), y = load(a1 + k), v = load(b0 + k), w = load(b1 + k);
        s00 += x * v;
        s10 += y * v;
        s01 += x * w;
        s11 += y * w;
        v = load(b2 + k);
        w = load(b3 + k);
        s02 += x * v;
        s12 += y * v;
        s03 += x * w;
        s13 += y * w;
    }
    const lanes sum[ROWS][COLUMNS] = {{s00, s01, s02, s03}, {s10, s11, s12, s13}};
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            float total = (sum[i][j][0] + sum[i][j][1]) + (sum[i][j][2] + sum[i][j][3]);
            for (int r = k; r < dimension; r++) total += a[i][r] * b[j][r];
            out[i][j] = total;
        }
}

/* Nearest of b for each of a, and nearest of a for each of b. Ties: the lower index. */
static void search(nearest *of_a, nearest *of_b, const cairn_keypoints *a, const cairn_keypoints *b)
{
    for (int i = 0; i < a->count; i++) of_a[i] = (nearest){-INFINITY, -INFINITY, -1};
    for (int j = 0; j < b->count; j++) of_b[j] = (nearest){-INFINITY, -INFINITY, -1};
    enum { TILE = 64 }; /* descriptors of b that stay in the cache while all of a passes */
    for (int first = 0; first < b->count; first += TILE) {
        int last = first + TILE < b->count ? first + TILE : b->count;
        for (int i = 0; i < a->count; i += ROWS) {
            for (int j = first; j < last; j += COLUMNS) {
                const float *pa[ROWS], *pb[COLUMNS];
                float dots[ROWS][COLUMNS];
                for (int r = 0; r < ROWS; r++) /* past the end: the last one again, and its result unused */
                    pa[r] = a->descriptors + (size_t)(i + r < a->count ? i + r : a->count - 1) * a->dimension;
                for (int c = 0; c < COLUMNS; c++)
                    pb[c] = b->descriptors + (size_t)(j + c < last ? j + c : last - 1) * b->dimension;
                block(dots, pa, pb, a->dimension);
                for (int r = 0; r < ROWS && i + r < a->count; r++)
                    for (int c = 0; c < COLUMNS && j + c < last; c++) {
                        offer(&of_a[i + r], dots[r][c], j + c);
                        offer(&of_b[j + c], dots[r][c], i + r);
                    }
            }
        }
    }
}

static float distance_of(float dot)
{
    return sqrtf(fmaxf(0, 2 - 2 * dot));
}

/* Whether the best is enough closer than the second best. With one candidate there is no second best, and the ratio
 * says nothing. */
static bool stands_out(const nearest *n, int candidates, float ratio)
{
    return !(ratio > 0) || candidates < 2 || distance_of(n->best) < ratio * distance_of(n->second);
}

cairn_status cairn_match__check(const cairn_keypoints *a, const cairn_keypoints *b, const cairn_nearest_options *o)
{
    if (a->dimension != b->dimension || a->dimension < 1)
        return cairn_error_set(CAIRN_E_SHAPE, "matching: descriptors have %d and %d values; they must agree and be > 0",
                               a->dimension, b->dimension);
    if (!(o->max_distance >= 0) || !(o->ratio >= 0))
        return cairn_error_set(CAIRN_E_INVALID, "matching: largest distance %g and ratio %g; expected 0 or more",
                               (double)o->max_distance, (double)o->ratio);
    return CAIRN_OK;
}

cairn_status cairn_match__choose(cairn_match **out, int *count, const nearest *of_a, int na, const nearest *of_b,
                                 int nb, const cairn_nearest_options *o)
{
    cairn_match *matches = malloc(((size_t)na + 1) * sizeof *matches);
    int n = 0;
    if (!matches) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the matches of %d descriptors", na);
    for (int i = 0; i < na; i++) {
        int j = of_a[i].index;
        if (j < 0 || (o->mutual && of_b[j].index != i)) continue;
        float d = distance_of(of_a[i].best);
        if (o->max_distance > 0 && !(d <= o->max_distance)) continue;
        if (!stands_out(&of_a[i], nb, o->ratio)) continue;
        if (o->mutual && !o->ratio_one_way && !stands_out(&of_b[j], na, o->ratio)) continue;
        matches[n++] = (cairn_match){i, j, d, fmaxf(0, 1 - d / 2)};
    }
    *out = matches;
    *count = n;
    return CAIRN_OK;
}

cairn_status cairn_nearest_match(cairn_match **out, int *count, const cairn_keypoints *a, const cairn_keypoints *b,
                                 const cairn_nearest_options *options)
{
    *out = NULL;
    *count = 0;
    cairn_status st = cairn_match__check(a, b, options);
    if (st < 0) return st;
    size_t na = (size_t)a->count, nb = (size_t)b->count;
    nearest *of = malloc((na + nb + 1) * sizeof *of), *of_b = of ? of + na : NULL;
    if (!of) return cairn_error_set(CAIRN_E_NOMEM, "no memory to match %d with %d descriptors", a->count, b->count);
    search(of, of_b, a, b);
    st = cairn_match__choose(out, count, of, a->count, of_b, b->count, options);
    free(of);
    return st;
}

cairn_status cairn_match_nearest(cairn_match **out, int *count, const cairn_keypoints *a, const cairn_keypoints *b,
                                 float max_distance, float ratio)
{
    const cairn_nearest_options options = {
        .mutual = true, .max_distance = max_distance, .ratio = ratio, .ratio_one_way = true};
    return cairn_nearest_match(out, count, a, b, &options);
}
