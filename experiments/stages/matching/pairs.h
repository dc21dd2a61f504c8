#ifndef CAIRN_STAGES_MATCHING_PAIRS_H
#define CAIRN_STAGES_MATCHING_PAIRS_H
/* Pairs of views with a frozen detector's points, one file for each, made once and read in every pass. */
#include "experiments/stages/photos.h"
#include "geometry/keypoints.h"
#include "matching/views.h"
#include "student/network.h"

typedef struct cairn_view_pair_options {
    int h, w;           /* of a view */
    int points;         /* of a view: the best ones, and random ones where there are fewer */
    int radius, border; /* of the suppression, and at the edge, pixels */
    bool photometric;   /* changes of light, each view its own */
    bool held_back;     /* of photographs that training never sees: other random numbers */
    cairn_view_options view;
} cairn_view_pair_options;

typedef struct cairn_view_pair {
    cairn_keypoints points[2]; /* with descriptors */
    cairn_homography a_to_b;
} cairn_view_pair;
void cairn_view_pair_free(cairn_view_pair *pair); /* accepts an empty one */

/* Writes <folder>/<number>.npz for 0..count-1 where there is none yet, so that a killed run goes on where it stopped.
 * Pair i is of photo i modulo their number; a photo that cannot be used gives its place to the next.
 * error  CAIRN_E_NOTFOUND if no photo can be used */
cairn_status cairn_stage_make_pairs(const cairn_stage *stage, cairn_network *network, cairn_stage_photos *photos,
                                    const cairn_view_pair_options *options, int count, const char *folder);
/* How many of 0..count-1 are there, from 0 on without a gap. -1: out of memory. */
int cairn_stage_pairs_there(const char *folder, int count);
/* error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT, CAIRN_E_SHAPE (other sizes than these) with the file
 * owner  the caller frees *out */
cairn_status cairn_stage_read_pair(cairn_view_pair *out, const char *folder, int i, int points, int dimension);
#endif
