#ifndef CAIRN_DATA_PHOTO_FOLDER_H
#define CAIRN_DATA_PHOTO_FOLDER_H
/* The photographs of a folder: any folder of images with its sub-folders, or a data set in COCO's layout. */
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct cairn_photo_file {
    char *path;
    char *stem;     /* file name without extension, unique, at most 100 bytes; see cairn_photo_folder_open */
    bool held_back; /* kept for evaluation: training never sees it */
} cairn_photo_file;

typedef struct cairn_photo_folder {
    cairn_photo_file *files; /* sorted by path */
    size_t count;
} cairn_photo_folder;

/* Lists JPEG, PNG, PPM and BMP files below `root`, three levels deep. Where two files have the same name without
 * extension (a/1.jpg, b/1.jpg), or a very long one, a hash of the path below `root` is added to the stem of each.
 * skip     comma-separated stems to leave out
 * holdout  share of the photographs that is held back, chosen by a hash of the stem, so that adding photographs moves
 *          none of the others; at least one and not all where there are two or more. Where the folder has COCO's
 *          parts (train, val or validation, with or without a year), the files of val are held back
 *          instead, and holdout counts for nothing.
 * limit    at most so many files of each part, spread evenly over the sorted list; 0: all
 * error    CAIRN_E_NOTFOUND if there is no such folder or no image in it, naming it */
cairn_status cairn_photo_folder_open(cairn_photo_folder *out, const char *root, const char *skip, double holdout,
                                     size_t limit);
void cairn_photo_folder_free(cairn_photo_folder *folder); /* accepts an empty one; leaves it empty */
#endif
