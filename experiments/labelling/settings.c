#include "experiments/labelling/settings.h"

#include "teacher/augment.h"

cairn_status cairn_labelling_check(const cairn_labelling_settings *s, const char *where)
{
    if (s->chunk && s->views % s->chunk)
        return cairn_error_set(CAIRN_E_INVALID, "%s: chunk is %lld; it must divide views, %lld", where,
                               (long long)s->chunk, (long long)s->views);
    if (s->filter_counts > s->views)
        return cairn_error_set(CAIRN_E_INVALID,
                               "%s: filter_counts is %lld, but there are %lld views: no label would be left", where,
                               (long long)s->filter_counts, (long long)s->views);
    return CAIRN_OK;
}

cairn_labelling cairn_labelling_from(const cairn_labelling_settings *s)
{
    cairn_labelling o = {.adaptation = {.views = (int)s->views,
                                        .chunk = (int)s->chunk,
                                        .margin = (int)s->margin,
                                        .aggregation = (cairn_aggregation)s->aggregation,
                                        .filter_counts = (int)s->filter_counts,
                                        .homography = CAIRN_HOMOGRAPHY_OPTIONS_INIT},
                         .threshold = s->threshold,
                         .radius = (int)s->radius,
                         .border = (int)s->border,
                         .top_k = (int)s->top_k,
                         .suppression = (cairn_suppression_kind)s->suppression,
                         .subpixel = s->subpixel};
    cairn_homography_options *h = &o.adaptation.homography;
    if (s->views_of == 2) *h = cairn_homographic_preset(CAIRN_AUGMENT_OMERCOHEN_ADAPTATION).sampler;
    h->full_corners = s->views_of == 1;
    h->max_angle = s->max_angle;
    h->patch_ratio = s->patch_ratio;
    h->scaling_amplitude = s->scaling;
    h->perspective_x = h->perspective_y = s->perspective;
    h->translation_overflow = s->overflow;
    h->allow_artifacts = s->artifacts;
    return o;
}
