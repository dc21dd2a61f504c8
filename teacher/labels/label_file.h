#ifndef CAIRN_TEACHER_LABEL_FILE_H
#define CAIRN_TEACHER_LABEL_FILE_H
/* Pseudo-labels of one photo: an .npz, written by atomic rename, so that a file that is there is whole.
 *
 *   points      [n,3] float32: x, y, score
 *   size        [2] int32: height, width of the image that was labelled
 *   views       [1] int32: of the homographic adaptation; 1: none
 *   threshold   [1] float32
 *   checkpoint  [8] uint8: fingerprint of the labelling network's file, little-endian
 *   version     [1] int32: 2; files without it are of version 1, which ends here
 *   options     [m] uint8, ASCII: how the points were chosen, "name=value name=value ..." (aggregation, suppression,
 *               size, border, ...) */
#include "geometry/keypoints.h"

enum { CAIRN_LABEL_VERSION = 2, CAIRN_LABEL_OPTIONS_BYTES = 512 };

typedef struct cairn_label_info {
    int h, w;              /* of the image that was labelled */
    int views;             /* of the homographic adaptation; 1: none */
    float threshold;
    uint64_t checkpoint;   /* fingerprint of the labelling network */
    char options[CAIRN_LABEL_OPTIONS_BYTES]; /* printable ASCII; "" in files of version 1 */
} cairn_label_info;

cairn_status cairn_label_file_write(const char *path, const cairn_label_info *info, const cairn_keypoints *points);
/* h, w: the size that training uses; labels of another size are refused. Points outside it are damage.
 * Files of version 1 are read; of a later version than this program's are refused (CAIRN_E_UNSUPPORTED).
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT, CAIRN_E_SHAPE with both sizes */
cairn_status cairn_label_file_read(const char *path, int h, int w, cairn_label_info *info, cairn_keypoints *points);
#endif
