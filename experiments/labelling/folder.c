#include "experiments/labelling/folder.h"

#include "base/log.h"
#include "data/image_stream.h"
#include "experiments/gallery/drawing.h"
#include "experiments/run/folder.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/parallel.h"
#include "system/progress.h"

#include <cJSON.h>
#include <string.h>

enum { STREAM = 0x6c61626c /* "labl" */, AHEAD = 8, MOST_JSON = 1 << 16 };

typedef struct job {
    const cairn_label_folder *o;
    const cairn_photo_folder *photos;
    cairn_labeller *labeller;
    cairn_label_folder_result *result;
    int *wanted; /* [wanted_count] numbers of photographs without a label file */
    int wanted_count;
    char first_problem[1024];
} job;

/* ---- labels.json ---- */
static cJSON *settings_json(const cairn_label_folder *o, const cairn_label_info *info)
{
    char checkpoint[32], threshold[32];
    cJSON *root = cJSON_CreateObject();
    snprintf(checkpoint, sizeof checkpoint, "%016llx", (unsigned long long)info->checkpoint);
    cJSON_AddStringToObject(root, "format", "cairn labels");
    cJSON_AddNumberToObject(root, "version", CAIRN_LABEL_VERSION);
    cJSON_AddStringToObject(root, "checkpoint", checkpoint);
    cJSON_AddNumberToObject(root, "height", info->h);
    cJSON_AddNumberToObject(root, "width", info->w);
    cJSON_AddNumberToObject(root, "views", info->views);
    snprintf(threshold, sizeof threshold, "%.7g", (double)info->threshold); /* as it was typed */
    cJSON_AddNumberToObject(root, "threshold", atof(threshold));
    cJSON_AddNumberToObject(root, "seed", o->seed);
    cJSON_AddStringToObject(root, "options", info->options);
    return root;
}

/* Everything that `wanted` says must stand in the file as well. */
static cairn_status compare(const char *path, const cJSON *saved, const cJSON *wanted)
{
    cairn_status st = CAIRN_OK;
    for (const cJSON *field = wanted->child; field; field = field->next) {
        const cJSON *there = cJSON_GetObjectItemCaseSensitive(saved, field->string);
        if (there && cJSON_Compare(there, field, true)) continue;
        char *was = there ? cJSON_PrintUnformatted(there) : NULL, *is = cJSON_PrintUnformatted(field);
        st = cairn_error_set(CAIRN_E_INVALID,
                             "%s: the labels in this folder were made with %s %.300s, now it is %.300s; give another "
                             "--out or remove the folder",
                             path, field->string, was ? was : "unknown", is ? is : "?");
        cJSON_free(was);
        cJSON_free(is);
        break;
    }
    return st;
}

static bool read_size(int *out, const cJSON *root, const char *name)
{
    enum { LARGEST = 1 << 16 };
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, name);
    const bool fine = cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= LARGEST &&
                      item->valuedouble == item->valueint;
    if (fine) *out = item->valueint;
    return fine;
}

static bool read_fields(cairn_label_info *out, const cJSON *root)
{
    const char *checkpoint = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "checkpoint"));
    const char *options = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "options"));
    const cJSON *threshold = cJSON_GetObjectItemCaseSensitive(root, "threshold");
    if (!checkpoint || strlen(checkpoint) != 16 || strspn(checkpoint, "0123456789abcdef") != 16) return false;
    if (!options || strlen(options) >= sizeof out->options || !cJSON_IsNumber(threshold)) return false;
    out->checkpoint = strtoull(checkpoint, NULL, 16);
    out->threshold = (float)threshold->valuedouble;
    strcpy(out->options, options);
    return read_size(&out->h, root, "height") && read_size(&out->w, root, "width") &&
           read_size(&out->views, root, "views");
}

cairn_status cairn_label_folder_read(cairn_label_info *out, const char *folder)
{
    cairn_status st = CAIRN_OK;
    uint8_t *text = NULL;
    size_t size = 0;
    int version = 0;
    cJSON *root = NULL;
    char *path = cairn_file_join(folder, "labels.json");
    *out = (cairn_label_info){0};
    if (!path) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    if (!cairn_file_exists(path))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s is missing; name a folder that cairn label --out has written",
                                  path));
    CAIRN_TRY(cairn_file_read(&text, &size, path, MOST_JSON));
    root = cJSON_ParseWithLength((const char *)text, size);
    const char *format = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "format"));
    if (!format || strcmp(format, "cairn labels") || !read_size(&version, root, "version"))
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: damaged, or not written by cairn label", path));
    if (version > CAIRN_LABEL_VERSION)
        CAIRN_TRY(cairn_error_set(CAIRN_E_UNSUPPORTED,
                                  "%s: labels of format version %d; this program knows versions up to %d", path,
                                  version, CAIRN_LABEL_VERSION));
    if (!read_fields(out, root))
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT,
                                  "%s: expected height, width, views, threshold, options and a checkpoint of 16 "
                                  "hexadecimal digits",
                                  path));
