#include "experiments/stages/matching/comparison.h"

#include "matching/lightglue/truth.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <cjson/cJSON.h>
#include <string.h>

/* Best score first; of equal ones the order of a, so that any order of matches gives the same. */
static int by_score(const void *x, const void *y)
{
    const cairn_match *a = x, *b = y;
    return a->score != b->score ? (a->score < b->score ? 1 : -1) : a->a - b->a;
}

cairn_status cairn_match_count(cairn_match_counts *counts, const cairn_match *matches, int count, const int *of_a,
                               int n, const int *of_b, int m)
{
    int truths = 0, predicted = 0, correct = 0;
    double average = 0;
    cairn_match *sorted = malloc(sizeof *sorted * ((size_t)count + 1));
    if (!sorted) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", count);
    if (count) memcpy(sorted, matches, sizeof *sorted * (size_t)count);
    qsort(sorted, (size_t)count, sizeof *sorted, by_score);
    for (int i = 0; i < n; i++) truths += of_a[i] >= 0;
    for (int k = 0; k < count; k++) {
        const int a = sorted[k].a, b = sorted[k].b;
        CAIRN_ASSERT(a >= 0 && a < n && b >= 0 && b < m);
        if (of_a[a] == CAIRN_TRUTH_IGNORED || of_b[b] == CAIRN_TRUTH_IGNORED) continue;
        predicted++;
        if (of_a[a] != b) continue;
        correct++;
        average += (double)correct / predicted;
    }
    free(sorted);
    counts->predicted += predicted;
    counts->correct += correct;
    counts->truths += truths;
    if (truths) {
        counts->average_precision += average / truths;
        counts->judged++;
    }
    return CAIRN_OK;
}

double cairn_match_precision(const cairn_match_counts *c)
{
    return c->predicted ? (double)c->correct / (double)c->predicted : 0;
}

double cairn_match_recall(const cairn_match_counts *c)
{
    return c->truths ? (double)c->correct / (double)c->truths : 0;
}

double cairn_match_average(const cairn_match_counts *c)
{
    return c->judged ? c->average_precision / c->judged : 0;
}

static cairn_status write_json(const cairn_match_counts counts[2], const cairn_comparison_options *o, const char *path)
{
    static const char *const names[2] = {"lightglue", "mutual nearest neighbour"};
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "pairs", o->pairs);
    cJSON_AddNumberToObject(root, "points", o->points);
    cJSON_AddNumberToObject(root, "near", o->near);
    cJSON_AddNumberToObject(root, "far", o->far);
    for (int i = 0; i < 2; i++) {
        cJSON *own = cJSON_AddObjectToObject(root, names[i]);
        cJSON_AddNumberToObject(own, "precision", cairn_match_precision(&counts[i]));
        cJSON_AddNumberToObject(own, "recall", cairn_match_recall(&counts[i]));
        cJSON_AddNumberToObject(own, "average_precision", cairn_match_average(&counts[i]));
        cJSON_AddNumberToObject(own, "predicted", (double)counts[i].predicted);
        cJSON_AddNumberToObject(own, "correct", (double)counts[i].correct);
        cJSON_AddNumberToObject(own, "true_matches", (double)counts[i].truths);
    }
    char *text = cJSON_Print(root);
    cairn_status st = text ? cairn_file_write(path, text, strlen(text))
                           : cairn_error_set(CAIRN_E_NOMEM, "no memory for %s", path);
    free(text);
    cJSON_Delete(root);
    return st;
}

static cairn_status compare_pair(cairn_match_counts counts[2], const cairn_matcher *const matchers[2],
                                 const cairn_comparison_options *o, int i, int *truth)
{
    cairn_status st = CAIRN_OK;
    cairn_view_pair pair = {0};
    cairn_match *matches = NULL;
    int count, *of_a = truth, *of_b = truth + o->points;
    CAIRN_TRY(cairn_stage_read_pair(&pair, o->folder, i, o->points, o->dimension));
    const cairn_match_side a = {&pair.points[0], o->h, o->w}, b = {&pair.points[1], o->h, o->w};
    CAIRN_TRY(cairn_match_truth(of_a, of_b, a.points, b.points, &pair.a_to_b, o->near, o->far));
    for (int k = 0; k < 2; k++) {
        CAIRN_TRY(cairn_matcher_run(matchers[k], &a, &b, &matches, &count));
        CAIRN_TRY(cairn_match_count(&counts[k], matches, count, of_a, o->points, of_b, o->points));
        free(matches);
        matches = NULL;
    }
done:
    free(matches);
    cairn_view_pair_free(&pair);
    return st;
}

cairn_status cairn_stage_compare_matchers(cairn_match_counts counts[2], const cairn_matcher *matcher,
                                          const cairn_comparison_options *o, const char *out)
{
    cairn_status st = CAIRN_OK;
    cairn_progress bar;
    cairn_matcher nearest = {0};
    const cairn_matcher *const matchers[2] = {matcher, &nearest};
    int *truth = malloc(sizeof *truth * 2 * (size_t)o->points);
    memset(counts, 0, sizeof *counts * 2);
    if (!truth) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d points", o->points));
    CAIRN_TRY(cairn_matcher_nearest(&nearest, NULL));
    cairn_progress_start(&bar, "beside nearest neighbours", o->pairs, 0);
    for (int i = 0; i < o->pairs && st >= 0; i++) {
        st = compare_pair(counts, matchers, o, i, truth);
        cairn_progress_update(&bar, i + 1, NULL);
        if (st >= 0 && cairn_interrupted()) st = cairn_interrupted_status();
    }
    cairn_progress_finish(&bar);
    if (st >= 0) st = write_json(counts, o, out);
done:
    cairn_matcher_free(&nearest);
    free(truth);
    return st;
}
