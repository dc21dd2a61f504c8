#include "experiments/baselines/baselines.h"
#include "experiments/baselines/gradient_matrix.h"

typedef struct harris {
    int radius;
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
    CAIRN_TRY(cairn_keypoints_from_heatmap(out, matrix, gray->h, gray->w, 0.0f, self->radius, 0, top_k));
done:
    free(matrix);
    return st;
}

cairn_status cairn_baseline_harris(cairn_detector *out, int radius)
{
    *out = (cairn_detector){0};
    harris *self = malloc(sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the Harris detector");
    self->radius = radius;
    *out = (cairn_detector){.name = "Harris", .state = self, .detect = detect, .destroy = free};
    return CAIRN_OK;
}