done:
    if (st < 0) *out = (cairn_label_info){0};
    cJSON_Delete(root);
    free(text);
    free(path);
    return st;
}

static bool holds_labels(const char *folder)
{
    cairn_file_list list = {0};
    static const char *const extensions[] = {"npz", NULL};
    const bool some = cairn_file_list_folder(&list, folder, extensions, false) >= 0 && list.count;
    cairn_file_list_free(&list);
    return some;
}

/* Agrees with what is in the folder, or writes labels.json into an empty one. */
static cairn_status claim_folder(const job *j)
{
    cairn_status st = CAIRN_OK;
    uint8_t *text = NULL;
    size_t size = 0;
    char *path = cairn_file_join(j->o->out, "labels.json"), *written = NULL;
    cJSON *saved = NULL, *wanted = settings_json(j->o, cairn_labeller_info(j->labeller));
    if (!path || !wanted) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    if (cairn_file_exists(path)) {
        CAIRN_TRY(cairn_file_read(&text, &size, path, MOST_JSON));
        saved = cJSON_ParseWithLength((const char *)text, size);
        if (!cJSON_IsObject(saved))
            CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: damaged; remove the folder or give another --out", path));
        CAIRN_TRY(compare(path, saved, wanted));
        cairn_run_folder_tidy(j->o->out);
        goto done;
    }
    if (holds_labels(j->o->out))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "%s: holds .npz files but no labels.json that says how they were made; give another "
                                  "--out", j->o->out));
    cJSON_AddStringToObject(wanted, "model", j->o->model);
    written = cJSON_Print(wanted);
    if (!written) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    CAIRN_TRY(cairn_file_write(path, written, strlen(written)));
done:
    cJSON_Delete(saved);
    cJSON_Delete(wanted);
    cJSON_free(written);
    free(text);
    free(path);
    return st;
}

/* ---- labels ---- */
/* <out>/[previews/]<stem>.<extension>; the caller frees it. */
static cairn_status path_of(char **path, const job *j, int photo, const char *sub, const char *extension)
{
    char *name = NULL;
    *path = NULL;
    if (asprintf(&name, "%s%s.%s", sub, j->photos->files[photo].stem, extension) >= 0)
        *path = cairn_file_join(j->o->out, name);
    free(name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
}

/* What a killed process left: files appear by rename, so what is there is whole. */
static cairn_status find_wanted(job *j)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    j->wanted = malloc((j->photos->count + 1) * sizeof *j->wanted);
    if (!j->wanted) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu photographs", j->photos->count);
    for (int i = 0; i < (int)j->photos->count; i++) {
        CAIRN_TRY(path_of(&path, j, i, "", "npz"));
        if (cairn_file_exists(path)) j->result->there++;
        else j->wanted[j->wanted_count++] = i;
        free(path);
        path = NULL;
    }
done:
    free(path);
    return st;
}

/* Of a photograph that is to be labelled; on any thread. */
static cairn_status load(void *payload, int i, cairn_image *out)
{
    const job *j = payload;
    const char *path = j->photos->files[j->wanted[i]].path;
    cairn_image photo = {0};
    cairn_status st = cairn_image_load(&photo, path, 1);
    if (st >= 0 && (photo.h < j->o->h / 2 || photo.w < j->o->w / 2))
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: %dx%d pixels are too few for %dx%d", path, photo.w, photo.h, j->o->w,
                             j->o->h);
    if (st >= 0) st = cairn_image_resize_crop(out, &photo, j->o->h, j->o->w, NULL, NULL, NULL);
    cairn_image_free(&photo);
    return st;
}

