#include "data/photo_folder.h"

#include "base/hash.h"
#include "system/file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEPTH = 3, LONGEST_STEM = 100 };
static const size_t most_files = 10000000;
static const char *const extensions[] = {"jpg", "jpeg", "png", "ppm", "pgm", "bmp", NULL};

typedef struct listing {
    cairn_photo_folder *out;
    size_t room;
    const char *skip;
    bool has_parts; /* a folder named train* or val* was met */
} listing;

void cairn_photo_folder_free(cairn_photo_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        free(folder->files[i].path);
        free(folder->files[i].stem);
    }
    free(folder->files);
    *folder = (cairn_photo_folder){0};
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

static cairn_status add(listing *l, const char *path, bool validation)
{
    cairn_photo_folder *f = l->out;
    char *stem = cairn_file_stem(path);
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
    *file = (cairn_photo_file){strdup(path), stem, validation};
    return file->path && stem ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of photographs");
}

/* `part`, perhaps with a year behind it (val2017); "valley" is a folder of photographs like any other. */
static bool is_part(const char *name, const char *part)
{
    size_t n = strlen(part);
    return !strncasecmp(name, part, n) && strspn(name + n, "0123456789") == strlen(name + n);
}

static cairn_status list_folder(listing *l, const char *folder, int depth, bool validation)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list files = {0}, folders = {0};
    CAIRN_TRY(cairn_file_list_folder(&files, folder, extensions, false));
    for (size_t i = 0; i < files.count; i++) CAIRN_TRY(add(l, files.paths[i], validation));
    if (depth == DEPTH) goto done;
    CAIRN_TRY(cairn_file_list_folder(&folders, folder, NULL, true));
    for (size_t i = 0; i < folders.count; i++) {
        const char *slash = strrchr(folders.paths[i], '/'), *name = slash ? slash + 1 : folders.paths[i];
        bool val = is_part(name, "val") || is_part(name, "validation"), train = is_part(name, "train");
        l->has_parts |= val || train;
        CAIRN_TRY(list_folder(l, folders.paths[i], depth + 1, validation || val));
    }
done:
    cairn_file_list_free(&files);
    cairn_file_list_free(&folders);
    return st;
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

static void hold_back(cairn_photo_folder *f, double share)
{
    size_t held = 0, smallest = 0, largest = 0;
    for (size_t i = 0; i < f->count; i++) {
        uint32_t h = hash_of(f->files[i].stem);
        f->files[i].held_back = h < share * 4294967296.0;
        held += f->files[i].held_back;
        if (h < hash_of(f->files[smallest].stem)) smallest = i;
        if (h > hash_of(f->files[largest].stem)) largest = i;
    }
    if (f->count < 2 || share <= 0) return;
    if (held == 0) f->files[smallest].held_back = true;
    if (held == f->count) f->files[largest].held_back = false;
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
            free(file->path);
            free(file->stem);
        }
    }
    f->count = kept;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const cairn_photo_file *)a)->path, ((const cairn_photo_file *)b)->path);
}

cairn_status cairn_photo_folder_open(cairn_photo_folder *out, const char *root, const char *skip, double holdout,
                                     size_t limit)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_photo_folder){0};
    cairn_photo_folder found = {0};
    listing l = {.out = &found, .skip = skip};
    if (!cairn_file_is_folder(root))
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: no such folder of photographs; set photos.root=FOLDER", root);
    CAIRN_TRY(list_folder(&l, root, 0, false));
    if (!found.count) {
        st = cairn_error_set(CAIRN_E_NOTFOUND,
                             "%s: no JPEG, PNG, PPM or BMP file in this folder; set photos.root=FOLDER", root);
        goto done;
    }
    qsort(found.files, found.count, sizeof *found.files, by_path);
    bool any_validation = false;
    for (size_t i = 0; i < found.count; i++) any_validation |= found.files[i].held_back;
    if (!l.has_parts || !any_validation) hold_back(&found, holdout);
    CAIRN_TRY(make_stems_unique(&found, strlen(root)));
    thin_out(&found, limit);
    *out = found;
    found = (cairn_photo_folder){0};
done:
    cairn_photo_folder_free(&found);
    return st;
}
