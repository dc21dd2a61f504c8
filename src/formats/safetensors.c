#include "formats/safetensors.h"

#include "system/file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { HEADER_MOST = 100000000, TENSORS_MOST = 65536, ALIGNMENT = 64 };
static const size_t file_most = (size_t)4 << 30;
static const char metadata_key[] = "__metadata__";

void cairn_safetensors_free(cairn_safetensors *f)
{
    for (int i = 0; i < f->count; i++) free(f->tensors[i].name);
    for (int i = 0; i < f->metadata_count; i++) {
        free(f->metadata[i].key);
        free(f->metadata[i].value);
    }
    free(f->tensors);
    free(f->metadata);
    free(f->path);
    free(f->bytes);
    *f = (cairn_safetensors){0};
}

const cairn_safetensor *cairn_safetensors_find(const cairn_safetensors *f, const char *name)
{
    for (int i = 0; i < f->count; i++)
        if (!strcmp(f->tensors[i].name, name)) return &f->tensors[i];
    return NULL;
}

const char *cairn_safetensors_metadata(const cairn_safetensors *f, const char *key)
{
    for (int i = 0; i < f->metadata_count; i++)
        if (!strcmp(f->metadata[i].key, key)) return f->metadata[i].value;
    return NULL;
}

/* ---- writing ---- */

static bool elements(const cairn_safetensor *t, size_t *count)
{
    *count = 1;
    if (t->rank < 0 || t->rank > CAIRN_SAFETENSORS_RANK) return false;
    for (int i = 0; i < t->rank; i++) {
        if (t->shape[i] < 0 || __builtin_mul_overflow(*count, (size_t)t->shape[i], count)) return false;
    }
    return *count <= file_most / 4;
}

static cJSON *entry_of(const cairn_safetensor *t, size_t begin, size_t count)
{
    cJSON *entry = cJSON_CreateObject(), *shape = cJSON_CreateArray(), *offsets = cJSON_CreateArray();
    for (int i = 0; i < t->rank; i++) cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)t->shape[i]));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)begin));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)(begin + 4 * count)));
    cJSON_AddStringToObject(entry, "dtype", "F32");
    cJSON_AddItemToObject(entry, "shape", shape);
    cJSON_AddItemToObject(entry, "data_offsets", offsets);
    return entry;
}

/* The header as text, and the bytes of all tensors. */
static cairn_status make_header(char **text, size_t *total, const char *path, const cairn_safetensor *tensors,
                                int count, const cairn_safetensors_pair *metadata, int metadata_count)
{
    cairn_status st = CAIRN_OK;
    cJSON *root = cJSON_CreateObject(), *meta = cJSON_CreateObject();
    *total = 0;
    cJSON_AddItemToObject(root, metadata_key, meta);
    for (int i = 0; i < metadata_count; i++) cJSON_AddStringToObject(meta, metadata[i].key, metadata[i].value);
    for (int i = 0; i < count; i++) {
        size_t n;
        const char *name = tensors[i].name;
        if (!name || !*name || cJSON_GetObjectItemCaseSensitive(root, name) || !elements(&tensors[i], &n)) {
            st = cairn_error_set(CAIRN_E_INVALID, "%s: tensor %d ('%s') has no name of its own or a bad shape", path, i,
                                 name ? name : "");
            goto done;
        }
        cJSON_AddItemToObject(root, name, entry_of(&tensors[i], *total, n));
        *total += 4 * n;
    }
    *text = cJSON_PrintUnformatted(root);
    if (!*text) st = cairn_error_set(CAIRN_E_NOMEM, "%s: no memory for the header", path);
done:
    cJSON_Delete(root);
    return st;
}

