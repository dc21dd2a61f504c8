#include "formats/npy.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *descr, *name;
    size_t size;
} types[] = {
    [CAIRN_NPZ_F32] = {"<f4", "float32", 4}, [CAIRN_NPZ_F64] = {"<f8", "float64", 8},
    [CAIRN_NPZ_I32] = {"<i4", "int32", 4},   [CAIRN_NPZ_I64] = {"<i8", "int64", 8},
    [CAIRN_NPZ_U8] = {"|u1", "uint8", 1},
};
#define TYPES ((int)(sizeof types / sizeof *types))

size_t cairn_npz_type_size(cairn_npz_type type)
{
    return types[type].size;
}

const char *cairn_npz_type_name(cairn_npz_type type)
{
    return types[type].name;
}

bool cairn_npy_count(size_t *count, cairn_npz_type type, int rank, const int64_t *shape)
{
    const uint64_t most = (uint64_t)1 << 40;
    uint64_t n = 1;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0 || (uint64_t)shape[i] > most) return false;
        if (shape[i] == 0)
            empty = true;
        else if (n > most / (uint64_t)shape[i])
            return false;
        else
            n *= (uint64_t)shape[i];
    }
    if (n > most / types[type].size) return false;
    *count = empty ? 0 : (size_t)n;
    return true;
}

/* A reader of the Python dictionary in the header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } */
typedef struct text {
    const char *at, *end;
} text;

static void skip_blanks(text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n')) t->at++;
}

static bool take(text *t, char c)
{
    skip_blanks(t);
    if (t->at >= t->end || *t->at != c) return false;
    t->at++;
    return true;
}

static bool take_word(text *t, const char *word)
{
    size_t length = strlen(word);
    skip_blanks(t);
    if ((size_t)(t->end - t->at) < length || memcmp(t->at, word, length)) return false;
    t->at += length;
    return true;
}

static bool take_string(text *t, char *out, size_t size)
{
    skip_blanks(t);
    if (t->at >= t->end || (*t->at != '\'' && *t->at != '"')) return false;
    char quote = *t->at++;
    size_t n = 0;
    while (t->at < t->end && *t->at != quote && n + 1 < size) out[n++] = *t->at++;
    out[n] = 0;
    return t->at < t->end && *t->at++ == quote;
}

static bool take_shape(text *t, cairn_npz_array *array)
{
    if (!take(t, '(')) return false;
    for (array->rank = 0; !take(t, ')');) {
        if (array->rank == CAIRN_NPZ_RANK) return false;
        int64_t n = 0;
        int digits = 0;
        for (; t->at < t->end && *t->at >= '0' && *t->at <= '9' && digits < 16; digits++) n = n * 10 + (*t->at++ - '0');
        if (!digits) return false;
        array->shape[array->rank++] = n;
        if (take(t, ',')) {
            skip_blanks(t);
            continue;
        }
        return array->rank > 1 && take(t, ')'); /* (3) is no tuple */
    }
    return true;
}

/* *bad_type receives the description of a number type that is not read here. */
static bool take_dictionary(text *t, cairn_npz_array *array, bool *fortran, char bad_type[32])
{
    int seen = 0;
    char key[32];
    if (!take(t, '{')) return false;
    while (!take(t, '}')) {
        int which;
        if (!take_string(t, key, sizeof key) || !take(t, ':')) return false;
        if (!strcmp(key, "descr")) {
            which = 1;
            char descr[32];
            skip_blanks(t);
            if (!take_string(t, descr, sizeof descr)) return false;
            int type = 0;
            while (type < TYPES && strcmp(descr, types[type].descr)) type++;
            if (type == TYPES)
                memcpy(bad_type, descr, sizeof descr);
            else
                array->type = (cairn_npz_type)type;
        } else if (!strcmp(key, "fortran_order")) {
            which = 2;
            *fortran = take_word(t, "True");
            if (!*fortran && !take_word(t, "False")) return false;
        } else if (!strcmp(key, "shape")) {
            which = 4;
            if (!take_shape(t, array)) return false;
        } else {
            return false;
        }
        if (seen & which) return false;
        seen |= which;
        if (take(t, ',')) continue;
        if (!take(t, '}')) return false;
        break;
    }
    skip_blanks(t);
    return seen == 7 && t->at == t->end;
}

cairn_status cairn_npy_parse_header(cairn_npz_array *array, size_t *offset, const uint8_t *bytes, size_t size,
                                    const char *where)
{
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) || bytes[6] < 1 || bytes[6] > 3)
        return cairn_error_set(CAIRN_E_FORMAT, "%s is not a NumPy array of version 1 to 3", where);
    size_t start = bytes[6] == 1 ? 10 : 12, length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (size < start) return cairn_error_set(CAIRN_E_FORMAT, "%s is cut short", where);
    if (bytes[6] > 1) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > size - start || length > 65535)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: its header is longer than the file or than 65535 bytes", where);
    text t = {(const char *)bytes + start, (const char *)bytes + start + length};
    bool fortran = false;
    char bad_type[32] = "";
    if (!take_dictionary(&t, array, &fortran, bad_type))
        return cairn_error_set(CAIRN_E_FORMAT, "%s: its header does not give descr, fortran_order and shape", where);
    if (bad_type[0])
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "%s holds numbers of type '%.16s'; expected float32, float64, int32, int64 or uint8",
                               where, bad_type);
    if (fortran && array->rank > 1)
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "%s is in Fortran order; save it in C order (numpy.ascontiguousarray)", where);
    *offset = start + length;
    if (!cairn_npy_count(&array->count, array->type, array->rank, array->shape) ||
        array->count * types[array->type].size != size - *offset)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: its shape does not agree with its %zu bytes of numbers", where,
                               size - *offset);
    return CAIRN_OK;
}

size_t cairn_npy_make_header(char header[CAIRN_NPY_HEADER_MAX], const cairn_npz_array *array)
{
    size_t n = 10, room = CAIRN_NPY_HEADER_MAX;
    n += (size_t)snprintf(header + n, room - n, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          types[array->type].descr);
    for (int i = 0; i < array->rank; i++)
        n += (size_t)snprintf(header + n, room - n, "%s%lld%s", i ? " " : "", (long long)array->shape[i],
                              i + 1 < array->rank || array->rank == 1 ? "," : "");
    n += (size_t)snprintf(header + n, room - n, "), }");
    while ((n + 1) % 64) header[n++] = ' ';
    header[n++] = '\n';
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((n - 10) & 255);
    header[9] = (char)((n - 10) >> 8);
    return n;
}
