#include "data/folders/sequences.h"

#include "system/file.h"

#include <math.h>
#include <string.h>

enum { MOST_SEQUENCES = 10000, MOST_NAME = 64, MOST_TEXT = 4096, MOST_NUMBER = 63 };

const char *cairn_sequence_kind_name(cairn_sequence_kind kind)
{
    static const char *const names[] = {"illumination", "viewpoint", "blur"};
    return kind <= CAIRN_SEQUENCE_BLUR ? names[kind] : "unknown";
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One number of decimal digits: strtod by itself would take "inf", "nan" and hexadecimal. */
static bool parse_number(double *value, const uint8_t *text, size_t length)
{
    char copy[MOST_NUMBER + 1], *end;
    if (length > MOST_NUMBER) return false;
    for (size_t i = 0; i < length; i++)
        if (!text[i] || !strchr("0123456789+-.eE", text[i])) return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    *value = strtod(copy, &end);
    return !*end && isfinite(*value);
}

cairn_status cairn_sequence_parse_homography(cairn_homography *out, const uint8_t *text, size_t size, const char *name)
{
    static const char *const expected = "expected 9 numbers, three rows of three";
    cairn_homography h = {{0}}, inverse;
    int found = 0, line = 1;
    *out = CAIRN_HOMOGRAPHY_IDENTITY;
    for (size_t at = 0; at < size;) {
        size_t start = at;
        if (is_blank(text[at])) {
            line += text[at++] == '\n';
            continue;
        }
        while (at < size && !is_blank(text[at])) at++;
        int shown = at - start > MOST_NUMBER ? MOST_NUMBER : (int)(at - start);
        if (found == 9)
            return cairn_error_set(CAIRN_E_FORMAT, "%s:%d: '%.*s' after the ninth number; %s", name, line, shown,
                                   (const char *)text + start, expected);
        if (!parse_number(&h.m[found++], text + start, at - start))
            return cairn_error_set(CAIRN_E_FORMAT, "%s:%d: '%.*s' is not a finite number; %s", name, line, shown,
                                   (const char *)text + start, expected);
    }
    if (found < 9)
        return cairn_error_set(CAIRN_E_FORMAT, "%s:%d: the file ends after %d numbers; %s", name, line, found,
                               expected);
    if (cairn_homography_invert(&inverse, &h) < 0)
        return cairn_error_set(CAIRN_E_FORMAT, "%s:%d: the matrix is singular; expected an invertible homography", name,
                               line);
    for (int i = 0; i < 9; i++)
        if (!isfinite(inverse.m[i]))
            return cairn_error_set(CAIRN_E_FORMAT, "%s:%d: the inverse of the matrix is not finite", name, line);
    *out = h;
    return CAIRN_OK;
}

/* The file <folder>/<text>; caller frees. */
static cairn_status path_of(char **out, const char *folder, const char *format, int k)
{
    char name[24];
    snprintf(name, sizeof name, format, k);
    *out = cairn_file_join(folder, name);
    return *out ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory to list %s", folder);
}

/* *path stays NULL when image k is not there. */
static cairn_status find_image(char **path, const char *folder, int k)
{
    static const char *const forms[] = {"%d.ppm", "%d.png"};
    *path = NULL;
    for (int i = 0; i < 2; i++) {
        cairn_status st = path_of(path, folder, forms[i], k);
        if (st < 0 || cairn_file_exists(*path)) return st;
        free(*path);
        *path = NULL;
    }
    return CAIRN_OK;
}

static cairn_status read_homography(cairn_homography *out, const char *folder, int k)
{
    cairn_status st = CAIRN_OK;
    uint8_t *text = NULL;
    size_t size;
    char *path = NULL;
    CAIRN_TRY(path_of(&path, folder, "H_1_%d", k));
    CAIRN_TRY(cairn_file_read(&text, &size, path, MOST_TEXT));
    CAIRN_TRY(cairn_sequence_parse_homography(out, text, size, path));
done:
    free(text);
    free(path);
    return st;
}

/* Numbers above the last image: nothing may be there, or the sequence has a gap. */
static cairn_status check_rest(const cairn_sequence *s, const char *folder)
{
    cairn_status st = CAIRN_OK;
    for (int k = s->images + 1; k <= CAIRN_SEQUENCE_IMAGES && st == CAIRN_OK; k++) {
        char *image = NULL, *text = NULL;
        CAIRN_TRY(find_image(&image, folder, k));
        st = path_of(&text, folder, "H_1_%d", k);
        if (image || (text && cairn_file_exists(text)))
            st = cairn_error_set(CAIRN_E_FORMAT,
                                 "%s: has %s but no image %d (.ppm or .png); a sequence is whole from image 1 on",
                                 folder, (image ? image : text) + strlen(folder) + 1, s->images + 1);
        free(image);
        free(text);
    }
done:
    if (st == CAIRN_OK && s->images < 2)
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: has %s; expected images 1.ppm or 1.png up to 2..%d", folder,
                             s->images ? "one image" : "no image 1", CAIRN_SEQUENCE_IMAGES);
    return st;
}

