#ifndef CAIRN_STUDENT_IMPORT_MOBILENET_H
#define CAIRN_STUDENT_IMPORT_MOBILENET_H
/* Public MobileNetV3 classifiers as ours, and as the start of a student's backbone.
 *
 * Layouts (student.md 1.1 and 1.4), for Small and Large and any width multiplier:
 *   mobilenetv3-tv  torchvision: features.0.0.weight, features.4.block.2.fc1.weight ...
 *   mobilenetv3-dl  d-li14/mobilenetv3.pytorch: features.4.conv.5.fc.0.weight, conv.0.weight ...; squeeze-and-excite
 *                   before the activation, BatchNorm eps 1e-5, expansions by ratio
 *   mobilenetv3-tf  NumPy export of Keras Applications, BatchNorm folded: stem.weight, block3.se_reduce.weight,
 *                   logits.weight ...; TensorFlow's SAME padding, pixels in -1..1
 *   mobilenetv3-timm  timm's own (not its tf_ ones): conv_stem.weight, blocks.1.0.conv_pw.weight, conv_head.weight ...;
 *                   BatchNorm eps 1e-5, expansions by ratio
 * The checkpoint written has torchvision's names, and the style, eps, padding and range of pixels in its metadata
 * "model" (cairn_classifier_describe). A folded bias becomes that of a normalisation with mean 0 and variance 1 - eps:
 * exact with running statistics; before training, cairn_train_unfold gives it statistics of real images. */
#include "formats/import.h"
#include "student/mobilenet.h"

extern const char *const cairn_mobilenet_layouts[]; /* NULL-ended */
/* Whether it is one of them; NULL: whether the file's names are of one. */
bool cairn_mobilenet_import_takes(const cairn_weights *weights, const char *layout);
/* As cairn_import (teacher/import.h), to which it is an alternative. */
cairn_status cairn_mobilenet_import(cairn_import_report *report, const cairn_weights *weights, const char *layout,
                                    const char *out);

/* The options of a file that the above wrote. error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT with the file's name */
cairn_status cairn_mobilenet_read_options(cairn_classifier_options *out, const char *path);
/* Puts such a file's features into a student's backbone.* and its range of pixels into rgb.* (gray to all three
 * channels). The student's width and style are the file's.
 * error  CAIRN_E_FORMAT names a tensor that is missing or of another shape; nothing is written then */
cairn_status cairn_mobilenet_start(const cairn_model *model, cairn_store *store, const char *path);
#endif
