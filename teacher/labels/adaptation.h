#ifndef CAIRN_TEACHER_ADAPTATION_H
#define CAIRN_TEACHER_ADAPTATION_H
/* Homographic adaptation (DeTone et al. 2018, sec. 5; teacher.md section 5): a heatmap put together from many warped
 * views of one image. Warps, network, unwarps, counts and the aggregate of a chunk of views are one program on the
 * device; the host adds the chunks. */
#include "geometry/homography.h"
#include "train/model.h"

typedef struct cairn_adaptation cairn_adaptation;

/* S: sum of the views' heatmaps warped back, each zero where its view did not see the pixel; C: number of views that
 * saw it; V: number of views. */
typedef enum cairn_aggregation {
    CAIRN_AGGREGATE_SUM,  /* S / C: what rpautrat's settings call "sum", and the default of teacher.md 5 */
    CAIRN_AGGREGATE_MEAN, /* S / V, omercohen93's: weaker where fewer views look (teacher.md, pitfall 23) */
    CAIRN_AGGREGATE_MAX,  /* the largest value of any view */
    CAIRN_AGGREGATIONS
} cairn_aggregation;
#define CAIRN_AGGREGATION_CHOICES "sum,mean,max" /* in the order of the enumeration */
const char *cairn_aggregation_name(cairn_aggregation aggregation);

typedef struct cairn_adaptation_options {
    int h, w;       /* image size, multiples of 8 */
    int views;      /* the identity and views - 1 sampled homographies; 1..1000; 100 as published */
    int chunk;      /* views in one submission; divides `views` */
    int margin;     /* erosion of the valid masks, pixels, 0..32; 3 */
    cairn_aggregation aggregation;
    int filter_counts; /* 0 where fewer views than this saw the pixel; 0, at most `views` */
    cairn_homography_options homography;
} cairn_adaptation_options;

/* heatmap: appends the labelling network to m's graph, image [N,H,W,1] -> probability [N,H,W,1]; m is in inference
 * mode.
 * store holds its parameters and must outlive the adaptation. */
cairn_status cairn_adaptation_create(cairn_adaptation **out, cairn_gpu *gpu, cairn_store *store,
                                     cairn_tid (*heatmap)(cairn_model *m, cairn_tid image, const void *payload),
                                     const void *payload, const cairn_adaptation_options *options);
void cairn_adaptation_destroy(cairn_adaptation **a);
/* image [h,w] in [0,1]; heatmap [h,w] receives the aggregate (0 where no view saw the pixel). The views are those of
 * the stream (seed, stage, sample), whatever the chunk. */
cairn_status cairn_adaptation_run(cairn_adaptation *a, const float *image, uint32_t seed, uint32_t stage,
                                  uint32_t sample, float *heatmap);
#endif
