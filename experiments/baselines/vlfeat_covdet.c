#include "experiments/baselines/baselines.h"
#include "experiments/baselines/vlfeat_descriptor.h"

#include <vl/covdet.h>
#include <vl/imopv.h>
#include <vl/mathop.h>
#include <vl/sift.h>

/* The patch of a frame: 31x31 samples of the square that reaches 7.5 scales each way, as VLFeat's own program takes it;
 * the descriptor's four bins of three scales each fill it. */
enum { PATCH_RADIUS = 15, PATCH_SIDE = 2 * PATCH_RADIUS + 1 };
static const double patch_extent = 7.5, patch_smoothing = 1.0;

typedef struct covdet {
    VlCovDetMethod method;
    bool affine, root;
} covdet;

static bool describe(float *descriptor, VlCovDet *self, VlSiftFilt *filter, VlFrameOrientedEllipse frame)
{
    float patch[PATCH_SIDE * PATCH_SIDE], polar[2 * PATCH_SIDE * PATCH_SIDE];
    const double step = patch_extent / PATCH_RADIUS, bins = 4;
    if (vl_covdet_extract_patch_for_frame(self, patch, PATCH_RADIUS, patch_extent, patch_smoothing, frame))
        return false;
    vl_imgradient_polar_f(polar, polar + 1, 2, 2 * PATCH_SIDE, patch, PATCH_SIDE, PATCH_SIDE, PATCH_SIDE);
    vl_sift_calc_raw_descriptor(filter, polar, descriptor, PATCH_SIDE, PATCH_SIDE, PATCH_RADIUS, PATCH_RADIUS,
                                patch_extent / (3.0 * (bins + 1) / 2) / step, VL_PI / 2);
    return true;
}

/* Turns the frame to its strongest orientation; leaves it upright when it has none. */
static VlFrameOrientedEllipse orient(VlCovDet *self, VlFrameOrientedEllipse frame)
{
    vl_size count = 0;
    const VlCovDetFeatureOrientation *found = vl_covdet_extract_orientations_for_frame(self, &count, frame);
    if (count == 0) return frame;
    vl_size best = 0;
    for (vl_size i = 1; i < count; i++)
        if (found[i].score > found[best].score) best = i;
    double c = cos(found[best].angle), s = sin(found[best].angle);
    VlFrameOrientedEllipse turned = frame; /* the same ellipse, A R */
    turned.a11 = (float)(+frame.a11 * c + frame.a12 * s);
    turned.a21 = (float)(+frame.a21 * c + frame.a22 * s);
    turned.a12 = (float)(-frame.a11 * s + frame.a12 * c);
    turned.a22 = (float)(-frame.a21 * s + frame.a22 * c);
    return turned;
}

static int strongest_first(const void *left, const void *right)
{
    const VlCovDetFeature *a = left, *b = right;
    if (a->peakScore != b->peakScore) return a->peakScore > b->peakScore ? -1 : 1;
    if (a->frame.y != b->frame.y) return a->frame.y < b->frame.y ? -1 : 1;
    return a->frame.x < b->frame.x ? -1 : a->frame.x > b->frame.x;
}

/* Describes the strongest `most` features (0: all): their patches take most of the time, and VLFeat finds thousands. */
static cairn_status describe_all(cairn_sift_set *set, VlCovDet *self, VlSiftFilt *filter, const covdet *kind, int most)
{
    cairn_status st = CAIRN_OK;
    VlCovDetFeature *features = vl_covdet_get_features(self);
    vl_size count = vl_covdet_get_num_features(self);
    if (count > 1) qsort(features, count, sizeof *features, strongest_first);
    for (vl_size i = 0; i < count && (most <= 0 || set->points.count < most); i++) {
        float *descriptor, values[CAIRN_SIFT_DIMENSION];
        VlFrameOrientedEllipse frame = features[i].frame;
        if (kind->affine && vl_covdet_extract_affine_shape_for_frame(self, &frame, features[i].frame)) continue;
        frame = orient(self, frame);
        if (!describe(values, self, filter, frame)) continue;
        CAIRN_TRY(cairn_baselines__sift_append(&descriptor, set, frame.x, frame.y, features[i].peakScore));
        for (int k = 0; k < CAIRN_SIFT_DIMENSION; k++) descriptor[k] = values[k];
        cairn_baselines__sift_normalise(descriptor, kind->root);
    }
done:
    return st;
}

