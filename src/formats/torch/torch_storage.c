#include "formats/torch/torch_storage.h"

#include "formats/torch/torch_file.h"

#include <string.h>
#include <zip.h>

enum { MOST_STORAGES = 65536, MOST_KEY = 256 };
#define MOST_UNPACKED ((uint64_t)4 << 30)

/* A legacy file begins with a pickled number and a pickled version. */
static const uint8_t magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a,
                                0xa8, 0x50, 0x19, 0x2e, 0x80, 2,    0x4d, 0xe9, 3,    0x2e};

bool cairn_torch_file_recognise(const uint8_t *bytes, size_t size)
{
    return size > 4 && (!memcmp(bytes, "PK\3\4", 4) || (size > sizeof magic && !memcmp(bytes, magic, sizeof magic)));
}

cairn_torch_type cairn_torch_type_of(const cairn_pickle_value *storage_class)
{
    static const char *const names[CAIRN_TORCH_TYPES] = {
        NULL,         "FloatStorage", "DoubleStorage", "HalfStorage", "BFloat16Storage", "LongStorage",
        "IntStorage", "ShortStorage", "CharStorage",   "ByteStorage", "BoolStorage"};
    char name[64];
    for (cairn_torch_type type = CAIRN_TORCH_F32; type < CAIRN_TORCH_TYPES; type++) {
        snprintf(name, sizeof name, "torch %s", names[type]);
        if (cairn_pickle_is(storage_class, CAIRN_PICKLE_GLOBAL, name)) return type;
        snprintf(name, sizeof name, "torch.cuda %s", names[type]);
        if (cairn_pickle_is(storage_class, CAIRN_PICKLE_GLOBAL, name)) return type;
    }
    return CAIRN_TORCH_OTHER;
}

size_t cairn_torch_type_size(cairn_torch_type type)
{
    static const size_t sizes[CAIRN_TORCH_TYPES] = {0, 4, 8, 2, 2, 8, 4, 2, 1, 1, 1};
    return sizes[type];
}

void cairn_torch_container_free(cairn_torch_container *container)
{
    cairn_pickle_free(&container->pickle);
    for (size_t i = 0; i < container->count; i++) {
        free(container->storages[i].key);
        free(container->storages[i].owned);
    }
    free(container->storages);
    free(container->text);
    *container = (cairn_torch_container){0};
}

static cairn_status add_storage(cairn_torch_container *out, size_t room, const char *key, size_t length,
                                const char *name)
{
    if (out->count == room || length == 0 || length > MOST_KEY || memchr(key, 0, length))
        return cairn_error_set(CAIRN_E_FORMAT, "%s is damaged: its list of storages is none", name);
    out->storages[out->count].key = strndup(key, length);
    if (!out->storages[out->count++].key) return cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", name);
    return CAIRN_OK;
}

/* ---- zip ---- */

static cairn_status unpack(uint8_t **out, size_t *size, zip_t *zip, zip_uint64_t index, uint64_t *total,
                           const char *name)
{
    cairn_status st = CAIRN_OK;
    zip_stat_t info;
    zip_file_t *member = NULL;
    uint8_t *bytes = NULL;
    const zip_uint64_t need = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    if (zip_stat_index(zip, index, 0, &info) < 0 || (info.valid & need) != need)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: a member cannot be read", name));
    *total += info.size;
    /* Deflate makes at most 1032 bytes of one, so a size beyond that is a lie and is not worth the memory. */
    if (info.comp_size > MOST_UNPACKED || info.size > info.comp_size * 1032 + 64 || *total > MOST_UNPACKED)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: member '%.200s' has an impossible size", name, info.name));
    bytes = malloc((size_t)info.size + 1);
    if (!bytes) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", name));
    member = zip_fopen_index(zip, index, 0);
    size_t got = 0;
    for (zip_int64_t n = 1; member && n > 0 && got <= info.size; got += n > 0 ? (size_t)n : 0)
        n = zip_fread(member, bytes + got, (size_t)info.size + 1 - got);
    /* The checksum is compared at the end of the member, which the last, empty read has reached. */
    const int code = member ? zip_error_code_zip(zip_file_get_error(member)) : ZIP_ER_OK;
    if (!member || got != info.size || code != ZIP_ER_OK)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: member '%.200s' is damaged", name, info.name));
    *out = bytes;
    *size = (size_t)info.size;
    bytes = NULL;
done:
    if (member) zip_fclose(member);
    free(bytes);
    return st;
}

