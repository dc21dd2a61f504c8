#include "experiments/baselines/baselines.h"
#include "experiments/baselines/fast_scores.h"

#include <math.h>

enum { CIRCLE = 16, ARC = 9, REACH = 3 };
static const int8_t around[CIRCLE][2] = {{0, 3},  {1, 3},   {2, 2},   {3, 1},   {3, 0},  {3, -1}, {2, -2}, {1, -3},
                                         {0, -3}, {-1, -3}, {-2, -2}, {-3, -1}, {-3, 0}, {-3, 1}, {-2, 2}, {-1, 3}};

typedef struct fast {
    cairn_suppression suppression;
    int border;
} fast;

/* The largest t at which ARC contiguous differences all exceed t, or all lie below -t. */
static float score(const float difference[CIRCLE])
{
    float best = 0;
    for (int start = 0; start < CIRCLE; start++) {
        float least = difference[start], most = difference[start];
        for (int k = 1; k < ARC; k++) {
            float d = difference[(start + k) % CIRCLE];
            least = fminf(least, d);
            most = fmaxf(most, d);
        }
        best = fmaxf(best, fmaxf(least, -most));
    }
    return best;
}

/* An arc of nine holds one of any two opposite pixels: false where no arc can pass the threshold. */
static bool possible(const float difference[CIRCLE], float threshold)
{
    float bright = INFINITY, dark = INFINITY;
    for (int k = 0; k < CIRCLE / 2; k++) {
        bright = fminf(bright, fmaxf(difference[k], difference[k + CIRCLE / 2]));
        dark = fminf(dark, -fminf(difference[k], difference[k + CIRCLE / 2]));
    }
    return bright > threshold || dark > threshold;
}

cairn_status cairn_baselines__fast_scores(float **out, const cairn_image *gray, float threshold)
{
    int h = gray->h, w = gray->w;
    float *map = *out = calloc((size_t)h * (size_t)w, sizeof *map);
    if (!map) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the scores of a %dx%d image", w, h);
    for (int y = REACH; y < h - REACH; y++)
        for (int x = REACH; x < w - REACH; x++) {
            float difference[CIRCLE], centre = gray->pixels[(size_t)y * (size_t)w + (size_t)x];
            for (int k = 0; k < CIRCLE; k++)
                difference[k] =
                    gray->pixels[(size_t)(y + around[k][1]) * (size_t)w + (size_t)(x + around[k][0])] - centre;
            map[(size_t)y * (size_t)w + (size_t)x] = possible(difference, threshold) ? score(difference) : 0;
        }
    return CAIRN_OK;
}

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    const float threshold = 10.0f / 255;
    const fast *self = state;
    cairn_status st = CAIRN_OK;
    float *map = NULL;
    CAIRN_TRY(cairn_baselines__fast_scores(&map, gray, threshold));
    CAIRN_TRY(cairn_keypoints_choose(out, map, gray->h, gray->w, threshold, &self->suppression, self->border, top_k));
done:
    free(map);
    return st;
}

static void configure(void *state, const cairn_protocol_view *view)
{
    fast *self = state;
    self->suppression = view->suppression;
    if (view->classical_unsuppressed) self->suppression.kind = CAIRN_SUPPRESS_NONE;
    self->border = view->classical_border;
}

cairn_status cairn_baseline_fast(cairn_detector *out, int radius)
{
    *out = (cairn_detector){0};
    fast *self = malloc(sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the FAST detector");
    *self = (fast){{CAIRN_SUPPRESS_SQUARE, radius}, 0};
    *out = (cairn_detector){.name = "FAST", .state = self, .detect = detect, .destroy = free, .configure = configure};
    return CAIRN_OK;
}
