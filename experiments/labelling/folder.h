#ifndef CAIRN_LABELLING_FOLDER_H
#define CAIRN_LABELLING_FOLDER_H
/* Labels for a folder of photographs, outside a recipe: one file for each, which appears when it is whole, so that a
 * process that ended at any point goes on where it was. */
#include "data/folders/photo_folder.h"
#include "experiments/labelling/labeller.h"

typedef struct cairn_label_folder {
    const char *out;  /* folder: <stem>.npz (teacher/labels/label_file.h), labels.json, previews/<stem>.jpg */
    const char *model; /* its name, for labels.json */
    uint64_t checkpoint; /* fingerprint of the network's file */
    int h, w;         /* photographs are scaled and cut to this size (cairn_image_resize_crop); multiples of 8 */
    uint32_t seed;
    cairn_labelling labelling; /* previews: so many photographs, spread over all, are shown */
} cairn_label_folder;

typedef struct cairn_label_folder_result {
    int labelled, there, unusable; /* photographs: now, before, left out with a warning */
    int64_t points;                /* of those labelled now */
    double seconds, views_per_second;
} cairn_label_folder_result;

/* Labels what has no file yet. `out` is refused when its labels.json says that its labels were made otherwise (another
 * size, model, seed or option).
 * error  CAIRN_E_INVALID as said, with the setting and both values; CAIRN_E_NOTFOUND: no photograph can be used;
 *        "interrupted" after SIGINT or SIGTERM */
cairn_status cairn_label_folder_run(cairn_label_folder_result *result, cairn_gpu *gpu, cairn_network *network,
                                    const cairn_photo_folder *photos, const cairn_label_folder *options);
/* What labels.json says of all labels of a folder that was written by the above; the folder may come from elsewhere.
 * error  CAIRN_E_NOTFOUND: there is no such file; CAIRN_E_FORMAT: it says something else; CAIRN_E_UNSUPPORTED: written
 *        by a later version; each naming it */
cairn_status cairn_label_folder_read(cairn_label_info *out, const char *folder);
#endif
