#ifndef CAIRN_MATCHING_MATCHER_H
#define CAIRN_MATCHING_MATCHER_H
/* What the program knows of a way to match: two images' keypoints go in, pairs of indices come out. Nearest neighbours
 * and learned matchers stand behind the same interface. */
#include "gpu/gpu.h"
#include "matching/nearest.h"

typedef struct cairn_match_side {
    const cairn_keypoints *points; /* positions in pixels of the image, descriptors of unit norm */
    int h, w;                      /* of the image, pixels */
} cairn_match_side;

typedef struct cairn_matcher {
    const char *name; /* static, or owned by `state` */
    int dimension;    /* the descriptors' length that it takes; 0: any, as long as both sides agree */
    void *state;      /* owned; handed to the two functions below */
    /* Matches two images. A keypoint is in one match at most.
     * out    *out   the caller's, free() it; sorted by a; score: larger is better, in [0,1]; distance: of the
     *               descriptors. NULL on failure; no match, and no keypoint on a side, is not an error
     * error  CAIRN_E_SHAPE for descriptors of another length than `dimension`, or that differ; the method's own
     * The result depends on the two sides alone, not on earlier calls. One caller at a time. */
    cairn_status (*match)(void *state, const cairn_match_side *a, const cairn_match_side *b, cairn_match **out,
                          int *count);
    void (*destroy)(void *state); /* may be NULL */
} cairn_matcher;

/* Checks the sides, then calls match. */
cairn_status cairn_matcher_run(const cairn_matcher *matcher, const cairn_match_side *a, const cairn_match_side *b,
                               cairn_match **out, int *count);
/* Calls destroy and empties the struct; accepts an empty one. */
void cairn_matcher_free(cairn_matcher *matcher);

/* Nearest neighbours on the host. NULL options: the defaults. */
cairn_status cairn_matcher_nearest(cairn_matcher *out, const cairn_nearest_options *options);

/* By what the command line and recipes say. */
typedef enum cairn_matcher_kind { CAIRN_MATCHER_NEAREST, CAIRN_MATCHER_LIGHTGLUE } cairn_matcher_kind;
#define CAIRN_MATCHER_KINDS "nearest,lightglue" /* of cairn_matcher_kind */
typedef struct cairn_matcher_options {
    cairn_matcher_kind kind;
    cairn_nearest_options nearest;
    const char *weights; /* lightglue: its checkpoint; "" or NULL: none */
    double filter;       /* lightglue: least score of a match, exclusive; 0.1 */
    bool adaptive;       /* lightglue: stops early and leaves points out, as published; false: every layer on every
                            point, for masks and evaluation */
} cairn_matcher_options;
#define CAIRN_MATCHER_OPTIONS_INIT                                                                                     \
    ((cairn_matcher_options){CAIRN_MATCHER_NEAREST, CAIRN_NEAREST_OPTIONS_INIT, NULL, 0.1, false})
/* gpu: outlives the matcher; NULL is allowed for nearest neighbours, which run on the host on a CPU driver too: there
 * it takes less processor time (tests/unit/graph/test_nearest_device.c). error  CAIRN_E_INVALID: weights missing, or
 * given for no use, or no gpu; CAIRN_E_NOTFOUND, CAIRN_E_FORMAT with the file's name */
cairn_status cairn_matcher_open(cairn_matcher *out, cairn_gpu *gpu, const cairn_matcher_options *options);
#endif
