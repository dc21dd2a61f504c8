#ifndef CAIRN_LABELLING_LABELLER_H
#define CAIRN_LABELLING_LABELLER_H
/* A network labels gray images of one size with keypoints: by homographic adaptation, or in one look. What the recipe's
 * stages and cairn label share. */
#include "data/image.h"
#include "geometry/postprocess.h"
#include "student/network.h"
#include "teacher/labels/adaptation.h"
#include "teacher/labels/label_file.h"

typedef struct cairn_labelling {
    cairn_adaptation_options adaptation; /* h and w are set from the images; views 1: one look at the image itself;
                                            chunk 0: what suits the device, 25 at most */
    double threshold;                    /* probability */
    int radius, border, top_k;           /* size of the suppression and margin, pixels; top_k 0: all */
    cairn_suppression_kind suppression;
    bool subpixel;                       /* soft-argmax on the heatmap, as pytorch-superpoint exports */
    int side;                            /* pixels of the image's longer side as the network sees it, for views 1: the
                                            rest of the above is of that size, labels are of the image's; 0: as it is */
    int previews;                        /* pictures, spread over the photos: heatmap and labels */
    const char *label;                   /* of the progress bar */
} cairn_labelling;

typedef struct cairn_labeller cairn_labeller;

/* network: borrowed, must outlive the labeller. checkpoint: fingerprint of its file. h, w: multiples of 8.
 * error  CAIRN_E_INVALID: chunk does not divide views, or several views with a side */
cairn_status cairn_labeller_create(cairn_labeller **out, cairn_gpu *gpu, cairn_network *network, uint64_t checkpoint,
                                   const cairn_labelling *options, int h, int w);
void cairn_labeller_destroy(cairn_labeller **labeller);
/* What a label file says of all labels made here. */
const cairn_label_info *cairn_labeller_info(const cairn_labeller *labeller);
/* Labels image [h,w,1]. key: the photograph's name, by which its views are drawn from the stream (seed, stream), so
 * that its place in a list does not matter. heatmap: [h,w], of the last image, borrowed; NULL: not wanted. The caller
 * frees *points. */
cairn_status cairn_labeller_run(cairn_labeller *labeller, const cairn_image *gray, uint32_t seed, uint32_t stream,
                                const char *key, cairn_keypoints *points, const float **heatmap);
#endif
