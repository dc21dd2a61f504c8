#include "experiments/stages/teacher/samples.h"

#include "experiments/stages/common.h"
#include "teacher/labels/labels.h"

#include <string.h>

static cairn_rng rng_for(const cairn_sample_stream *s, uint32_t purpose)
{
    return cairn_rng_stream(s->seed, s->stage, s->step, s->sample, purpose);
}

static cairn_status copy_points(cairn_keypoints *out, const cairn_keypoints *points)
{
    cairn_status st = cairn_keypoints_create(out, points->count, 0);
    if (st >= 0 && points->count) memcpy(out->points, points->points, sizeof *points->points * (size_t)points->count);
    return st;
}

/* Image, labels and valid cells into the batch. mask [h,w], or NULL where all of the image is valid. */
static cairn_status write_view(cairn_sample_view *out, const cairn_image *image, const cairn_keypoints *points,
                               const float *mask, cairn_rng *rng)
{
    cairn_status st = CAIRN_OK;
    int h = image->h, w = image->w, cells = h / 8 * (w / 8);
    memcpy(out->image, image->pixels, sizeof(float) * (size_t)h * (size_t)w);
    if (out->soft)
        CAIRN_TRY(cairn_labels_soft(out->labels, points, h, w));
    else
        CAIRN_TRY(cairn_labels_from_points(out->labels, points, h, w, rng));
    if (mask) CAIRN_TRY(cairn_labels_valid_cells(out->valid, mask, h, w));
    for (int i = 0; i < cells && !mask; i++) out->valid[i] = 1;
done:
    return st;
}

cairn_status cairn_sample_detector(cairn_sample_view *out, const cairn_image *gray, const cairn_keypoints *points,
                                   const cairn_photometric_options *photometric,
                                   const cairn_homographic_options *homographic, const cairn_sample_stream *stream)
{
    cairn_status st = CAIRN_OK;
    cairn_image changed = {0}, warped = {0};
    cairn_keypoints moved = {0};
    cairn_rng augment = rng_for(stream, CAIRN_PURPOSE_AUGMENT), warp = rng_for(stream, CAIRN_PURPOSE_WARP),
              label = rng_for(stream, CAIRN_PURPOSE_LABELS);
    float *mask = NULL;
    CAIRN_TRY(cairn_image_copy(&changed, gray));
    CAIRN_TRY(copy_points(&moved, points));
    if (photometric) CAIRN_TRY(cairn_augment_photometric(&changed, &augment, photometric));
    if (homographic) {
        mask = malloc(sizeof *mask * (size_t)gray->h * (size_t)gray->w);
        if (!mask) {
            st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a sample");
            goto done;
        }
        CAIRN_TRY(cairn_augment_homographic(&warped, mask, &moved, &changed, &warp, homographic, NULL));
    }
    CAIRN_TRY(write_view(out, homographic ? &warped : &changed, &moved, mask, &label));
done:
    cairn_image_free(&changed);
    cairn_image_free(&warped);
    cairn_keypoints_free(&moved);
    free(mask);
    return st;
}

cairn_status cairn_sample_warped(cairn_sample_view *out, cairn_homography *to_warped, const cairn_image *gray,
                                 const cairn_keypoints *points, const cairn_photometric_options *photometric,
                                 const cairn_homographic_options *homographic, const cairn_sample_stream *stream)
{
    cairn_status st = CAIRN_OK;
    cairn_image warped = {0};
    cairn_keypoints moved = {0};
    cairn_homography warped_to_input;
    cairn_rng augment = rng_for(stream, CAIRN_PURPOSE_AUGMENT_WARPED), warp = rng_for(stream, CAIRN_PURPOSE_WARP),
              label = rng_for(stream, CAIRN_PURPOSE_LABELS_WARPED);
    float *mask = malloc(sizeof *mask * (size_t)gray->h * (size_t)gray->w);
    if (!mask) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a sample");
    CAIRN_TRY(copy_points(&moved, points));
    CAIRN_TRY(cairn_augment_homographic(&warped, mask, &moved, gray, &warp, homographic, &warped_to_input));
    CAIRN_TRY(cairn_homography_invert(to_warped, &warped_to_input));
    CAIRN_TRY(cairn_augment_photometric(&warped, &augment, photometric));
    CAIRN_TRY(write_view(out, &warped, &moved, mask, &label));
done:
    cairn_image_free(&warped);
    cairn_keypoints_free(&moved);
    free(mask);
    return st;
}