cairn_status cairn_safetensors_write(const char *path, const cairn_safetensor *tensors, int count,
                                     const cairn_safetensors_pair *metadata, int metadata_count)
{
    cairn_status st = CAIRN_OK;
    char *header = NULL;
    uint8_t *bytes = NULL;
    size_t total;
    CAIRN_TRY(make_header(&header, &total, path, tensors, count, metadata, metadata_count));
    size_t length = strlen(header), padded = (length + 8 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - 8;
    bytes = malloc(8 + padded + total);
    if (!bytes) {
        st = cairn_error_set(CAIRN_E_NOMEM, "%s: no memory for %zu bytes", path, padded + total);
        goto done;
    }
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)padded >> 8 * i);
    memcpy(bytes + 8, header, length);
    memset(bytes + 8 + length, ' ', padded - length);
    uint8_t *to = bytes + 8 + padded;
    for (int i = 0; i < count; i++) {
        size_t n;
        elements(&tensors[i], &n);
        if (n) memcpy(to, tensors[i].data, 4 * n);
        to += 4 * n;
    }
    CAIRN_TRY(cairn_file_write(path, bytes, 8 + padded + total));
done:
    cJSON_free(header);
    free(bytes);
    return st;
}

/* ---- reading ---- */

static cairn_status damaged(const char *path, const char *name, const char *what)
{
    return cairn_error_set(CAIRN_E_FORMAT, "%s: %s%.64s%s%s", path, name ? "tensor '" : "", name ? name : "",
                           name ? "': " : "", what);
}

static bool whole_number(const cJSON *item, double most, int64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= most) ||
        floor(item->valuedouble) != item->valuedouble)
        return false;
    *out = (int64_t)item->valuedouble;
    return true;
}

static cairn_status read_tensor(cairn_safetensor *t, const cJSON *entry, uint8_t *data, size_t size, const char *path)
{
    const char *name = entry->string;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(entry, "dtype"),
                *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape"),
                *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets"), *item;
    int64_t begin, end;
    if (!cJSON_IsString(dtype) || !cJSON_IsArray(shape) || !cJSON_IsArray(offsets))
        return damaged(path, name, "dtype, shape or data_offsets is missing");
    if (strcmp(dtype->valuestring, "F32"))
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "%s: tensor '%.64s' is %.16s; only F32 is read", path, name,
                               dtype->valuestring);
    if (cJSON_GetArraySize(shape) > CAIRN_SAFETENSORS_RANK) return damaged(path, name, "more than 8 dimensions");
    cJSON_ArrayForEach(item, shape)
    {
        if (!whole_number(item, 4294967296.0, &t->shape[t->rank])) return damaged(path, name, "a bad shape");
        t->rank++;
    }
    if (!elements(t, &t->count)) return damaged(path, name, "more elements than a file can hold");
    if (cJSON_GetArraySize(offsets) != 2 || !whole_number(cJSON_GetArrayItem(offsets, 0), (double)size, &begin) ||
        !whole_number(cJSON_GetArrayItem(offsets, 1), (double)size, &end) || begin > end)
        return damaged(path, name, "data_offsets lie outside the file");
    if ((size_t)(end - begin) != 4 * t->count || begin % 4)
        return damaged(path, name, "data_offsets do not fit the shape");
    t->data = (float *)(void *)(data + begin);
    t->name = strdup(name);
    return t->name ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "%s: no memory", path);
}

static cairn_status read_metadata(cairn_safetensors *f, const cJSON *meta)
{
    const cJSON *item;
    if (!cJSON_IsObject(meta)) return damaged(f->path, NULL, "__metadata__ is not an object");
    f->metadata = calloc((size_t)cJSON_GetArraySize(meta) + 1, sizeof *f->metadata);
    if (!f->metadata) return cairn_error_set(CAIRN_E_NOMEM, "%s: no memory", f->path);
    cJSON_ArrayForEach(item, meta)
    {
        if (!cJSON_IsString(item)) return damaged(f->path, NULL, "a value of __metadata__ is not text");
        cairn_safetensors_pair *p = &f->metadata[f->metadata_count++];
        p->key = strdup(item->string);
        p->value = strdup(item->valuestring);
        if (!p->key || !p->value) return cairn_error_set(CAIRN_E_NOMEM, "%s: no memory", f->path);
    }
    return CAIRN_OK;
}