/* The folder that holds data.pkl, with its slash: whatever the file was called when it was saved. */
static cairn_status find_pickle(zip_t *zip, char *folder, size_t room, zip_uint64_t *index, const char *name)
{
    const zip_int64_t members = zip_get_num_entries(zip, 0);
    if (members < 0 || members > MOST_STORAGES)
        return cairn_error_set(CAIRN_E_FORMAT, "%s has more than %d members", name, MOST_STORAGES);
    for (zip_int64_t i = 0; i < members; i++) {
        const char *member = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        const size_t length = member ? strlen(member) : 0;
        if (length < 8 || length - 8 >= room || strcmp(member + length - 8, "data.pkl")) continue;
        if (length > 8 && member[length - 9] != '/') continue;
        snprintf(folder, room, "%.*s", (int)(length - 8), member);
        *index = (zip_uint64_t)i;
        return CAIRN_OK;
    }
    return cairn_error_set(CAIRN_E_FORMAT, "%s is a zip file, but no checkpoint of PyTorch: it holds no data.pkl",
                           name);
}

static cairn_status check_byte_order(zip_t *zip, const char *folder, uint64_t *total, const char *name)
{
    char path[1100];
    uint8_t *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%sbyteorder", folder);
    zip_int64_t index = zip_name_locate(zip, path, ZIP_FL_ENC_RAW);
    if (index < 0) return CAIRN_OK; /* older files: little-endian */
    cairn_status st = unpack(&text, &size, zip, (zip_uint64_t)index, total, name);
    if (st == CAIRN_OK && (size != 6 || memcmp(text, "little", 6)))
        st = cairn_error_set(CAIRN_E_UNSUPPORTED, "%s was saved on a big-endian machine; save it on another one", name);
    free(text);
    return st;
}

static cairn_status read_zip(cairn_torch_container *out, zip_t *zip, const char *name)
{
    cairn_status st = CAIRN_OK;
    char folder[1024], prefix[1100];
    zip_uint64_t pickle = 0;
    uint64_t total = 0;
    size_t size = 0;
    CAIRN_TRY(find_pickle(zip, folder, sizeof folder, &pickle, name));
    CAIRN_TRY(check_byte_order(zip, folder, &total, name));
    CAIRN_TRY(unpack(&out->text, &size, zip, pickle, &total, name));
    CAIRN_TRY(cairn_pickle_parse(&out->pickle, out->text, size, name));
    const zip_int64_t members = zip_get_num_entries(zip, 0);
    out->storages = calloc((size_t)members, sizeof *out->storages);
    if (!out->storages) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", name));
    int length = snprintf(prefix, sizeof prefix, "%sdata/", folder);
    for (zip_int64_t i = 0; i < members; i++) {
        const char *member = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!member || strncmp(member, prefix, (size_t)length) || !member[length]) continue;
        CAIRN_TRY(add_storage(out, (size_t)members, member + length, strlen(member + length), name));
        cairn_torch_storage *storage = &out->storages[out->count - 1];
        CAIRN_TRY(unpack(&storage->owned, &storage->size, zip, (zip_uint64_t)i, &total, name));
        storage->bytes = storage->owned;
    }
done:
    return st;
}

static cairn_status open_zip(cairn_torch_container *out, const uint8_t *bytes, size_t size, const char *name)
{
    cairn_status st = CAIRN_OK;
    zip_error_t error;
    zip_error_init(&error);
    zip_t *zip = NULL;
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &error);
    if (source) zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (!zip) {
        zip_source_free(source);
        CAIRN_TRY(
            cairn_error_set(CAIRN_E_FORMAT, "%s is damaged, or no zip file: %s", name, zip_error_strerror(&error)));
    }
    CAIRN_TRY(read_zip(out, zip, name));
done:
    if (zip) zip_discard(zip);
    zip_error_fini(&error);
    return st;
}

/* ---- a row of pickles ---- */

/* What the pickle's references tell of a storage: its key and the size of its elements. */
typedef struct reference {
    const char *key;
    size_t length, element;
} reference;

typedef struct references {
    reference *of;
    size_t count, room, steps;
} references;

