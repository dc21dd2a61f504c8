#ifndef CAIRN_STAGES_MATCHED_MASKS_H
#define CAIRN_STAGES_MATCHED_MASKS_H
/* Where the stage `matched-masks` leaves its pairs: <stage>/masks/<key of the photo>-<pair>.npz, pairs from 0 on, read
 * by cairn_masks_read (matching/masks.h). A photograph that cannot be used has none. */
#include "base/status.h"

#define CAIRN_MASKS_FOLDER "masks"
/* key: cairn_stage_photos_key. The caller frees *path. */
cairn_status cairn_masks_path(char **path, const char *folder, const char *key, int pair);
#endif
