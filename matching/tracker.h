#ifndef CAIRN_MATCHING_TRACKER_H
#define CAIRN_MATCHING_TRACKER_H
/* Points followed through the frames of a video by their descriptors: mutual nearest neighbours of consecutive frames,
 * a window of the last frames, tracks that end when they have no point in it. The rules of the published SuperPoint
 * demonstration, so that its numbers can be reproduced.
 * source [detone18superpoint], evaluation.md 10.2 */
#include "geometry/keypoints.h"

typedef struct cairn_tracker_options {
    double threshold; /* L2 distance of the descriptors of a match, exclusive; 0.7 */
    int window;       /* frames that are remembered, 2..64; 5 */
} cairn_tracker_options;
#define CAIRN_TRACKER_OPTIONS_INIT ((cairn_tracker_options){0.7, 5})

typedef struct cairn_track {
    int64_t id;      /* 0, 1, ... in the order in which tracks begin */
    double distance; /* running mean of its matches' distances; CAIRN_TRACK_UNMATCHED before the first */
    int length;      /* points since it began */
    int *points;     /* [window] index into the points of that frame, -1: none; the newest frame is the last */
} cairn_track;
#define CAIRN_TRACK_UNMATCHED 9999.0

typedef struct cairn_tracker cairn_tracker;

/* error  CAIRN_E_INVALID for options out of range */
cairn_status cairn_tracker_create(cairn_tracker **out, const cairn_tracker_options *options);
void cairn_tracker_destroy(cairn_tracker **tracker); /* accepts NULL; leaves NULL */
/* The next frame's points; copied. *matched (may be NULL): tracks that went on.
 * error  CAIRN_E_SHAPE if the descriptors' length changes or is 0 */
cairn_status cairn_tracker_update(cairn_tracker *tracker, const cairn_keypoints *points, int *matched);
/* All tracks with a point in the window, oldest id first. A track is alive if its last entry is not -1. Borrowed, until
 * the next update. */
const cairn_track *cairn_tracker_tracks(const cairn_tracker *tracker, int *count);
/* Lengths of all tracks that ended or still go on: histogram [0..most-1], lengths of `most` and more in the last. */
void cairn_tracker_lengths(const cairn_tracker *tracker, int64_t *histogram, int most);
#endif
