#include "formats/npz.h"

#include "formats/npy.h"
#include "formats/shape_text.h"
#include "system/file.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#define MAX_FILE ((size_t)1 << 30)
#define MAX_UNPACKED ((uint64_t)1 << 31)
#define MAX_MEMBERS 65536
#define MAX_NAME 1024

void cairn_npz_free(cairn_npz *npz)
{
    for (int i = 0; i < npz->count; i++) {
        free(npz->arrays[i].name);
        free(npz->arrays[i].data);
    }
    free(npz->arrays);
    free(npz->path);
    *npz = (cairn_npz){0};
}

const cairn_npz_array *cairn_npz_find(const cairn_npz *npz, const char *name)
{
    for (int i = 0; i < npz->count; i++)
        if (!strcmp(npz->arrays[i].name, name)) return &npz->arrays[i];
    return NULL;
}

cairn_status cairn_npz_require(const cairn_npz_array **out, const cairn_npz *npz, const char *name, cairn_npz_type type,
                               int rank, const int64_t *shape)
{
    *out = NULL;
    const cairn_npz_array *array = cairn_npz_find(npz, name);
    if (!array) return cairn_error_set(CAIRN_E_NOTFOUND, "%s holds no array '%s'", npz->path, name);
    if (array->type != type)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: array '%s' is of type %s, expected %s", npz->path, name,
                               cairn_npz_type_name(array->type), cairn_npz_type_name(type));
    bool same = array->rank == rank;
    for (int i = 0; same && i < rank; i++) same = shape[i] < 0 || shape[i] == array->shape[i];
    if (!same) {
        char is[200], expected[200];
        cairn_shape_text(is, sizeof is, array->rank, array->shape);
        cairn_shape_text(expected, sizeof expected, rank, shape);
        return cairn_error_set(CAIRN_E_SHAPE, "%s: array '%s' has the shape %s, expected %s", npz->path, name, is,
                               expected);
    }
    *out = array;
    return CAIRN_OK;
}

/* Reads to the end of the member, because the checksum is compared there. */
static cairn_status unpack(uint8_t **out, zip_t *zip, zip_uint64_t index, size_t size, const char *where)
{
    cairn_status st = CAIRN_OK;
    uint8_t *bytes = malloc(size + 1);
    zip_file_t *member = zip_fopen_index(zip, index, 0);
    if (!bytes) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the %zu bytes of %s", size, where));
    if (!member) CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s cannot be unpacked: %s", where, zip_strerror(zip)));
    size_t got = 0;
    for (;;) {
        zip_int64_t n = zip_fread(member, bytes + got, size + 1 - got);
        if (n < 0)
            CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s is damaged: %s", where,
                                      zip_error_strerror(zip_file_get_error(member))));
        got += (size_t)n;
        if (n == 0 || got > size) break;
    }
    if (got != size)
        CAIRN_TRY(
            cairn_error_set(CAIRN_E_FORMAT, "%s does not have the %zu bytes that the file promises", where, size));
    *out = bytes;
    bytes = NULL;
done:
    if (member) zip_fclose(member);
    free(bytes);
    return st;
}

/* Checks what the zip directory says of a member before anything is allocated for it; *stem is the name's length
 * without ".npy". */
