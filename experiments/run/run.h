#ifndef CAIRN_EXPERIMENTS_RUN_RUN_H
#define CAIRN_EXPERIMENTS_RUN_RUN_H
/* Runs a recipe into a folder: only what is missing or stale, in order, resumable at any point.
 *
 *   runs/NAME/recipe.yaml          the resolved recipe
 *   runs/NAME/STAGE/fingerprint    written when the stage starts; while it is equal, what lies there is resumed
 *   runs/NAME/STAGE/stage.json     written last, by rename: {kind, settings, seconds, device, driver, fingerprint,
 * done}
 *
 * The fingerprint of a stage is a hash of its kind and the kind's version, its resolved settings, the seed, its name,
 * the fingerprints of its inputs and, where the kind uses photographs, of the section photos. A folder with another
 * fingerprint is removed and the stage runs afresh. */
#include "experiments/run/stage.h"

typedef struct cairn_run_options {
    const char *out;    /* run folder; NULL: runs/NAME */
    const char *device; /* as cairn_gpu_options.device */
    const char *only;   /* this stage and what it needs; NULL: all */
    bool force;         /* run every selected stage afresh */
    bool explain;       /* passed on to the stages */
    bool profile;       /* passed on to the stages */
} cairn_run_options;
#define CAIRN_RUN_OPTIONS_INIT ((cairn_run_options){0})

/* Checks everything, then runs. Messages go to standard error.
 * out    *folder   NULL or the run folder (caller frees), set also on failure once it is known
 * error  of the stage, with its name in front; CAIRN_E_FAIL when interrupted */
cairn_status cairn_run(char **folder, const cairn_recipe *recipe, const cairn_run_options *options);
#endif
