#include "experiments/run/run.h"

#include "base/hash.h"
#include "base/log.h"
#include "experiments/run/folder.h"
#include "experiments/run/photo_parts.h"
#include "reference/self_test.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <cJSON.h>
#include <string.h>

typedef struct runner {
    const cairn_recipe *recipe;
    const cairn_run_options *options;
    const char *folder;
    cairn_gpu *gpu; /* created by the first stage that needs it, and again after a loss */
    double segment_scale;
    char fingerprints[CAIRN_RECIPE_MOST_STAGES][CAIRN_FINGERPRINT_BYTES];
    uint64_t selected;
    int selected_count;
} runner;

static cairn_status no_memory(void)
{
    return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
}

static bool names(const char *list, const char *name)
{
    char entry[CAIRN_RECIPE_NAME_BYTES];
    while (list && cairn_stage_next_name(entry, &list))
        if (!strcmp(entry, name)) return true;
    return false;
}

static bool has_default(const cairn_setting *row, const void *settings)
{
    union {
        double number;
        int64_t integer;
        char text[CAIRN_SETTING_TEXT_BYTES];
    } fallback;
    char is[CAIRN_SETTING_TEXT_BYTES], would_be[CAIRN_SETTING_TEXT_BYTES];
    cairn_setting alone[] = {*row, {0}};
    alone->offset = 0;
    cairn_settings_defaults(&fallback, alone);
    cairn_settings_format(would_be, sizeof would_be, alone, &fallback);
    cairn_settings_format(is, sizeof is, row, settings);
    return !strcmp(is, would_be);
}

/* Except those that are newer than some finished runs and as it was then: a finished run stays so. */
static void write_settings(FILE *file, const cairn_setting *table, const void *settings, const char *newer)
{
    for (const cairn_setting *row = table; row->name; row++) {
        const cairn_setting one[] = {*row, {0}};
        if (!names(newer, row->name) || !has_default(row, settings)) cairn_settings_write(file, one, settings, 0);
    }
}

/* The settings of photos, except what changes no result. */
static void write_photos(FILE *file, const cairn_photos *photos)
{
    cairn_photos told = *photos;
    for (const cairn_setting *row = cairn_photos_table; row->name; row++)
        if (!strcmp(row->name, "memory")) told.memory = (int64_t)row->fallback;
    write_settings(file, cairn_photos_table, &told, "layout,camera,memory");
}

static cairn_status stage_fingerprint(runner *r, int index)
{
    const cairn_recipe_stage *stage = &r->recipe->stages[index];
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) return no_memory();
    fprintf(file, "%s %d %s %u\n", stage->kind->name, stage->kind->version, stage->name, r->recipe->seed);
    write_settings(file, stage->kind->settings, stage->settings, stage->kind->newer);
    if (stage->kind->uses_photos) write_photos(file, &r->recipe->photos);
    for (int i = 0; i < index; i++)
        if (stage->needs >> i & 1) fprintf(file, "%s\n", r->fingerprints[i]);
    if (fclose(file)) {
        free(text);
        return no_memory();
    }
    const uint64_t hash = cairn_hash_bytes(CAIRN_HASH_START, text, strlen(text) + 1);
    snprintf(r->fingerprints[index], CAIRN_FINGERPRINT_BYTES, "%016llx", (unsigned long long)hash);
    free(text);
    return CAIRN_OK;
}

/* The stage `only` and, through their inputs, all that it needs. */
static cairn_status select_stages(runner *r)
{
    const cairn_recipe *recipe = r->recipe;
    const char *only = r->options->only;
    for (int i = 0; i < recipe->stage_count; i++) r->selected |= UINT64_C(1) << i;
    r->selected_count = recipe->stage_count;
    if (!only) return CAIRN_OK;
    const int wanted = cairn_recipe_find_stage(recipe, only);
    if (wanted < 0) {
        const char *names[CAIRN_RECIPE_MOST_STAGES + 1] = {0};
        for (int i = 0; i < recipe->stage_count; i++) names[i] = recipe->stages[i].name;
        const char *closest = cairn_closest_name(only, names);
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: the recipe has no stage '%s'; %s'%s'%s", recipe->label, only,
                               closest ? "did you mean " : "its first is ", closest ? closest : names[0],
                               closest ? "?" : "");
    }
    r->selected = UINT64_C(1) << wanted;
    r->selected_count = 0;
    for (int i = wanted; i >= 0; i--) {
        if (!(r->selected >> i & 1)) continue;
        r->selected |= recipe->stages[i].needs;
        r->selected_count++;
    }
    return CAIRN_OK;
}

/* stage.json: what was done, by what, in what time. */
static cairn_status write_stage_json(const runner *r, int index, const char *folder, double seconds)
{
    cairn_status st = CAIRN_OK;
    const cairn_recipe_stage *stage = &r->recipe->stages[index];
    const cairn_gpu_info *info = r->gpu && !stage->kind->host_only ? cairn_gpu_get_info(r->gpu) : NULL;
    char *text = NULL, *path = cairn_file_join(folder, "stage.json");
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "name", stage->name);
    cJSON_AddStringToObject(root, "kind", stage->kind->name);
    cJSON *settings = cJSON_AddObjectToObject(root, "settings");
    for (const cairn_setting *row = stage->kind->settings; row->name; row++) {
        char value[CAIRN_SETTING_TEXT_BYTES];
        cairn_settings_format(value, sizeof value, row, stage->settings);
        if (row->type == CAIRN_SETTING_TEXT || row->type == CAIRN_SETTING_CHOICE)
            cJSON_AddStringToObject(settings, row->name, value);
        else
            cJSON_AddRawToObject(settings, row->name, value);
    }
    cJSON_AddNumberToObject(root, "seed", r->recipe->seed);
    cJSON_AddNumberToObject(root, "seconds", seconds);
    cJSON_AddStringToObject(root, "device", info ? info->name : "host");
    cJSON_AddStringToObject(root, "driver", info ? info->driver : "");
    cJSON_AddStringToObject(root, "fingerprint", r->fingerprints[index]);
    cJSON_AddTrueToObject(root, "done");
    text = cJSON_Print(root);
    if (!text || !path) CAIRN_TRY(no_memory());
    CAIRN_TRY(cairn_file_write(path, text, strlen(text)));
