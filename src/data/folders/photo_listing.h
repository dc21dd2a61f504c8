#ifndef CAIRN_DATA_FOLDERS_PHOTO_LISTING_H
#define CAIRN_DATA_FOLDERS_PHOTO_LISTING_H
/* Private to photo_folder.c: which files a layout means. */
#include "data/folders/photo_folder.h"

#include <sys/types.h>

typedef struct cairn_photo_listing {
    cairn_photo_folder *out; /* files are added in no order; held_back is set for those of val */
    const char *skip;
    int camera;
    bool has_parts; /* out: a folder named train* or val* was met */
    /* Private. */
    size_t room;
    struct cairn_seen_folder {
        dev_t device;
        ino_t number;
    } *seen; /* open addressing; number 0 is free */
    size_t seen_count, seen_room;
    struct cairn_linked_folder {
        char *path;
        int depth;
        bool validation;
    } *linked; /* symbolic links to folders, looked at when the real ones are done */
    size_t linked_count;
    int drives, blind_drives; /* without the wanted camera */
} cairn_photo_listing;

cairn_status cairn_photo_listing_detect(cairn_photo_layout *out, const char *root);
cairn_status cairn_photo_listing_read(cairn_photo_listing *l, const char *root, cairn_photo_layout layout);
void cairn_photo_listing_free(cairn_photo_listing *l);
#endif
