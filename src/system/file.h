#ifndef CAIRN_SYSTEM_FILE_H
#define CAIRN_SYSTEM_FILE_H
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a whole regular file of at most `most` bytes; one zero byte is added behind it.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_IO, CAIRN_E_FORMAT if larger than `most`
 * owner  the caller frees *out with free() */
cairn_status cairn_file_read(uint8_t **out, size_t *size, const char *path, size_t most);
/* 64-bit hash of a file's bytes (base/hash.h). error  as above; at most 4 GiB are accepted */
cairn_status cairn_file_hash(uint64_t *hash, const char *path);
/* Writes to a temporary name in the same folder, syncs, renames. On failure nothing that existed is touched. */
cairn_status cairn_file_write(const char *path, const void *data, size_t size);
/* For formats that a library writes to a path: *temporary (caller frees) is a name in the same folder; commit syncs it
 * and renames it to `path`, or removes it when that fails; discard removes it (NULL: nothing). The file exists, empty,
 * from `temporary` on, so that a folder that cannot be written to is found before the work. */
cairn_status cairn_file_temporary(char **temporary, const char *path);
cairn_status cairn_file_commit(const char *temporary, const char *path);
void cairn_file_discard(const char *temporary);
/* mkdir -p. */
cairn_status cairn_file_make_folder(const char *path);
bool cairn_file_exists(const char *path);
bool cairn_file_is_folder(const char *path);
bool cairn_file_same(const char *a, const char *b); /* both exist and are one file, by whatever names */
/* Joins two path parts; caller frees. NULL only when memory is out. */
char *cairn_file_join(const char *folder, const char *name);
/* File name without folders and without the last extension; caller frees. */
char *cairn_file_stem(const char *path);

typedef struct cairn_file_list {
    char **paths; /* full paths, sorted by byte value */
    size_t count;
} cairn_file_list;
/* Regular files directly in `folder` whose extension (without the dot, any case) is in the NULL-ended list; NULL: all.
 * With folders=true the sub-folders instead. Names that start with a dot are left out.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_IO */
cairn_status cairn_file_list_folder(cairn_file_list *out, const char *folder, const char *const *extensions,
                                    bool folders);
void cairn_file_list_free(cairn_file_list *list);
/* Sorts so that numbers in names count as numbers: frame2 before frame10. Equal numbers (2, 02) by byte value. */
void cairn_file_list_sort_natural(cairn_file_list *list);
#endif
