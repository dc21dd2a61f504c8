#ifndef CAIRN_STAGES_LABELLING_H
#define CAIRN_STAGES_LABELLING_H
/* A network labels photographs with keypoints: by homographic adaptation (views > 1) or in one look. */
#include "experiments/labelling/labeller.h"
#include "experiments/stages/photos.h"

/* Writes <folder>/<key>.npz for each photo that has none yet, so that a killed run goes on where it stopped. A photo
 * that cannot be used gets none.
 * error  CAIRN_E_NOTFOUND if no photo can be used */
cairn_status cairn_stage_label(const cairn_stage *stage, cairn_network *network, uint64_t checkpoint,
                               cairn_stage_photos *photos, const cairn_labelling *options, const char *folder);
/* Whether there are labels of every photo that can be used, those of the first of this size and by this checkpoint.
 * error  CAIRN_E_NOTFOUND with the file that is missing; those of the next */
cairn_status cairn_stage_check_labels(cairn_stage_photos *photos, const char *folder, uint64_t checkpoint);
/* The labels of photo i, by the checkpoint of this hash.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_SHAPE (another image size), CAIRN_E_FORMAT, CAIRN_E_INVALID (another checkpoint),
 *        each with the file, what was expected and what was found
 * owner  the caller frees *out */
cairn_status cairn_stage_read_label(cairn_keypoints *out, const cairn_stage_photos *photos, int i, const char *folder,
                                    uint64_t checkpoint);
#endif