static cairn_status check_member(zip_stat_t *info, size_t *stem, zip_t *zip, zip_uint64_t index, uint64_t *unpacked,
                                 const char *path)
{
    const zip_uint64_t need = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(zip, index, 0, info) < 0 || (info->valid & need) != need)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: member %llu cannot be read", path, (unsigned long long)index);
    size_t length = strlen(info->name);
    if (length <= 4 || length > MAX_NAME || strcmp(info->name + length - 4, ".npy"))
        return cairn_error_set(CAIRN_E_FORMAT, "%s: member '%.200s' is not a NumPy array (NAME.npy)", path, info->name);
    if (info->comp_method != ZIP_CM_STORE && info->comp_method != ZIP_CM_DEFLATE)
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "%s: member '%.200s' is neither stored nor deflated", path,
                               info->name);
    /* Deflate makes at most 1032 bytes of one, so a size beyond that is a lie and is not worth the memory. */
    if (info->comp_size > MAX_FILE || info->size > info->comp_size * 1032 + 64 ||
        (info->comp_method == ZIP_CM_STORE && info->size != info->comp_size))
        return cairn_error_set(CAIRN_E_FORMAT, "%s: member '%.200s' has an impossible size", path, info->name);
    *unpacked += info->size;
    if (*unpacked > MAX_UNPACKED)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: its arrays have more than %llu bytes, more than is accepted here",
                               path, (unsigned long long)MAX_UNPACKED);
    *stem = length - 4;
    return CAIRN_OK;
}

static cairn_status read_member(cairn_npz_array *array, zip_t *zip, zip_uint64_t index, uint64_t *unpacked,
                                const char *path)
{
    cairn_status st = CAIRN_OK;
    zip_stat_t info;
    size_t stem = 0, offset = 0;
    uint8_t *bytes = NULL;
    char where[512];
    CAIRN_TRY(check_member(&info, &stem, zip, index, unpacked, path));
    snprintf(where, sizeof where, "%.280s: array '%.200s'", path, info.name);
    array->name = strndup(info.name, stem);
    if (!array->name) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", path));
    CAIRN_TRY(unpack(&bytes, zip, index, (size_t)info.size, where));
    CAIRN_TRY(cairn_npy_parse_header(array, &offset, bytes, (size_t)info.size, where));
    memmove(bytes, bytes + offset, (size_t)info.size - offset); /* aligned, and without a second allocation */
    array->data = bytes;
    bytes = NULL;
done:
    free(bytes);
    return st;
}

cairn_status cairn_npz_parse(cairn_npz *out, const uint8_t *bytes, size_t size, const char *name)
{
    *out = (cairn_npz){0};
    cairn_status st = CAIRN_OK;
    cairn_npz npz = {0};
    zip_error_t error;
    zip_error_init(&error);
    zip_t *zip = NULL;
    uint64_t unpacked = 0;
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &error);
    if (source) zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    if (!zip) {
        zip_source_free(source);
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s is not a NumPy .npz file, or damaged: %s", name,
                                  zip_error_strerror(&error)));
    }
    zip_int64_t members = zip_get_num_entries(zip, 0);
    if (members < 1) /* libzip takes an empty file for an archive without members */
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s is not a NumPy .npz file, or damaged: it holds no array", name));
    if (members > MAX_MEMBERS)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s has %lld members, at most %d are accepted", name,
                                  (long long)members, MAX_MEMBERS));
    npz.path = strdup(name);
    npz.arrays = calloc((size_t)members, sizeof *npz.arrays);
    if (!npz.path || !npz.arrays) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", name));
    while (npz.count < members) { /* libzip's CHECKCONS refuses two members of one name */
        cairn_npz_array *array = &npz.arrays[npz.count];
        CAIRN_TRY(read_member(array, zip, (zip_uint64_t)npz.count++, &unpacked, name));
    }
    *out = npz;
    npz = (cairn_npz){0};
done:
    if (zip) zip_discard(zip);
    zip_error_fini(&error);
    cairn_npz_free(&npz);
    return st;
}

