#include "experiments/stages/labelling.h"

#include "experiments/gallery/drawing.h"
#include "experiments/stages/common.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <string.h>

static cairn_status path_of(char **path, const char *folder, const cairn_stage_photos *photos, int i)
{
    char name[300];
    snprintf(name, sizeof name, "%s.npz", cairn_stage_photos_key(photos, i));
    *path = cairn_file_join(folder, name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
}

typedef struct labeller {
    const cairn_stage *stage;
    const cairn_labelling *o;
    const cairn_stage_photos *photos;
    cairn_labeller *labeller;
} labeller;

/* Two pictures: the heatmap, and the points taken from it. */
static cairn_status preview(labeller *l, int i, const cairn_keypoints *points, const float *heatmap)
{
    cairn_status st = CAIRN_OK;
    const cairn_image *gray = cairn_stage_photos_get(l->photos, i);
    const int views = cairn_labeller_info(l->labeller)->views;
    cairn_image heat = {0}, marked = {0};
    cairn_picture picture = {gray, points, NULL};
    char file[64], caption[160];
    CAIRN_TRY(cairn_draw_heatmap(&heat, gray, heatmap, gray->h, gray->w));
    CAIRN_TRY(cairn_draw_keypoints(&marked, &picture));
    snprintf(file, sizeof file, "%05d-heatmap.png", i);
    snprintf(caption, sizeof caption, "Crop %d: the detector's heatmap over %d view%s", i + 1, views,
             views == 1 ? "" : "s");
    CAIRN_TRY(cairn_stage_picture(l->stage, file, &heat, caption));
    snprintf(file, sizeof file, "%05d-labels.png", i);
    snprintf(caption, sizeof caption, "Crop %d: the %d labels taken from it", i + 1, points->count);
    CAIRN_TRY(cairn_stage_picture(l->stage, file, &marked, caption));
done:
    cairn_image_free(&heat);
    cairn_image_free(&marked);
    return st;
}

static cairn_status label_one(labeller *l, int i, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints points = {0};
    const cairn_image *gray = cairn_stage_photos_get(l->photos, i);
    const float *heatmap;
    CAIRN_TRY(cairn_labeller_run(l->labeller, gray, l->stage->seed, l->stage->stream,
                                 cairn_stage_photos_key(l->photos, i), &points, &heatmap));
    int count = cairn_stage_photos_count(l->photos); /* previews are spread over the photos */
    if ((int64_t)i * l->o->previews % count < l->o->previews) CAIRN_TRY(preview(l, i, &points, heatmap));
    CAIRN_TRY(cairn_label_file_write(path, cairn_labeller_info(l->labeller), &points));
done:
    cairn_keypoints_free(&points);
    return st;
}

static cairn_status label_all(labeller *l, const char *folder)
{
    cairn_status st = CAIRN_OK;
    int count = cairn_stage_photos_count(l->photos), first = 0;
    char *path = NULL;
    cairn_progress bar;
    for (; first < count; first++) { /* what is there is whole: files appear by rename, in order */
        CAIRN_TRY(path_of(&path, folder, l->photos, first));
        if (!cairn_file_exists(path)) break;
        free(path);
        path = NULL;
    }
    cairn_progress_start(&bar, l->o->label, count, first);
    for (int i = first; i < count; i++) {
        free(path);
        path = NULL;
        CAIRN_TRY(path_of(&path, folder, l->photos, i));
        CAIRN_TRY(label_one(l, i, path));
        cairn_progress_update(&bar, i + 1, NULL);
        if (cairn_interrupted()) {
            cairn_progress_finish(&bar);
            st = cairn_interrupted_status();
            goto done;
        }
    }
    cairn_progress_finish(&bar);
done:
    free(path);
    return st;
}

cairn_status cairn_stage_label(const cairn_stage *stage, cairn_network *network, uint64_t checkpoint,
                               const cairn_stage_photos *photos, const cairn_labelling *o, const char *folder)
{
    cairn_status st = CAIRN_OK;
    const cairn_image *first = cairn_stage_photos_get(photos, 0);
    labeller l = {.stage = stage, .o = o, .photos = photos};
    CAIRN_TRY(cairn_file_make_folder(folder));
    CAIRN_TRY(cairn_labeller_create(&l.labeller, stage->gpu, network, checkpoint, o, first->h, first->w));
    CAIRN_TRY(label_all(&l, folder));
done:
    cairn_labeller_destroy(&l.labeller);
    return st;
}

cairn_status cairn_stage_read_labels(cairn_keypoints **out, const cairn_stage_photos *photos, const char *folder)
{
    cairn_status st = CAIRN_OK;
    int count = cairn_stage_photos_count(photos);
    char *path = NULL;
    *out = calloc((size_t)count, sizeof **out);
    if (!*out) return cairn_error_set(CAIRN_E_NOMEM, "no memory for labels");
    for (int i = 0; i < count; i++) {
        cairn_label_info info;
        const cairn_image *gray = cairn_stage_photos_get(photos, i);
        CAIRN_TRY(path_of(&path, folder, photos, i));
        CAIRN_TRY(cairn_label_file_read(path, gray->h, gray->w, &info, &(*out)[i]));
        free(path);
        path = NULL;
    }
done:
    free(path);
    if (st < 0) {
        for (int i = 0; i < count; i++) cairn_keypoints_free(&(*out)[i]);
        free(*out);
        *out = NULL;
    }
    return st;
}
