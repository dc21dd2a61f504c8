#include "data/folders/photo_folder.h"

#include "base/hash.h"
#include "base/log.h"
#include "data/folders/photo_listing.h"
#include "system/file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_STEM = 100 };

static void free_file(cairn_photo_file *file)
{
    free(file->path);
    free(file->stem);
}

void cairn_photo_folder_free(cairn_photo_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) free_file(&folder->files[i]);
    free(folder->files);
    *folder = (cairn_photo_folder){0};
}

static void hold_back(cairn_photo_folder *f, double share)
{
    size_t held = 0, smallest = 0, largest = 0;
    for (size_t i = 0; i < f->count; i++) {
        const uint32_t h = f->files[i].draw;
        f->files[i].held_back = h < share * 4294967296.0;
        held += f->files[i].held_back;
        if (h < f->files[smallest].draw) smallest = i;
        if (h > f->files[largest].draw) largest = i;
    }
    if (f->count < 2 || share <= 0) return;
    if (held == 0) f->files[smallest].held_back = true;
    if (held == f->count) f->files[largest].held_back = false;
}

/* Frames of one drive are nearly alike, so a drive is held back whole, or not at all; a single one is not. */
static void hold_back_drives(cairn_photo_folder *f, double share)
{
    uint32_t smallest = UINT32_MAX, largest = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->files[i].draw < smallest) smallest = f->files[i].draw;
        if (f->files[i].draw > largest) largest = f->files[i].draw;
    }
    for (size_t i = 0; i < f->count; i++) {
        const uint32_t h = f->files[i].draw;
        f->files[i].held_back =
            share > 0 && smallest < largest && h < largest && (h < share * 4294967296.0 || h == smallest);
    }
}

static int by_stem(const void *a, const void *b)
{
    return strcmp((*(cairn_photo_file *const *)a)->stem, (*(cairn_photo_file *const *)b)->stem);
}

/* Label files are named after the stems, so two photographs must not share one: a/1.jpg and b/1.jpg. Those that would,
 * and very long ones, get a hash of their path below `root` (`root_length` bytes) behind the stem. */
static cairn_status make_stems_unique(cairn_photo_folder *f, size_t root_length)
{
    cairn_status st = CAIRN_OK;
    cairn_photo_file **order = malloc(f->count * sizeof *order);
    bool *rename = calloc(f->count, sizeof *rename);
    if (!order || !rename) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of photographs"));
    for (size_t i = 0; i < f->count; i++) order[i] = &f->files[i];
    qsort(order, f->count, sizeof *order, by_stem);
    for (size_t i = 0; i < f->count; i++) {
        rename[i] |= strlen(order[i]->stem) > LONGEST_STEM;
        if (i && !strcmp(order[i]->stem, order[i - 1]->stem)) rename[i] = rename[i - 1] = true;
    }
    for (size_t i = 0; i < f->count; i++) {
        if (!rename[i]) continue;
        const char *below = order[i]->path + root_length;
        while (*below == '/') below++; /* `root` may end in a slash or not */
        char *stem = malloc(LONGEST_STEM + 1);
        if (!stem) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of photographs"));
        snprintf(stem, LONGEST_STEM + 1, "%.*s-%016llx", LONGEST_STEM - 17, order[i]->stem,
                 (unsigned long long)cairn_hash_text(CAIRN_HASH_START, below));
        free(order[i]->stem);
        order[i]->stem = stem;
    }
done:
    free(order);
    free(rename);
    return st;
}

/* Keeps at most `limit` files of each part, evenly spread. */
static void thin_out(cairn_photo_folder *f, size_t limit)
{
    size_t total[2] = {0}, seen[2] = {0}, kept = 0;
    for (size_t i = 0; i < f->count; i++) total[f->files[i].held_back]++;
    for (size_t i = 0; i < f->count; i++) {
        cairn_photo_file *file = &f->files[i];
        size_t n = seen[file->held_back]++, all = total[file->held_back];
        bool keep = !limit || all <= limit || n * limit / all != (n + 1) * limit / all;
        if (keep) {
            f->files[kept++] = *file;
        } else {
            free_file(file);
        }
    }
    f->count = kept;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const cairn_photo_file *)a)->path, ((const cairn_photo_file *)b)->path);
}

