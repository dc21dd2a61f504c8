#ifndef CAIRN_STUDENT_IMPORT_TENSOR_H
#define CAIRN_STUDENT_IMPORT_TENSOR_H
/* What the importers of students and of their backbones share: a tensor of a file as a parameter of ours. */
#include "formats/safetensors.h"
#include "formats/weights.h"
#include "train/model.h"

/* Size of an axis of the parameter in a file, axis 0..3 of [co,ci,k,k]; [co] has axis 0 only. */
int64_t cairn_import_axis(const cairn_parameter *p, int axis);
/* Whether the shape is the parameter's. A dense layer's weight has two axes, the same as a 1x1 kernel's four. */
bool cairn_import_fits(const cairn_parameter *p, const cairn_weight *w);
/* The tensor prefix + name for the parameter.
 * error  CAIRN_E_NOTFOUND with the layout's name, CAIRN_E_SHAPE with both shapes, CAIRN_E_NUMERIC where it holds
 *        numbers that are not finite */
cairn_status cairn_import_require(const cairn_weight **out, const cairn_weights *weights, const char *layout,
                                  const char *prefix, const char *name, const cairn_parameter *p);
/* Room for the parameter's tensor: name, shape, numbers that the caller fills in. The caller frees name and data, on
 * failure, too. error  CAIRN_E_NOMEM */
cairn_status cairn_import_room(cairn_safetensor *to, const cairn_parameter *p);
/* The prefix of the first name that ends in `ending` at the beginning or behind a dot; false: there is none. At most 63
 * bytes of prefix. */
bool cairn_import_prefix(char prefix[64], const cairn_weights *weights, const char *ending);
/* Writes the checkpoint by rename and fills layout, model and the tensors that are left over into the report.
 * model: metadata of the checkpoint. used [weights->count]: which tensors of the file it is made of. */
cairn_status cairn_import_write(cairn_import_report *report, const char *out, const cairn_safetensor *tensors,
                                int count, const cairn_weights *weights, const bool *used, const char *layout,
                                const char *model);
#endif
