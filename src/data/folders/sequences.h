#ifndef CAIRN_DATA_FOLDERS_SEQUENCES_H
#define CAIRN_DATA_FOLDERS_SEQUENCES_H
/* Image sequences in the layout of HPatches (Balntas et al., CVPR 2017): a folder i_<name> for a change of light or
 * v_<name> for one of viewpoint, in it the images 1 (the reference) to 2..6 as .ppm or .png, and a text file H_1_k for
 * every other image k. */
#include "geometry/homography.h"

#define CAIRN_SEQUENCE_IMAGES 6

typedef enum cairn_sequence_kind {
    CAIRN_SEQUENCE_ILLUMINATION, /* i_* */
    CAIRN_SEQUENCE_VIEWPOINT,    /* v_* */
    CAIRN_SEQUENCE_BLUR          /* v_bikes, v_trees: of the Oxford set, not in HPatches; report them apart */
} cairn_sequence_kind;
const char *cairn_sequence_kind_name(cairn_sequence_kind kind); /* illumination, viewpoint, blur */

typedef struct cairn_sequence {
    char *name; /* the folder's: v_graf; letters, digits, '_', '-', '.', at most 64 */
    cairn_sequence_kind kind;
    int images;                         /* 2..6 */
    char *paths[CAIRN_SEQUENCE_IMAGES]; /* images 1..n at [0..n-1] */
    /* [k]: pixels of image 1 to pixels of image k + 1, as the file has it; [0] is the identity. Invertible. */
    cairn_homography from_first[CAIRN_SEQUENCE_IMAGES];
} cairn_sequence;

typedef struct cairn_sequences {
    cairn_sequence *items; /* sorted by name */
    int count;             /* 1..10,000 */
    int pairs;             /* of image 1 with another one, in all */
} cairn_sequences;

/* Lists the sequences below `folder` and reads their homographies; the images are not opened. Other folders are left
 * out. A sequence that is not whole (a gap in its numbers, an image without its homography or the other way round) is
 * refused, not skipped: results of half a set would go unnoticed.
 * error  CAIRN_E_NOTFOUND (the folder, a file, no sequence at all), CAIRN_E_IO, CAIRN_E_FORMAT with path and line
 * owner  the caller frees with cairn_sequences_free */
cairn_status cairn_sequences_open(cairn_sequences *out, const char *folder);
void cairn_sequences_free(cairn_sequences *sequences); /* accepts an empty one; leaves it empty */

/* A text of 9 finite numbers, row by row, with any white space between them; it must be invertible. `name` is used in
 * messages.
 * error  CAIRN_E_FORMAT with name and line */
cairn_status cairn_sequence_parse_homography(cairn_homography *out, const uint8_t *text, size_t size, const char *name);
#endif
