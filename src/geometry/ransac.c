/* Robust homography: uniform minimal samples, symmetric truncated error (MSAC), local optimisation of each new best,
 * adaptive stop, final Levenberg-Marquardt on the pairs near the model.
 *
 * On the host, also where a device is at hand: an estimate from 300 pairs, 0 to 70 % of them wrong, took 0.4 to 1.4 ms
 * of processor time (`cairn benchmark homography`, a shared machine), because a bad model is given up after the
 * first blocks of pairs. A device would score every sample on every pair (at 70 % some 850 samples: tens of operations
 * for each of a quarter of a million errors), and each round of local optimisation would wait for it. Pairs of images
 * are independent: callers with many may spread them over the cores. */
#include "geometry/keypoints.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { STAGE_RANSAC = 0x52414E53, BLOCK = 32, MOST_OPTIMISATIONS = 10, LEAST_ITERATIONS = 50 };

typedef struct search {
    const double *from, *to;
    int count;
    double limit;                      /* squared threshold */
    double x_min, x_max, y_min, y_max; /* box of `from`: a model must not send it behind the camera */
    double *columns;                   /* X, Y, x, y as four columns in a random order, for the scoring loop */
    double *weights, *errors;          /* [count] */
    int *ranked;                       /* [count] pairs by score, best first; NULL: samples are uniform */
    cairn_homography best, inverse;
    double score;
    int inliers;
} search;

static double det3(const double *p, const double *q, const double *r)
{
    return (q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1]);
}

/* The four signed triangle areas 423, 143, 124 and 123 of a quadrilateral; false if three points nearly lie on a line.
 */
static bool areas(double d[4], const double p[8])
{
    d[0] = det3(p + 6, p + 2, p + 4);
    d[1] = det3(p, p + 6, p + 4);
    d[2] = det3(p, p + 2, p + 6);
    d[3] = det3(p, p + 2, p + 4);
    double size = 0;
    for (int i = 2; i < 8; i += 2) size = fmax(size, fmax(fabs(p[i] - p[0]), fabs(p[i + 1] - p[1])));
    for (int i = 0; i < 4; i++)
        if (!(fabs(d[i]) > 1e-3 * size)) return false;
    return true;
}

/* The matrix that maps the canonical frame (1,0,0), (0,1,0), (0,0,1), (1,1,1) to the four points, up to scale. */
static cairn_homography frame_of(const double p[8], const double d[4])
{
    return (cairn_homography){
        {d[0] * p[0], d[1] * p[2], d[2] * p[4], d[0] * p[1], d[1] * p[3], d[2] * p[5], d[0], d[1], d[2]}};
}

static bool plausible(const search *s, const cairn_homography *h)
{
    const double *m = h->m;
    double det =
        m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
    if (!(fabs(det) >= 1e-3 && fabs(det) <= 1e3)) return false;
    for (int i = 0; i < 4; i++)
        if (!(m[6] * (i & 1 ? s->x_max : s->x_min) + m[7] * (i & 2 ? s->y_max : s->y_min) + 1 > 0)) return false;
    return true;
}

static bool minimal(const search *s, const int index[4], cairn_homography *h)
{
    double p[8], q[8], dp[4], dq[4];
    /* Coordinates relative to the first point: large offsets would cost digits in the products. */
    const double *p0 = s->from + 2 * index[0], *q0 = s->to + 2 * index[0];
    for (int i = 0; i < 4; i++) {
        p[2 * i] = s->from[2 * index[i]] - p0[0];
        p[2 * i + 1] = s->from[2 * index[i] + 1] - p0[1];
        q[2 * i] = s->to[2 * index[i]] - q0[0];
        q[2 * i + 1] = s->to[2 * index[i] + 1] - q0[1];
    }
    if (!areas(dp, p) || !areas(dq, q)) return false;
    for (int i = 1; i < 4; i++)
        if ((dp[i] * dq[i] > 0) != (dp[0] * dq[0] > 0)) return false; /* no view of a plane changes only some */
    cairn_homography a = frame_of(p, dp), b = frame_of(q, dq);
    /* h = b adj(a); the adjugate instead of the inverse saves a division and cannot fail. */
    const double *m = a.m;
    cairn_homography adj = {{m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
                             m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
                             m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3]}};
    *h = cairn_homography_multiply(&b, &adj);
    /* Back to absolute coordinates: translate the input by -p0, then the output by +q0. */
    for (int i = 0; i < 3; i++) h->m[3 * i + 2] -= h->m[3 * i] * p0[0] + h->m[3 * i + 1] * p0[1];
    for (int j = 0; j < 3; j++) {
        h->m[j] += q0[0] * h->m[6 + j];
        h->m[3 + j] += q0[1] * h->m[6 + j];
    }
    double w = h->m[8];
    if (!(fabs(w) > 1e-12 * (fabs(h->m[0]) + fabs(h->m[4])))) return false;
    for (int i = 0; i < 9; i++) h->m[i] /= w;
    return plausible(s, h);
}

