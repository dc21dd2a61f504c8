#ifndef CAIRN_TEACHER_IMPORT_H
#define CAIRN_TEACHER_IMPORT_H
/* Public SuperPoint and MagicPoint checkpoints as ours (key maps: teacher.md, section 1.5). */
#include "formats/import.h"

/* Layouts, each with its order of layers, its epsilon and its range of pixels:
 *   superpoint          conv1a.weight ... convDb.bias, no normalisation: superpoint_v1.pth and its descendants
 *   superpoint-tf       backbone.0.0.conv.weight ...: superpoint_v6_from_tf.pth
 *   superpoint-bn       backbone.block1_1.0.weight ...: superpoint_bn.pth
 *   pytorch-superpoint  inc.conv.conv.0.weight ...: the checkpoints of that project
 *   magicpoint-tf       conv1a.weight, conv1a.bn_gamma ... for pixels of 0..255: NumPy export of a TensorFlow
 *                       MagicPoint
 *   cairn               conv1a.weight, bn1a.weight ...: ours, normalisation before the activation
 *   cairn-relu-bn       the same names, after it
 * NULL-ended. */
extern const char *const cairn_import_layouts[];

/* Writes `out`, a checkpoint of ours, by rename. layout: a name of the list, or NULL for the one whose names fit.
 * Prefixes in front of the names (model_state_dict., module., ...) are found. A head for descriptors is imported where
 * the file has it. Two things are put into the weights, since our networks know neither: a range of 0..255 (first
 * convolution times 255), and another epsilon than ours (added to the running variance; exact with running statistics).
 * error  CAIRN_E_NOTFOUND a tensor that the layout needs, CAIRN_E_SHAPE with both shapes, CAIRN_E_NUMERIC numbers that
 *        are not finite, CAIRN_E_FORMAT no layout fits; nothing is written then */
cairn_status cairn_import(cairn_import_report *report, const cairn_weights *weights, const char *layout,
                          const char *out);
#endif
