#include "cli/images.h"

#include <string.h>

static const char *const extensions[] = {"jpg", "jpeg", "png", "ppm", "pgm", "bmp", NULL};

static cairn_status append(cairn_file_list *list, const char *path)
{
    char **paths = realloc(list->paths, (list->count + 1) * sizeof *paths);
    if (!paths) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    list->paths = paths;
    paths[list->count] = strdup(path);
    if (!paths[list->count]) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    list->count++;
    return CAIRN_OK;
}

static cairn_status append_folder(cairn_file_list *list, const char *folder)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list found = {0};
    CAIRN_TRY(cairn_file_list_folder(&found, folder, extensions, false));
    if (!found.count)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: no images in this folder (jpg, png, ppm, pgm, bmp)", folder));
    for (size_t i = 0; i < found.count; i++) CAIRN_TRY(append(list, found.paths[i]));
done:
    cairn_file_list_free(&found);
    return st;
}

typedef struct stem {
    char *text;
    const char *path;
} stem;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const stem *)a)->text, ((const stem *)b)->text);
}

static cairn_status check_stems(const cairn_file_list *list)
{
    cairn_status st = CAIRN_OK;
    stem *stems = calloc(list->count + 1, sizeof *stems);
    if (!stems) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    for (size_t i = 0; i < list->count; i++) {
        stems[i].path = list->paths[i];
        stems[i].text = cairn_file_stem(list->paths[i]);
        if (!stems[i].text) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    }
    qsort(stems, list->count, sizeof *stems, by_text);
    for (size_t i = 1; i < list->count; i++)
        if (!strcmp(stems[i - 1].text, stems[i].text))
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                      "command line: %s and %s would both be written as '%s'; give them one at a time",
                                      stems[i - 1].path, stems[i].path, stems[i].text));
done:
    for (size_t i = 0; stems && i < list->count; i++) free(stems[i].text);
    free(stems);
    return st;
}

cairn_status cairn_cli_images(cairn_file_list *out, const char *const *words)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list list = {0};
    *out = list;
    for (; *words; words++) {
        if (cairn_file_is_folder(*words)) {
            CAIRN_TRY(append_folder(&list, *words));
        } else if (cairn_file_exists(*words)) {
            CAIRN_TRY(append(&list, *words));
        } else {
            CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: no such file or folder", *words));
        }
    }
    CAIRN_TRY(check_stems(&list));
    *out = list;
    list = (cairn_file_list){0};
done:
    cairn_file_list_free(&list);
    return st;
}