static int by_place(const void *a, const void *b)
{
    const cairn_safetensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return x->count < y->count ? -1 : x->count > y->count;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names must differ; together the tensors must fill the data from its first byte to its last. */
static cairn_status check_tensors(const cairn_safetensors *f, const uint8_t *data, size_t size)
{
    cairn_status st = CAIRN_OK;
    const float *end = (const float *)(const void *)data;
    const char **names = calloc((size_t)f->count + 1, sizeof *names);
    if (!names) return cairn_error_set(CAIRN_E_NOMEM, "%s: no memory", f->path);
    for (int i = 0; i < f->count; i++) names[i] = f->tensors[i].name;
    qsort(names, (size_t)f->count, sizeof *names, by_name);
    for (int i = 1; i < f->count; i++)
        if (!strcmp(names[i - 1], names[i])) CAIRN_TRY(damaged(f->path, names[i], "is there twice"));
    for (int i = 0; i < f->count; i++) {
        const cairn_safetensor *t = &f->tensors[i];
        if (t->data < end) CAIRN_TRY(damaged(f->path, t->name, "overlaps another tensor"));
        if (t->data > end) CAIRN_TRY(damaged(f->path, t->name, "does not follow the tensor before it"));
        end = t->data + t->count;
    }
    if ((const uint8_t *)end != data + size)
        CAIRN_TRY(damaged(f->path, NULL, "bytes behind the last tensor; was it written twice or badly copied?"));
done:
    free(names);
    return st;
}

static cairn_status read_tensors(cairn_safetensors *f, const cJSON *root, uint8_t *data, size_t size)
{
    cairn_status st = CAIRN_OK;
    const cJSON *item;
    int entries = cJSON_GetArraySize(root);
    if (entries > TENSORS_MOST) return damaged(f->path, NULL, "more than 65,536 tensors");
    f->tensors = calloc((size_t)entries + 1, sizeof *f->tensors);
    if (!f->tensors) return cairn_error_set(CAIRN_E_NOMEM, "%s: no memory", f->path);
    cJSON_ArrayForEach(item, root)
    {
        if (!strcmp(item->string, metadata_key)) {
            if (f->metadata) return damaged(f->path, NULL, "__metadata__ is there twice");
            CAIRN_TRY(read_metadata(f, item));
            continue;
        }
        CAIRN_TRY(read_tensor(&f->tensors[f->count++], item, data, size, f->path));
    }
    qsort(f->tensors, (size_t)f->count, sizeof *f->tensors, by_place);
    CAIRN_TRY(check_tensors(f, data, size));
done:
    return st;
}

cairn_status cairn_safetensors_read(cairn_safetensors *out, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_safetensors f = {.path = strdup(path)};
    cJSON *root = NULL;
    size_t size;
    uint64_t length = 0;
    *out = (cairn_safetensors){0};
    if (!f.path) return cairn_error_set(CAIRN_E_NOMEM, "no memory");
    CAIRN_TRY(cairn_file_read(&f.bytes, &size, path, file_most));
    for (int i = 0; i < 8 && size >= 8; i++) length |= (uint64_t)f.bytes[i] << 8 * i;
    if (size < 8 || length < 2 || length > HEADER_MOST || length > size - 8) {
        st = damaged(path, NULL, "not a safetensors file, or cut short (the header's length does not fit)");
        goto done;
    }
    const char *text = (const char *)f.bytes + 8, *text_end = text;
    root = cJSON_ParseWithLengthOpts(text, length, &text_end, 0);
    while (text_end < text + length && (*text_end == ' ' || *text_end == '\n')) text_end++; /* padding */
    if (!cJSON_IsObject(root) || text_end != text + length) {
        st = damaged(path, NULL, "the header is not a JSON object");
        goto done;
    }
    uint8_t *data = f.bytes + 8 + length;
    if (length % 4) { /* padding is a custom, not a rule, but the tensors are read in place as floats */
        memmove(f.bytes, data, size - 8 - length);
        data = f.bytes;
    }
    CAIRN_TRY(read_tensors(&f, root, data, size - 8 - length));
    *out = f;
    f = (cairn_safetensors){0};
done:
    cJSON_Delete(root);
    /* Names of half-read tensors are NULL, which free accepts. */
    cairn_safetensors_free(&f);
    return st;
}
