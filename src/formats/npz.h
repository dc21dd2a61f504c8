#ifndef CAIRN_FORMATS_NPZ_H
#define CAIRN_FORMATS_NPZ_H
/* NumPy's .npz: a zip file with one .npy member for each named array (format versions 1.0 to 3.0 are read, 1.0 is
 * written). Little-endian, C order; stored or deflated. */
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAIRN_NPZ_RANK 8

typedef enum cairn_npz_type {
    CAIRN_NPZ_F32,
    CAIRN_NPZ_F64,
    CAIRN_NPZ_I32,
    CAIRN_NPZ_I64,
    CAIRN_NPZ_U8
} cairn_npz_type;

typedef struct cairn_npz_array {
    char *name; /* without ".npy" */
    cairn_npz_type type;
    int rank; /* 0..CAIRN_NPZ_RANK; 0 is a scalar with one element */
    int64_t shape[CAIRN_NPZ_RANK];
    size_t count; /* elements: the product of the shape; set by the reader, ignored by the writer */
    void *data;   /* aligned to 16 bytes when it comes from the reader; never NULL there */
} cairn_npz_array;

typedef struct cairn_npz {
    cairn_npz_array *arrays; /* in the order of the file */
    int count;
    char *path; /* for messages */
} cairn_npz;

/* Reads all arrays. The file is hostile: at most 1 GiB, at most 2 GiB unpacked, 65,536 members, no member of another
 * kind, sizes must agree and checksums be right.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_IO, CAIRN_E_FORMAT, CAIRN_E_UNSUPPORTED (Fortran order, another number type)
 * owner  the caller frees with cairn_npz_free */
cairn_status cairn_npz_read(cairn_npz *out, const char *path);
/* The same from memory; `name` is used in messages. */
cairn_status cairn_npz_parse(cairn_npz *out, const uint8_t *bytes, size_t size, const char *name);
void cairn_npz_free(cairn_npz *npz); /* accepts an empty one; leaves it empty */

/* NULL when there is none of this name. Borrowed. */
const cairn_npz_array *cairn_npz_find(const cairn_npz *npz, const char *name);
/* The array `name`, which must have this type and shape; a -1 in `shape` stands for any length. Borrowed.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_SHAPE, CAIRN_E_FORMAT (another type), each naming file, array and what was
 * expected */
cairn_status cairn_npz_require(const cairn_npz_array **out, const cairn_npz *npz, const char *name,
                               cairn_npz_type type, int rank, const int64_t *shape);

/* Writes by atomic rename. The same arrays give the same bytes (no time stamps). `data` may be NULL when the shape has
 * a zero.
 * error  CAIRN_E_IO, CAIRN_E_INVALID (a bad shape, a name that is empty, twice there or has a slash), CAIRN_E_NOMEM */
cairn_status cairn_npz_write(const char *path, const cairn_npz_array *arrays, int count, bool deflate);

size_t cairn_npz_type_size(cairn_npz_type type);        /* bytes */
const char *cairn_npz_type_name(cairn_npz_type type); /* "float32", ... */
#endif
