#include "experiments/baselines/baselines.h"
#include "experiments/baselines/gradient_matrix.h"

typedef struct harris {
    cairn_suppression suppression;
    int border;
} harris;

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    const float k = 0.04f;
    const harris *self = state;
    cairn_status st = CAIRN_OK;
    float *matrix = NULL;
    CAIRN_TRY(cairn_baselines__gradient_matrix(&matrix, gray));
    size_t plane = (size_t)gray->h * (size_t)gray->w;
    const float *xx = matrix, *xy = matrix + plane, *yy = matrix + 2 * plane;
    for (size_t i = 0; i < plane; i++) { /* the response takes the place of xx */
        float trace = xx[i] + yy[i];
        matrix[i] = xx[i] * yy[i] - xy[i] * xy[i] - k * trace * trace;
    }
    CAIRN_TRY(cairn_keypoints_choose(out, matrix, gray->h, gray->w, 0.0f, &self->suppression, self->border, top_k));
done:
    free(matrix);
    return st;
}

static void configure(void *state, const cairn_protocol_view *view)
{
    harris *self = state;
    self->suppression = view->suppression;
    if (view->classical_unsuppressed) self->suppression.kind = CAIRN_SUPPRESS_NONE;
    self->border = view->classical_border;
}

cairn_status cairn_baseline_harris(cairn_detector *out, int radius)
{
    *out = (cairn_detector){0};
    harris *self = malloc(sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the Harris detector");
    *self = (harris){{CAIRN_SUPPRESS_SQUARE, radius}, 0};
    *out = (cairn_detector){.name = "Harris", .state = self, .detect = detect, .destroy = free, .configure = configure};
    return CAIRN_OK;
}
