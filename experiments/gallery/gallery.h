#ifndef CAIRN_GALLERY_H
#define CAIRN_GALLERY_H
/* Pictures of what an evaluation's numbers mean: the worst, the median and the best pair of each method. */
#include "experiments/evaluation/evaluate.h"

#include <cjson/cJSON.h>

/* For each method (chance left out) the used pairs are ranked: by the corner error of the homography where it has
 * descriptors, else by repeatability. Of the worst, the median and the best one are drawn: the points in both images;
 * with descriptors the mutual nearest neighbours, green where right; for a network that runs now its heatmaps,
 * and the heatmaps of all trained networks that run now on the first image, where there are two or more. Writes
 * FOLDER/pictures/<set>-<protocol>-<method's number>-<rank>-<what>.jpg by rename and adds "gallery" to `set`, the
 * evaluation's entry for evaluation.json: a list of {"method", "pair", "rank": worst|median|best, "measure", "value"
 * (null: no homography was found), "shows": detections|matches|heatmap|networks, "file" (relative to FOLDER),
 * "caption"}.
 * in     sources, methods  as they were given to cairn_evaluation_run; methods that run now run again on these pairs
 * error  the methods', CAIRN_E_IO; pairs that cannot be read any more are left out with a warning */
cairn_status cairn_gallery_draw(cJSON *set, const char *folder, const cairn_evaluation *evaluation,
                                const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS], const cairn_predictions *methods,
                                int count);
#endif
