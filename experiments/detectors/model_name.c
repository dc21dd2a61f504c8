#include "experiments/detectors/model_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH = 4096, MOST_FOLDERS = 4, FORMS = MOST_FOLDERS + 2 };

static bool is(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && !strncmp(text, word, length);
}

/* Where the part of the path that ends in front of `end` begins; `end` itself where there is none with a name. */
static const char *part_before(const char *path, const char *end)
{
    const char *start = end;
    while (start > path && start[-1] != '/') start--;
    return is(start, (size_t)(end - start), ".") || is(start, (size_t)(end - start), "..") ? end : start;
}

/* Form 0 is the short name, 1 to MOST_FOLDERS have so many folders in front, the last one folder and file. */
static void write_form(char name[64], const char *path, int form)
{
    const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path, *end = start + strlen(start);
    const size_t ending = strlen(".safetensors");
    if ((size_t)(end - start) > ending && !strcmp(end - ending, ".safetensors")) end -= ending;
    const bool common = is(start, (size_t)(end - start), "model") || is(start, (size_t)(end - start), "checkpoint");
    int folders = form == FORMS - 1 ? 1 : form;
    if (common && slash && form < FORMS - 1 && part_before(path, slash) < slash) {
        start = part_before(path, slash);
        end = slash;
    }
    for (; folders > 0 && start > path + 1 && part_before(path, start - 1) < start - 1; folders--)
        start = part_before(path, start - 1);
    snprintf(name, 64, "%.*s", end - start < 63 ? (int)(end - start) : 63, start);
}

void cairn_model_name(char name[64], const char *path, const char *list)
{
    for (int form = 0; form < FORMS; form++) {
        bool taken = false;
        write_form(name, path, form);
        for (const char *at = list; *at && !taken;) {
            char other[PATH], others_name[64];
            const size_t length = strcspn(at, ",");
            snprintf(other, sizeof other, "%.*s", length < PATH ? (int)length : PATH - 1, at);
            write_form(others_name, other, form);
            taken = length && strcmp(other, path) && !strcmp(name, others_name);
            at += length + (at[length] == ',');
        }
        if (!taken) return;
    }
    write_form(name, path, 0); /* one file by two names */
}
