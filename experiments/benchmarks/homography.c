#include "experiments/benchmarks/homography.h"

#include "formats/npz.h"
#include "geometry/keypoints.h"
#include "system/file.h"
#include "system/progress.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STAGE = 0x484F4D4F, W = 640, H = 480 };

/* Kinds of cases: pairs of points in images of 640 x 480, the share that lands anywhere, noise of the others. */
typedef struct kind {
    int pairs, outliers; /* percent */
    double noise;        /* of each coordinate, pixels */
} kind;
static const kind kinds[] = {{300, 0, 0.5}, {300, 30, 1}, {300, 50, 1}, {300, 70, 1}, {1000, 50, 1}, {100, 50, 1}};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct cases {
    kind kind;
    int count;
    double *from, *to; /* [count, pairs, 2] */
    double *scores;    /* [count, pairs], a little higher for the good ones */
    uint8_t *good;     /* [count, pairs] */
    cairn_homography *truth;
} cases;

typedef struct answers {
    cairn_homography *h; /* [count], all zero where none was found */
    uint8_t *inliers;    /* [count, pairs] */
    double *ms;          /* [count] of processor time */
} answers;

static void cases_free(cases *c)
{
    free(c->from);
    free(c->to);
    free(c->scores);
    free(c->good);
    free(c->truth);
    *c = (cases){0};
}

static void answers_free(answers *a)
{
    free(a->h);
    free(a->inliers);
    free(a->ms);
    *a = (answers){0};
}

static cairn_status answers_create(answers *a, const cases *c)
{
    const size_t n = (size_t)c->count;
    *a = (answers){calloc(n, sizeof *a->h), calloc(n * (size_t)c->kind.pairs, 1), calloc(n, sizeof *a->ms)};
    return a->h && a->inliers && a->ms ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "out of memory");
}

static cairn_status cases_make(cases *c, const kind *k, uint32_t index, const cairn_benchmark_homography_options *o)
{
    cairn_status st = CAIRN_OK;
    const size_t all = (size_t)o->cases * (size_t)k->pairs;
    *c = (cases){.kind = *k, .count = o->cases};
    c->from = malloc(2 * all * sizeof *c->from);
    c->to = malloc(2 * all * sizeof *c->to);
    c->scores = malloc(all * sizeof *c->scores);
    c->good = malloc(all);
    c->truth = malloc((size_t)o->cases * sizeof *c->truth);
    if (!c->from || !c->to || !c->scores || !c->good || !c->truth)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    const cairn_homography_options views = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    for (int n = 0; n < c->count; n++) {
        cairn_rng rng = cairn_rng_stream(o->seed, STAGE, index, (uint32_t)n, 0);
        CAIRN_TRY(cairn_homography_sample(&c->truth[n], &rng, H, W, &views));
        for (int i = 0; i < k->pairs; i++) {
            const size_t at = (size_t)n * (size_t)k->pairs + (size_t)i;
            double x = cairn_rng_between(&rng, 0, W), y = cairn_rng_between(&rng, 0, H), u, v;
            cairn_homography_apply(&c->truth[n], x, y, &u, &v);
            /* Spread evenly over the list, so that no estimator gains by the order. */
            c->good[at] = (i + 1) * k->outliers / 100 == i * k->outliers / 100;
            c->from[2 * at] = x, c->from[2 * at + 1] = y;
            c->to[2 * at] = c->good[at] ? u + k->noise * cairn_rng_normal(&rng) : cairn_rng_between(&rng, 0, W);
            c->to[2 * at + 1] = c->good[at] ? v + k->noise * cairn_rng_normal(&rng) : cairn_rng_between(&rng, 0, H);
            c->scores[at] = cairn_rng_normal(&rng) + c->good[at];
        }
    }
done:
    return st;
}

static double corner_error(const cairn_homography *a, const cairn_homography *b)
{
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? W - 1 : 0, y = i & 2 ? H - 1 : 0, u, v, s, t;
        if (!cairn_homography_apply(a, x, y, &u, &v) || !cairn_homography_apply(b, x, y, &s, &t)) return INFINITY;
        sum += hypot(u - s, v - t) / 4;
    }
    return sum;
}

