/* Stage `import-labels`: a folder that `cairn label` wrote takes the place of a stage that labels. Its files are
 * copied, so that what is trained on them stays as it was when the folder changes. */
#include "experiments/stages/stages.h"

#include "experiments/labelling/folder.h"
#include "experiments/stages/common.h"
#include "experiments/stages/photos.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <string.h>

typedef struct import_settings {
    char folder[CAIRN_SETTING_TEXT_BYTES], model[CAIRN_SETTING_TEXT_BYTES];
} import_settings;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(import_settings, folder, NULL, "that cairn label --out has written of these photographs"),
    CAIRN_SETTING_TEXT_ROW(import_settings, model, NULL,
                           "checkpoint that must have made the labels; empty: one and the same, whichever it was"),
    {0},
};

typedef struct intake {
    const cairn_stage *stage;
    const import_settings *s;
    cairn_stage_photos *photos;
    cairn_label_info info; /* of labels.json */
    char *out;
} intake;

static cairn_status join(char **path, const char *folder, const char *name)
{
    *path = cairn_file_join(folder, name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
}

/* What must be right of all labels at once. */
static cairn_status check_folder(intake *m)
{
    cairn_status st = CAIRN_OK;
    const cairn_photos *photos = m->stage->photos;
    uint64_t wanted;
    CAIRN_TRY(cairn_label_folder_read(&m->info, m->s->folder));
    if (m->info.h != photos->height || m->info.w != photos->width)
        CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE,
                                  "%s: labels of %dx%d images; training uses %lldx%lld: set photos.width=%d and "
                                  "photos.height=%d, or label again with --width %lld --height %lld",
                                  m->s->folder, m->info.w, m->info.h, (long long)photos->width,
                                  (long long)photos->height, m->info.w, m->info.h, (long long)photos->width,
                                  (long long)photos->height));
    if (photos->crops != 1)
        CAIRN_TRY(cairn_error_set(
            CAIRN_E_INVALID, "%s: labels of whole photographs; training uses %lld crops of each: set photos.crops=1",
            m->s->folder, (long long)photos->crops));
    if (!m->s->model[0]) goto done;
    CAIRN_TRY(cairn_file_hash(&wanted, m->s->model));
    if (wanted != m->info.checkpoint)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "%s: labels by the checkpoint %016llx; %s is %016llx: label again",
                                  m->s->folder, (unsigned long long)m->info.checkpoint, m->s->model,
                                  (unsigned long long)wanted));
done:
    return st;
}

static cairn_status copy_json(const intake *m)
{
    cairn_status st = CAIRN_OK;
    char *from = NULL, *to = NULL;
    uint8_t *text = NULL;
    size_t size = 0;
    CAIRN_TRY(join(&from, m->s->folder, "labels.json"));
    CAIRN_TRY(join(&to, m->out, "labels.json"));
    CAIRN_TRY(cairn_file_read(&text, &size, from, 1 << 16));
    CAIRN_TRY(cairn_file_write(to, text, size));
done:
    free(from);
    free(to);
    free(text);
    return st;
}

/* A photograph that cannot be used has no labels; any other must have. */
static cairn_status check_unusable(const intake *m, int i, const char *path)
{
    cairn_image gray = {0};
    const cairn_status st = cairn_stage_photos_read(&gray, m->photos, i);
    cairn_image_free(&gray);
    if (st < 0) return st == CAIRN_E_NOMEM ? st : CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOTFOUND,
                           "%s is missing: the photograph has no labels; they were made of other photographs than "
                           "those of %s, or not to the end: run cairn label again",
                           path, m->stage->photos->root);
}

/* Reads and writes instead of copying bytes: what trains later meets no damage. */
static cairn_status copy_label(const intake *m, int i, int *copied)
{
    cairn_status st = CAIRN_OK;
    char name[300], *from = NULL, *to = NULL;
    cairn_label_info info;
    cairn_keypoints points = {0};
    snprintf(name, sizeof name, "%s.npz", cairn_stage_photos_key(m->photos, i));
    CAIRN_TRY(join(&from, m->s->folder, name));
    CAIRN_TRY(join(&to, m->out, name));
    if (!cairn_file_exists(to)) {
        if (!cairn_file_exists(from)) {
            st = check_unusable(m, i, from);
            goto done;
        }
        CAIRN_TRY(cairn_label_file_read(from, m->info.h, m->info.w, &info, &points));
        if (info.checkpoint != m->info.checkpoint)
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                      "%s: labels by the checkpoint %016llx, but labels.json beside it says %016llx: "
                                      "the folder is mixed; label again into another one",
                                      from, (unsigned long long)info.checkpoint,
                                      (unsigned long long)m->info.checkpoint));
        CAIRN_TRY(cairn_label_file_write(to, &info, &points));
    }
    (*copied)++;
done:
    cairn_keypoints_free(&points);
    free(from);
    free(to);
    return st;
}

static cairn_status copy_all(const intake *m)
{
    cairn_status st = CAIRN_OK;
    const int count = cairn_stage_photos_count(m->photos);
    int copied = 0;
    cairn_progress bar;
    cairn_progress_start(&bar, m->stage->name, count, 0);
    for (int i = 0; i < count && st >= 0; i++) {
        st = copy_label(m, i, &copied);
        cairn_progress_update(&bar, i + 1, NULL);
        if (st >= 0 && cairn_interrupted()) st = cairn_interrupted_status();
    }
    cairn_progress_finish(&bar);
    if (st >= 0 && !copied)
        st = cairn_error_set(CAIRN_E_NOTFOUND, "%s: no labels of any photograph of %s", m->s->folder,
                             m->stage->photos->root);
    return st;
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    intake m = {.stage = stage, .s = settings};
    CAIRN_TRY(check_folder(&m));
    CAIRN_TRY(cairn_stage_path(&m.out, stage, "labels"));
    CAIRN_TRY(cairn_file_make_folder(m.out));
    CAIRN_TRY(copy_json(&m));
    CAIRN_TRY(cairn_stage_photos_open(&m.photos, stage, false));
    CAIRN_TRY(copy_all(&m));
done:
    cairn_stage_photos_close(&m.photos);
    free(m.out);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const import_settings *s = settings;
    if (s->folder[0]) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID,
                           "%s: folder is not set; name one that cairn label has written, as STAGE.folder=labels on "
                           "the command line",
                           where);
}

const cairn_stage_kind cairn_stage_import_labels = {
    .name = "import-labels",
    .help = "keypoints of the photographs that cairn label has found",
    .settings = table,
    .settings_bytes = sizeof(import_settings),
    .uses_photos = true,
    .host_only = true,
    .version = 1,
    .check = check,
    .run = run,
};
