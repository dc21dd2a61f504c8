#include "train/model_import.h"

#include <string.h>

cairn_status cairn_model_import_build(cairn_model_import *import)
{
    cairn_status st = CAIRN_OK;
    cairn_graph *g = NULL;
    CAIRN_TRY(cairn_graph_create(&g));
    cairn_model_uninit(&import->model);
    cairn_model_init(&import->model, g, false);
    import->record(&import->model, import);
    CAIRN_TRY(cairn_graph_status(g));
done:
    cairn_graph_destroy(&g);
    return st;
}

int cairn_model_import_misfits(const cairn_model_import *import)
{
    int misfits = 0;
    for (int i = 0; i < import->model.count; i++) {
        const cairn_parameter *p = &import->model.parameters[i];
        char name[CAIRN_IMPORT_NAME];
        int64_t shape[4];
        const int rank = cairn_parameter_file_shape(p, shape);
        import->source_name(name, import, p->name);
        const cairn_weight *w = name[0] ? cairn_import_find(&import->from, name) : NULL;
        misfits += name[0] && !(w && cairn_import_fits(w, rank, shape));
    }
    return misfits;
}

static cairn_status take(cairn_safetensor *to, cairn_model_import *import, const cairn_parameter *p)
{
    cairn_status st = CAIRN_OK;
    const cairn_weight *from = NULL;
    char name[CAIRN_IMPORT_NAME];
    int64_t shape[4];
    const int rank = cairn_parameter_file_shape(p, shape);
    CAIRN_TRY(cairn_import_room(to, p->name, rank, shape));
    import->source_name(name, import, p->name);
    if (name[0]) CAIRN_TRY(cairn_import_require(&from, &import->from, name, rank, shape));
    if (from)
        memcpy(to->data, from->data, to->count * sizeof *to->data);
    else
        memset(to->data, 0, to->count * sizeof *to->data);
    if (import->adapt) import->adapt(import, p->name, to->data, to->count);
done:
    return st;
}

cairn_status cairn_model_import_write(cairn_import_report *report, cairn_model_import *import, const char *out,
                                      const char *model, const char *threshold)
{
    cairn_status st = CAIRN_OK;
    int count = 0;
    cairn_safetensor *tensors = calloc((size_t)import->model.count + 1, sizeof *tensors);
    if (!tensors) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", import->from.weights->path));
    for (int i = 0; i < import->model.count; i++)
        CAIRN_TRY(take(&tensors[count++], import, &import->model.parameters[i]));
    CAIRN_TRY(cairn_import_write(report, out, tensors, count, &import->from, model, threshold));
done:
    if (tensors) cairn_import_free_tensors(tensors, count);
    free(tensors);
    if (st < 0) cairn_import_report_free(report);
    return st;
}

void cairn_model_import_close(cairn_model_import *import)
{
    cairn_import_close(&import->from);
    cairn_model_uninit(&import->model);
}