static int ascending(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* One row: errors of the corners, inliers beside the true ones, time. */
static cairn_status report(FILE *out, const cases *c, const answers *a, const char *name, bool table)
{
    const size_t n = (size_t)c->count, pairs = (size_t)c->kind.pairs;
    double *errors = malloc(n * sizeof *errors), ms = 0, marked = 0, right = 0, good = 0;
    int within[3] = {0};
    if (!errors) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        errors[i] = corner_error(&a->h[i], &c->truth[i]);
        if (!isfinite(errors[i])) errors[i] = INFINITY;
        within[0] += errors[i] <= 1, within[1] += errors[i] <= 3, within[2] += errors[i] <= 10;
        ms += a->ms[i] / (double)n;
    }
    for (size_t i = 0; i < n * pairs; i++) {
        marked += a->inliers[i];
        right += a->inliers[i] && c->good[i];
        good += c->good[i];
    }
    qsort(errors, n, sizeof *errors, ascending);
    const double median = errors[n / 2], share = 100.0 / (double)n;
    const double precision = marked > 0 ? right / marked : 0, recall = good > 0 ? right / good : 0;
    if (table)
        fprintf(out, "%5d %4d %5.1f  %-14s %8.3f %7.1f %7.1f %7.1f %8.1f %10.3f %8.3f %9.3f\n", c->kind.pairs,
                c->kind.outliers, c->kind.noise, name, median, share * within[0], share * within[1], share * within[2],
                marked / (double)n, precision, recall, ms);
    else
        fprintf(out,
                "{\"pairs\":%d,\"outliers_percent\":%d,\"noise_px\":%.2f,\"cases\":%d,\"estimator\":\"%s\","
                "\"corner_px_median\":%.6g,\"within_1_px\":%.4f,\"within_3_px\":%.4f,\"within_10_px\":%.4f,"
                "\"inliers\":%.3f,\"inlier_precision\":%.6f,\"inlier_recall\":%.6f,\"cpu_ms\":%.4f}\n",
                c->kind.pairs, c->kind.outliers, c->kind.noise, c->count, name, isfinite(median) ? median : -1,
                share * within[0] / 100, share * within[1] / 100, share * within[2] / 100, marked / (double)n,
                precision, recall, ms);
    free(errors);
    return CAIRN_OK;
}

/* ---- our estimators ---- */

enum { LO, RANKED, CV, LEAST_SQUARES, ESTIMATORS };
static const char *const names[ESTIMATORS] = {"lo", "lo ranked", "cv", "true inliers"};

static cairn_status estimate(const cases *c, answers *a, int estimator, uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    const size_t pairs = (size_t)c->kind.pairs;
    for (int n = 0; n < c->count; n++) {
        const size_t at = (size_t)n * pairs;
        const double *from = c->from + 2 * at, *to = c->to + 2 * at, start = cairn_cpu_seconds();
        cairn_robust_options o = CAIRN_ROBUST_OPTIONS_INIT;
        o.seed = seed + (uint32_t)n;
        if (estimator == RANKED) o.scores = c->scores + at;
        if (estimator == CV) {
            st = cairn_homography_ransac_cv(&a->h[n], from, to, c->kind.pairs, o.threshold, o.iterations, o.confidence,
                                            a->inliers + at);
        } else if (estimator == LEAST_SQUARES) {
            double *weights = malloc(pairs * sizeof *weights);
            if (!weights) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
            for (size_t i = 0; i < pairs; i++) weights[i] = a->inliers[at + i] = c->good[at + i];
            st = cairn_homography_fit(&a->h[n], from, to, weights, c->kind.pairs);
            if (st >= 0) cairn_homography_polish(&a->h[n], from, to, c->good + at, c->kind.pairs, INFINITY, 10);
            free(weights);
        } else {
            st = cairn_homography_robust(&a->h[n], a->inliers + at, NULL, from, to, c->kind.pairs, &o);
        }
        a->ms[n] = 1e3 * (cairn_cpu_seconds() - start);
        if (st == CAIRN_E_NUMERIC) st = CAIRN_OK; /* none found: a result */
        CAIRN_TRY(st);
    }
done:
    return st;
}

/* ---- the peer ---- */

static cairn_status write_cases(const char *path, const cases *c)
{
    char from[] = "from", to[] = "to";
    const cairn_npz_array arrays[] = {
        {.name = from, .type = CAIRN_NPZ_F64, .rank = 3, .shape = {c->count, c->kind.pairs, 2}, .data = c->from},
        {.name = to, .type = CAIRN_NPZ_F64, .rank = 3, .shape = {c->count, c->kind.pairs, 2}, .data = c->to}};
    return cairn_npz_write(path, arrays, 2, false);
}

