#include "experiments/stages/evaluation/contest_pictures.h"

#include "experiments/gallery/drawing.h"
#include "experiments/stages/common.h"
#include "matching/nearest.h"

#include <math.h>
#include <string.h>

enum { SHOWN_POINTS = 150, SHOWN_MATCHES = 120 };

/* Every method's points on image a, beside each other. */
static cairn_status detections(const cairn_stage *stage, const cairn_pair *pair, cairn_view_id view,
                               const cairn_predictions *methods, int count, const char *file)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints found[CAIRN_CONTEST_MOST] = {{0}};
    cairn_picture pictures[CAIRN_CONTEST_MOST] = {{0}};
    cairn_image out = {0};
    char caption[256];
    double seconds;
    int shown = 0;
    for (int i = 0; i < count; i++) {
        if (methods[i].role == CAIRN_ROLE_CHANCE) continue;
        CAIRN_TRY(methods[i].get(methods[i].state, view, pair->image_a, &pair->a, &found[shown], &seconds));
        CAIRN_TRY(cairn_keypoints_sort(&found[shown], SHOWN_POINTS));
        pictures[shown] = (cairn_picture){&pair->a, &found[shown], methods[i].name};
        shown++;
    }
    CAIRN_TRY(cairn_draw_grid(&out, pictures, shown, 2));
    snprintf(caption, sizeof caption, "%s: the best %d keypoints of each method", pair->name, SHOWN_POINTS);
    CAIRN_TRY(cairn_stage_picture(stage, file, &out, caption));
done:
    for (int i = 0; i < CAIRN_CONTEST_MOST; i++) cairn_keypoints_free(&found[i]);
    cairn_image_free(&out);
    return st;
}

static int check_matches(double *from, double *to, uint8_t *correct, const cairn_pair *pair, const cairn_keypoints *a,
                         const cairn_keypoints *b, const cairn_match *matches, int count, double eps)
{
    int good = 0;
    for (int i = 0; i < count; i++) {
        const cairn_keypoint *p = &a->points[matches[i].a], *q = &b->points[matches[i].b];
        double x, y;
        from[2 * i] = (double)p->x;
        from[2 * i + 1] = (double)p->y;
        to[2 * i] = (double)q->x;
        to[2 * i + 1] = (double)q->y;
        bool finite = cairn_homography_apply(&pair->a_to_b, (double)p->x, (double)p->y, &x, &y);
        correct[i] = finite && hypot(x - to[2 * i], y - to[2 * i + 1]) <= eps;
        good += correct[i];
    }
    return good;
}

static cairn_status matches_of(const cairn_stage *stage, const cairn_pair *pair, cairn_view_id view,
                               const cairn_predictions *method, const cairn_protocol *o, const char *file)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints a = {0}, b = {0};
    cairn_match *matches = NULL;
    cairn_image out = {0};
    double *from = NULL;
    uint8_t *correct = NULL;
    char caption[256];
    double seconds;
    int count;
    CAIRN_TRY(method->get(method->state, view, pair->image_a, &pair->a, &a, &seconds));
    CAIRN_TRY(method->get(method->state, view, pair->image_b, &pair->b, &b, &seconds));
    CAIRN_TRY(cairn_keypoints_sort(&a, o->top_k));
    CAIRN_TRY(cairn_keypoints_sort(&b, o->top_k));
    CAIRN_TRY(cairn_match_nearest(&matches, &count, &a, &b, 0, 0));
    from = malloc(sizeof *from * 4 * (size_t)(count + 1));
    correct = malloc((size_t)count + 1);
    if (!from || !correct) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for matches");
        goto done;
    }
    double *to = from + 2 * count;
    int good = check_matches(from, to, correct, pair, &a, &b, matches, count, o->match_eps);
    cairn_picture left = {&pair->a, NULL, method->name}, right = {&pair->b, NULL, ""};
    CAIRN_TRY(cairn_draw_matches(&out, &left, &right, from, to, correct, count, SHOWN_MATCHES));
    snprintf(caption, sizeof caption, "%s, %s: %d of %d mutual nearest neighbours are right (green) within %g pixels",
             pair->name, method->name, good, count, o->match_eps);
    CAIRN_TRY(cairn_stage_picture(stage, file, &out, caption));
done:
    cairn_keypoints_free(&a);
    cairn_keypoints_free(&b);
    cairn_image_free(&out);
    free(matches);
    free(from);
    free(correct);
    return st;
}

cairn_status cairn_contest_pictures(const cairn_stage *stage, const cairn_pair_source *source, cairn_view_id view,
                                    const cairn_predictions *methods, int count, const cairn_protocol *o, int pairs)
{
    cairn_status st = CAIRN_OK;
    cairn_pair pair = {0};
    char set[64], file[160];
    snprintf(set, sizeof set, "%s", source->name);
    for (char *t = set; *t; t++)
        if (*t == ' ' || *t == '/') *t = '-';
    for (int k = 0; k < pairs && k < source->count; k++) {
        cairn_pair_free(&pair);
        if (source->get(source->state, (int)((long long)k * source->count / pairs), &pair) < 0)
            continue; /* counted before */
        snprintf(file, sizeof file, "%s-%02d-keypoints.png", set, k);
        CAIRN_TRY(detections(stage, &pair, view, methods, count, file));
        for (int i = 0; i < count; i++) {
            const cairn_predictions *m = &methods[i];
            if (!m->dimension || (m->role != CAIRN_ROLE_TEACHER && m->role != CAIRN_ROLE_CLASSICAL)) continue;
            snprintf(file, sizeof file, "%s-%02d-matches-%d.png", set, k, i);
            CAIRN_TRY(matches_of(stage, &pair, view, m, o, file));
        }
    }
done:
    cairn_pair_free(&pair);
    return st;
}
