#include "experiments/baselines/baselines.h"
#include "experiments/baselines/vlfeat_descriptor.h"

#include <math.h>
#include <vl/sift.h>

enum { LEVELS = 3, FIRST_OCTAVE = -1 };

typedef struct sift {
    bool root;
} sift;

/* |DoG| at the extremum. */
static float response(const VlSiftFilt *filter, const VlSiftKeypoint *key)
{
    size_t w = (size_t)filter->octave_width, h = (size_t)filter->octave_height;
    size_t level = (size_t)(key->is - filter->s_min);
    return fabsf(filter->dog[(level * h + (size_t)key->iy) * w + (size_t)key->ix]);
}

static cairn_status describe_octave(cairn_sift_set *set, VlSiftFilt *filter, bool root)
{
    cairn_status st = CAIRN_OK;
    const VlSiftKeypoint *keys = vl_sift_get_keypoints(filter);
    int count = vl_sift_get_nkeypoints(filter);
    for (int i = 0; i < count; i++) {
        double angles[4];
        int turns = vl_sift_calc_keypoint_orientations(filter, angles, &keys[i]);
        for (int k = 0; k < turns; k++) {
            float *descriptor;
            CAIRN_TRY(cairn_baselines__sift_append(&descriptor, set, keys[i].x, keys[i].y, response(filter, &keys[i])));
            vl_sift_calc_keypoint_descriptor(filter, descriptor, &keys[i], angles[k]);
            cairn_baselines__sift_normalise(descriptor, root);
        }
    }
done:
    return st;
}

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    const double peak = 0.5 / 255, edge = 10; /* low enough that the number of points decides, not the threshold */
    const sift *self = state;
    cairn_status st = CAIRN_OK;
    cairn_sift_set set = {0};
    VlSiftFilt *filter = NULL;
    if (gray->c != 1 || gray->h < CAIRN_SIFT_LEAST_SIDE || gray->w < CAIRN_SIFT_LEAST_SIDE) {
        return cairn_error_set(CAIRN_E_SHAPE, "SIFT: image %dx%d with %d channels, expected gray and at least %dx%d",
                               gray->w, gray->h, gray->c, CAIRN_SIFT_LEAST_SIDE, CAIRN_SIFT_LEAST_SIDE);
    }
    filter = vl_sift_new(gray->w, gray->h, -1, LEVELS, FIRST_OCTAVE);
    if (!filter) return cairn_error_set(CAIRN_E_NOMEM, "no memory for SIFT on a %dx%d image", gray->w, gray->h);
    vl_sift_set_peak_thresh(filter, peak);
    vl_sift_set_edge_thresh(filter, edge);
    for (int more = !vl_sift_process_first_octave(filter, gray->pixels); more;
         more = !vl_sift_process_next_octave(filter)) {
        vl_sift_detect(filter);
        CAIRN_TRY(describe_octave(&set, filter, self->root));
    }
    if (set.points.count > 0) CAIRN_TRY(cairn_keypoints_sort(&set.points, top_k));
    *out = set.points;
    set = (cairn_sift_set){0};
done:
    vl_sift_delete(filter);
    cairn_keypoints_free(&set.points);
    return st;
}

cairn_status cairn_baseline_sift(cairn_detector *out, bool root)
{
    *out = (cairn_detector){0};
    sift *self = malloc(sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the SIFT detector");
    self->root = root;
    *out = (cairn_detector){.name = root ? "RootSIFT" : "SIFT",
                            .dimension = CAIRN_SIFT_DIMENSION,
                            .state = self,
                            .detect = detect,
                            .destroy = free};
    return CAIRN_OK;
}
