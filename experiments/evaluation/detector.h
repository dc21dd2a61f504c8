#ifndef CAIRN_EVALUATION_DETECTOR_H
#define CAIRN_EVALUATION_DETECTOR_H
/* What the evaluation knows of a method: an image goes in, keypoints come out. The classical baselines and the learned
 * networks stand behind the same interface, so that every one meets the same images, the same suppression and the same
 * formulas. */
#include "data/image.h"
#include "experiments/evaluation/protocol.h"
#include "geometry/postprocess.h"

typedef struct cairn_detector {
    const char *name; /* shown in tables; static, or owned by `state` */
    int dimension;    /* length of a descriptor; 0: the method only detects */
    void *state;      /* owned; handed to the two functions below */
    /* Finds keypoints in a gray image of any size that the method supports (pixels in [0,1]).
     * in     top_k  at most so many points, the best ones, after the method's own suppression if it has one; 0: all
     * out    out    empty on entry; points in pixels of `gray`, sorted best first by a score of which larger is better
     *               (any finite range); with `dimension` > 0 descriptors of unit norm. No point at all is not an error.
     *               The caller frees it with cairn_keypoints_free.
     * error  the method's own; out stays empty
     * The result depends on the image alone, not on earlier calls. One caller at a time. */
    cairn_status (*detect)(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out);
    void (*destroy)(void *state); /* may be NULL when `state` is static or borrowed */
    /* From now on choose points as this view says, and suppress them: NULL for methods without a map of scores, whose
     * points the harness suppresses. */
    void (*configure)(void *state, const cairn_protocol_view *view);
    bool learned; /* a network: probabilities with a threshold, its own border */
} cairn_detector;

/* Calls destroy and empties the struct; accepts an empty one. */
void cairn_detector_free(cairn_detector *detector);

/* Runs a detector on a gray image and the suppression of squares on what it finds: asks for `candidates` points at most
 * (0: all), keeps top_k. error: also CAIRN_E_SHAPE if the descriptors are not those that were announced */
cairn_status cairn_detector_run(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray,
                                double radius, int border, int candidates, int top_k);
/* Runs a detector as a view of a protocol says; the image already has the view's size. */
cairn_status cairn_detector_view(cairn_keypoints *out, const cairn_detector *detector, const cairn_image *gray,
                                 const cairn_protocol_view *view);
#endif
