#include "data/folders/photo_listing.h"

#include "base/log.h"
#include "system/file.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEPTH = 3 };
static const size_t most_files = 10000000;
static const char *const extensions[] = {"jpg", "jpeg", "png", "ppm", "pgm", "bmp", NULL};

void cairn_photo_listing_free(cairn_photo_listing *l)
{
    for (size_t i = 0; i < l->linked_count; i++) free(l->linked[i].path);
    free(l->linked);
    free(l->seen);
}

static cairn_status no_memory(void)
{
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of photographs");
}

static uint32_t hash_of(const char *text)
{
    uint32_t h = 2166136261u; /* FNV-1a, finished so that short names spread over the whole range */
    for (; *text; text++) h = (h ^ (uint8_t)*text) * 16777619u;
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ h >> 16;
}

static bool is_skipped(const char *skip, const char *stem)
{
    size_t length = strlen(stem);
    for (const char *p = skip; p && *p;) {
        const char *end = p + strcspn(p, ",");
        while (*p == ' ') p++;
        size_t n = (size_t)(end - p);
        while (n && p[n - 1] == ' ') n--;
        if (n == length && !memcmp(p, stem, n)) return true;
        p = *end ? end + 1 : end;
    }
    return false;
}

/* Takes `stem`, NULL where memory is out. */
static cairn_status add(cairn_photo_listing *l, const char *path, char *stem, uint32_t draw, bool validation)
{
    cairn_photo_folder *f = l->out;
    if (stem && is_skipped(l->skip, stem)) {
        free(stem);
        return CAIRN_OK;
    }
    if (f->count == l->room) {
        size_t wanted = l->room ? 2 * l->room : 256;
        cairn_photo_file *grown = wanted > most_files ? NULL : realloc(f->files, wanted * sizeof *grown);
        if (!grown) {
            free(stem);
            return cairn_error_set(CAIRN_E_NOMEM, "%s: too many photographs", path);
        }
        f->files = grown;
        l->room = wanted;
    }
    cairn_photo_file *file = &f->files[f->count++];
    *file = (cairn_photo_file){strdup(path), stem, validation, draw};
    return file->path && stem ? CAIRN_OK : no_memory();
}

/* Drawn by its own name. */
static cairn_status add_photo(cairn_photo_listing *l, const char *path, bool validation)
{
    char *stem = cairn_file_stem(path);
    return add(l, path, stem, stem ? hash_of(stem) : 0, validation);
}

static size_t seen_place(const cairn_photo_listing *l, dev_t device, ino_t number)
{
    size_t i = (size_t)(((uint64_t)number * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)device) % l->seen_room);
    while (l->seen[i].number && (l->seen[i].number != number || l->seen[i].device != device))
        i = (i + 1) % l->seen_room;
    return i;
}

/* Whether the folder is met for the first time: symbolic links may lead into a circle, or to what is listed anyway. */
static cairn_status enter(cairn_photo_listing *l, const char *folder, bool *first)
{
    struct stat info;
    *first = false;
    if (stat(folder, &info) || !S_ISDIR(info.st_mode)) return CAIRN_OK;
    if (2 * l->seen_count >= l->seen_room) {
        struct cairn_seen_folder *old = l->seen;
        const size_t room = l->seen_room;
        l->seen_room = room ? 2 * room + 1 : 255;
        l->seen = calloc(l->seen_room, sizeof *l->seen);
        if (!l->seen) {
            l->seen = old;
            return no_memory();
        }
        for (size_t i = 0; i < room; i++)
            if (old[i].number) l->seen[seen_place(l, old[i].device, old[i].number)] = old[i];
        free(old);
    }
    struct cairn_seen_folder *place = &l->seen[seen_place(l, info.st_dev, info.st_ino)];
    *first = !place->number;
    if (*first) {
        *place = (struct cairn_seen_folder){info.st_dev, info.st_ino};
        l->seen_count++;
    }
    return CAIRN_OK;
}

static bool is_link(const char *path)
{
    struct stat info;
    return !lstat(path, &info) && S_ISLNK(info.st_mode);
}

