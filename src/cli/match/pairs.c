#include "cli/match/pairs.h"

#include "base/hash.h"
#include "system/file.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_PAIRS = 1 << 20, MOST_LIST_BYTES = 64 << 20 };
static const char *const extensions[] = {"jpg", "jpeg", "png", "ppm", "pgm", "bmp", NULL};

void cairn_match_pairs_free(cairn_match_pairs *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->pairs[i].a);
        free(p->pairs[i].b);
    }
    free(p->pairs);
    *p = (cairn_match_pairs){0};
}

/* Room doubles at powers of two. */
static cairn_status add(cairn_match_pairs *p, const char *a, const char *b)
{
    if (p->count == MOST_PAIRS) return cairn_error_set(CAIRN_E_INVALID, "more than %d pairs of images", MOST_PAIRS);
    if (!(p->count & (p->count - 1))) {
        cairn_match_pair *more = realloc(p->pairs, (p->count ? 2 * p->count : 1) * sizeof *more);
        if (!more) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
        p->pairs = more;
    }
    cairn_match_pair pair = {strdup(a), strdup(b)};
    if (!pair.a || !pair.b) {
        free(pair.a);
        free(pair.b);
        return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    }
    p->pairs[p->count++] = pair;
    p->hash = cairn_hash_bytes(cairn_hash_text(p->hash, a), "", 1);
    p->hash = cairn_hash_bytes(cairn_hash_text(p->hash, b), "", 1);
    return CAIRN_OK;
}

static int natural(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

typedef struct images {
    char **paths;
    size_t count;
} images;

static cairn_status append(images *list, const char *path)
{
    char **more = realloc(list->paths, (list->count + 1) * sizeof *more);
    if (!more) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    list->paths = more;
    if (!(more[list->count] = strdup(path))) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    list->count++;
    return CAIRN_OK;
}

static cairn_status append_word(images *list, const char *word)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list found = {0};
    if (!cairn_file_is_folder(word)) {
        if (!cairn_file_exists(word)) return cairn_error_set(CAIRN_E_NOTFOUND, "%s: no such file or folder", word);
        return append(list, word);
    }
    CAIRN_TRY(cairn_file_list_folder(&found, word, extensions, false));
    if (!found.count)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: no images in this folder (jpg, png, ppm, pgm, bmp)", word));
    qsort(found.paths, found.count, sizeof *found.paths, natural);
    for (size_t i = 0; i < found.count; i++) CAIRN_TRY(append(list, found.paths[i]));
done:
    cairn_file_list_free(&found);
    return st;
}

cairn_status cairn_match_pairs_of(cairn_match_pairs *out, const char *const *words, cairn_match_order order)
{
    cairn_status st = CAIRN_OK;
    images list = {0};
    *out = (cairn_match_pairs){.hash = CAIRN_HASH_START};
    for (; *words; words++) CAIRN_TRY(append_word(&list, *words));
    if (list.count < 2)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: name two images or more, a folder of images, or "
                                                   "--pairs LIST"));
    for (size_t i = 0; i + 1 < list.count; i++) {
        const size_t end = order == CAIRN_MATCH_CONSECUTIVE ? i + 2 : list.count;
        for (size_t j = i + 1; j < end; j++) CAIRN_TRY(add(out, list.paths[i], list.paths[j]));
        if (order == CAIRN_MATCH_TO_FIRST) break;
    }
done:
    for (size_t i = 0; i < list.count; i++) free(list.paths[i]);
    free(list.paths);
    if (st < 0) cairn_match_pairs_free(out);
    return st;
}

/* Cuts a line in its two paths; false if they are not two. */
static bool split(char *line, char *words[2])
{
    const char *gap = strchr(line, '\t') ? "\t" : " ";
    char *rest = NULL;
    words[0] = strtok_r(line, gap, &rest);
    words[1] = strtok_r(NULL, gap, &rest);
    return words[0] && words[1] && !strtok_r(NULL, gap, &rest);
}

static cairn_status add_line(cairn_match_pairs *out, char *line, const char *folder, const char *where, int number)
{
    cairn_status st = CAIRN_OK;
    char *words[2], *paths[2] = {NULL, NULL};
    if (!split(line, words))
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s:%d: expected two paths (a tab between them if they hold spaces)",
                                  where, number));
    for (int k = 0; k < 2; k++) {
        paths[k] = words[k][0] == '/' || !folder ? strdup(words[k]) : cairn_file_join(folder, words[k]);
        if (!paths[k]) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
        if (!cairn_file_exists(paths[k]) || cairn_file_is_folder(paths[k]))
            CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s:%d: %s: no such file", where, number, paths[k]));
    }
    CAIRN_TRY(add(out, paths[0], paths[1]));
done:
    free(paths[0]);
    free(paths[1]);
    return st;
}

cairn_status cairn_match_pairs_read(cairn_match_pairs *out, const char *path)
{
    cairn_status st = CAIRN_OK;
    uint8_t *text = NULL;
    size_t size = 0;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
    *out = (cairn_match_pairs){.hash = CAIRN_HASH_START};
    if (slash && !folder) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    CAIRN_TRY(cairn_file_read(&text, &size, path, MOST_LIST_BYTES));
    if (memchr(text, 0, size)) CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: not a text file", path));
    int number = 1;
    for (char *line = (char *)text, *next; line; line = next, number++) {
        if ((next = strchr(line, '\n'))) *next++ = 0;
        size_t length = strlen(line);
        while (length && strchr(" \t\r", line[length - 1])) line[--length] = 0;
        while (*line == ' ' || *line == '\t') line++;
        if (*line && *line != '#') CAIRN_TRY(add_line(out, line, folder, path, number));
    }
    if (!out->count) CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: no pairs: expected two paths on each line", path));
done:
    free(text);
    free(folder);
    if (st < 0) cairn_match_pairs_free(out);
    return st;
}
