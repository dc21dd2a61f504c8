#include "experiments/evaluation/detector.h"

#include <math.h>
#include <string.h>

void cairn_detector_free(cairn_detector *detector)
{
    if (!detector) return;
    if (detector->destroy) detector->destroy(detector->state);
    *detector = (cairn_detector){0};
}

static cairn_status detect(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray, int top_k)
{
    cairn_status st = CAIRN_OK;
    if (gray->c != 1) {
        return cairn_error_set(CAIRN_E_SHAPE, "detector %s: the image has %d channels, expected 1 (gray)",
                               detector->name, gray->c);
    }
    CAIRN_TRY(detector->detect(detector->state, gray, top_k, out));
    if (out->count > 0 && out->dimension != detector->dimension)
        st = cairn_error_set(CAIRN_E_SHAPE, "detector %s: descriptors of length %d, announced were %d", detector->name,
                             out->dimension, detector->dimension);
done:
    return st;
}

cairn_status cairn_detector_run(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray,
                                double radius, int border, int candidates, int top_k)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_keypoints){0};
    CAIRN_TRY(detect(out, detector, gray, candidates));
    CAIRN_TRY(cairn_keypoints_suppress(out, gray->h, gray->w, radius, border, top_k));
done:
    if (st < 0) cairn_keypoints_free(out);
    return st;
}

/* Methods that the harness suppresses may find more points than are kept. */
enum { CANDIDATE_FACTOR = 4 };

/* What chooses its own points has cut its border before the sub-pixel step, which may move a point over it by less than
 * a pixel; cutting again would drop it. */
static int border_of(const cairn_detector *detector, const cairn_protocol_view *view)
{
    if (!detector->learned) return view->classical_border;
    return detector->configure && view->subpixel ? 0 : view->border;
}

cairn_status cairn_detector_view(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray,
                                 const cairn_protocol_view *view)
{
    cairn_status st = CAIRN_OK;
    static const cairn_suppression none = {CAIRN_SUPPRESS_NONE, 0};
    const bool own = detector->configure != NULL;
    const bool suppress = !own && (detector->learned || !view->classical_unsuppressed);
    *out = (cairn_keypoints){0};
    if (own) detector->configure(detector->state, view);
    CAIRN_TRY(detect(out, detector, gray, own ? view->points : CANDIDATE_FACTOR * view->points));
    for (int i = 0; view->integer && i < out->count; i++) {
        out->points[i].x = truncf(out->points[i].x);
        out->points[i].y = truncf(out->points[i].y);
    }
    CAIRN_TRY(cairn_keypoints_thin(out, gray->h, gray->w, suppress ? &view->suppression : &none,
                                   border_of(detector, view), view->points));
done:
    if (st < 0) cairn_keypoints_free(out);
    return st;
}
