#ifndef CAIRN_FORMATS_TORCH_TORCH_STORAGE_H
#define CAIRN_FORMATS_TORCH_TORCH_STORAGE_H
/* Private to torch_file.c: where a checkpoint's numbers lie, in either container, and its main pickle. */
#include "formats/torch/pickle.h"

/* A value may contain itself, so walks are bounded. */
enum { CAIRN_TORCH_LEVELS = 32, CAIRN_TORCH_STEPS = 1 << 22 };

typedef enum cairn_torch_type {
    CAIRN_TORCH_OTHER, /* complex, quantised: not read */
    CAIRN_TORCH_F32,
    CAIRN_TORCH_F64,
    CAIRN_TORCH_F16,
    CAIRN_TORCH_BF16,
    CAIRN_TORCH_I64, /* the whole numbers from here on */
    CAIRN_TORCH_I32,
    CAIRN_TORCH_I16,
    CAIRN_TORCH_I8,
    CAIRN_TORCH_U8,
    CAIRN_TORCH_BOOL,
    CAIRN_TORCH_TYPES
} cairn_torch_type;

typedef struct cairn_torch_storage {
    char *key;
    const uint8_t *bytes; /* little-endian numbers, at any address */
    size_t size;          /* bytes */
    uint8_t *owned;       /* unpacked from a zip file, or NULL */
} cairn_torch_storage;

typedef struct cairn_torch_container {
    cairn_pickle pickle; /* the saved object */
    uint8_t *text;       /* the unpacked pickle, or NULL */
    cairn_torch_storage *storages;
    size_t count;
} cairn_torch_container;

/* What cairn_pickle_parse, libzip or the layout say against the file comes back as CAIRN_E_FORMAT or
 * CAIRN_E_UNSUPPORTED. `bytes` must outlive *out. */
cairn_status cairn_torch_container_open(cairn_torch_container *out, const uint8_t *bytes, size_t size,
                                        const char *name);
void cairn_torch_container_free(cairn_torch_container *container);
/* The number type of a storage class ("torch FloatStorage"). */
cairn_torch_type cairn_torch_type_of(const cairn_pickle_value *storage_class);
size_t cairn_torch_type_size(cairn_torch_type type); /* bytes; 0: CAIRN_TORCH_OTHER */
#endif
