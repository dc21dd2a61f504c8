#ifndef CAIRN_DATA_FOLDERS_PHOTO_FOLDER_H
#define CAIRN_DATA_FOLDERS_PHOTO_FOLDER_H
/* The photographs of a folder: any folder of images with its sub-folders, COCO, or KITTI's raw recordings. */
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cairn_photo_layout {
    CAIRN_PHOTOS_AUTO,
    CAIRN_PHOTOS_COCO,
    CAIRN_PHOTOS_KITTI,
    CAIRN_PHOTOS_FOLDER
} cairn_photo_layout;
#define CAIRN_PHOTO_LAYOUTS "auto,coco,kitti,folder" /* in the order above */

typedef struct cairn_photo_file {
    char *path;
    char *stem;     /* file name without extension, unique, at most 100 bytes; see cairn_photo_folder_open */
    bool held_back; /* kept for evaluation: training never sees it */
    uint32_t draw;  /* hash that decides whether it is held back: of the name, or of the drive */
} cairn_photo_file;

typedef struct cairn_photo_folder {
    cairn_photo_file *files; /* sorted by path */
    size_t count;
    cairn_photo_layout layout; /* what was found, never AUTO */
} cairn_photo_folder;

typedef struct cairn_photo_options {
    const char *skip; /* comma-separated stems to leave out, of KITTI drives too; NULL: none */
    double holdout;   /* share that is held back */
    size_t limit;     /* at most so many files of each part, spread evenly over the sorted list; 0: all */
    cairn_photo_layout layout;
    int camera; /* of KITTI: 0 and 1 gray, 2 and 3 colour, left and right */
} cairn_photo_options;

/* Lists JPEG, PNG, PPM and BMP files. A folder that is reached by several ways (symbolic links) is taken once.
 *
 * folder  Everything below `root`, three levels deep. `holdout` is drawn by a hash of the stem, so that adding
 *         photographs moves none of the others; at least one is held back and not all where there are two or more.
 *         Where there are folders train and val (or validation, with or without a year), the files of val are held back
 *         instead, and holdout counts for nothing.
 * coco    The folders train2014, val2014, train2017, val2017 of `root` or of its folder images; nothing else
 *         (test2017). val is held back, as above. A picture that is there in both years is taken once, and held back if
 *         any val has it.
 * kitti   The PNG files of DATE/DATE_drive_NNNN_sync/image_0C/data, from any of the upper levels on, where C is the
 *         camera; and folders of frames with numbers for names (drive/000000.jpg), as prepared copies have them.
 *         Stems are DRIVE-FRAME. Whole drives are held back, drawn by their names: at least one and not all; a single
 *         drive is not held back.
 * auto    kitti where folders with names like DATE_drive_NNNN, or of frames with `drive` in their names, are found,
 *         coco where one with COCO's years is, else folder.
 *
 * Where two files have the same stem (a/1.jpg, b/1.jpg), or a very long one, a hash of the path below `root` is added
 * to the stem of each.
 * error   CAIRN_E_NOTFOUND if there is no such folder, no image in it, or not this layout, naming it */
cairn_status cairn_photo_folder_open(cairn_photo_folder *out, const char *root, const cairn_photo_options *options);
void cairn_photo_folder_free(cairn_photo_folder *folder); /* accepts an empty one; leaves it empty */
#endif
