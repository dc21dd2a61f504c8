/* Views of photographs, and masks of points, for the student (student.md 4.1, 5.1 and 5.3). */
#include "experiments/stages/student/student.h"

#include "experiments/stages/common.h"
#include "experiments/stages/labelling.h"

#include "system/file.h"
#include "teacher/augment.h"

#include <math.h>
#include <string.h>

cairn_homography_options cairn_student_homographies(void)
{
    cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    o.max_angle = 0.2617993877991494; /* 15 degrees */
    o.allow_artifacts = false;
    return o;
}

static void mirror(cairn_image *image, cairn_keypoints *points)
{
    for (int y = 0; y < image->h; y++)
        for (int x = 0; x < image->w / 2; x++) {
            float *a = &image->pixels[(size_t)y * (size_t)image->w + (size_t)x];
            float *b = &image->pixels[(size_t)y * (size_t)image->w + (size_t)(image->w - 1 - x)], t = *a;
            *a = *b;
            *b = t;
        }
    for (int i = 0; i < points->count; i++) points->points[i].x = (float)(image->w - 1) - points->points[i].x;
}

cairn_status cairn_student_make_view(const cairn_student_view *out, cairn_keypoints *points, const cairn_image *gray,
                                     cairn_rng *rng, double warped, bool photometric)
{
    cairn_status st = CAIRN_OK;
    cairn_image image = {0}, seen = {0};
    const size_t bytes = sizeof(float) * (size_t)gray->h * (size_t)gray->w;
    const cairn_photometric_options light = cairn_photometric_preset(CAIRN_AUGMENT_SUPERPOINT);
    const cairn_homographic_options views = {.sampler = cairn_student_homographies(), .margin = 3};
    const bool mirrored = cairn_rng_u32(rng) & 1, through = warped > 0 && cairn_rng_uniform(rng) < warped;
    CAIRN_TRY(cairn_image_copy(&image, gray));
    if (mirrored) mirror(&image, points);
    if (through) {
        CAIRN_TRY(cairn_augment_homographic(&seen, out->valid, points, &image, rng, &views, NULL));
        cairn_image_free(&image);
        image = seen;
        seen = (cairn_image){0};
    }
    for (int i = 0; !through && out->valid && i < gray->h * gray->w; i++) out->valid[i] = 1;
    if (out->clean) memcpy(out->clean, image.pixels, bytes);
    if (photometric) CAIRN_TRY(cairn_augment_photometric(&image, rng, &light));
    memcpy(out->image, image.pixels, bytes);
done:
    cairn_image_free(&image);
    cairn_image_free(&seen);
    return st;
}

void cairn_student_mask_out(float *out, int h, int w, const cairn_keypoints *points, double radius)
{
    const int reach = (int)ceil(radius);
    for (int i = 0; i < h * w; i++) out[i] = 1;
    for (int i = 0; i < points->count; i++) {
        const double px = (double)points->points[i].x, py = (double)points->points[i].y;
        for (int y = (int)py - reach; y <= (int)py + reach + 1; y++)
            for (int x = (int)px - reach; x <= (int)px + reach + 1; x++)
                if (x >= 0 && y >= 0 && x < w && y < h && (x - px) * (x - px) + (y - py) * (y - py) <= radius * radius)
                    out[(size_t)y * (size_t)w + (size_t)x] = 0;
    }
}

/* ---- keypoints on the photographs ---- */

cairn_status cairn_student_points_open(cairn_photo_feed *photos, cairn_stage *stage, const cairn_student_points *s)
{
    cairn_status st = CAIRN_OK;
    cairn_network *teacher = NULL;
    char *model = NULL, *folder = NULL;
    uint64_t checkpoint;
    cairn_labelling o = {.adaptation = {.views = 1},
                         .threshold = s->threshold,
                         .radius = (int)s->radius,
                         .border = (int)s->border,
                         .top_k = (int)s->top_k,
                         .side = (int)s->side,
                         .previews = 2,
                         .label = "teacher's keypoints"};
    if (s->labels[0]) return cairn_photo_feed_label_from(photos, s->labels);
    CAIRN_TRY(cairn_stage_model_path(&model, stage, s->teacher));
    CAIRN_TRY(cairn_file_hash(&checkpoint, model));
    CAIRN_TRY(cairn_network_load(&teacher, stage->gpu, model));
    CAIRN_TRY(cairn_stage_path(&folder, stage, "teacher"));
    CAIRN_TRY(cairn_stage_label(stage, teacher, checkpoint, photos->photos, &o, folder));
    CAIRN_TRY(cairn_photo_feed_label(photos, folder, checkpoint));
done:
    cairn_network_destroy(&teacher);
    free(model);
    free(folder);
    return st;
}

cairn_status cairn_student_points_check(const cairn_student_points *s, bool network, const char *where)
{
    if (network && !s->teacher[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: teacher is not set; the stage whose network gives the targets is "
                                                "needed",
                               where);
    if (!s->teacher[0] && !s->labels[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: neither teacher nor labels is set; keypoints come from one",
                               where);
    if (s->side && (s->side < 64 || s->labels[0]))
        return cairn_error_set(CAIRN_E_INVALID, "%s: side is %d; it is 64 or more, for keypoints that no labels give",
                               where, (int)s->side);
    return CAIRN_OK;
}

cairn_status cairn_student_copy_points(cairn_keypoints *out, const cairn_keypoints *points)
{
    cairn_status st = cairn_keypoints_create(out, points->count, 0);
    if (st >= 0 && points->count) memcpy(out->points, points->points, sizeof *points->points * (size_t)points->count);
    return st;
}
