#ifndef CAIRN_EXPERIMENTS_RUN_STAGE_H
#define CAIRN_EXPERIMENTS_RUN_STAGE_H
/* What a kind of stage is, and what a stage sees while it runs. */
#include "experiments/run/recipe.h"
#include "gpu/gpu.h"

/* A TEXT setting that names earlier stages of the recipe. */
typedef struct cairn_stage_input {
    const char *setting; /* name in the kind's table */
    const char *kinds;   /* comma-separated kinds that are accepted; NULL: any */
    bool optional;       /* may be empty */
    bool many;           /* a comma-separated list of stages */
} cairn_stage_input;

typedef struct cairn_stage {
    cairn_gpu *gpu;         /* NULL for kinds that say host_only */
    const char *run_folder; /* runs/NAME */
    const char *folder;     /* runs/NAME/STAGE, exists; a checkpoint found in it has the same fingerprint: resume */
    const char *name;
    uint32_t seed;   /* of the recipe */
    uint32_t stream; /* the `stage` number of random streams; from the name, so that adding stages elsewhere
                        changes no numbers here */
    uint32_t index;  /* position in the recipe */
    const cairn_recipe *recipe;
    const cairn_photos *photos; /* NULL unless the kind says uses_photos */
    bool explain;               /* print cairn_program_explain of the programs to standard error */
    bool profile;               /* print the tables of graph/profile.h for training steps to standard error */
} cairn_stage;

/* Parts of the photographs. */
enum { CAIRN_PHOTOS_OF_TRAINING = 1, CAIRN_PHOTOS_HELD_BACK = 2 };

typedef struct cairn_stage_kind {
    const char *name, *help;
    const cairn_setting *settings;
    size_t settings_bytes;
    const cairn_stage_input *inputs; /* ends with {0}; NULL: none */
    bool uses_photos;                /* changes of the section photos make the stage stale */
    int (*photo_parts)(const void *settings); /* which of them it looks at; NULL: those of training */
    const char *newer;               /* settings, with commas, that came after runs were finished: at their defaults they
                                        do as was done before, so these runs stay finished; NULL: none */
    bool host_only;                  /* needs no device */
    int version;                     /* raise it when the same settings give other results */
    cairn_status (*check)(const void *settings, const char *where); /* NULL, or what a table cannot say */
    cairn_status (*run)(cairn_stage *stage, const void *settings);
} cairn_stage_kind;

/* All kinds of this program, NULL-ended (experiments/run/kinds.c). */
extern const cairn_stage_kind *const cairn_stage_kinds[];

/* The folder of an input stage: `stage_name` is the value of an input setting (or one name out of a list).
 * error  CAIRN_E_NOTFOUND if the recipe has no such stage
 * owner  the caller frees *folder */
cairn_status cairn_stage_input_folder(char **folder, const cairn_stage *stage, const char *stage_name);
/* The next name of a comma-separated list: copies it without spaces, moves *list on; false at the end. */
bool cairn_stage_next_name(char name[CAIRN_RECIPE_NAME_BYTES], const char **list);
/* `stream` of the stage of this name. */
uint32_t cairn_stage_stream(const char *stage_name);
/* The folder of the stage joined with a file name; the caller frees *path. */
cairn_status cairn_stage_path(char **path, const cairn_stage *stage, const char *file);
#endif
