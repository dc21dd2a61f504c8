#ifndef CAIRN_STAGES_PHOTOS_H
#define CAIRN_STAGES_PHOTOS_H
/* The photographs of a recipe as stages see them: gray crops of one size, either those that training uses or those that
 * are held back for evaluation, decoded once and kept in memory. */
#include "data/image.h"
#include "experiments/run/stage.h"

typedef struct cairn_stage_photos cairn_stage_photos;

/* The section `photos` of the recipe. Decodes everything on all cores, with a progress bar.
 * error  CAIRN_E_NOTFOUND if the folder has no usable photograph, naming it */
cairn_status cairn_stage_photos_open(cairn_stage_photos **out, const cairn_stage *stage, bool held_back);
/* The same with crops of h x w pixels, multiples of 8. */
cairn_status cairn_stage_photos_open_sized(cairn_stage_photos **out, const cairn_stage *stage, bool held_back, int h,
                                           int w);
void cairn_stage_photos_close(cairn_stage_photos **photos);
int cairn_stage_photos_count(const cairn_stage_photos *photos);
/* Gray image [h,w,1] of the recipe's crop size; borrowed. */
const cairn_image *cairn_stage_photos_get(const cairn_stage_photos *photos, int i);
/* Unique text that may be a file's name. */
const char *cairn_stage_photos_key(const cairn_stage_photos *photos, int i);
#endif
