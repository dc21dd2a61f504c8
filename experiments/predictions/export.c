/* Predictions into files, and the images that other programs predict on. */
#include "experiments/predictions/files.h"

#include "base/log.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <math.h>
#include <string.h>

typedef struct exporter {
    const char *folder;
    const cairn_predictions *method; /* NULL: the images themselves are written */
    const cairn_protocol *protocol;
    cJSON *images;                                               /* list for predictions.json */
    char last[CAIRN_PROTOCOL_VIEWS][CAIRN_PAIR_NAME_BYTES + 16]; /* image a of the pair before */
    int made, kept;
} exporter;

static cairn_status make_folder(const exporter *e, const char *sequence)
{
    cairn_status st = CAIRN_OK;
    char *path = cairn_file_join(e->folder, sequence);
    if (!path) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a path in %s", e->folder);
    CAIRN_TRY(cairn_file_make_folder(path));
done:
    free(path);
    return st;
}

/* Whether an earlier export left this file, whole. */
static bool is_there(const exporter *e, const char *path, const cairn_image *gray, cairn_view_id view)
{
    cairn_keypoints points;
    double seconds;
    if (!e->method || !cairn_file_exists(path)) return false;
    const cairn_status st = cairn_predictions__read(&points, &seconds, path, gray->h, gray->w, e->method->dimension,
                                                    e->protocol->view[view].points);
    if (st < 0) return false;
    cairn_keypoints_free(&points);
    return true;
}

static cairn_status write_points(const exporter *e, const char *path, cairn_view_id view, const char *id,
                                 const cairn_image *gray)
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints points = {0};
    double seconds;
    CAIRN_TRY(e->method->get(e->method->state, view, id, gray, &points, &seconds));
    CAIRN_TRY(cairn_predictions__write(path, &points, seconds));
done:
    cairn_keypoints_free(&points);
    return st;
}

static bool listed(const exporter *e, const char *id, const cairn_image *gray)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, e->images)
    {
        const char *other = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "image"));
        if (other && !strcmp(other, id) &&
            cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(entry, "height")) == gray->h &&
            cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(entry, "width")) == gray->w)
            return true;
    }
    return false;
}

static cairn_status export_image(exporter *e, cairn_view_id view, const char *id, const cairn_image *gray)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    /* Both views may have one size. */
    if (view == CAIRN_VIEW_DESCRIBE && listed(e, id, gray)) return CAIRN_OK;
    if (cairn_interrupted()) return cairn_interrupted_status();
    CAIRN_TRY(cairn_predictions__path(&path, e->folder, id, gray->h, gray->w, e->method ? "npz" : "png"));
    if (is_there(e, path, gray, view)) {
        e->kept++;
    } else {
        CAIRN_TRY(e->method ? write_points(e, path, view, id, gray) : cairn_image_save_png(gray, path));
        e->made++;
    }
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "image", id);
    cJSON_AddNumberToObject(entry, "height", gray->h);
    cJSON_AddNumberToObject(entry, "width", gray->w);
    cJSON_AddItemToArray(e->images, entry);
done:
    free(path);
    return st;
}

static cairn_status export_pair(exporter *e, cairn_view_id view, const cairn_pair_source *source, int i)
{
    cairn_status st = CAIRN_OK;
    cairn_pair pair = {0};
    if (source->get(source->state, i, &pair) < 0) {
        cairn_warn("export: pair %d of %s is left out: %s", i + 1, source->name, cairn_error_message());
        goto done;
    }
    if (strcmp(e->last[view], pair.image_a)) {
        CAIRN_TRY(make_folder(e, pair.sequence));
        CAIRN_TRY(export_image(e, view, pair.image_a, &pair.a));
    }
    snprintf(e->last[view], sizeof e->last[view], "%s", pair.image_a);
    CAIRN_TRY(export_image(e, view, pair.image_b, &pair.b));
done:
    cairn_pair_free(&pair);
    return st;
}