cairn_status cairn_npz_read(cairn_npz *out, const char *path)
{
    *out = (cairn_npz){0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    cairn_status st = cairn_file_read(&bytes, &size, path, MAX_FILE);
    if (st == CAIRN_OK) st = cairn_npz_parse(out, bytes, size, path);
    free(bytes);
    return st;
}

static cairn_status add_member(zip_t *zip, const cairn_npz_array *array, bool deflate, const char *path)
{
    cairn_status st = CAIRN_OK;
    size_t count = 0;
    char header[CAIRN_NPY_HEADER_MAX], member[MAX_NAME + 8];
    uint8_t *bytes = NULL;
    zip_source_t *source = NULL;
    if (!array->name || !array->name[0] || strlen(array->name) > MAX_NAME || strchr(array->name, '/') ||
        array->rank < 0 || array->rank > CAIRN_NPZ_RANK ||
        !cairn_npy_count(&count, array->type, array->rank, array->shape) || (count && !array->data))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "cannot write %s: an array has a bad name, shape or no data", path));
    snprintf(member, sizeof member, "%s.npy", array->name);
    size_t head = cairn_npy_make_header(header, array), body = count * cairn_npz_type_size(array->type);
    bytes = malloc(head + body);
    if (!bytes) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to write %s", path));
    memcpy(bytes, header, head);
    if (body) memcpy(bytes + head, array->data, body);
    source = zip_source_buffer(zip, bytes, head + body, 1);
    if (!source) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to write %s", path));
    bytes = NULL; /* the source's */
    zip_int64_t index = zip_file_add(zip, member, source, ZIP_FL_ENC_UTF_8);
    if (index < 0)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "cannot write %s: array '%.200s': %s", path, array->name,
                                  zip_strerror(zip)));
    source = NULL; /* the archive's */
    /* 1 January 1980: a file's bytes must not depend on when it was written. */
    if (zip_file_set_dostime(zip, (zip_uint64_t)index, 0, 0x21, 0) < 0 ||
        zip_set_file_compression(zip, (zip_uint64_t)index, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) < 0)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FAIL, "cannot write %s: %s", path, zip_strerror(zip)));
done:
    zip_source_free(source);
    free(bytes);
    return st;
}

/* The finished archive's bytes. */
static cairn_status source_bytes(uint8_t **out, size_t *size, zip_source_t *source, const char *path)
{
    cairn_status st = CAIRN_OK;
    uint8_t *bytes = NULL;
    zip_stat_t info;
    bool opened = false;
    if (zip_source_stat(source, &info) < 0 || !(info.valid & ZIP_STAT_SIZE) || zip_source_open(source) < 0)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FAIL, "cannot write %s: the archive could not be made", path));
    opened = true;
    bytes = malloc((size_t)info.size + 1);
    if (!bytes) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to write %s", path));
    for (size_t got = 0; got < info.size;) {
        zip_int64_t n = zip_source_read(source, bytes + got, info.size - got);
        if (n <= 0) CAIRN_TRY(cairn_error_set(CAIRN_E_FAIL, "cannot write %s: the archive could not be made", path));
        got += (size_t)n;
    }
    *out = bytes;
    *size = (size_t)info.size;
    bytes = NULL;
done:
    if (opened) zip_source_close(source);
    free(bytes);
    return st;
}

cairn_status cairn_npz_write(const char *path, const cairn_npz_array *arrays, int count, bool deflate)
{
    /* The archive is made in memory, so that the file itself appears by cairn_file_write like every other. */
    cairn_status st = CAIRN_OK;
    zip_error_t error;
    zip_error_init(&error);
    zip_t *zip = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
    if (source) zip_source_keep(source); /* ours too: it is read after zip_close */
    if (source) zip = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, &error);
    if (!zip) {
        zip_source_free(source); /* the reference that zip would have taken */
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "cannot write %s: %s", path, zip_error_strerror(&error)));
    }
    if (count < 1) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "cannot write %s: there is no array", path));
    for (int i = 0; i < count; i++) CAIRN_TRY(add_member(zip, &arrays[i], deflate, path));
    if (zip_close(zip) < 0) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "cannot write %s: %s", path, zip_strerror(zip)));
    zip = NULL;
    CAIRN_TRY(source_bytes(&bytes, &size, source, path));
    CAIRN_TRY(cairn_file_write(path, bytes, size));
done:
    if (zip) zip_discard(zip);
    zip_source_free(source);
    zip_error_fini(&error);
    free(bytes);
    return st;
}