/* One picture of COCO may be there twice: val2017 is a part of val2014, and train2017 holds the rest of it. */
typedef struct known_picture {
    cairn_photo_file *file;
    const char *id;
} known_picture;

/* COCO_val2014_000000000139 and 000000000139 are one picture; other names tell nothing. */
static const char *picture_id(const cairn_photo_file *file)
{
    const char *id = strncmp(file->stem, "COCO_", 5) ? file->stem : strrchr(file->stem, '_') + 1;
    return strlen(id) == 12 && strspn(id, "0123456789") == 12 ? id : file->path;
}

static int by_picture(const void *a, const void *b)
{
    const known_picture *x = a, *y = b;
    const int order = strcmp(x->id, y->id);
    return order ? order : strcmp(x->file->path, y->file->path);
}

static cairn_status drop_doubles(cairn_photo_folder *f, const char *root)
{
    size_t kept = 0;
    known_picture *order = malloc(f->count * sizeof *order);
    bool *drop = calloc(f->count, sizeof *drop);
    if (!order || !drop) {
        free(order);
        free(drop);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of photographs");
    }
    for (size_t i = 0; i < f->count; i++) order[i] = (known_picture){&f->files[i], picture_id(&f->files[i])};
    qsort(order, f->count, sizeof *order, by_picture);
    for (size_t i = 1, first = 0; i < f->count; i++) {
        if (strcmp(order[i].id, order[first].id)) {
            first = i;
            continue;
        }
        order[first].file->held_back |= order[i].file->held_back;
        drop[order[i].file - f->files] = true;
    }
    for (size_t i = 0; i < f->count; i++)
        if (drop[i])
            free_file(&f->files[i]);
        else
            f->files[kept++] = f->files[i];
    if (kept < f->count)
        cairn_info("%s: %zu photographs are there twice, in two of COCO's years, and are taken once", root,
                   f->count - kept);
    f->count = kept;
    free(order);
    free(drop);
    return CAIRN_OK;
}

cairn_status cairn_photo_folder_open(cairn_photo_folder *out, const char *root, const cairn_photo_options *options)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_photo_folder){0};
    cairn_photo_folder found = {.layout = options->layout};
    cairn_photo_listing l = {.out = &found, .skip = options->skip, .camera = options->camera};
    if (!cairn_file_is_folder(root))
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: no such folder of photographs; set photos.root=FOLDER", root);
    if (found.layout == CAIRN_PHOTOS_AUTO) CAIRN_TRY(cairn_photo_listing_detect(&found.layout, root));
    CAIRN_TRY(cairn_photo_listing_read(&l, root, found.layout));
    if (!found.count) {
        st = cairn_error_set(CAIRN_E_NOTFOUND,
                             "%s: no JPEG, PNG, PPM or BMP file in this folder; set photos.root=FOLDER", root);
        goto done;
    }
    qsort(found.files, found.count, sizeof *found.files, by_path);
    if (found.layout == CAIRN_PHOTOS_COCO) CAIRN_TRY(drop_doubles(&found, root));
    bool any_validation = false;
    for (size_t i = 0; i < found.count; i++) any_validation |= found.files[i].held_back;
    if (found.layout == CAIRN_PHOTOS_KITTI)
        hold_back_drives(&found, options->holdout);
    else if (!l.has_parts || !any_validation)
        hold_back(&found, options->holdout);
    CAIRN_TRY(make_stems_unique(&found, strlen(root)));
    thin_out(&found, options->limit);
    *out = found;
    found = (cairn_photo_folder){0};
done:
    cairn_photo_listing_free(&l);
    cairn_photo_folder_free(&found);
    return st;
}
