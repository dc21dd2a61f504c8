#include "experiments/stages/common.h"

#include "system/file.h"
#include "train/checkpoint.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

static cairn_status add_caption(const char *path, const char *file, const char *caption)
{
    cairn_status st = CAIRN_OK;
    uint8_t *text = NULL;
    size_t size = 0;
    char *printed = NULL;
    cJSON *captions = NULL;
    if (cairn_file_exists(path)) {
        CAIRN_TRY(cairn_file_read(&text, &size, path, 1 << 20));
        captions = cJSON_ParseWithLength((const char *)text, size);
    }
    if (!cJSON_IsObject(captions)) {
        cJSON_Delete(captions);
        captions = cJSON_CreateObject();
    }
    cJSON_DeleteItemFromObject(captions, file);
    cJSON_AddStringToObject(captions, file, caption);
    printed = cJSON_Print(captions);
    st = printed ? cairn_file_write(path, printed, strlen(printed))
                 : cairn_error_set(CAIRN_E_NOMEM, "no memory for %s", path);
done:
    free(printed);
    cJSON_Delete(captions);
    free(text);
    return st;
}

cairn_status cairn_stage_picture(const cairn_stage *stage, const char *file, const cairn_image *rgb,
                                 const char *caption)
{
    cairn_status st = CAIRN_OK;
    char *folder = cairn_file_join(stage->folder, "pictures"), *path = NULL, *captions = NULL;
    if (!folder) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
    CAIRN_TRY(cairn_file_make_folder(folder));
    path = cairn_file_join(folder, file);
    captions = cairn_file_join(folder, "captions.json");
    if (!path || !captions) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
        goto done;
    }
    CAIRN_TRY(cairn_image_save_png(rgb, path));
    CAIRN_TRY(add_caption(captions, file, caption));
done:
    free(folder);
    free(path);
    free(captions);
    return st;
}

cairn_status cairn_stage_model_path(char **path, const cairn_stage *stage, const char *stage_name)
{
    char *folder;
    *path = NULL;
    cairn_status st = cairn_stage_input_folder(&folder, stage, stage_name);
    if (st < 0) return st;
    *path = cairn_file_join(folder, "model.safetensors");
    free(folder);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
}

cairn_status cairn_stage_save_model(const cairn_stage *stage, cairn_store *store, const cairn_model *model,
                                    const cairn_network_spec *spec, int64_t step)
{
    cairn_status st = CAIRN_OK;
    char description[128], number[32], *path = NULL, *recipe = NULL;
    cairn_network_describe(description, sizeof description, spec);
    snprintf(number, sizeof number, "%lld", (long long)step);
    CAIRN_TRY(cairn_stage_path(&path, stage, "model.safetensors"));
    CAIRN_TRY(cairn_recipe_print(&recipe, stage->recipe));
    const cairn_metadata metadata[] = {
        {"model", description}, {"step", number}, {"stage", stage->name}, {"recipe", recipe}};
    CAIRN_TRY(cairn_checkpoint_save(path, store, model, false, metadata, 4));
done:
    free(path);
    free(recipe);
    return st;
}

cairn_status cairn_stage_set_dustbin(cairn_store *store, double prior)
{
    float bias[65] = {0};
    int index = cairn_store_find(store, "bnPb.bias");
    if (index < 0) index = cairn_store_find(store, "convPb.bias"); /* no normalisation */
    CAIRN_ASSERT(index >= 0 && cairn_store_shape(store, index).c == 65);
    if (prior <= 0) return CAIRN_OK;
    bias[64] = (float)log(64 * (1 - prior) / prior);
    return cairn_store_write(store, index, bias);
}
