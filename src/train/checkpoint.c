#include "train/checkpoint.h"

#include "formats/safetensors.h"
#include "formats/shape_text.h"
#include "system/file.h"

#include <string.h>

#ifndef CAIRN_VERSION
#define CAIRN_VERSION "unknown"
#endif

enum { MOST_METADATA = 16 };
/* What training adds to a parameter, where the store has it. */
enum { STATES = 4 };
static const char *const states[STATES] = {"adam_m/", "adam_v/", "sgd_momentum/", "ema/"};

/* Reads one stored tensor in the file's order. `prefix` "" or a state's. */
static cairn_status take(cairn_safetensor *t, cairn_store *store, const cairn_parameter *p, const char *prefix)
{
    cairn_status st = CAIRN_OK;
    size_t n = (size_t)cairn_parameter_elements(p);
    char name[128];
    float *device = malloc(sizeof *device * n);
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    *t = (cairn_safetensor){.name = strdup(name), .data = malloc(sizeof(float) * n)};
    if (!device || !t->name || !t->data) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to save %s", name);
        goto done;
    }
    int index = cairn_store_find(store, name);
    CAIRN_ASSERT(index >= 0);
    CAIRN_TRY(cairn_store_read(store, index, device));
    cairn_parameter_to_file(p, device, t->data);
    t->rank = cairn_parameter_file_shape(p, t->shape);
done:
    free(device);
    return st;
}

static bool has_state(cairn_store *store, const cairn_parameter *p, int k)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", states[k], p->name);
    return cairn_store_find(store, name) >= 0;
}

cairn_status cairn_checkpoint_save(const char *path, cairn_store *store, const cairn_model *model, bool optimiser,
                                   const cairn_metadata *metadata, int count)
{
    cairn_status st = CAIRN_OK;
    int n = 0;
    cairn_safetensors_pair pairs[MOST_METADATA] = {{(char[]){"format"}, (char[]){"cairn"}},
                                                   {(char[]){"version"}, (char[]){CAIRN_VERSION}}};
    cairn_safetensor *tensors = calloc((size_t)model->count * (1 + STATES) + 1, sizeof *tensors);
    CAIRN_ASSERT(count + 2 <= MOST_METADATA);
    if (!tensors) return cairn_error_set(CAIRN_E_NOMEM, "no memory to save %s", path);
    for (int i = 0; i < count; i++)
        pairs[2 + i] =
            (cairn_safetensors_pair){(char *)(uintptr_t)metadata[i].key, (char *)(uintptr_t)metadata[i].value};
    for (int i = 0; i < model->count; i++) CAIRN_TRY(take(&tensors[n++], store, &model->parameters[i], ""));
    for (int k = 0; k < STATES && optimiser; k++)
        for (int i = 0; i < model->count; i++)
            if (has_state(store, &model->parameters[i], k))
                CAIRN_TRY(take(&tensors[n++], store, &model->parameters[i], states[k]));
    CAIRN_TRY(cairn_safetensors_write(path, tensors, n, pairs, count + 2));
done:
    for (int i = 0; i < n; i++) {
        free(tensors[i].name);
        free(tensors[i].data);
    }
    free(tensors);
    return st;
}

static bool same_shape(const cairn_safetensor *a, const cairn_safetensor *b)
{
    return a->rank == b->rank && !memcmp(a->shape, b->shape, sizeof a->shape[0] * (size_t)a->rank);
}

/* The file's tensor for a parameter, with its shape checked. */
static cairn_status find(const cairn_safetensor **out, const cairn_safetensors *file, const cairn_parameter *p,
                         const char *prefix)
{
    char name[128], have[96], want[96];
    cairn_safetensor expected = {0};
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    expected.rank = cairn_parameter_file_shape(p, expected.shape);
    *out = cairn_safetensors_find(file, name);
    if (!*out)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: has no tensor %s; is it a checkpoint of this model?", file->path,
                               name);
    if (same_shape(*out, &expected)) return CAIRN_OK;
    cairn_shape_text(have, sizeof have, (*out)->rank, (*out)->shape);
    cairn_shape_text(want, sizeof want, expected.rank, expected.shape);
    return cairn_error_set(CAIRN_E_FORMAT, "%s: %s has shape %s; this model needs %s", file->path, name, have, want);
}

