#ifndef CAIRN_EXPERIMENTS_RUN_RECIPE_H
#define CAIRN_EXPERIMENTS_RUN_RECIPE_H
/* Recipes: YAML files that name stages and their settings, checked completely before anything starts.
 *
 *   name: demo                  # letters, digits, - and _: the default run folder is runs/NAME
 *   seed: 7                     # required
 *   photos: {root: DIR, ...}    # the photographs that stages share; see cairn_photos_table
 *   stages:
 *     - name: shapes            # unique; names the folder runs/NAME/shapes
 *       kind: magicpoint        # one of the kinds of experiments/run/kinds.c
 *       steps: 400              # settings of that kind; a list of texts is joined with commas
 *
 * Overrides are texts "stage.key=value", "photos.key=value" or "seed=value"; they win over the file. */
#include "base/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct cairn_stage_kind;

enum { CAIRN_RECIPE_MOST_STAGES = 64, CAIRN_RECIPE_NAME_BYTES = 64 };

/* The section `photos`. */
typedef struct cairn_photos {
    char root[CAIRN_SETTING_TEXT_BYTES]; /* folder of images, or of the COCO data set */
    char skip[CAIRN_SETTING_TEXT_BYTES]; /* comma-separated file stems that are left out */
    int64_t height, width;               /* of a crop, pixels */
    int64_t limit;                       /* most photographs used; 0: all */
    int64_t crops; /* of each photograph; 1: the whole picture, scaled and cut around its centre */
    double holdout;                      /* share of the photographs that training never sees */
    int layout;                          /* cairn_photo_layout */
    int64_t camera;                      /* of KITTI */
    int64_t memory;                      /* MiB for the crops of a stage; changes no result */
} cairn_photos;
extern const cairn_setting cairn_photos_table[];

typedef struct cairn_recipe_stage {
    char name[CAIRN_RECIPE_NAME_BYTES];
    const struct cairn_stage_kind *kind;
    void *settings; /* kind->settings_bytes, resolved */
    int line;       /* of the recipe */
    uint64_t needs; /* bit i: stage i is an input */
} cairn_recipe_stage;

typedef struct cairn_recipe {
    char name[CAIRN_RECIPE_NAME_BYTES];
    char *label; /* the file, for messages */
    uint32_t seed;
    cairn_photos photos;
    cairn_recipe_stage stages[CAIRN_RECIPE_MOST_STAGES];
    int stage_count;
} cairn_recipe;

/* A recipe that is part of the program: experiments/recipes/NAME.yaml. The table ends with {0}. */
typedef struct cairn_bundled_recipe {
    const char *name, *text;
} cairn_bundled_recipe;
extern const cairn_bundled_recipe cairn_bundled_recipes[];

/* in     kinds      NULL-ended
 *        overrides  NULL-ended, or NULL
 * error  CAIRN_E_FORMAT (not YAML), CAIRN_E_INVALID (anything else): one line with label, line and what was expected
 * owner  the caller destroys *out */
cairn_status cairn_recipe_parse(cairn_recipe **out, const char *text, size_t size, const char *label,
                                const struct cairn_stage_kind *const *kinds, const char *const *overrides);
/* `name` is the path of a file or the name of a bundled recipe. */
cairn_status cairn_recipe_load(cairn_recipe **out, const char *name, const struct cairn_stage_kind *const *kinds,
                               const char *const *overrides);
void cairn_recipe_destroy(cairn_recipe **recipe);
int cairn_recipe_find_stage(const cairn_recipe *recipe, const char *name); /* -1 if absent */
/* The resolved recipe: every setting with its value. It parses to an equal recipe. *text is the caller's. */
cairn_status cairn_recipe_print(char **text, const cairn_recipe *recipe);
#endif
