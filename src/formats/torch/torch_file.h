#ifndef CAIRN_FORMATS_TORCH_TORCH_FILE_H
#define CAIRN_FORMATS_TORCH_TORCH_FILE_H
/* PyTorch's checkpoints (torch.save): .pth, .pt, .pth.tar, .ckpt, in both containers, the zip file of PyTorch 1.6 and
 * later and the row of pickles before it. Nothing in the file is executed. */
#include "formats/weights.h"

#include <stddef.h>
#include <stdint.h>

/* Reads all tensors in nested dictionaries, lists and tuples; whatever else is there (numbers, texts, objects of
 * unknown classes) is left out. The bytes are hostile: at most 65,536 tensors, 4 GiB of float32, 32 levels, 8 float32
 * for each byte of the storages; sizes, strides and places must agree and names must differ. `name` is used in
 * messages. error  CAIRN_E_FORMAT (no such file, damaged, or without tensors), CAIRN_E_UNSUPPORTED (big-endian, complex
 * or quantised numbers, a model saved as an object) owner  the caller frees with cairn_weights_free */
cairn_status cairn_torch_file_parse(cairn_weights *out, const uint8_t *bytes, size_t size, const char *name);
/* True if the bytes begin as either container does; a .npz file begins as a zip file, too. */
bool cairn_torch_file_recognise(const uint8_t *bytes, size_t size);
#endif