static inline double symmetric(const double *f, const double *g, double X, double Y, double x, double y)
{
    double w = 1 / (f[6] * X + f[7] * Y + f[8]), v = 1 / (g[6] * x + g[7] * y + g[8]);
    double ex = (f[0] * X + f[1] * Y + f[2]) * w - x, ey = (f[3] * X + f[4] * Y + f[5]) * w - y;
    double dx = (g[0] * x + g[1] * y + g[2]) * v - X, dy = (g[3] * x + g[4] * y + g[5]) * v - Y;
    return 0.5 * (ex * ex + ey * ey + dx * dx + dy * dy);
}

/* Truncated score of a model (smaller is better); gives up with INFINITY as soon as it cannot beat `bound`. */
static double score(const search *s, const cairn_homography *h, const cairn_homography *inverse, double bound,
                    int *inliers)
{
    const double *X = s->columns, *Y = X + s->count, *x = Y + s->count, *y = x + s->count;
    double total = 0;
    *inliers = 0;
    for (int start = 0; start < s->count; start += BLOCK) {
        int end = start + BLOCK < s->count ? start + BLOCK : s->count, n = 0;
        double sum = 0;
        for (int i = start; i < end; i++) {
            double e = symmetric(h->m, inverse->m, X[i], Y[i], x[i], y[i]);
            bool in = e <= s->limit; /* false for NaN */
            sum += in ? e : s->limit;
            n += in;
        }
        total += sum;
        *inliers += n;
        if (!(total < bound)) return INFINITY;
    }
    return total;
}

static bool consider(search *s, const cairn_homography *h)
{
    cairn_homography inverse;
    int inliers;
    if (cairn_homography_invert(&inverse, h) < 0) return false;
    double value = score(s, h, &inverse, s->score, &inliers);
    if (!(value < s->score) || inliers < 4) return false;
    s->best = *h;
    s->inverse = inverse;
    s->score = value;
    s->inliers = inliers;
    return true;
}

/* Squared symmetric errors of all pairs under h, in the caller's order. */
static bool errors_of(const search *s, const cairn_homography *h)
{
    cairn_homography inverse;
    if (cairn_homography_invert(&inverse, h) < 0) return false;
    for (int i = 0; i < s->count; i++)
        s->errors[i] = symmetric(h->m, inverse.m, s->from[2 * i], s->from[2 * i + 1], s->to[2 * i], s->to[2 * i + 1]);
    return true;
}

/* Refits to a set of pairs that shrinks towards the inliers; a better model replaces the best. */
static void optimise(search *s)
{
    static const double widths[4] = {2, 1.67, 1.33, 1};
    cairn_homography h = s->best;
    for (int k = 0; k < 4; k++) {
        if (!errors_of(s, &h)) return;
        double reach = widths[k] * widths[k] * s->limit;
        for (int i = 0; i < s->count; i++)
            s->weights[i] = s->errors[i] <= reach ? 1 / (1 + s->errors[i] / s->limit) : 0;
        if (cairn_homography_fit(&h, s->from, s->to, s->weights, s->count) < 0) return;
        if (!(fabs(h.m[8] - 1) < 1e-9) || !plausible(s, &h)) return;
        consider(s, &h);
    }
}

/* Which pairs are within a multiple of the threshold. */
static int mark(const search *s, const cairn_homography *h, double reach, uint8_t *within)
{
    int n = 0;
    if (!errors_of(s, h)) return 0;
    for (int i = 0; i < s->count; i++) n += within[i] = s->errors[i] <= reach * reach * s->limit;
    return n;
}

