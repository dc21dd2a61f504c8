#include "experiments/run/stage.h"

#include "base/hash.h"
#include "system/file.h"

#include <string.h>

bool cairn_stage_next_name(char name[CAIRN_RECIPE_NAME_BYTES], const char **list)
{
    const char *at = *list + strspn(*list, ", ");
    size_t length = strcspn(at, ",");
    *list = at + length;
    while (length && at[length - 1] == ' ') length--;
    if (!length) return false;
    if (length >= CAIRN_RECIPE_NAME_BYTES) length = CAIRN_RECIPE_NAME_BYTES - 1;
    memcpy(name, at, length);
    name[length] = 0;
    return true;
}

cairn_status cairn_stage_input_folder(char **folder, const cairn_stage *stage, const char *stage_name)
{
    *folder = NULL;
    if (cairn_recipe_find_stage(stage->recipe, stage_name) < 0)
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: the recipe has no stage '%s'", stage->name, stage_name);
    *folder = cairn_file_join(stage->run_folder, stage_name);
    return *folder ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "out of memory");
}

uint32_t cairn_stage_stream(const char *stage_name)
{
    const uint64_t hash = cairn_hash_bytes(CAIRN_HASH_START, stage_name, strlen(stage_name) + 1);
    return (uint32_t)(hash ^ hash >> 32);
}

cairn_status cairn_stage_path(char **path, const cairn_stage *stage, const char *file)
{
    *path = cairn_file_join(stage->folder, file);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "out of memory");
}
