/* Listings of folders. */
#include "system/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool has_extension(const char *name, const char *const *extensions)
{
    if (!extensions) return true;
    const char *dot = strrchr(name, '.');
    for (; dot && *extensions; extensions++)
        if (!strcasecmp(dot + 1, *extensions)) return true;
    return false;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Moves *text over a run of digits, leading zeros left out of the result: its length and start. */
static size_t digits(const char **text, const char **start)
{
    while (**text == '0') (*text)++;
    *start = *text;
    while (**text >= '0' && **text <= '9') (*text)++;
    return (size_t)(*text - *start);
}

static int by_numbers(const void *a, const void *b)
{
    const char *p = *(char *const *)a, *q = *(char *const *)b;
    while (*p && *q) {
        if (*p >= '0' && *p <= '9' && *q >= '0' && *q <= '9') {
            const char *m, *n;
            const size_t left = digits(&p, &m), right = digits(&q, &n);
            if (left != right) return left < right ? -1 : 1;
            const int order = strncmp(m, n, left);
            if (order) return order;
        } else {
            if (*p != *q) return (unsigned char)*p < (unsigned char)*q ? -1 : 1;
            p++, q++;
        }
    }
    return *p || *q ? (*p ? 1 : -1) : by_bytes(a, b);
}

void cairn_file_list_sort_natural(cairn_file_list *list)
{
    if (list->count) qsort(list->paths, list->count, sizeof *list->paths, by_numbers);
}

/* Takes `path`. */
static bool append(cairn_file_list *list, size_t *room, char *path)
{
    if (list->count == *room) {
        size_t more = *room ? *room * 2 : 64;
        char **paths = realloc(list->paths, more * sizeof *paths);
        if (!paths) {
            free(path);
            return false;
        }
        list->paths = paths;
        *room = more;
    }
    list->paths[list->count++] = path;
    return true;
}

cairn_status cairn_file_list_folder(cairn_file_list *out, const char *folder, const char *const *extensions,
                                    bool folders)
{
    *out = (cairn_file_list){0};
    cairn_status st = CAIRN_OK;
    cairn_file_list list = {0};
    size_t room = 0;
    DIR *open_folder = opendir(folder);
    if (!open_folder)
        return cairn_error_set(errno == ENOENT || errno == ENOTDIR ? CAIRN_E_NOTFOUND : CAIRN_E_IO,
                               "cannot open the folder %s: %s", folder, strerror(errno));
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(open_folder);
        if (!entry && errno)
            CAIRN_TRY(cairn_error_set(CAIRN_E_IO, "cannot read the folder %s: %s", folder, strerror(errno)));
        if (!entry) break;
        if (entry->d_name[0] == '.' || (!folders && !has_extension(entry->d_name, extensions))) continue;
        char *path = cairn_file_join(folder, entry->d_name);
        if (!path) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to list %s", folder));
        /* Most file systems tell the type with the name, which spares a look at each of 100,000 files. */
        bool wanted = entry->d_type == (folders ? DT_DIR : DT_REG);
        struct stat info;
        if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK)
            wanted = stat(path, &info) == 0 && (folders ? S_ISDIR(info.st_mode) : S_ISREG(info.st_mode));
        if (!wanted)
            free(path);
        else if (!append(&list, &room, path))
            CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to list %s", folder));
    }
    if (list.count) qsort(list.paths, list.count, sizeof *list.paths, by_bytes);
    *out = list;
    list = (cairn_file_list){0};
done:
    cairn_file_list_free(&list);
    closedir(open_folder);
    return st;
}

void cairn_file_list_free(cairn_file_list *list)
{
    for (size_t i = 0; i < list->count; i++) free(list->paths[i]);
    free(list->paths);
    *list = (cairn_file_list){0};
}
