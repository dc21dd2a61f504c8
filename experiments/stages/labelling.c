#include "experiments/stages/labelling.h"

#include "experiments/gallery/drawing.h"
#include "experiments/stages/common.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <stdlib.h>
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
    cairn_stage_photos *photos;
    cairn_labeller *labeller;
} labeller;

/* Two pictures: the heatmap, and the points taken from it. */
static cairn_status preview(labeller *l, int i, const cairn_image *gray, const cairn_keypoints *points,
                            const float *heatmap)
{
    cairn_status st = CAIRN_OK;
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

static cairn_status label_one(labeller *l, int i, const cairn_image *gray, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints points = {0};
    const float *heatmap;
    CAIRN_TRY(cairn_labeller_run(l->labeller, gray, l->stage->seed, l->stage->stream,
                                 cairn_stage_photos_key(l->photos, i), &points, &heatmap));
    int count = cairn_stage_photos_count(l->photos); /* previews are spread over the photos */
    if ((int64_t)i * l->o->previews % count < l->o->previews) CAIRN_TRY(preview(l, i, gray, &points, heatmap));
    CAIRN_TRY(cairn_label_file_write(path, cairn_labeller_info(l->labeller), &points));
done:
    cairn_keypoints_free(&points);
    return st;
}

/* Photo i, unless it has its label; one that cannot be used gets none. */
static cairn_status label_missing(labeller *l, int i, const char *folder, int *labelled)
{
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    char *path = NULL;
    CAIRN_TRY(path_of(&path, folder, l->photos, i));
    if (cairn_file_exists(path)) goto done; /* what is there is whole: files appear by rename */
    cairn_stage_photos_expect_after(l->photos, i);
    st = cairn_stage_photos_read(&gray, l->photos, i);
    if (st < 0 && st != CAIRN_E_NOMEM) { /* counted and told by the photos */
        st = CAIRN_OK;
        (*labelled)--;
        goto done;
    }
    if (st >= 0) CAIRN_TRY(label_one(l, i, &gray, path));
done:
    cairn_image_free(&gray);
    free(path);
    return st;
}

static cairn_status label_all(labeller *l, const char *folder)
{
    cairn_status st = CAIRN_OK;
    int count = cairn_stage_photos_count(l->photos), first = 0, labelled = count;
    cairn_progress bar;
    for (bool there = true; there && first < count; first += there) {
        char *path = NULL;
        CAIRN_TRY(path_of(&path, folder, l->photos, first));
        there = cairn_file_exists(path);
        free(path);
    }
    cairn_progress_start(&bar, l->o->label, count, first);
    for (int i = first; i < count; i++) {
        CAIRN_TRY(label_missing(l, i, folder, &labelled));
        cairn_progress_update(&bar, i + 1, NULL);
        if (cairn_interrupted()) {
            cairn_progress_finish(&bar);
            st = cairn_interrupted_status();
            goto done;
        }
    }
    cairn_progress_finish(&bar);
    if (!labelled)
        st = cairn_error_set(CAIRN_E_NOTFOUND, "%s: none of the %d photographs can be used; the last: %s",
                             l->stage->photos->root, count, cairn_error_message());
done:
    return st;
}

cairn_status cairn_stage_label(const cairn_stage *stage, cairn_network *network, uint64_t checkpoint,
                               cairn_stage_photos *photos, const cairn_labelling *o, const char *folder)
{
    cairn_status st = CAIRN_OK;
    labeller l = {.stage = stage, .o = o, .photos = photos};
    int h, w;
    cairn_stage_photos_size(photos, &h, &w);
    CAIRN_TRY(cairn_file_make_folder(folder));
    CAIRN_TRY(cairn_labeller_create(&l.labeller, stage->gpu, network, checkpoint, o, h, w));
    CAIRN_TRY(label_all(&l, folder));
done:
    cairn_labeller_destroy(&l.labeller);
    return st;
}

cairn_status cairn_stage_read_label(cairn_keypoints *out, const cairn_stage_photos *photos, int i, const char *folder,
                                    uint64_t checkpoint)
{
    cairn_status st = CAIRN_OK;
    cairn_label_info info;
    char *path = NULL;
    int h, w;
    *out = (cairn_keypoints){0};
    cairn_stage_photos_size(photos, &h, &w);
    CAIRN_TRY(path_of(&path, folder, photos, i));
    CAIRN_TRY(cairn_label_file_read(path, h, w, &info, out));
    if (info.checkpoint != checkpoint)
        st = cairn_error_set(CAIRN_E_INVALID,
                             "%s: labels by the checkpoint %016llx; the stage that is named has %016llx: run the "
                             "labelling again (--force, or remove its folder)",
                             path, (unsigned long long)info.checkpoint, (unsigned long long)checkpoint);
done:
    if (st < 0) cairn_keypoints_free(out);
    free(path);
    return st;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder of labels, by one look at it: asking for each of 100,000 files takes long on some disks. */
static bool is_listed(const cairn_file_list *list, const char *path)
{
    return list->count && bsearch(&path, list->paths, list->count, sizeof *list->paths, by_text);
}

cairn_status cairn_stage_check_labels(cairn_stage_photos *photos, const char *folder, uint64_t checkpoint)
{
    static const char *const extensions[] = {"npz", NULL};
    cairn_status st = CAIRN_OK;
    const int count = cairn_stage_photos_count(photos);
    cairn_file_list list = {0};
    cairn_keypoints points = {0};
    cairn_image gray = {0};
    char *path = NULL;
    bool seen = false;
    CAIRN_TRY(cairn_file_list_folder(&list, folder, extensions, false));
    for (int i = 0; i < count; i++) {
        free(path);
        path = NULL;
        CAIRN_TRY(path_of(&path, folder, photos, i));
        const bool there = is_listed(&list, path);
        if (there && !seen) CAIRN_TRY(cairn_stage_read_label(&points, photos, i, folder, checkpoint));
        seen |= there;
        if (there) continue;
        st = cairn_stage_photos_read(&gray, photos, i); /* one that cannot be used has no labels */
        if (st == CAIRN_E_NOMEM) goto done;
        if (st >= 0)
            CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND,
                                      "%s is missing: the photograph has no labels; they were made of other "
                                      "photographs or not to the end: run the labelling again (--force, or remove "
                                      "its folder)",
                                      path));
        st = CAIRN_OK;
    }
    if (!seen) st = cairn_error_set(CAIRN_E_NOTFOUND, "%s: no labels of any photograph", folder);
done:
    cairn_file_list_free(&list);
    cairn_keypoints_free(&points);
    cairn_image_free(&gray);
    free(path);
    return st;
}
