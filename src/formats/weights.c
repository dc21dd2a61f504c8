#include "formats/weights.h"

#include "system/file.h"
#include "formats/npz.h"
#include "formats/safetensors.h"
#include "formats/torch/torch_file.h"

#include <string.h>

#define MOST_FILE ((size_t)4 << 30)

void cairn_weights_free(cairn_weights *weights)
{
    for (int i = 0; i < weights->count; i++) {
        free(weights->tensors[i].name);
        free(weights->tensors[i].data);
    }
    free(weights->tensors);
    free(weights->path);
    *weights = (cairn_weights){0};
}

const cairn_weight *cairn_weights_find(const cairn_weights *weights, const char *name)
{
    for (int i = 0; i < weights->count; i++)
        if (!strcmp(weights->tensors[i].name, name)) return &weights->tensors[i];
    return NULL;
}

static cairn_status no_memory(const char *path)
{
    return cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", path);
}

/* Room for `count` tensors, and the path. */
static cairn_status begin(cairn_weights *out, int count, const char *path)
{
    out->tensors = calloc((size_t)count + 1, sizeof *out->tensors);
    out->path = strdup(path);
    return out->tensors && out->path ? CAIRN_OK : no_memory(path);
}

/* The next tensor, whose numbers the caller fills in. */
static cairn_status add(cairn_weights *out, const char *name, int rank, const int64_t *shape, size_t count)
{
    cairn_weight *w = &out->tensors[out->count++];
    w->name = strdup(name);
    w->data = malloc(count * sizeof(float) + 1);
    if (!w->name || !w->data) return no_memory(out->path);
    w->rank = rank;
    memcpy(w->shape, shape, (size_t)rank * sizeof *shape);
    w->count = count;
    return CAIRN_OK;
}

static void convert(cairn_weight *w, const cairn_npz_array *a)
{
    for (size_t i = 0; i < a->count; i++) {
        switch (a->type) {
        case CAIRN_NPZ_F32:
            w->data[i] = ((const float *)a->data)[i];
            break;
        case CAIRN_NPZ_F64:
            w->data[i] = (float)((const double *)a->data)[i];
            break;
        case CAIRN_NPZ_I32:
            w->data[i] = (float)((const int32_t *)a->data)[i];
            break;
        case CAIRN_NPZ_I64:
            w->data[i] = (float)((const int64_t *)a->data)[i];
            break;
        default:
            w->data[i] = ((const uint8_t *)a->data)[i];
        }
    }
    w->integral = a->type != CAIRN_NPZ_F32 && a->type != CAIRN_NPZ_F64;
}

static cairn_status read_npz(cairn_weights *out, const uint8_t *bytes, size_t size, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_npz npz = {0};
    CAIRN_TRY(cairn_npz_parse(&npz, bytes, size, path));
    CAIRN_TRY(begin(out, npz.count, path));
    for (int i = 0; i < npz.count; i++) {
        const cairn_npz_array *a = &npz.arrays[i];
        CAIRN_TRY(add(out, a->name, a->rank, a->shape, a->count));
        convert(&out->tensors[i], a);
    }
done:
    cairn_npz_free(&npz);
    return st;
}

static cairn_status read_safetensors(cairn_weights *out, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_safetensors file = {0};
    CAIRN_TRY(cairn_safetensors_read(&file, path));
    CAIRN_TRY(begin(out, file.count, path));
    for (int i = 0; i < file.count; i++) {
        const cairn_safetensor *t = &file.tensors[i];
        CAIRN_TRY(add(out, t->name, t->rank, t->shape, t->count));
        memcpy(out->tensors[i].data, t->data, t->count * sizeof(float));
    }
done:
    cairn_safetensors_free(&file);
    return st;
}

/* A zip file whose first member is called NAME.npy is NumPy's. */
static bool is_npz(const uint8_t *bytes, size_t size)
{
    if (size < 30 || memcmp(bytes, "PK\3\4", 4)) return false;
    const size_t length = bytes[26] | (size_t)bytes[27] << 8;
    return length > 4 && length <= size - 30 && !memcmp(bytes + 30 + length - 4, ".npy", 4);
}

cairn_status cairn_weights_read(cairn_weights *out, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_weights weights = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    *out = (cairn_weights){0};
    CAIRN_TRY(cairn_file_read(&bytes, &size, path, MOST_FILE));
    if (is_npz(bytes, size))
        CAIRN_TRY(read_npz(&weights, bytes, size, path));
    else if (cairn_torch_file_recognise(bytes, size))
        CAIRN_TRY(cairn_torch_file_parse(&weights, bytes, size, path));
    else if (size > 9 && bytes[8] == '{')
        CAIRN_TRY(read_safetensors(&weights, path));
    else
        CAIRN_TRY(
            cairn_error_set(CAIRN_E_FORMAT,
                            "%s holds no weights that are known here: it is neither a checkpoint of PyTorch nor a "
                            "NumPy .npz nor a safetensors file",
                            path));
    *out = weights;
    weights = (cairn_weights){0};
done:
    free(bytes);
    cairn_weights_free(&weights);
    return st;
}
