#include "experiments/report/run_files.h"

#include "base/log.h"

#include <string.h>

enum { MOST_JSON = 64 << 20, MOST_RECIPE = 1 << 20 };

static void stage_free(cairn_run_stage *s)
{
    cJSON_Delete(s->stage);
    cJSON_Delete(s->captions);
    cJSON_Delete(s->evaluation);
    free(s->folder);
    free(s->metrics);
    cairn_file_list_free(&s->pictures);
    *s = (cairn_run_stage){0};
}

void cairn_run_files_free(cairn_run_files *files)
{
    for (int i = 0; i < files->count; i++) stage_free(&files->stages[i]);
    free(files->stages);
    free(files->recipe);
    *files = (cairn_run_files){0};
}

static cJSON *read_json(const char *folder, const char *name)
{
    uint8_t *bytes = NULL;
    size_t size;
    cJSON *json = NULL;
    char *path = cairn_file_join(folder, name);
    if (path && cairn_file_exists(path)) {
        if (cairn_file_read(&bytes, &size, path, MOST_JSON) < 0) {
            cairn_warn("report: left out: %s", cairn_error_message());
        } else if (!(json = cJSON_Parse((char *)bytes))) {
            cairn_warn("report: %s is not JSON and is left out", path);
        }
    }
    free(bytes);
    free(path);
    return json;
}

/* Where the recipe's list of stages names this one; SIZE_MAX if nowhere. */
static size_t place_in_recipe(const char *recipe, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = recipe; line && *line;) {
        const char *at = line + strspn(line, " -\t");
        if (!strncmp(at, "name:", 5)) {
            at += 5;
            at += strspn(at, " \t\"'");
            if (!strncmp(at, name, length) && strchr(" \t\r\n\"'#", at[length])) return (size_t)(line - recipe);
        }
        line = strchr(line, '\n');
        if (line) line++;
    }
    return SIZE_MAX;
}

static cairn_status read_stage(cairn_run_stage *s, bool *useful, const char *folder, const char *recipe)
{
    static const char *const png[] = {"png", NULL};
    cairn_status st = CAIRN_OK;
    const char *slash = strrchr(folder, '/');
    char *pictures = cairn_file_join(folder, "pictures");
    *s = (cairn_run_stage){.folder = strdup(folder), .metrics = cairn_file_join(folder, "metrics.jsonl")};
    if (!pictures || !s->folder || !s->metrics) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the files of %s", folder);
        goto done;
    }
    snprintf(s->name, sizeof s->name, "%s", slash ? slash + 1 : folder);
    s->order = place_in_recipe(recipe ? recipe : "", s->name);
    s->stage = read_json(folder, "stage.json");
    s->evaluation = read_json(folder, "evaluation.json");
    if (!cairn_file_exists(s->metrics)) {
        free(s->metrics);
        s->metrics = NULL;
    }
    if (cairn_file_is_folder(pictures)) {
        s->captions = read_json(pictures, "captions.json");
        CAIRN_TRY(cairn_file_list_folder(&s->pictures, pictures, png, false));
    }
    *useful = s->stage || s->evaluation || s->metrics || s->pictures.count > 0;
done:
    free(pictures);
    if (st < 0) stage_free(s);
    return st;
}

static int by_order(const void *left, const void *right)
{
    const cairn_run_stage *a = left, *b = right;
    if (a->order != b->order) return a->order < b->order ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* The folder's own name, also for "runs/demo/" and ".". */
static void own_name(char *out, size_t room, const char *folder)
{
    char *path = realpath(folder, NULL);
    const char *slash = path ? strrchr(path, '/') : NULL;
    snprintf(out, room, "%s", slash && slash[1] ? slash + 1 : path ? path : folder);
    free(path);
}

/* Adds the folder as a stage if it holds something to show. */
static cairn_status add_stage(cairn_run_files *out, const char *folder)
{
    bool useful = false;
    cairn_run_stage stage;
    cairn_status st = read_stage(&stage, &useful, folder, out->recipe);
    if (st < 0) return st;
    if (useful)
        out->stages[out->count++] = stage;
    else
        stage_free(&stage);
    return CAIRN_OK;
}

cairn_status cairn_run_files_read(cairn_run_files *out, const char *folder)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list folders = {0};
    size_t size;
    char *recipe = cairn_file_join(folder, "recipe.yaml"), *own = NULL;
    *out = (cairn_run_files){0};
    own_name(out->name, sizeof out->name, folder);
    if (!cairn_file_is_folder(folder)) {
        st = cairn_error_set(CAIRN_E_NOTFOUND, "%s: no such run folder; expected the folder of a run, as runs/demo",
                             folder);
        goto done;
    }
    if (recipe && cairn_file_exists(recipe) &&
        cairn_file_read((uint8_t **)&out->recipe, &size, recipe, MOST_RECIPE) < 0)
        cairn_warn("report: left out: %s", cairn_error_message());
    CAIRN_TRY(cairn_file_list_folder(&folders, folder, NULL, true));
    out->stages = calloc(folders.count + 2, sizeof *out->stages);
    if (!out->stages) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the stages of %s", folder);
        goto done;
    }
    own = cairn_file_join(folder, "evaluation.json");
    if (!own) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the files of %s", folder));
    if (cairn_file_exists(own)) {
        CAIRN_TRY(add_stage(out, folder));
        if (out->count) memcpy(out->stages[0].name, out->name, sizeof out->name);
    }
    for (size_t i = 0; i < folders.count; i++) CAIRN_TRY(add_stage(out, folders.paths[i]));
    qsort(out->stages, (size_t)out->count, sizeof *out->stages, by_order);
done:
    cairn_file_list_free(&folders);
    free(recipe);
    free(own);
    if (st < 0) cairn_run_files_free(out);
    return st;
}
