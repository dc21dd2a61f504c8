#include "experiments/stages/teacher/detector_settings.h"

cairn_homographic_options cairn_warp_options(const cairn_warp_settings *s)
{
    cairn_homographic_options o = cairn_homographic_preset((cairn_augment_preset)s->preset);
    if (s->patch_ratio > 0) o.sampler.patch_ratio = s->patch_ratio;
    if (s->scaling >= 0) o.sampler.scaling_amplitude = s->scaling;
    if (s->perspective >= 0) o.sampler.perspective_x = o.sampler.perspective_y = s->perspective;
    if (s->max_angle >= 0) o.sampler.max_angle = s->max_angle;
    return o;
}

cairn_detector_options cairn_detector_loss_options(const cairn_detector_settings *s)
{
    return (cairn_detector_options){(cairn_detector_loss_kind)s->loss, s->average == 1};
}

int cairn_detector_label_channels(const cairn_detector_settings *s)
{
    return s->loss == CAIRN_DETECTOR_SOFT ? 65 : 1;
}
