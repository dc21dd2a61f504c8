#ifndef CAIRN_MATCHING_LIGHTGLUE_MATCHER_H
#define CAIRN_MATCHING_LIGHTGLUE_MATCHER_H
/* Matching two images' points with a trained LightGlue. */
#include "geometry/keypoints.h"
#include "gpu/gpu.h"
#include "matching/lightglue/lightglue.h"
#include "matching/matcher.h"

typedef struct cairn_lightglue cairn_lightglue;
/* A checkpoint of ours (cairn import, or a stage's).
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT with the file's name */
cairn_status cairn_lightglue_load(cairn_lightglue **out, cairn_gpu *gpu, const char *path);
/* With the initial values of `seed`. */
cairn_status cairn_lightglue_create_untrained(cairn_lightglue **out, cairn_gpu *gpu,
                                              const cairn_lightglue_options *options, uint32_t seed);
void cairn_lightglue_destroy(cairn_lightglue **matcher);
const cairn_lightglue_options *cairn_lightglue_get_options(const cairn_lightglue *matcher);

enum { CAIRN_LIGHTGLUE_POINTS = 4096 /* of an image, at most */ };

typedef struct cairn_lightglue_image {
    const cairn_keypoints *keypoints; /* with descriptors */
    int width, height;                /* of the image in pixels; 0: unknown (cairn_lightglue_normalise) */
} cairn_lightglue_image;

typedef struct cairn_lightglue_settings {
    double filter;           /* least score of a match, exclusive; published: 0.1 */
    double depth_confidence; /* stops early when this share of the points is sure; below 0: never; published: 0.95 */
    double width_confidence; /* leaves out points that surely have no match; below 0: none; published: 0.99 */
} cairn_lightglue_settings;
/* As published, for use; and every layer on every point: the same for the same points, whatever else, for evaluation
 * and masks. */
#define CAIRN_LIGHTGLUE_ADAPTIVE ((cairn_lightglue_settings){0.1, 0.95, 0.99})
#define CAIRN_LIGHTGLUE_COMPLETE ((cairn_lightglue_settings){0.1, -1, -1})

typedef struct cairn_lightglue_match {
    int a, b;    /* indices into the two sets */
    float score; /* probability, filter..1 */
} cairn_lightglue_match;

typedef struct cairn_lightglue_result {
    cairn_lightglue_match *matches; /* [count], sorted by a */
    int count;
    int layers;    /* that ran; 0 where an image has no points */
    int *depth[2]; /* [points of either image] layers that each point went through */
} cairn_lightglue_result;
void cairn_lightglue_result_free(cairn_lightglue_result *result); /* accepts an empty one; leaves it empty */

/* An image without points has no matches. A point is pruned after a layer (but the last) unless sigmoid(matchability) >
 * 1 - width_confidence or its confidence is at most cairn_lightglue_threshold; a layer (but the last) is the last one
 * if 1 - (unsure points of both images) / (all that the images came with) > depth_confidence.
 *
 * Without either, the whole network is one program for the number of points rounded up to one of a dozen sizes (64,
 * 128, .. 4096); with them there is one program for each layer and size, and the states go through the host
 * between layers. Programs are made when they are first needed, and the ones used last are kept.
 * error  CAIRN_E_SHAPE descriptors of another size than the network's, more than CAIRN_LIGHTGLUE_POINTS points
 * source  matching.md 2.4, 2.5 */
cairn_status cairn_lightglue_run(cairn_lightglue_result *out, cairn_lightglue *matcher, const cairn_lightglue_image *a,
                                 const cairn_lightglue_image *b, const cairn_lightglue_settings *settings);

/* The same behind matching/matcher.h, from a checkpoint. A match's distance is that of the descriptors.
 * error  those of cairn_lightglue_load */
cairn_status cairn_matcher_lightglue(cairn_matcher *out, cairn_gpu *gpu, const char *path,
                                     const cairn_lightglue_settings *settings);

/* Confidence from which a point counts as sure behind a layer: 0.8 + 0.1 exp(-4 layer / layers). */
double cairn_lightglue_threshold(int layer, int layers);
/* Mutual best entries of a log-assignment [stride rows][stride columns], of which n rows and m columns are points,
 * above log(filter). out: room for min(n, m); returns how many. */
int cairn_lightglue_filter(cairn_lightglue_match *out, const float *assignment, int stride, int n, int m,
                           double filter);
#endif
