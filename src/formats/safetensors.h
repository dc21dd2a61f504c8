#ifndef CAIRN_FORMATS_SAFETENSORS_H
#define CAIRN_FORMATS_SAFETENSORS_H
/* The safetensors format: an 8-byte header length, a JSON header, raw little-endian tensors. Only F32 is read. */
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { CAIRN_SAFETENSORS_RANK = 8 };

typedef struct cairn_safetensor {
    char *name;
    int rank; /* 0..8 */
    int64_t shape[CAIRN_SAFETENSORS_RANK];
    size_t count; /* elements; set by the reader, ignored by the writer */
    float *data;  /* borrowed from the file's memory when read */
} cairn_safetensor;

typedef struct cairn_safetensors_pair {
    char *key, *value;
} cairn_safetensors_pair;

typedef struct cairn_safetensors {
    cairn_safetensor *tensors; /* sorted by their place in the file */
    cairn_safetensors_pair *metadata;
    int count, metadata_count;
    char *path; /* for messages */
    uint8_t *bytes;
} cairn_safetensors;

/* Writes by atomic rename; the same input gives the same bytes.
 * error  CAIRN_E_INVALID (an empty or double name, a negative length), CAIRN_E_IO, CAIRN_E_NOMEM */
cairn_status cairn_safetensors_write(const char *path, const cairn_safetensor *tensors, int count,
                                     const cairn_safetensors_pair *metadata, int metadata_count);
/* The file is hostile: at most 4 GiB, header at most 100 MB, 65,536 tensors; shapes, offsets and sizes must agree,
 * names must differ, and tensors must fill the data without gaps (as the format demands).
 * error  CAIRN_E_NOTFOUND, CAIRN_E_IO, CAIRN_E_FORMAT, CAIRN_E_UNSUPPORTED (another number type), with the file's name
 * owner  the caller frees with cairn_safetensors_free */
cairn_status cairn_safetensors_read(cairn_safetensors *out, const char *path);
void cairn_safetensors_free(cairn_safetensors *file); /* accepts an empty one; leaves it empty */
/* NULL when there is none of this name. Borrowed. */
const cairn_safetensor *cairn_safetensors_find(const cairn_safetensors *file, const char *name);
const char *cairn_safetensors_metadata(const cairn_safetensors *file, const char *key);
#endif