/* The heatmap and the labels beside each other. */
static cairn_status preview(const job *j, int photo, const cairn_image *gray, const float *heatmap,
                            const cairn_keypoints *points)
{
    cairn_status st = CAIRN_OK;
    const int views = cairn_labeller_info(j->labeller)->views;
    cairn_image heat = {0}, both = {0};
    char left[64], right[64], *path = NULL;
    snprintf(left, sizeof left, "heatmap over %d view%s", views, views == 1 ? "" : "s");
    snprintf(right, sizeof right, "%d labels", points->count);
    CAIRN_TRY(path_of(&path, j, photo, "previews/", "jpg"));
    CAIRN_TRY(cairn_draw_heatmap(&heat, gray, heatmap, gray->h, gray->w));
    const cairn_picture pictures[] = {{&heat, NULL, left}, {gray, points, right}};
    CAIRN_TRY(cairn_draw_grid(&both, pictures, 2, 2));
    CAIRN_TRY(cairn_image_save_jpeg(&both, path));
done:
    cairn_image_free(&heat);
    cairn_image_free(&both);
    free(path);
    return st;
}

static cairn_status label_one(job *j, int photo, const cairn_image *gray)
{
    cairn_status st = CAIRN_OK;
    const int64_t count = (int64_t)j->photos->count, previews = j->o->labelling.previews;
    cairn_keypoints points = {0};
    const float *heatmap;
    char *path = NULL;
    CAIRN_TRY(cairn_labeller_run(j->labeller, gray, j->o->seed, STREAM, j->photos->files[photo].stem, &points,
                                 &heatmap));
    if (photo * previews % count < previews) CAIRN_TRY(preview(j, photo, gray, heatmap, &points));
    CAIRN_TRY(path_of(&path, j, photo, "", "npz"));
    CAIRN_TRY(cairn_label_file_write(path, cairn_labeller_info(j->labeller), &points));
    j->result->labelled++;
    j->result->points += points.count;
done:
    cairn_keypoints_free(&points);
    free(path);
    return st;
}

static cairn_status label_all(job *j)
{
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    cairn_image_stream *stream = NULL;
    const cairn_image_stream_options ahead = {j->wanted_count, AHEAD, load, j};
    const int there = j->result->there;
    cairn_progress bar;
    CAIRN_TRY(cairn_image_stream_open(&stream, &ahead));
    cairn_progress_start(&bar, "labels", (int64_t)j->photos->count, there);
    for (int i = 0; i < j->wanted_count; i++) {
        char note[64];
        st = cairn_image_stream_next(stream, &gray);
        if (st == CAIRN_E_NOMEM) goto done;
        if (st < 0 && !j->result->unusable++)
            snprintf(j->first_problem, sizeof j->first_problem, "%s", cairn_error_message());
        if (st >= 0) CAIRN_TRY(label_one(j, j->wanted[i], &gray));
        st = CAIRN_OK;
        cairn_image_free(&gray);
        const int done_now = j->result->labelled ? j->result->labelled : 1;
        snprintf(note, sizeof note, "%.0f labels a photo", (double)j->result->points / done_now);
        cairn_progress_update(&bar, there + i + 1, note);
        if (!cairn_interrupted()) continue;
        cairn_progress_finish(&bar);
        CAIRN_TRY(cairn_interrupted_status());
    }
    cairn_progress_finish(&bar);
done:
    cairn_image_stream_close(&stream);
    cairn_image_free(&gray);
    return st;
}

cairn_status cairn_label_folder_run(cairn_label_folder_result *result, cairn_gpu *gpu, cairn_network *network,
                                    const cairn_photo_folder *photos, const cairn_label_folder *o)
{
    cairn_status st = CAIRN_OK;
    job j = {.o = o, .photos = photos, .result = result};
    char *previews = NULL;
    int lock = -1;
    *result = (cairn_label_folder_result){0};
    CAIRN_TRY(cairn_labeller_create(&j.labeller, gpu, network, o->checkpoint, &o->labelling, o->h, o->w));
    CAIRN_TRY(cairn_file_make_folder(o->out));
    CAIRN_TRY(cairn_run_folder_lock(&lock, o->out));
    CAIRN_TRY(claim_folder(&j));
    previews = cairn_file_join(o->out, "previews");
    if (!previews) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    if (o->labelling.previews > 0) CAIRN_TRY(cairn_file_make_folder(previews));
    CAIRN_TRY(find_wanted(&j));
    const double start = cairn_seconds();
    CAIRN_TRY(label_all(&j));
    result->seconds = cairn_seconds() - start;
    if (result->seconds > 0)
        result->views_per_second = result->labelled * (double)cairn_labeller_info(j.labeller)->views / result->seconds;
    if (result->unusable)
        cairn_warn("%d of %zu photographs are left out; the first: %s", result->unusable, photos->count,
                   j.first_problem);
    if (!result->labelled && !result->there)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: no photograph could be used: %s", o->out, j.first_problem));
done:
    cairn_run_folder_unlock(lock);
    cairn_labeller_destroy(&j.labeller);
    free(j.wanted);
    free(previews);
    return st;
}
