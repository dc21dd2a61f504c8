#ifndef CAIRN_STUDENT_IMPORT_SP_FPN_H
#define CAIRN_STUDENT_IMPORT_SP_FPN_H
/* Checkpoints of the SP-FPN source (student.md 1.4) as ours: rgb.weight, backbone.4.block.2.fc1.weight,
 * fpn.inner_blocks.0.0.weight, fpn.layer_blocks.0.0.weight, integrate.0.weight ..., behind any prefix
 * (model_state_dict.module.). Older torchvision writes fpn.inner_blocks.0.weight and has biases in the pyramid: the
 * instance norms behind its convolutions remove them exactly, so they are left out and reported as having no place.
 *
 * Channels of the pyramid, kind and width of the backbone follow from the shapes. The taps do so only in part, for
 * blocks of a stage have one width; of the sets 1,2,4,12 (published), 1,3,8,12, 1,3,8,11 and, for Large, 3,6,12,16 and
 * 3,6,12,15 it is the first one that fits. */
#include "formats/import.h"

#define CAIRN_SP_FPN_LAYOUT "sp-fpn"

/* Whether the file's names are of this layout. */
bool cairn_sp_fpn_names_fit(const cairn_weights *weights);
/* As cairn_import (teacher/import.h), to which it is an alternative. */
cairn_status cairn_sp_fpn_import(cairn_import_report *report, const cairn_weights *weights, const char *out);
#endif