static cairn_status export_all(exporter *e, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS], bool progress)
{
    cairn_status st = CAIRN_OK;
    cairn_progress bar;
    const int dimension = e->method ? e->method->dimension : 1;
    int total = 0, done_pairs = 0;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++)
        if (cairn_protocol_wants(e->protocol, (cairn_view_id)v, dimension)) total += sources[v].count;
    if (progress) cairn_progress_start(&bar, e->method ? e->method->name : "images", total, 0);
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        if (!cairn_protocol_wants(e->protocol, (cairn_view_id)v, dimension)) continue;
        for (int i = 0; i < sources[v].count; i++) {
            CAIRN_TRY(export_pair(e, (cairn_view_id)v, &sources[v], i));
            if (progress) cairn_progress_update(&bar, ++done_pairs, sources[v].name);
        }
    }
    if (progress) cairn_progress_finish(&bar);
    if (progress && e->kept) cairn_info("%d files of an earlier export were kept", e->kept);
done:
    return st;
}

/* An earlier export into the same folder must have had the same settings. */
static cairn_status check_folder(const char *folder, const cJSON *here)
{
    static const char *const compared[] = {"method", "dimension", "weights"};
    cairn_status st = CAIRN_OK;
    cJSON *there = NULL;
    CAIRN_TRY(cairn_predictions__load_json(&there, folder));
    if (!there) goto done;
    CAIRN_TRY(cairn_predictions__compare(there, here, folder));
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++)
        if (!cJSON_Compare(cJSON_GetObjectItemCaseSensitive(there, compared[i]),
                           cJSON_GetObjectItemCaseSensitive(here, compared[i]), true))
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                      "%s: has predictions with another \"%s\"; choose another folder or remove it",
                                      folder, compared[i]));
done:
    cJSON_Delete(there);
    return st;
}

/* Files are named by image and size: two views of one size must want the same points. */
static cairn_status check_views(const cairn_protocol *p)
{
    const cairn_protocol_view *a = &p->view[CAIRN_VIEW_DETECT], *b = &p->view[CAIRN_VIEW_DESCRIBE];
    if (!a->used || !b->used || a->resize != b->resize || a->h != b->h || a->w != b->w) return CAIRN_OK;
    if (a->suppression.kind == b->suppression.kind && a->suppression.size == b->suppression.size &&
        a->points == b->points)
        return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID,
                           "protocol %s: both views have %dx%d pixels but other suppressions, and their files one name",
                           p->id, a->h, a->w);
}

static cairn_status export_to(exporter *e, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                              const cairn_predictions_config *config, bool progress)
{
    cairn_status st = CAIRN_OK;
    cJSON *json = cairn_predictions__describe(e->method, config);
    e->images = cJSON_CreateArray();
    if (!json || !e->images) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to describe %s", e->folder));
    if (e->method) CAIRN_TRY(check_views(e->protocol));
    if (e->method) CAIRN_TRY(check_folder(e->folder, json));
    CAIRN_TRY(cairn_file_make_folder(e->folder));
    CAIRN_TRY(
        cairn_predictions__save_json(json, e->folder)); /* first, so that a second run knows whose files these are */
    CAIRN_TRY(export_all(e, sources, progress));
    cJSON_AddItemToObject(json, "images", e->images);
    e->images = NULL;
    CAIRN_TRY(cairn_predictions__save_json(json, e->folder));
done:
    cJSON_Delete(json);
    cJSON_Delete(e->images);
    return st;
}

cairn_status cairn_predictions_export(const char *folder, const cairn_predictions *method,
                                      const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                                      const cairn_predictions_config *config, bool progress)
{
    exporter e = {.folder = folder, .method = method, .protocol = config->protocol};
    return export_to(&e, sources, config, progress);
}

cairn_status cairn_predictions_images(const char *folder, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                                      const cairn_predictions_config *config, bool progress)
{
    exporter e = {.folder = folder, .protocol = config->protocol};
    return export_to(&e, sources, config, progress);
}
