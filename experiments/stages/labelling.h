#ifndef CAIRN_STAGES_LABELLING_H
#define CAIRN_STAGES_LABELLING_H
/* A network labels photographs with keypoints: by homographic adaptation (views > 1) or in one look. */
#include "experiments/labelling/labeller.h"
#include "experiments/stages/photos.h"

/* Writes <folder>/<key>.npz for each photo that has none yet, so that a killed run goes on where it stopped. */
cairn_status cairn_stage_label(const cairn_stage *stage, cairn_network *network, uint64_t checkpoint,
                               const cairn_stage_photos *photos, const cairn_labelling *options, const char *folder);
/* Reads the labels of every photo: out[count], freed by the caller with cairn_keypoints_free each, then free().
 * error  CAIRN_E_NOTFOUND, CAIRN_E_SHAPE (another image size), CAIRN_E_FORMAT, each with the file */
cairn_status cairn_stage_read_labels(cairn_keypoints **out, const cairn_stage_photos *photos, const char *folder);
#endif