static cairn_status put(cairn_store *store, const cairn_parameter *p, const char *prefix, const cairn_safetensor *t)
{
    char name[128];
    float *device = malloc(sizeof *device * t->count);
    if (!device) return cairn_error_set(CAIRN_E_NOMEM, "no memory to load %s", p->name);
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    cairn_parameter_to_device(p, t->data, device);
    int index = cairn_store_find(store, name);
    CAIRN_ASSERT(index >= 0);
    cairn_status st = cairn_store_write(store, index, device);
    free(device);
    return st;
}

cairn_status cairn_checkpoint_check(const char *path, const cairn_model *model)
{
    cairn_status st = CAIRN_OK;
    cairn_safetensors file = {0};
    const cairn_safetensor *t;
    CAIRN_TRY(cairn_safetensors_read(&file, path));
    for (int i = 0; i < model->count; i++) CAIRN_TRY(find(&t, &file, &model->parameters[i], ""));
done:
    cairn_safetensors_free(&file);
    return st;
}

cairn_status cairn_checkpoint_load(const char *path, cairn_store *store, const cairn_model *model, bool optimiser)
{
    cairn_status st = CAIRN_OK;
    cairn_safetensors file = {0};
    CAIRN_TRY(cairn_safetensors_read(&file, path));
    for (int write = 0; write < 2; write++) /* all checks first */
        for (int i = 0; i < model->count; i++) {
            const cairn_parameter *p = &model->parameters[i];
            const cairn_safetensor *t;
            CAIRN_TRY(find(&t, &file, p, ""));
            if (write) CAIRN_TRY(put(store, p, "", t));
            for (int k = 0; k < STATES && optimiser; k++) {
                if (!has_state(store, p, k)) continue;
                CAIRN_TRY(find(&t, &file, p, states[k]));
                if (write) CAIRN_TRY(put(store, p, states[k], t));
            }
        }
done:
    cairn_safetensors_free(&file);
    return st;
}

cairn_status cairn_checkpoint_start(const char *path, cairn_store *store, const cairn_model *model, uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    if (!path) return cairn_model_initialise(model, store, seed);
    CAIRN_TRY(cairn_graph_status(model->g));
    CAIRN_TRY(cairn_checkpoint_check(path, model));
    CAIRN_TRY(cairn_store_add_graph(store, model->g));
    CAIRN_TRY(cairn_checkpoint_load(path, store, model, false));
done:
    return st;
}

cairn_status cairn_checkpoint_load_matching(const char *path, cairn_store *store, const cairn_model *model, int *loaded)
{
    cairn_status st = CAIRN_OK;
    cairn_safetensors file = {0};
    *loaded = 0;
    CAIRN_TRY(cairn_safetensors_read(&file, path));
    for (int i = 0; i < model->count; i++) {
        const cairn_parameter *p = &model->parameters[i];
        cairn_safetensor expected = {0};
        const cairn_safetensor *t = cairn_safetensors_find(&file, p->name);
        expected.rank = cairn_parameter_file_shape(p, expected.shape);
        if (!t || !same_shape(t, &expected)) continue;
        CAIRN_TRY(put(store, p, "", t));
        ++*loaded;
    }
done:
    cairn_safetensors_free(&file);
    return st;
}

cairn_status cairn_checkpoint_metadata(char **value, const char *path, const char *key)
{
    cairn_status st = CAIRN_OK;
    cairn_safetensors file = {0};
    *value = NULL;
    CAIRN_TRY(cairn_safetensors_read(&file, path));
    const char *text = cairn_safetensors_metadata(&file, key);
    if (!text) {
        st = cairn_error_set(CAIRN_E_NOTFOUND, "%s: has no metadata '%s'; it was not written by cairn", path, key);
        goto done;
    }
    *value = strdup(text);
    if (!*value) st = cairn_error_set(CAIRN_E_NOMEM, "no memory");
done:
    cairn_safetensors_free(&file);
    return st;
}
