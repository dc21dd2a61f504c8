#ifndef CAIRN_STAGES_MASK_MAKER_H
#define CAIRN_STAGES_MASK_MAKER_H
/* Matched pairs of photographs and their warps (matching.md 6): what the stage `matched-masks` writes to files, and
 * `student-phase2` makes on the fly where that stage says `stored: false`. */
#include "data/image.h"
#include "experiments/run/stage.h"
#include "matching/masks.h"

/* Of the stage `matched-masks`. */
typedef struct cairn_mask_settings {
    char teacher[CAIRN_SETTING_TEXT_BYTES], model[CAIRN_SETTING_TEXT_BYTES], lightglue[CAIRN_SETTING_TEXT_BYTES],
        weights[CAIRN_SETTING_TEXT_BYTES];
    int source, sampling;
    int64_t pairs, top_k, radius, border, margin, previews;
    double threshold, reach, ratio, filter, max_angle, patch_ratio, scaling, perspective, sigma;
    bool symmetrise, subpixel, stored;
} cairn_mask_settings;
enum { CAIRN_MASK_ORACLE, CAIRN_MASK_NEAREST, CAIRN_MASK_LIGHTGLUE };
#define CAIRN_MASK_SOURCES "oracle,nearest,lightglue" /* of settings.source */
const char *cairn_mask_source_name(int source);

typedef struct cairn_mask_maker cairn_mask_maker;
/* Loads teacher and matcher.
 * in     stage       the one that runs now, in whose recipe the other one is
 *        stage_name  the stage of kind matched-masks whose settings these are: seed and name say which homographies
 *        gpu         outlives the maker; a thread that makes pairs must be the only one that uses it
 *        h, w        of the photographs, pixels
 * error  those of loading; CAIRN_E_UNSUPPORTED for a teacher without descriptors where a matcher needs them */
cairn_status cairn_mask_maker_open(cairn_mask_maker **out, const cairn_stage *stage, cairn_gpu *gpu,
                                   const char *stage_name, const cairn_mask_settings *settings, int h, int w);
void cairn_mask_maker_close(cairn_mask_maker **maker); /* accepts NULL */
/* Fingerprint of the teacher's checkpoint. */
uint64_t cairn_mask_maker_teacher(const cairn_mask_maker *maker);

typedef struct cairn_mask_request {
    const cairn_image *gray; /* [h,w,1]; neighbours with the same one share what the teacher sees on it */
    const char *key;         /* the photograph's, cairn_stage_photos_key */
    int pair;                /* number of the warp, from 0 on */
} cairn_mask_request;
/* The pair of each request. It depends on seed and name of the stage matched-masks, the photograph, its key and the
 * number alone, not on the other requests.
 * out    out  [count], the caller's, cairn_masked_pair_free; all empty on failure */
cairn_status cairn_mask_maker_make(cairn_mask_maker *maker, const cairn_mask_request *requests, int count,
                                   cairn_masked_pair *out);
/* What goes into a file beside the pair. */
void cairn_mask_maker_info(cairn_mask_info *info, const cairn_mask_maker *maker, const char *key, int pair);
#endif