static cairn_status open_one(cairn_sequence *s, const char *folder, const char *name)
{
    cairn_status st = CAIRN_OK;
    bool blur = !strcmp(name, "v_bikes") || !strcmp(name, "v_trees");
    s->kind = blur ? CAIRN_SEQUENCE_BLUR : name[0] == 'i' ? CAIRN_SEQUENCE_ILLUMINATION : CAIRN_SEQUENCE_VIEWPOINT;
    s->from_first[0] = CAIRN_HOMOGRAPHY_IDENTITY;
    /* Names go into tables and pages: nothing there needs quoting. */
    if (strlen(name) > MOST_NAME ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")])
        return cairn_error_set(CAIRN_E_FORMAT,
                               "%s: rename the folder; a sequence's name has letters, digits, '_', '-', '.', at most "
                               "%d of them",
                               folder, MOST_NAME);
    s->name = strdup(name);
    if (!s->name) return cairn_error_set(CAIRN_E_NOMEM, "no memory to list %s", folder);
    for (; s->images < CAIRN_SEQUENCE_IMAGES; s->images++) {
        CAIRN_TRY(find_image(&s->paths[s->images], folder, s->images + 1));
        if (!s->paths[s->images]) break;
        if (s->images) CAIRN_TRY(read_homography(&s->from_first[s->images], folder, s->images + 1));
    }
    CAIRN_TRY(check_rest(s, folder));
done:
    return st;
}

cairn_status cairn_sequences_open(cairn_sequences *out, const char *folder)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list folders = {0};
    *out = (cairn_sequences){0};
    CAIRN_TRY(cairn_file_list_folder(&folders, folder, NULL, true));
    if (folders.count > MOST_SEQUENCES)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: has %zu folders, more than the %d that are accepted here",
                                  folder, folders.count, MOST_SEQUENCES));
    out->items = calloc(folders.count + 1, sizeof *out->items);
    if (!out->items) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to list %s", folder));
    for (size_t i = 0; i < folders.count; i++) {
        const char *name = strrchr(folders.paths[i], '/') + 1;
        if ((name[0] != 'i' && name[0] != 'v') || name[1] != '_') continue;
        cairn_sequence *s = &out->items[out->count++];
        CAIRN_TRY(open_one(s, folders.paths[i], name));
        out->pairs += s->images - 1;
    }
    if (!out->count)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND,
                                  "%s: has no folder i_* or v_*; expected image sequences in the layout of HPatches",
                                  folder));
done:
    cairn_file_list_free(&folders);
    if (st < 0) cairn_sequences_free(out);
    return st;
}

void cairn_sequences_free(cairn_sequences *sequences)
{
    for (int i = 0; i < sequences->count; i++) {
        free(sequences->items[i].name);
        for (int k = 0; k < CAIRN_SEQUENCE_IMAGES; k++) free(sequences->items[i].paths[k]);
    }
    free(sequences->items);
    *sequences = (cairn_sequences){0};
}
