#ifndef CAIRN_FORMATS_WEIGHTS_H
#define CAIRN_FORMATS_WEIGHTS_H
/* A network's weights out of any file that weights come in: PyTorch's checkpoints, NumPy's .npz, safetensors. */
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAIRN_WEIGHTS_RANK = 8 };

typedef struct cairn_weight {
    char *name; /* PyTorch: keys of nested dictionaries and places in lists, joined by dots:
                   model_state_dict.conv1a.weight */
    int rank;   /* 0..8 */
    int64_t shape[CAIRN_WEIGHTS_RANK];
    size_t count;  /* elements */
    bool integral; /* whole numbers or truth values in the file */
    float *data;   /* [count], C order, whatever type and strides the file has; owned */
} cairn_weight;

typedef struct cairn_weights {
    cairn_weight *tensors; /* in the order of the file */
    int count;
    char *path; /* for messages */
} cairn_weights;

/* Reads the file by what it holds, not by its name.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_IO, CAIRN_E_FORMAT, CAIRN_E_UNSUPPORTED; see torch_file.h, npz.h, safetensors.h
 * owner  the caller frees with cairn_weights_free */
cairn_status cairn_weights_read(cairn_weights *out, const char *path);
void cairn_weights_free(cairn_weights *weights); /* accepts an empty one; leaves it empty */
/* NULL when there is none of this name. Borrowed. */
const cairn_weight *cairn_weights_find(const cairn_weights *weights, const char *name);
#endif
