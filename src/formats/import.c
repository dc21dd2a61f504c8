#include "formats/import.h"

#include "formats/shape_text.h"

#include <math.h>
#include <string.h>

enum { NAME = 512 };

/* ---- the file ---- */

cairn_status cairn_import_open(cairn_import_source *source, const cairn_weights *weights)
{
    source->weights = weights;
    source->used = calloc((size_t)weights->count + 1, sizeof *source->used);
    return source->used ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", weights->path);
}

void cairn_import_close(cairn_import_source *source)
{
    free(source->used);
    *source = (cairn_import_source){0};
}

bool cairn_import_find_prefix(cairn_import_source *source, const char *ending)
{
    const size_t length = strlen(ending);
    source->prefix[0] = 0;
    for (int i = 0; i < source->weights->count; i++) {
        const char *name = source->weights->tensors[i].name;
        const size_t all = strlen(name);
        if (all < length || all - length >= CAIRN_IMPORT_PREFIX || strcmp(name + all - length, ending)) continue;
        if (all > length && name[all - length - 1] != '.') continue;
        snprintf(source->prefix, sizeof source->prefix, "%.*s", (int)(all - length), name);
        return true;
    }
    return false;
}

static void whole_name(char whole[NAME], const cairn_import_source *source, const char *name)
{
    snprintf(whole, NAME, "%.255s%.255s", source->prefix, name);
}

const cairn_weight *cairn_import_find(const cairn_import_source *source, const char *name)
{
    char whole[NAME];
    whole_name(whole, source, name);
    return cairn_weights_find(source->weights, whole);
}

bool cairn_import_fits(const cairn_weight *w, int rank, const int64_t *shape)
{
    const bool dense = rank == 4 && w->rank == 2 && shape[2] == 1 && shape[3] == 1;
    if (w->rank != rank && !dense) return false;
    for (int i = 0; i < w->rank; i++)
        if (w->shape[i] != shape[i]) return false;
    return true;
}

cairn_status cairn_import_require(const cairn_weight **out, cairn_import_source *source, const char *name, int rank,
                                  const int64_t *shape)
{
    const char *path = source->weights->path;
    char whole[NAME], is[200], expected[200];
    whole_name(whole, source, name);
    *out = cairn_weights_find(source->weights, whole);
    if (!*out)
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: layout %s needs the tensor '%.200s', which is not there", path,
                               source->layout, whole);
    if (!cairn_import_fits(*out, rank, shape)) {
        cairn_shape_text(is, sizeof is, (*out)->rank, (*out)->shape);
        cairn_shape_text(expected, sizeof expected, rank, shape);
        return cairn_error_set(CAIRN_E_SHAPE, "%s: tensor '%.200s' has the shape %s, expected %s", path, whole, is,
                               expected);
    }
    for (size_t i = 0; i < (*out)->count; i++)
        if (!isfinite((*out)->data[i]))
            return cairn_error_set(CAIRN_E_NUMERIC, "%s: tensor '%.200s' holds numbers that are not finite", path,
                                   whole);
    source->used[*out - source->weights->tensors] = true;
    return CAIRN_OK;
}

/* ---- the checkpoint ---- */

cairn_status cairn_import_room(cairn_safetensor *to, const char *name, int rank, const int64_t *shape)
{
    size_t count = 1;
    *to = (cairn_safetensor){.name = strdup(name), .rank = rank};
    for (int i = 0; i < rank; i++) {
        to->shape[i] = shape[i];
        count *= (size_t)shape[i];
    }
    to->count = count;
    to->data = malloc(count * sizeof *to->data + 1);
    return to->name && to->data ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", name);
}

void cairn_import_free_tensors(cairn_safetensor *tensors, int count)
{
    for (int i = 0; i < count; i++) {
        free(tensors[i].name);
        free(tensors[i].data);
    }
}

void cairn_import_report_free(cairn_import_report *report)
{
    for (int i = 0; i < report->left; i++) free(report->left_names[i]);
    free(report->left_names);
    *report = (cairn_import_report){0};
}

static cairn_status list_left(cairn_import_report *report, const cairn_import_source *source)
{
    report->left_names = calloc((size_t)source->weights->count + 1, sizeof *report->left_names);
    if (!report->left_names) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of names");
    for (int i = 0; i < source->weights->count; i++) {
        const char *name = source->weights->tensors[i].name, *dot = strrchr(name, '.');
        report->taken += source->used[i];
        if (source->used[i] || (dot && !strcmp(dot, ".num_batches_tracked")) || !strncmp(name, "optimizer", 9)) continue;
        report->left_names[report->left] = strdup(name);
        if (!report->left_names[report->left]) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of names");
        report->left++;
    }
    return CAIRN_OK;
}

static char *editable(const char *text)
{
    return (char *)(uintptr_t)text; /* the writer only reads it */
}

cairn_status cairn_import_write(cairn_import_report *report, const char *out, const cairn_safetensor *tensors,
                                int count, const cairn_import_source *source, const char *model, const char *threshold)
{
    cairn_status st = CAIRN_OK;
    const char *slash = strrchr(source->weights->path, '/');
    const cairn_safetensors_pair metadata[] = {{editable("format"), editable("cairn")},
                                               {editable("model"), editable(model)},
                                               {editable("imported_from"),
                                                editable(slash ? slash + 1 : source->weights->path)},
                                               {editable("layout"), editable(source->layout)},
                                               {editable("threshold"), editable(threshold)}};
    *report = (cairn_import_report){.layout = source->layout};
    snprintf(report->model, sizeof report->model, "%s", model);
    CAIRN_TRY(list_left(report, source));
    CAIRN_TRY(cairn_safetensors_write(out, tensors, count, metadata, threshold ? 5 : 4));
done:
    return st;
}