/* The element of rank k of n, which are left in another order. */
static double select_rank(double *v, int n, int k)
{
    for (int low = 0, high = n - 1; low < high;) {
        const double pivot = v[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i > j) break;
            const double t = v[i];
            v[i++] = v[j];
            v[j--] = t;
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return v[k];
}

/* Median of the forward error of the pairs in use, n > 0 of them. */
static double median_error(search *s, const cairn_homography *h, const uint8_t *use)
{
    int n = 0;
    for (int i = 0; i < s->count; i++) {
        double x, y;
        if (!use[i] || !cairn_homography_apply(h, s->from[2 * i], s->from[2 * i + 1], &x, &y)) continue;
        s->weights[n++] = hypot(x - s->to[2 * i], y - s->to[2 * i + 1]);
    }
    return n ? select_rank(s->weights, n, n / 2) : 0;
}

/* Least squares with a Huber loss on the pairs near the model, until they stay the same. The tails of the inliers'
 * noise lie beyond the threshold, so that the pairs reach a little further than it; the bound of the loss follows the
 * noise that is there, since what is best for normal noise of a pixel (about 2 pixels: tests/unit/data/test_ransac.c)
 * is too much for real matches, most of which are off by less, and a few by more. */
static void refine(search *s, cairn_homography *h, uint8_t *use, uint8_t *before)
{
    enum { ROUNDS = 4 };
    const double reach = 4.0 / 3, share = 1.25, least = 0.01; /* of the threshold; of the median; pixels */
    for (int round = 0; round < ROUNDS; round++) {
        cairn_homography refined = *h;
        if (mark(s, h, reach, use) < 4 || (round > 0 && !memcmp(use, before, (size_t)s->count))) return;
        memcpy(before, use, (size_t)s->count);
        cairn_homography_polish(&refined, s->from, s->to, use, s->count, fmax(least, share * median_error(s, h, use)),
                                10);
        if (!plausible(s, &refined) || mark(s, &refined, 1, use) < 4) return;
        *h = refined;
    }
}

/* Four different indices below count. */
static void four(int index[4], int count, cairn_rng *rng)
{
    for (int i = 0; i < 4;) {
        bool fresh = true;
        index[i] = cairn_rng_integer(rng, 0, count - 1);
        for (int j = 0; j < i; j++) fresh = fresh && index[j] != index[i];
        i += fresh;
    }
}

/* Samples so that one of them is clean with this confidence, where such a share of the pairs is. */
static double samples_for(double share, double confidence)
{
    double miss = 1 - pow(share, 4);
    return miss > 0 ? log(1 - confidence) / log(miss) : 0;
}

/* Which pairs the next sample comes from: the best `among`, and the last of those in each sample that is drawn while
 * the set grows. The set grows so that, after as many samples as are allowed, this has drawn what uniform sampling
 * would have. */
typedef struct growth {
    int among, stop; /* the set does not grow beyond `stop`: the part of the ranking that is best for ending */
    double drawn;    /* expected samples from within the best `among`, of all that are allowed */
    int due;         /* the sample after which the next pair joins */
} growth;

static growth growth_start(int count, int iterations)
{
    growth g = {.among = 4, .stop = count, .drawn = iterations, .due = 1};
    for (int i = 0; i < 4; i++) g.drawn *= (4.0 - i) / (count - i);
    return g;
}

static void sample_ranked(int index[4], const search *s, growth *g, int n, cairn_rng *rng)
{
    bool grown = false;
    if (n >= g->due && g->among < g->stop) {
        double next = g->drawn * (g->among + 1) / (g->among - 3);
        g->due += (int)fmax(1, ceil(fmin(next - g->drawn, 1e6)));
        g->drawn = next;
        g->among++;
        grown = true;
    }
    four(index, grown ? g->among - 1 : g->among, rng);
    if (grown) index[3] = g->among - 1;
    for (int i = 0; i < 4; i++) index[i] = s->ranked[index[i]];
}

/* The fewest samples over the parts of the ranking, of 20 pairs or more, whose inliers chance does not explain: one in
 * twenty, and 4 for the model itself. */
static double samples_for_ranked(const search *s, double confidence, growth *g)
{
    enum { LEAST_PART = 20 };
    double fewest = samples_for((double)s->inliers / s->count, confidence);
    int inliers = 0;
    g->stop = s->count;
    if (!errors_of(s, &s->best)) return fewest;
    for (int n = 1; n <= s->count; n++) {
        inliers += s->errors[s->ranked[n - 1]] <= s->limit;
        if (n < LEAST_PART || n < g->among || inliers < 4 + 0.05 * n + 1.645 * sqrt(0.0475 * n)) continue;
        double here = samples_for((double)inliers / n, confidence);
        if (!(here < fewest)) continue;
        fewest = here;
        g->stop = n;
    }
    return fewest;
}

/* Returns how many samples were drawn. */
static int run(search *s, int iterations, double confidence, cairn_rng *rng)
{
    int optimisations = 0, needed = iterations, n = 0;
    growth g = growth_start(s->count, iterations);
    for (; n < needed; n++) {
        int index[4];
        cairn_homography h;
        if (s->ranked)
            sample_ranked(index, s, &g, n, rng);
        else
            four(index, s->count, rng);
        if (!minimal(s, index, &h) || !consider(s, &h)) continue;
        if (optimisations++ < MOST_OPTIMISATIONS) optimise(s);
        double enough = s->ranked ? samples_for_ranked(s, confidence, &g)
                                  : samples_for((double)s->inliers / s->count, confidence);
        needed = enough < LEAST_ITERATIONS ? LEAST_ITERATIONS : enough > iterations ? iterations : (int)ceil(enough);
        if (needed > iterations) needed = iterations;
    }
    return n;
}

typedef struct ranking {
    double score;
    int index;
} ranking;

static int by_score(const void *a, const void *b)
{
    const ranking *p = a, *q = b;
    if (p->score != q->score) return p->score > q->score ? -1 : 1;
    return p->index < q->index ? -1 : p->index > q->index;
}

static cairn_status rank(search *s, const double *scores)
{
    const size_t n = (size_t)s->count;
    ranking *order = malloc(n * sizeof *order);
    s->ranked = malloc(n * sizeof *s->ranked);
    if (!order || !s->ranked) {
        free(order);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a robust fit of %d matches", s->count);
    }
    for (size_t i = 0; i < n; i++) order[i] = (ranking){isfinite(scores[i]) ? scores[i] : -DBL_MAX, (int)i};
    qsort(order, n, sizeof *order, by_score);
    for (size_t i = 0; i < n; i++) s->ranked[i] = order[i].index;
    free(order);
    return CAIRN_OK;
}

static cairn_status prepare(search *s, double **memory, cairn_rng *rng)
{
    size_t n = (size_t)s->count;
    uint32_t *order = malloc(n * sizeof *order);
    *memory = malloc(n * 6 * sizeof **memory);
    if (!order || !*memory) {
        free(order);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a robust fit of %d matches", s->count);
    }
    s->columns = *memory;
    s->weights = *memory + 4 * n;
    s->errors = *memory + 5 * n;
    cairn_rng_shuffle(rng, order, (uint32_t)n);
    s->x_min = s->y_min = INFINITY;
    s->x_max = s->y_max = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        const double *p = s->from + 2 * order[i], *q = s->to + 2 * order[i];
        s->columns[i] = p[0];
        s->columns[n + i] = p[1];
        s->columns[2 * n + i] = q[0];
        s->columns[3 * n + i] = q[1];
        s->x_min = fmin(s->x_min, p[0]);
        s->x_max = fmax(s->x_max, p[0]);
        s->y_min = fmin(s->y_min, p[1]);
        s->y_max = fmax(s->y_max, p[1]);
    }
    free(order);
    return CAIRN_OK;
}

