#ifndef CAIRN_FORMATS_NPY_H
#define CAIRN_FORMATS_NPY_H
/* The header of a .npy member (NumPy enhancement proposal 1). For npz.c. */
#include "formats/npz.h"

#define CAIRN_NPY_HEADER_MAX 512

/* Fills type, rank, shape and count of *array from the first bytes of a member; *offset is where the numbers begin.
 * `size` bytes must be exactly the header and the numbers. `where` names file and member in messages. */
cairn_status cairn_npy_parse_header(cairn_npz_array *array, size_t *offset, const uint8_t *bytes, size_t size,
                                    const char *where);
/* Writes the header of version 1.0, padded to a multiple of 64 bytes; returns its length. The shape is valid. */
size_t cairn_npy_make_header(char header[CAIRN_NPY_HEADER_MAX], const cairn_npz_array *array);
/* Product of the shape; false when a length is negative or the bytes do not fit in memory. */
bool cairn_npy_count(size_t *count, cairn_npz_type type, int rank, const int64_t *shape);
#endif
