#include "student/import_tensor.h"

#include <math.h>
#include <string.h>

int64_t cairn_import_axis(const cairn_parameter *p, int axis)
{
    const int64_t sizes[4] = {p->co, p->kind == CAIRN_PARAMETER_CONV ? p->ci : 1, p->k, p->k};
    return sizes[axis];
}

static int rank_of(const cairn_parameter *p)
{
    return p->kind == CAIRN_PARAMETER_VECTOR ? 1 : 4;
}

bool cairn_import_fits(const cairn_parameter *p, const cairn_weight *w)
{
    const int rank = rank_of(p);
    if (w->rank != rank && !(rank == 4 && p->k == 1 && w->rank == 2)) return false;
    for (int i = 0; i < w->rank; i++)
        if (w->shape[i] != cairn_import_axis(p, i)) return false;
    return true;
}

static void shape_text(char *text, size_t size, int rank, const int64_t *shape)
{
    size_t n = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && n + 24 < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%lld", i ? "," : "", (long long)shape[i]);
    snprintf(text + n, size - n, "]");
}

cairn_status cairn_import_require(const cairn_weight **out, const cairn_weights *weights, const char *layout,
                                  const char *prefix, const char *name, const cairn_parameter *p)
{
    char whole[256], is[200], expected[100];
    int64_t shape[4];
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    *out = cairn_weights_find(weights, whole);
    if (!*out)
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: layout %s needs the tensor '%s', which is not there",
                               weights->path, layout, whole);
    if (!cairn_import_fits(p, *out)) {
        for (int i = 0; i < rank_of(p); i++) shape[i] = cairn_import_axis(p, i);
        shape_text(is, sizeof is, (*out)->rank, (*out)->shape);
        shape_text(expected, sizeof expected, rank_of(p), shape);
        return cairn_error_set(CAIRN_E_SHAPE, "%s: tensor '%s' has the shape %s, expected %s", weights->path, whole, is,
                               expected);
    }
    for (size_t i = 0; i < (*out)->count; i++)
        if (!isfinite((*out)->data[i]))
            return cairn_error_set(CAIRN_E_NUMERIC, "%s: tensor '%s' holds numbers that are not finite", weights->path,
                                   whole);
    return CAIRN_OK;
}

cairn_status cairn_import_room(cairn_safetensor *to, const cairn_parameter *p)
{
    *to = (cairn_safetensor){.name = strdup(p->name),
                             .data = malloc((size_t)cairn_parameter_elements(p) * sizeof(float) + 1),
                             .rank = rank_of(p)};
    if (!to->name || !to->data) return cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", p->name);
    for (int i = 0; i < to->rank; i++) to->shape[i] = cairn_import_axis(p, i);
    return CAIRN_OK;
}

bool cairn_import_prefix(char prefix[64], const cairn_weights *weights, const char *ending)
{
    const size_t length = strlen(ending);
    for (int i = 0; i < weights->count; i++) {
        const char *name = weights->tensors[i].name;
        const size_t all = strlen(name);
        if (all < length || all - length >= 64 || strcmp(name + all - length, ending)) continue;
        if (all > length && name[all - length - 1] != '.') continue;
        snprintf(prefix, 64, "%.*s", (int)(all - length), name);
        return true;
    }
    return false;
}

static char *editable(const char *text)
{
    return (char *)(uintptr_t)text; /* the writer only reads it */
}

cairn_status cairn_import_write(cairn_import_report *report, const char *out, const cairn_safetensor *tensors,
                                int count, const cairn_weights *weights, const bool *used, const char *layout,
                                const char *model)
{
    cairn_status st = CAIRN_OK;
    const char *file = strrchr(weights->path, '/') ? strrchr(weights->path, '/') + 1 : weights->path;
    const cairn_safetensors_pair metadata[] = {{editable("format"), editable("cairn")},
                                               {editable("model"), editable(model)},
                                               {editable("imported_from"), editable(file)},
                                               {editable("layout"), editable(layout)}};
    CAIRN_TRY(cairn_import_report_left(report, weights, used));
    report->layout = layout;
    for (int i = 0; i < weights->count; i++) report->taken += used[i];
    snprintf(report->model, sizeof report->model, "%s", model);
    CAIRN_TRY(cairn_safetensors_write(out, tensors, count, metadata, 4));
done:
    return st;
}
