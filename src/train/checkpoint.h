#ifndef CAIRN_TRAIN_CHECKPOINT_H
#define CAIRN_TRAIN_CHECKPOINT_H
/* Checkpoints: one safetensors file with the model's tensors in PyTorch's shapes and names, the optimiser's state as
 * adam_m/<name> and adam_v/<name> or sgd_momentum/<name> and the average as ema/<name> when training, and text
 * metadata. Written by atomic rename. */
#include "train/model.h"

typedef struct cairn_metadata {
    const char *key, *value;
} cairn_metadata;

/* metadata: `count` pairs, besides format and code version, which are added. */
cairn_status cairn_checkpoint_save(const char *path, cairn_store *store, const cairn_model *model, bool optimiser,
                                   const cairn_metadata *metadata, int count);
/* Whether every tensor of the model is in the file with its shape, before a store of that size is made: what a file says
 * of its network may be false. error  as below */
cairn_status cairn_checkpoint_check(const char *path, const cairn_model *model);
/* Every tensor of the model must be in the file with its shape; what the file has besides is ignored, except that with
 * optimiser = true the moments must be there too. The store is written only if all checks pass.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT with file, tensor, expected and found shape */
cairn_status cairn_checkpoint_load(const char *path, cairn_store *store, const cairn_model *model, bool optimiser);
/* Makes room in the store for the tensors of the model's graph and fills its parameters: from the file, which is
 * checked first, or by the initial values of `seed` where path is NULL. error  as above */
cairn_status cairn_checkpoint_start(const char *path, cairn_store *store, const cairn_model *model, uint32_t seed);
/* Loads what matches by name and shape and leaves the rest (warm start of a larger model). *loaded counts tensors. */
cairn_status cairn_checkpoint_load_matching(const char *path, cairn_store *store, const cairn_model *model,
                                            int *loaded);
/* One metadata value; caller frees. CAIRN_E_NOTFOUND if absent. */
cairn_status cairn_checkpoint_metadata(char **value, const char *path, const char *key);
#endif