static cairn_status look_later(cairn_photo_listing *l, const char *path, int depth, bool validation)
{
    struct cairn_linked_folder *grown = realloc(l->linked, (l->linked_count + 1) * sizeof *grown);
    if (!grown) return no_memory();
    l->linked = grown;
    grown[l->linked_count] = (struct cairn_linked_folder){strdup(path), depth, validation};
    return grown[l->linked_count++].path ? CAIRN_OK : no_memory();
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* `part`, perhaps with a year behind it (val2017); "valley" is a folder of photographs like any other. */
static bool is_part(const char *name, const char *part)
{
    size_t n = strlen(part);
    return !strncasecmp(name, part, n) && strspn(name + n, "0123456789") == strlen(name + n);
}

static bool is_validation(const char *name)
{
    return is_part(name, "val") || is_part(name, "validation");
}

static cairn_status add_files(cairn_photo_listing *l, const char *folder, bool validation)
{
    cairn_file_list files = {0};
    cairn_status st = cairn_file_list_folder(&files, folder, extensions, false);
    for (size_t i = 0; i < files.count && st >= 0; i++) st = add_photo(l, files.paths[i], validation);
    cairn_file_list_free(&files);
    return st;
}

static cairn_status list_any(cairn_photo_listing *l, const char *folder, int depth, bool validation)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list folders = {0};
    bool first;
    CAIRN_TRY(enter(l, folder, &first));
    if (!first) goto done;
    CAIRN_TRY(add_files(l, folder, validation));
    if (depth == DEPTH) goto done;
    CAIRN_TRY(cairn_file_list_folder(&folders, folder, NULL, true));
    for (size_t i = 0; i < folders.count; i++) {
        const char *path = folders.paths[i];
        const bool val = is_validation(name_of(path));
        l->has_parts |= val || is_part(name_of(path), "train");
        if (is_link(path))
            CAIRN_TRY(look_later(l, path, depth + 1, validation || val));
        else
            CAIRN_TRY(list_any(l, path, depth + 1, validation || val));
    }
done:
    cairn_file_list_free(&folders);
    return st;
}

/* The list of links grows while it is read. */
static cairn_status list_everything(cairn_photo_listing *l, const char *root)
{
    cairn_status st = list_any(l, root, 0, false);
    for (size_t i = 0; i < l->linked_count && st >= 0; i++)
        st = list_any(l, l->linked[i].path, l->linked[i].depth, l->linked[i].validation);
    return st;
}

/* Calls `visit` for the parts in `root` and in its folder images. */
static cairn_status each_part(const char *root, bool (*is_wanted)(const char *name),
                              cairn_status (*visit)(void *context, const char *folder), void *context)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list folders = {0};
    char *images = cairn_file_join(root, "images");
    if (!images) return no_memory();
    const char *const places[] = {root, images};
    for (int k = 0; k < 2; k++) {
        if (!cairn_file_is_folder(places[k])) continue;
        CAIRN_TRY(cairn_file_list_folder(&folders, places[k], NULL, true));
        for (size_t i = 0; i < folders.count; i++)
            if (is_wanted(name_of(folders.paths[i]))) CAIRN_TRY(visit(context, folders.paths[i]));
        cairn_file_list_free(&folders);
    }
done:
    cairn_file_list_free(&folders);
    free(images);
    return st;
}

static bool is_coco_part(const char *name)
{
    return is_part(name, "train") || is_validation(name);
}

static bool has_coco_year(const char *name)
{
    const size_t length = strlen(name);
    return is_coco_part(name) && length > 4 &&
           (!strcmp(name + length - 4, "2014") || !strcmp(name + length - 4, "2017"));
}

static cairn_status add_part(void *context, const char *folder)
{
    cairn_photo_listing *l = context;
    bool first;
    const cairn_status st = enter(l, folder, &first);
    l->has_parts = true;
    return st < 0 || !first ? st : add_files(l, folder, is_validation(name_of(folder)));
}

