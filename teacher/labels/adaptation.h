#ifndef CAIRN_TEACHER_ADAPTATION_H
#define CAIRN_TEACHER_ADAPTATION_H
/* Homographic adaptation (DeTone et al. 2018, sec. 5; teacher.md section 5): a heatmap averaged over many warped views
 * of one image. Warps, network, unwarps, counts and sums are one program on the device. */
#include "geometry/homography.h"
#include "train/model.h"

typedef struct cairn_adaptation cairn_adaptation;

typedef struct cairn_adaptation_options {
    int h, w;       /* image size, multiples of 8 */
    int views;      /* the identity and views - 1 sampled homographies; 1..1000; 100 as published */
    int chunk;      /* views in one submission; divides `views` */
    int margin;     /* erosion of the valid masks, pixels; 3 */
    cairn_homography_options homography;
} cairn_adaptation_options;

/* heatmap: appends the labelling network to m's graph, image [N,H,W,1] -> probability [N,H,W,1]; m is in inference
 * mode.
 * store holds its parameters and must outlive the adaptation. */
cairn_status cairn_adaptation_create(cairn_adaptation **out, cairn_gpu *gpu, cairn_store *store,
                                     cairn_tid (*heatmap)(cairn_model *m, cairn_tid image, const void *payload),
                                     const void *payload, const cairn_adaptation_options *options);
void cairn_adaptation_destroy(cairn_adaptation **a);
/* image [h,w] in [0,1]; heatmap [h,w] receives sum / count (0 where no view saw the pixel). The views are those of the
 * stream (seed, stage, sample). */
cairn_status cairn_adaptation_run(cairn_adaptation *a, const float *image, uint32_t seed, uint32_t stage,
                                  uint32_t sample, float *heatmap);
#endif