/* Features above the threshold `least`, or the stronger ones where these are enough for the best `most`: VLFeat
 * compares all features with each other, and a weak one never removes a stronger. Twice as many, since some have no
 * patch. */
static void find(VlCovDet *vl, double least, int most)
{
    for (double threshold = most > 0 ? 100 * least : least;; threshold /= 10) {
        const bool last = threshold < 2 * least;
        vl_covdet_set_peak_threshold(vl, last ? least : threshold);
        vl_covdet_detect(vl);
        if (last || vl_covdet_get_num_features(vl) >= 2 * (vl_size)most) return;
    }
}

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    const covdet *self = state;
    cairn_status st = CAIRN_OK;
    cairn_sift_set set = {0};
    VlCovDet *vl = NULL;
    VlSiftFilt *filter = NULL;
    if (gray->c != 1 || gray->h < CAIRN_SIFT_LEAST_SIDE || gray->w < CAIRN_SIFT_LEAST_SIDE) {
        return cairn_error_set(CAIRN_E_SHAPE,
                               "covariant detector: image %dx%d with %d channels, expected gray and at "
                               "least %dx%d",
                               gray->w, gray->h, gray->c, CAIRN_SIFT_LEAST_SIDE, CAIRN_SIFT_LEAST_SIDE);
    }
    vl = vl_covdet_new(self->method);
    filter = vl_sift_new(16, 16, 1, 3, 0); /* only the descriptor's tables are used */
    if (!vl || !filter || vl_covdet_put_image(vl, gray->pixels, (vl_size)gray->w, (vl_size)gray->h)) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a covariant detector on a %dx%d image", gray->w, gray->h);
        goto done;
    }
    vl_sift_set_magnif(filter, 3.0);
    find(vl, self->method == VL_COVDET_METHOD_HESSIAN ? 1e-5 : 1e-8, top_k);
    CAIRN_TRY(describe_all(&set, vl, filter, self, top_k));
    if (set.points.count > 0) CAIRN_TRY(cairn_keypoints_sort(&set.points, top_k));
    *out = set.points;
    set = (cairn_sift_set){0};
done:
    if (vl) vl_covdet_delete(vl);
    if (filter) vl_sift_delete(filter);
    cairn_keypoints_free(&set.points);
    return st;
}

cairn_status cairn_baseline_covdet(cairn_detector *out, cairn_covdet_kind kind, bool affine, bool root)
{
    static const struct {
        VlCovDetMethod method;
        const char *name, *affine_name;
    } kinds[] = {
        [CAIRN_COVDET_HESSIAN] = {VL_COVDET_METHOD_HESSIAN, "Hessian", "Hessian-affine"},
        [CAIRN_COVDET_HARRIS_LAPLACE] = {VL_COVDET_METHOD_HARRIS_LAPLACE, "Harris-Laplace", "Harris-affine"},
        [CAIRN_COVDET_MULTISCALE_HARRIS] = {VL_COVDET_METHOD_MULTISCALE_HARRIS, "multiscale Harris",
                                            "multiscale Harris, affine"},
    };
    *out = (cairn_detector){0};
    covdet *self = malloc(sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a covariant detector");
    *self = (covdet){kinds[kind].method, affine, root};
    *out = (cairn_detector){.name = affine ? kinds[kind].affine_name : kinds[kind].name,
                            .dimension = CAIRN_SIFT_DIMENSION,
                            .state = self,
                            .detect = detect,
                            .destroy = free};
    return CAIRN_OK;
}