static cairn_status list_coco(cairn_photo_listing *l, const char *root)
{
    const cairn_status st = each_part(root, is_coco_part, add_part, l);
    if (st < 0 || l->has_parts) return st;
    return cairn_error_set(
        CAIRN_E_NOTFOUND,
        "%s: not in COCO's layout: there is no folder train2014, val2014, train2017 or val2017 in it "
        "or in its images/; photos.layout=folder takes any folder",
        root);
}

/* 2011_09_26_drive_0001, with _sync or more behind it. */
enum { DRIVE_BYTES = 21 };

static bool matches(const char *name, const char *pattern)
{
    for (; *pattern; pattern++, name++)
        if (*pattern == '0' ? !isdigit((unsigned char)*name) : *name != *pattern) return false;
    return true;
}

static bool is_raw_drive(const char *name)
{
    return matches(name, "0000_00_00_drive_0000");
}

/* drive, kitti_drive, drive_12; not "hard_drives". */
static bool is_called_drive(const char *name)
{
    for (const char *at = name; (at = strstr(at, "drive")); at += 5)
        if ((at == name || at[-1] == '_') && (!at[5] || at[5] == '_')) return true;
    return false;
}

static bool is_frame(const char *path)
{
    const char *name = name_of(path);
    const size_t digits = strspn(name, "0123456789");
    return digits > 0 && name[digits] == '.' && !strchr(name + digits + 1, '.');
}

/* Frames of one drive, from `folder`; `below` is the drive's path below the root, for names that are not KITTI's. */
static cairn_status add_frames(cairn_photo_listing *l, const char *folder, const char *below, bool *any)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list files = {0};
    char drive[128];
    const char *name = name_of(below);
    const bool raw = is_raw_drive(name);
    snprintf(drive, sizeof drive, "%.*s", raw ? DRIVE_BYTES : (int)sizeof drive - 1, raw ? name : below);
    CAIRN_TRY(cairn_file_list_folder(&files, folder, extensions, false));
    *any = false;
    for (size_t i = 0; i < files.count; i++) {
        if (!is_frame(files.paths[i])) continue;
        *any = true;
        if (is_skipped(l->skip, drive) || is_skipped(l->skip, name)) continue;
        const char *frame = name_of(files.paths[i]);
        const int digits = (int)strspn(frame, "0123456789");
        char *stem = malloc(strlen(name) + (size_t)digits + 2);
        if (stem) sprintf(stem, "%.*s-%.*s", raw ? DRIVE_BYTES : INT_MAX, name, digits, frame);
        CAIRN_TRY(add(l, files.paths[i], stem, hash_of(drive), false));
    }
    l->drives += *any;
done:
    cairn_file_list_free(&files);
    return st;
}

/* A folder with image_00 to image_03 is a drive. */
static cairn_status add_raw_drive(cairn_photo_listing *l, const char *folder, const char *below, bool *is_drive)
{
    cairn_status st = CAIRN_OK;
    char camera[32];
    bool any = false;
    *is_drive = false;
    for (int c = 0; c < 4 && st >= 0; c++) {
        snprintf(camera, sizeof camera, "image_%02d/data", c);
        char *path = cairn_file_join(folder, camera);
        if (!path) return no_memory();
        if (cairn_file_is_folder(path)) {
            *is_drive = true;
            if (c == l->camera) st = add_frames(l, path, below, &any);
        }
        free(path);
    }
    if (*is_drive && !any) l->blind_drives++;
    return st;
}

/* root_name is the last part of the root's path, for a root that is a drive itself. */
static cairn_status list_drives(cairn_photo_listing *l, const char *folder, size_t root_bytes, const char *root_name,
                                int depth)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list folders = {0};
    const char *below = folder + root_bytes;
    bool first, is_drive;
    while (*below == '/') below++;
    if (!*below) below = root_name;
    CAIRN_TRY(enter(l, folder, &first));
    if (!first) goto done;
    CAIRN_TRY(add_raw_drive(l, folder, below, &is_drive));
    if (is_drive) goto done;
    CAIRN_TRY(add_frames(l, folder, below, &is_drive));
    if (depth == DEPTH) goto done;
    CAIRN_TRY(cairn_file_list_folder(&folders, folder, NULL, true));
    for (size_t i = 0; i < folders.count; i++)
        if (is_link(folders.paths[i]))
            CAIRN_TRY(look_later(l, folders.paths[i], depth + 1, false));
        else
            CAIRN_TRY(list_drives(l, folders.paths[i], root_bytes, root_name, depth + 1));
