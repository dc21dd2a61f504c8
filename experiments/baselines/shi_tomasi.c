#include "experiments/baselines/baselines.h"
#include "experiments/baselines/gradient_matrix.h"

#include <math.h>

typedef struct shi_tomasi {
    cairn_suppression suppression;
    int border;
} shi_tomasi;

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    const shi_tomasi *self = state;
    cairn_status st = CAIRN_OK;
    float *matrix = NULL;
    CAIRN_TRY(cairn_baselines__gradient_matrix(&matrix, gray));
    size_t plane = (size_t)gray->h * (size_t)gray->w;
    const float *xy = matrix + plane, *yy = matrix + 2 * plane;
    for (size_t i = 0; i < plane; i++) { /* the smaller eigenvalue takes the place of xx */
        float a = 0.5f * matrix[i], c = 0.5f * yy[i];
        matrix[i] = a + c - sqrtf((a - c) * (a - c) + xy[i] * xy[i]);
    }
    CAIRN_TRY(cairn_keypoints_choose(out, matrix, gray->h, gray->w, 1e-7f, &self->suppression, self->border, top_k));
done:
    free(matrix);
    return st;
}

static void configure(void *state, const cairn_protocol_view *view)
{
    shi_tomasi *self = state;
    self->suppression = view->suppression;
    if (view->classical_unsuppressed) self->suppression.kind = CAIRN_SUPPRESS_NONE;
    self->border = view->classical_border;
}

cairn_status cairn_baseline_shi_tomasi(cairn_detector *out, int radius)
{
    *out = (cairn_detector){0};
    shi_tomasi *self = malloc(sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the Shi-Tomasi detector");
    *self = (shi_tomasi){{CAIRN_SUPPRESS_SQUARE, radius}, 0};
    *out = (cairn_detector){
        .name = "Shi-Tomasi", .state = self, .detect = detect, .destroy = free, .configure = configure};
    return CAIRN_OK;
}