static cairn_status run_peer(const cairn_benchmark_homography_options *o, char *question, char *answer)
{
    char python[4096], peer[4096];
    char *words[] = {python, peer, question, answer, NULL};
    int status = 0;
    snprintf(python, sizeof python, "%s", o->python);
    snprintf(peer, sizeof peer, "%s", o->peer);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(2, 1); /* standard output holds the table */
        execvp(python, words);
        _exit(127);
    }
    if (child < 0) return cairn_error_set(CAIRN_E_FAIL, "cannot start '%s'", python);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return cairn_error_set(CAIRN_E_NOTFOUND, "'%s' cannot be started", python);
    if (status)
        return cairn_error_set(CAIRN_E_FAIL, "'%s %s' failed (it needs NumPy and OpenCV); see above", python, peer);
    return CAIRN_OK;
}

/* A row for each NAME of which the answer has NAME_h, NAME_inliers and NAME_ms. */
static cairn_status report_peer(FILE *out, const cases *c, const cairn_npz *npz, bool table)
{
    cairn_status st = CAIRN_OK;
    int rows = 0;
    for (int i = 0; i < npz->count; i++) {
        const char *array = npz->arrays[i].name, *end = strrchr(array, '_');
        char name[32], title[48], other[48];
        const cairn_npz_array *h, *inliers, *ms;
        if (!end || strcmp(end, "_h") || end - array > 20) continue;
        snprintf(name, sizeof name, "%.*s", (int)(end - array), array);
        CAIRN_TRY(cairn_npz_require(&h, npz, array, CAIRN_NPZ_F64, 2, (int64_t[]){c->count, 9}));
        snprintf(other, sizeof other, "%s_inliers", name);
        CAIRN_TRY(cairn_npz_require(&inliers, npz, other, CAIRN_NPZ_U8, 2, (int64_t[]){c->count, c->kind.pairs}));
        snprintf(other, sizeof other, "%s_ms", name);
        CAIRN_TRY(cairn_npz_require(&ms, npz, other, CAIRN_NPZ_F64, 1, (int64_t[]){c->count}));
        snprintf(title, sizeof title, "peer %s", name);
        CAIRN_TRY(report(out, c, &(answers){h->data, inliers->data, ms->data}, title, table));
        rows++;
    }
    if (!rows) CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "the peer's answer has no array NAME_h"));
done:
    return st;
}

static cairn_status ask_peer(FILE *out, const cases *c, const cairn_benchmark_homography_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_npz npz = {0};
    const char *parent = getenv("TMPDIR");
    char folder[4096], question[4200], answer[4200];
    snprintf(folder, sizeof folder, "%s/cairn-homography-XXXXXX", parent && parent[0] ? parent : P_tmpdir);
    if (!mkdtemp(folder)) return cairn_error_set(CAIRN_E_IO, "%s: no such folder can be made", folder);
    snprintf(question, sizeof question, "%s/cases.npz", folder);
    snprintf(answer, sizeof answer, "%s/answer.npz", folder);
    CAIRN_TRY(write_cases(question, c));
    CAIRN_TRY(run_peer(o, question, answer));
    CAIRN_TRY(cairn_npz_read(&npz, answer));
    CAIRN_TRY(report_peer(out, c, &npz, o->table));
done:
    unlink(question);
    unlink(answer);
    rmdir(folder);
    cairn_npz_free(&npz);
    return st;
}

static cairn_status measure(FILE *out, uint32_t k, const cairn_benchmark_homography_options *o)
{
    cairn_status st = CAIRN_OK;
    cases c = {0};
    answers a = {0};
    CAIRN_TRY(cases_make(&c, &kinds[k], k, o));
    for (int e = 0; e < ESTIMATORS; e++) {
        CAIRN_TRY(answers_create(&a, &c));
        CAIRN_TRY(estimate(&c, &a, e, o->seed));
        CAIRN_TRY(report(out, &c, &a, names[e], o->table));
        answers_free(&a);
    }
    if (o->peer[0]) CAIRN_TRY(ask_peer(out, &c, o));
done:
    cases_free(&c);
    answers_free(&a);
    return st;
}

cairn_status cairn_benchmark_homography(FILE *out, const cairn_benchmark_homography_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_progress progress;
    if (o->cases < 1 || o->cases > 10000)
        return cairn_error_set(CAIRN_E_INVALID, "%d homographies of each kind: expected 1 to 10000", o->cases);
    if (o->table)
        fprintf(out, "pairs  out noise  estimator    corner px  <=1 px  <=3 px <=10 px  inliers  precision   recall    "
                     "cpu ms\n");
    cairn_progress_start(&progress, "homographies", KINDS, 0);
    for (uint32_t k = 0; k < KINDS; k++) {
        CAIRN_TRY(measure(out, k, o));
        cairn_progress_update(&progress, k + 1, NULL);
    }
    cairn_progress_finish(&progress);
done:
    return st;
}