static int by_key(const void *a, const void *b)
{
    const reference *x = a, *y = b;
    int order = memcmp(x->key, y->key, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static cairn_status collect(references *r, const cairn_pickle_value *value, int level, const char *name)
{
    cairn_status st = CAIRN_OK;
    if (level > CAIRN_TORCH_LEVELS || ++r->steps > CAIRN_TORCH_STEPS)
        return cairn_error_set(CAIRN_E_FORMAT, "%s nests its values too deeply", name);
    const cairn_pickle_value *id = value->kind == CAIRN_PICKLE_PERSISTENT ? value->items[0] : NULL;
    if (!id) {
        for (size_t i = 0; i < value->count; i++) CAIRN_TRY(collect(r, value->items[i], level + 1, name));
        return CAIRN_OK;
    }
    if (id->kind != CAIRN_PICKLE_TUPLE || id->count < 5 || id->items[2]->kind != CAIRN_PICKLE_TEXT) return CAIRN_OK;
    if (r->count == r->room) {
        reference *grown = realloc(r->of, (r->room * 2 + 64) * sizeof *grown);
        if (!grown) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", name));
        r->of = grown;
        r->room = r->room * 2 + 64;
    }
    r->of[r->count++] =
        (reference){id->items[2]->text, id->items[2]->length, cairn_torch_type_size(cairn_torch_type_of(id->items[1]))};
done:
    return st;
}

static cairn_status read_numbers(cairn_torch_container *out, const cairn_pickle_value *keys, const uint8_t *bytes,
                                 size_t size, size_t at, const char *name)
{
    cairn_status st = CAIRN_OK;
    references r = {0};
    if (keys->kind != CAIRN_PICKLE_LIST || keys->count > MOST_STORAGES)
        return cairn_error_set(CAIRN_E_FORMAT, "%s is damaged: its list of storages is none", name);
    out->storages = calloc(keys->count + 1, sizeof *out->storages);
    if (!out->storages) return cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", name);
    CAIRN_TRY(collect(&r, out->pickle.root, 0, name));
    if (r.count > 1) qsort(r.of, r.count, sizeof *r.of, by_key);
    for (size_t i = 0; i < keys->count; i++) {
        const reference key = {keys->items[i]->text, keys->items[i]->length, 0};
        uint64_t elements = 0;
        if (keys->items[i]->kind != CAIRN_PICKLE_TEXT || size - at < 8)
            CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s is damaged: it ends before its numbers do", name));
        for (int b = 0; b < 8; b++) elements |= (uint64_t)bytes[at + (size_t)b] << 8 * b;
        at += 8;
        const reference *known = r.count ? bsearch(&key, r.of, r.count, sizeof key, by_key) : NULL;
        if (!known || known->element == 0)
            CAIRN_TRY(cairn_error_set(CAIRN_E_UNSUPPORTED,
                                      "%s: storage %zu has a number type that is not read here, or no tensor uses it",
                                      name, i));
        if (elements > (size - at) / known->element)
            CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s is damaged: it ends before its numbers do", name));
        CAIRN_TRY(add_storage(out, keys->count, key.key, key.length, name));
        out->storages[out->count - 1].bytes = bytes + at;
        out->storages[out->count - 1].size = (size_t)elements * known->element;
        at += (size_t)elements * known->element;
    }
done:
    free(r.of);
    return st;
}

static cairn_status check_system(const cairn_pickle_value *info, const char *name)
{
    for (size_t i = 0; info->kind == CAIRN_PICKLE_DICT && i + 1 < info->count; i += 2)
        if (cairn_pickle_is(info->items[i], CAIRN_PICKLE_TEXT, "little_endian") &&
            info->items[i + 1]->kind == CAIRN_PICKLE_BOOL && info->items[i + 1]->truth)
            return CAIRN_OK;
    return cairn_error_set(CAIRN_E_UNSUPPORTED, "%s was saved on a big-endian machine; save it on another one", name);
}

static cairn_status open_legacy(cairn_torch_container *out, const uint8_t *bytes, size_t size, const char *name)
{
    cairn_status st = CAIRN_OK;
    size_t at = sizeof magic;
    cairn_pickle other = {0};
    CAIRN_TRY(cairn_pickle_parse(&other, bytes + at, size - at, name));
    CAIRN_TRY(check_system(other.root, name));
    at += other.used;
    cairn_pickle_free(&other);
    CAIRN_TRY(cairn_pickle_parse(&out->pickle, bytes + at, size - at, name));
    at += out->pickle.used;
    CAIRN_TRY(cairn_pickle_parse(&other, bytes + at, size - at, name));
    CAIRN_TRY(read_numbers(out, other.root, bytes, size, at + other.used, name));
done:
    cairn_pickle_free(&other);
    return st;
}

cairn_status cairn_torch_container_open(cairn_torch_container *out, const uint8_t *bytes, size_t size, const char *name)
{
    *out = (cairn_torch_container){0};
    if (!cairn_torch_file_recognise(bytes, size))
        return cairn_error_set(
            CAIRN_E_FORMAT, "%s is no checkpoint of PyTorch: it begins neither as a zip file nor as a row of pickles",
            name);
    cairn_status st = bytes[0] == 'P' ? open_zip(out, bytes, size, name) : open_legacy(out, bytes, size, name);
    if (st < 0) cairn_torch_container_free(out);
    return st;
}
