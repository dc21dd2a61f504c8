#ifndef CAIRN_EXPERIMENTS_RUN_PHOTO_PARTS_H
#define CAIRN_EXPERIMENTS_RUN_PHOTO_PARTS_H
/* The photographs of a recipe in their two parts: those of training, and those that are held back for evaluation. */
#include "data/folders/photo_folder.h"
#include "experiments/run/stage.h"

/* What the section means.
 * error  those of cairn_photo_folder_open
 * owner  the caller frees *out */
cairn_status cairn_photos_list(cairn_photo_folder *out, const cairn_photos *photos);
/* Why a part has no photograph and what to do about it, "; ..." to stand behind a message; "" where it has some, or
 * where there is no more to say. */
const char *cairn_photos_why_none(const cairn_photo_folder *folder, const cairn_photos *photos, bool held_back);
/* Whether there is what the selected stages (bit i: stage i) look at, so that a run does not train for days and then
 * have nothing to be judged by. Lists the folder, opens no photograph.
 * error  CAIRN_E_NOTFOUND with recipe, stage, folder, what was expected and what to do */
cairn_status cairn_photos_check(const cairn_recipe *recipe, uint64_t selected);
#endif
