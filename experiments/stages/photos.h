#ifndef CAIRN_STAGES_PHOTOS_H
#define CAIRN_STAGES_PHOTOS_H
/* The photographs of a recipe as stages see them: gray crops of one size, either those that training uses or those that
 * are held back for evaluation.
 *
 * Where all crops fit into the setting `memory`, they are made at once on all cores, and photographs that cannot be
 * used are left out of the count. Otherwise opening only lists the files, and a crop is made when it is read or
 * expected: then a photograph is found unusable only at its reading. Either way it is warned of and counted, and crop i
 * of the same photographs has the same bits. */
#include "data/image.h"
#include "experiments/run/stage.h"

typedef struct cairn_stage_photos cairn_stage_photos;

/* The section `photos` of the recipe; a progress bar where photographs are decoded.
 * error  CAIRN_E_NOTFOUND if the folder has no usable photograph, naming it */
cairn_status cairn_stage_photos_open(cairn_stage_photos **out, const cairn_stage *stage, bool held_back);
/* The same with crops of h x w pixels, multiples of 8. */
cairn_status cairn_stage_photos_open_sized(cairn_stage_photos **out, const cairn_stage *stage, bool held_back, int h,
                                           int w);
void cairn_stage_photos_close(cairn_stage_photos **photos); /* says how many could not be used, if any was found */
int cairn_stage_photos_count(const cairn_stage_photos *photos); /* > 0 */
void cairn_stage_photos_size(const cairn_stage_photos *photos, int *h, int *w);
/* Whether all crops are in memory, so that none can fail any more. */
bool cairn_stage_photos_all_there(const cairn_stage_photos *photos);
/* A copy of crop i, [h,w,1] of the recipe's size. Any thread.
 * error  CAIRN_E_NOMEM; anything else means that this photograph cannot be used: go on with another one
 * owner  the caller frees *out */
cairn_status cairn_stage_photos_read(cairn_image *out, cairn_stage_photos *photos, int i);
/* These crops will be read soon, in this order: they are made on all cores meanwhile. One caller at a time. */
void cairn_stage_photos_expect(cairn_stage_photos *photos, const int *crops, int count);
/* The same for the crops behind crop i, for those who read all in order. */
void cairn_stage_photos_expect_after(cairn_stage_photos *photos, int i);
/* A number that all crops have in common which training and evaluation should not share: those of one photograph, of
 * KITTI all of one drive. Of the names alone. */
uint32_t cairn_stage_photos_draw(const cairn_stage_photos *photos, int i);
/* Unique text that may be a file's name. */
const char *cairn_stage_photos_key(const cairn_stage_photos *photos, int i);
#endif
