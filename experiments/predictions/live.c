/* Predictions by running a detector, once for each image. */
#include "experiments/predictions/predictions.h"

#include "system/progress.h"

#include <math.h>
#include <string.h>

enum { KEPT = 2 }; /* a pair has two images, and the first of a sequence comes again with the next pair */

typedef struct kept {
    char id[CAIRN_PAIR_NAME_BYTES + 16];
    int h, w;
    cairn_keypoints points;
    double seconds;
    uint64_t used; /* when it was asked for last; 0: empty */
} kept;

typedef struct live {
    const cairn_detector *detector;
    cairn_protocol_view view[CAIRN_PROTOCOL_VIEWS];
    kept kept[CAIRN_PROTOCOL_VIEWS][KEPT];
    bool warm[CAIRN_PROTOCOL_VIEWS];
    uint64_t clock;
} live;

const char *cairn_role_name(cairn_role role)
{
    static const char *const names[] = {"classical", "teacher",           "untrained-teacher",
                                        "student",   "untrained-student", "chance"};
    return role < CAIRN_ROLES ? names[role] : "unknown";
}

void cairn_predictions_free(cairn_predictions *predictions)
{
    if (predictions->destroy) predictions->destroy(predictions->state);
    *predictions = (cairn_predictions){0};
}

static cairn_status copy(cairn_keypoints *out, const cairn_keypoints *from)
{
    cairn_status st = cairn_keypoints_create(out, from->count, from->dimension);
    if (st < 0) return st;
    memcpy(out->points, from->points, (size_t)from->count * sizeof *from->points);
    if (from->descriptors)
        memcpy(out->descriptors, from->descriptors,
               (size_t)from->count * (size_t)from->dimension * sizeof *from->descriptors);
    return CAIRN_OK;
}

static kept *find(live *l, cairn_view_id view, const char *id, const cairn_image *gray)
{
    for (int i = 0; i < KEPT; i++) {
        kept *k = &l->kept[view][i];
        if (k->used && k->h == gray->h && k->w == gray->w && !strcmp(k->id, id)) return k;
    }
    return NULL;
}

static cairn_status look(live *l, cairn_view_id view, const char *id, const cairn_image *gray, kept **out)
{
    cairn_status st = CAIRN_OK;
    kept *place = &l->kept[view][0];
    for (int i = 1; i < KEPT; i++)
        if (l->kept[view][i].used < place->used) place = &l->kept[view][i];
    cairn_keypoints_free(&place->points);
    place->used = 0;
    if (l->detector->learned && !l->warm[view]) { /* the first run of a size compiles its program: not timed */
        CAIRN_TRY(cairn_detector_view(&place->points, l->detector, gray, &l->view[view]));
        cairn_keypoints_free(&place->points);
    }
    l->warm[view] = true;
    const double start = cairn_seconds();
    CAIRN_TRY(cairn_detector_view(&place->points, l->detector, gray, &l->view[view]));
    place->seconds = cairn_seconds() - start;
    snprintf(place->id, sizeof place->id, "%s", id);
    place->h = gray->h;
    place->w = gray->w;
    *out = place;
done:
    return st;
}

static cairn_status get(void *state, cairn_view_id view, const char *id, const cairn_image *gray, cairn_keypoints *out,
                        double *seconds)
{
    cairn_status st = CAIRN_OK;
    live *l = state;
    kept *found = find(l, view, id, gray);
    *out = (cairn_keypoints){0};
    *seconds = NAN;
    if (!found) CAIRN_TRY(look(l, view, id, gray, &found));
    found->used = ++l->clock;
    CAIRN_TRY(copy(out, &found->points));
    *seconds = found->seconds;
done:
    return st;
}

static void destroy(void *state)
{
    live *l = state;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++)
        for (int i = 0; i < KEPT; i++) cairn_keypoints_free(&l->kept[v][i].points);
    free(l);
}

cairn_status cairn_predictions_live(cairn_predictions *out, const cairn_detector *detector,
                                    const cairn_protocol *protocol, cairn_role role, const char *weights)
{
    *out = (cairn_predictions){0};
    live *l = calloc(1, sizeof *l);
    if (!l) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the points of %s", detector->name);
    l->detector = detector;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) l->view[v] = protocol->view[v];
    *out = (cairn_predictions){.role = role,
                               .dimension = detector->dimension,
                               .detector = detector,
                               .state = l,
                               .get = get,
                               .destroy = destroy};
    snprintf(out->name, sizeof out->name, "%s", detector->name);
    snprintf(out->weights, sizeof out->weights, "%s", weights ? weights : "");
    return CAIRN_OK;
}