cairn_status cairn_homography_robust(cairn_homography *out, uint8_t *inliers, int *samples, const double *from,
                                     const double *to, int count, const cairn_robust_options *options)
{
    const double threshold = options->threshold, confidence = options->confidence;
    const int iterations = options->iterations;
    search s = {.from = from, .to = to, .count = count, .limit = threshold * threshold, .score = INFINITY};
    double *memory = NULL;
    uint8_t *use = NULL;
    cairn_status st = CAIRN_OK;
    if (samples) *samples = 0;
    if (inliers && count > 0) memset(inliers, 0, (size_t)count);
    if (!(threshold > 0) || iterations < 1 || !(confidence > 0 && confidence < 1))
        return cairn_error_set(CAIRN_E_INVALID, "robust homography: needs threshold > 0, iterations >= 1 and "
                                                "confidence in (0,1)");
    if (count < 4) return cairn_error_set(CAIRN_E_NUMERIC, "robust homography: needs 4 matches or more, got %d", count);
    cairn_rng rng = cairn_rng_stream(options->seed, STAGE_RANSAC, 0, (uint32_t)count, 0);
    CAIRN_TRY(prepare(&s, &memory, &rng));
    if (options->scores) CAIRN_TRY(rank(&s, options->scores));
    use = malloc(2 * (size_t)count);
    if (!use) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a robust fit of %d matches", count));
    const int drawn = run(&s, iterations, confidence, &rng);
    if (samples) *samples = drawn;
    if (!isfinite(s.score))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NUMERIC, "robust homography: no model in %d samples of %d matches",
                                  iterations, count));
    cairn_homography h = s.best;
    refine(&s, &h, use, use + count);
    if (inliers) mark(&s, &h, 1, inliers);
    *out = h;
done:
    free(memory);
    free(s.ranked);
    free(use);
    return st;
}

cairn_status cairn_homography_ransac(cairn_homography *out, const double *from, const double *to, int count,
                                     double threshold, int iterations, double confidence, uint32_t seed,
                                     uint8_t *inliers)
{
    const cairn_robust_options options = {threshold, iterations, confidence, seed, NULL};
    return cairn_homography_robust(out, inliers, NULL, from, to, count, &options);
}
