#ifndef CAIRN_DETECTORS_LEARNED_H
#define CAIRN_DETECTORS_LEARNED_H
/* A trained network behind the interface of evaluation/detector.h: heatmap, suppression, descriptors. */
#include "experiments/detectors/describer.h"
#include "experiments/evaluation/detector.h"
#include "student/network.h"

/* The model of a checkpoint. NULL options: the defaults. A threshold below 0 stands for the checkpoint's own, which its
 * metadata has as "threshold", or the default.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT with the file's name */
cairn_status cairn_detector_load(cairn_detector *out, cairn_gpu *gpu, const char *model_path,
                                 const cairn_detect_options *options);
/* Takes a network over (also on failure). `name` is copied. */
cairn_status cairn_detector_wrap(cairn_detector *out, cairn_network *network, const char *name,
                                 const cairn_detect_options *options);
/* From now on the points have the descriptors of another network, sampled from its map of the same image: how a student
 * that only detects is measured where descriptors are needed (student.md 5.5). The describer is borrowed.
 * error  CAIRN_E_INVALID: the detector has descriptors already */
cairn_status cairn_detector_describe_by(cairn_detector *detector, cairn_describer *describer);
/* Looks at `count` gray images of one size at once, by one program. out[count]: as of cairn_detector.detect, and the
 * same whatever the batch (but for rounding, where a kernel goes another way for another number of images).
 * out    heatmaps  [count,h,w] probabilities, from which they are taken; NULL: not wanted
 * owner  the caller frees each of out */
cairn_status cairn_detector_detect_many(const cairn_detector *detector, const cairn_image *images, int count, int top_k,
                                        cairn_keypoints *out, float *heatmaps);
/* The network behind a detector made here; borrowed. */
cairn_network *cairn_detector_network(const cairn_detector *detector);
#endif
