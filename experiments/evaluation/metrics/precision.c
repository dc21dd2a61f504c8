/* Average precision, over matches and over detections. */
#include "experiments/evaluation/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct scored {
    double score;
    size_t index;
    int correct;
} scored;

static int best_first(const void *left, const void *right)
{
    const scored *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* envelope: precision is the largest at this or a higher recall. */
static cairn_status step_precision(double *out, const double *score, const uint8_t *correct, size_t count,
                                   int positives, bool envelope)
{
    *out = 0;
    if (positives < 1)
        return cairn_error_set(CAIRN_E_INVALID, "average precision needs at least one positive, got %d", positives);
    scored *order = malloc((count + 1) * sizeof *order);
    if (!order) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu scores", count);
    size_t steps = 0, right = 0;
    for (size_t i = 0; i < count; i++) order[i] = (scored){isnan(score[i]) ? -INFINITY : score[i], i, correct[i] != 0};
    qsort(order, count, sizeof *order, best_first);
    /* One step for each distinct score. The array is reused: `score` becomes precision, `index` the correct so far. */
    for (size_t i = 0; i < count; i++) {
        double value = order[i].score;
        bool last = i + 1 == count || order[i + 1].score != value;
        right += (size_t)order[i].correct;
        if (last) order[steps++] = (scored){(double)right / (double)(i + 1), right, 0};
    }
    double sum = 0, highest = 0;
    for (size_t i = steps; i-- > 0;) {
        size_t before = i > 0 ? order[i - 1].index : 0;
        if (!envelope || order[i].score > highest) highest = order[i].score;
        sum += highest * (double)(order[i].index - before);
    }
    free(order);
    *out = sum / positives;
    return CAIRN_OK;
}

cairn_status cairn_metric_average_precision(double *out, const double *score, const uint8_t *correct, size_t count,
                                            int positives)
{
    return step_precision(out, score, correct, count, positives, true);
}

cairn_status cairn_metric_plain_precision(double *out, const double *score, const uint8_t *correct, size_t count,
                                          int positives)
{
    return step_precision(out, score, correct, count, positives, false);
}

cairn_status cairn_labels_precision(double *out, const cairn_labels *labels)
{
    cairn_status st = CAIRN_OK;
    *out = 0;
    if (labels->positives < 1) return CAIRN_OK;
    double *score = malloc(((size_t)labels->count + 1) * sizeof *score);
    if (!score) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", labels->count);
    for (int i = 0; i < labels->count; i++) score[i] = -labels->distance[i];
    st = cairn_metric_average_precision(out, score, labels->correct, (size_t)labels->count, labels->positives);
    free(score);
    return st;
}

static cairn_status reserve(cairn_detections *pool, size_t more)
{
    size_t need = pool->count + more;
    if (need <= pool->room) return CAIRN_OK;
    size_t room = need + need / 2 + 64;
    double *score = realloc(pool->score, room * sizeof *score);
    if (score) pool->score = score;
    uint8_t *correct = realloc(pool->correct, room);
    if (correct) pool->correct = correct;
    if (!score || !correct) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu detections", room);
    pool->room = room;
    return CAIRN_OK;
}

/* Whether a detection is right; the corner it takes is marked. *any_distance: to the nearest corner, taken or not. */
static bool judge(double *any_distance, const cairn_keypoint *p, const double *corners, uint8_t *taken, int count,
                  double eps, cairn_detection_rule rule)
{
    int chosen = -1;
    double best = INFINITY;
    bool in_box = false;
    *any_distance = INFINITY;
    for (int j = 0; j < count; j++) {
        double dx = p->x - corners[2 * j], dy = p->y - corners[2 * j + 1], d = hypot(dx, dy);
        in_box = in_box || (fabs(dx) <= eps && fabs(dy) <= eps);
        if (d < *any_distance) *any_distance = d;
        if (!(d <= eps)) continue;
        if (rule == CAIRN_DETECTION_FIRST_IN_RANGE) {
            if (chosen < 0) chosen = j;
        } else if (!taken[j] && d < best) {
            best = d;
            chosen = j;
        }
    }
    if (rule == CAIRN_DETECTION_BOX) return in_box;
    if (chosen < 0 || taken[chosen]) return false;
    taken[chosen] = 1;
    return true;
}

cairn_status cairn_detections_add(cairn_detections *pool, const cairn_keypoints *found, const double *corners,
                                  int count, double eps, cairn_detection_rule rule)
{
    cairn_status st = CAIRN_OK;
    scored *order = malloc(((size_t)found->count + 1) * sizeof *order);
    uint8_t *taken = calloc((size_t)count + 1, 1);
    if (!order || !taken) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d detections", found->count);
        goto done;
    }
    CAIRN_TRY(reserve(pool, (size_t)found->count));
    for (int i = 0; i < found->count; i++) order[i] = (scored){found->points[i].score, (size_t)i, 0};
    qsort(order, (size_t)found->count, sizeof *order, best_first);
    for (int i = 0; i < found->count; i++) {
        const cairn_keypoint *p = &found->points[order[i].index];
        double distance;
        bool right = judge(&distance, p, corners, taken, count, eps, rule);
        if (rule == CAIRN_DETECTION_BOX ? right : distance <= eps) {
            pool->error_sum += distance;
            pool->error_count++;
        }
        if (rule == CAIRN_DETECTION_BOX) pool->positives += right;
        pool->score[pool->count] = order[i].score;
        pool->correct[pool->count++] = right;
    }
    if (rule != CAIRN_DETECTION_BOX) pool->positives += count;
done:
    free(order);
    free(taken);
    return st;
}

void cairn_detections_free(cairn_detections *pool)
{
    free(pool->score);
    free(pool->correct);
    *pool = (cairn_detections){0};
}

cairn_status cairn_detections_finish(double *precision, double *localisation, const cairn_detections *pool)
{
    *precision = 0;
    *localisation = pool->error_count ? pool->error_sum / (double)pool->error_count : NAN;
    if (pool->positives < 1) return CAIRN_OK;
    return cairn_metric_average_precision(precision, pool->score, pool->correct, pool->count, pool->positives);
}