done:
    cairn_file_list_free(&folders);
    return st;
}

static cairn_status list_kitti(cairn_photo_listing *l, const char *root)
{
    cairn_status st = CAIRN_OK;
    char whole[PATH_MAX]; /* "." and "drive/" have no name of their own */
    if (!realpath(root, whole)) return cairn_error_set(CAIRN_E_NOTFOUND, "%s: the folder cannot be read", root);
    CAIRN_TRY(list_drives(l, root, strlen(root), name_of(whole), 0));
    for (size_t i = 0; i < l->linked_count; i++)
        CAIRN_TRY(list_drives(l, l->linked[i].path, strlen(root), name_of(whole), l->linked[i].depth));
    if (l->blind_drives && !l->drives)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND,
                                  "%s: none of the %d drives has frames in image_%02d/data; set "
                                  "photos.camera to one that is there",
                                  root, l->blind_drives, l->camera));
    if (!l->drives)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND,
                                  "%s: not in KITTI's layout: there is no DATE_drive_NNNN_sync/image_%02d/data, and no "
                                  "folder of frames named by numbers; photos.layout=folder takes any folder",
                                  root, l->camera));
    if (l->blind_drives)
        cairn_warn("%s: %d of %d drives have no frames in image_%02d/data and are left out", root, l->blind_drives,
                   l->drives + l->blind_drives, l->camera);
done:
    return st;
}

static cairn_status note(void *found, const char *folder)
{
    (void)folder;
    *(bool *)found = true;
    return CAIRN_OK;
}

static cairn_status has_frames(const char *folder, bool *found)
{
    cairn_file_list files = {0};
    const cairn_status st = cairn_file_list_folder(&files, folder, extensions, false);
    for (size_t i = 0; i < files.count; i++) *found |= is_frame(files.paths[i]);
    cairn_file_list_free(&files);
    return st;
}

/* By the names of `folder` and of the folders in it; dates are looked into. */
static cairn_status find_drives(const char *folder, int depth, bool *found)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list folders = {0};
    const char *name = name_of(folder);
    if (is_raw_drive(name))
        *found = true;
    else if (is_called_drive(name))
        CAIRN_TRY(has_frames(folder, found));
    if (*found || depth == 2 || (depth == 1 && !matches(name, "0000_00_00"))) goto done;
    CAIRN_TRY(cairn_file_list_folder(&folders, folder, NULL, true));
    for (size_t i = 0; i < folders.count && !*found; i++) CAIRN_TRY(find_drives(folders.paths[i], depth + 1, found));
done:
    cairn_file_list_free(&folders);
    return st;
}

cairn_status cairn_photo_listing_detect(cairn_photo_layout *out, const char *root)
{
    cairn_status st = CAIRN_OK;
    char whole[PATH_MAX];
    bool coco = false, kitti = false;
    *out = CAIRN_PHOTOS_FOLDER;
    if (!realpath(root, whole)) return CAIRN_OK;
    CAIRN_TRY(each_part(whole, has_coco_year, note, &coco));
    if (!coco) CAIRN_TRY(find_drives(whole, 0, &kitti));
    if (coco) *out = CAIRN_PHOTOS_COCO;
    if (kitti) *out = CAIRN_PHOTOS_KITTI;
done:
    return st;
}

cairn_status cairn_photo_listing_read(cairn_photo_listing *l, const char *root, cairn_photo_layout layout)
{
    return layout == CAIRN_PHOTOS_COCO    ? list_coco(l, root)
           : layout == CAIRN_PHOTOS_KITTI ? list_kitti(l, root)
                                          : list_everything(l, root);
}
