#ifndef CAIRN_TEACHER_LABEL_FILE_H
#define CAIRN_TEACHER_LABEL_FILE_H
/* Pseudo-labels of one photo: an .npz with points [n,3] (x, y, score), size [2] (height, width), views, threshold and
 * the fingerprint of the checkpoint that made them. Written by atomic rename, so a file that is there is whole. */
#include "geometry/keypoints.h"

typedef struct cairn_label_info {
    int h, w;              /* of the image that was labelled */
    int views;             /* of the homographic adaptation; 1: none */
    float threshold;
    uint64_t checkpoint;   /* fingerprint of the labelling network */
} cairn_label_info;

cairn_status cairn_label_file_write(const char *path, const cairn_label_info *info, const cairn_keypoints *points);
/* h, w: the size that training uses; labels of another size are refused. Points outside it are damage.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT, CAIRN_E_SHAPE with both sizes */
cairn_status cairn_label_file_read(const char *path, int h, int w, cairn_label_info *info, cairn_keypoints *points);
#endif