done:
    cJSON_Delete(root);
    cJSON_free(text);
    free(path);
    return st;
}

static cairn_status open_device(runner *r)
{
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    options.device = r->options->device;
    options.segment_scale = r->segment_scale;
    options.quiet = r->segment_scale < 1; /* it was said before */
    return cairn_self_test_open(&r->gpu, &options);
}

/* fresh: what an earlier run left is removed, else gone on with. */
static cairn_status run_stage(runner *r, int index, const char *folder, bool fresh)
{
    cairn_status st = CAIRN_OK;
    const cairn_recipe_stage *stage = &r->recipe->stages[index];
    if (!stage->kind->host_only && !r->gpu) CAIRN_TRY(open_device(r));
    CAIRN_TRY(cairn_stage_folder_begin(folder, r->fingerprints[index], fresh));
    cairn_stage running = {
        .gpu = stage->kind->host_only ? NULL : r->gpu,
        .run_folder = r->folder,
        .folder = folder,
        .name = stage->name,
        .seed = r->recipe->seed,
        .stream = cairn_stage_stream(stage->name),
        .index = (uint32_t)index,
        .recipe = r->recipe,
        .photos = stage->kind->uses_photos ? &r->recipe->photos : NULL,
        .explain = r->options->explain,
        .profile = r->options->profile,
    };
    const double started = cairn_seconds();
    CAIRN_TRY(stage->kind->run(&running, stage->settings));
    CAIRN_TRY(write_stage_json(r, index, folder, cairn_seconds() - started));
done:
    return st;
}

static cairn_status visit_stage(runner *r, int index, int position)
{
    cairn_status st = CAIRN_OK;
    const cairn_recipe_stage *stage = &r->recipe->stages[index];
    char *folder = cairn_file_join(r->folder, stage->name);
    if (!folder) return no_memory();
    if (!r->options->force && cairn_stage_folder_done(folder, r->fingerprints[index])) {
        cairn_info("[%d/%d] %s: done before", position, r->selected_count, stage->name);
        goto done;
    }
    cairn_info("[%d/%d] %s (%s)", position, r->selected_count, stage->name, stage->kind->name);
    const double started = cairn_seconds();
    st = run_stage(r, index, folder, r->options->force);
    if (st < 0 && r->gpu && cairn_gpu_is_lost(r->gpu) && !cairn_interrupted()) {
        /* Nothing of a lost device can be used again. The stage goes on from its last checkpoint, once. */
        cairn_warn("stage %s: %s; starting it again on a new device, with shorter submissions", stage->name,
                   cairn_error_message());
        cairn_gpu_destroy(&r->gpu);
        r->segment_scale *= 0.5;
        st = run_stage(r, index, folder, false);
        if (st < 0 && r->gpu && cairn_gpu_is_lost(r->gpu))
            cairn_error_set(st, "%s; that was the second time: update the driver or choose another device",
                            cairn_error_message());
    }
    if (st < 0) {
        cairn_error_set(st, "stage %s: %s", stage->name, cairn_error_message());
        goto done;
    }
    cairn_info("[%d/%d] %s: %.1f s", position, r->selected_count, stage->name, cairn_seconds() - started);
done:
    free(folder);
    return st;
}

static cairn_status write_resolved_recipe(const runner *r)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL, *path = cairn_file_join(r->folder, "recipe.yaml");
    if (!path) CAIRN_TRY(no_memory());
    CAIRN_TRY(cairn_recipe_print(&text, r->recipe));
    CAIRN_TRY(cairn_file_write(path, text, strlen(text)));
done:
    free(text);
    free(path);
    return st;
}

cairn_status cairn_run(char **folder, const cairn_recipe *recipe, const cairn_run_options *options)
{
    cairn_status st = CAIRN_OK;
    runner r = {.recipe = recipe, .options = options, .segment_scale = 1};
    int lock = -1, position = 0;
    *folder = options->out ? strdup(options->out) : cairn_file_join("runs", recipe->name);
    if (!*folder) return no_memory();
    r.folder = *folder;
    CAIRN_TRY(select_stages(&r));
    CAIRN_TRY(cairn_photos_check(recipe, r.selected)); /* else noticed only after the stages before it */
    for (int i = 0; i < recipe->stage_count; i++) CAIRN_TRY(stage_fingerprint(&r, i));
    CAIRN_TRY(cairn_file_make_folder(r.folder));
    CAIRN_TRY(cairn_run_folder_lock(&lock, r.folder));
    CAIRN_TRY(write_resolved_recipe(&r));
    const double started = cairn_seconds();
    for (int i = 0; i < recipe->stage_count; i++) {
        if (!(r.selected >> i & 1)) continue;
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        CAIRN_TRY(visit_stage(&r, i, ++position));
    }
    cairn_info("%s: all %d stages done in %.1f s", r.folder, position, cairn_seconds() - started);
done:
    cairn_gpu_destroy(&r.gpu);
    cairn_run_folder_unlock(lock);
    return st;
}
