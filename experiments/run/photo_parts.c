#include "experiments/run/photo_parts.h"

#include "system/file.h"

cairn_status cairn_photos_list(cairn_photo_folder *out, const cairn_photos *s)
{
    const cairn_photo_options options = {.skip = s->skip,
                                         .holdout = s->holdout,
                                         .limit = (size_t)s->limit,
                                         .layout = (cairn_photo_layout)s->layout,
                                         .camera = (int)s->camera};
    return cairn_photo_folder_open(out, s->root, &options);
}

static bool has_part(const cairn_photo_folder *folder, bool held_back)
{
    for (size_t i = 0; i < folder->count; i++)
        if (folder->files[i].held_back == held_back) return true;
    return false;
}

const char *cairn_photos_why_none(const cairn_photo_folder *folder, const cairn_photos *s, bool held_back)
{
    if (has_part(folder, held_back)) return "";
    if (!held_back)
        return folder->layout == CAIRN_PHOTOS_COCO
                   ? "; COCO's val is held back: add train2014 or train2017, or set photos.root to a folder of "
                     "photographs"
                   : "; folders named val or validation are held back: set photos.root to the folder above them, or to "
                     "one with others";
    if (s->holdout <= 0) return "; photos.holdout is 0: set it to a share, such as 0.25";
    if (folder->layout == CAIRN_PHOTOS_KITTI)
        return "; KITTI's drives are held back whole, and there is one only: add another drive, or set "
               "photos.layout=folder to hold back single frames of it";
    return "; there is one photograph only: add others";
}

static int parts_of(const cairn_recipe_stage *stage)
{
    if (!stage->kind->uses_photos) return 0;
    return stage->kind->photo_parts ? stage->kind->photo_parts(stage->settings) : CAIRN_PHOTOS_OF_TRAINING;
}

static cairn_status check_part(const cairn_recipe *recipe, const cairn_recipe_stage *stage,
                               const cairn_photo_folder *folder, bool held_back)
{
    if (has_part(folder, held_back)) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOTFOUND, "%s:%d: stage %s: %s: there is no photograph %s%s", recipe->label,
                           stage->line, stage->name, recipe->photos.root,
                           held_back ? "that is held back from training" : "to train on",
                           cairn_photos_why_none(folder, &recipe->photos, held_back));
}

cairn_status cairn_photos_check(const cairn_recipe *recipe, uint64_t selected)
{
    cairn_status st = CAIRN_OK;
    cairn_photo_folder folder = {0};
    bool listed = false;
    for (int i = 0; i < recipe->stage_count; i++) {
        const cairn_recipe_stage *stage = &recipe->stages[i];
        const int parts = selected >> i & 1 ? parts_of(stage) : 0;
        if (!parts) continue;
        if (!cairn_file_is_folder(recipe->photos.root))
            CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND,
                                      "%s: photos.root: there is no folder '%s'; give another with photos.root=DIR",
                                      recipe->label, recipe->photos.root));
        if (!listed) CAIRN_TRY(cairn_photos_list(&folder, &recipe->photos));
        listed = true;
        if (parts & CAIRN_PHOTOS_OF_TRAINING) CAIRN_TRY(check_part(recipe, stage, &folder, false));
        if (parts & CAIRN_PHOTOS_HELD_BACK) CAIRN_TRY(check_part(recipe, stage, &folder, true));
    }
done:
    cairn_photo_folder_free(&folder);
    return st;
}
