#ifndef CAIRN_TRAIN_TRAINER_H
#define CAIRN_TRAIN_TRAINER_H
/* The training loop: gradients, optimiser, schedule, checkpoints, metric log, progress, resumption.
 *
 * One pass is one replay of one program, and one step one pass, or several whose gradients are averaged (accumulate).
 * The next batch is made by a thread while the device works. Killing the process at any instant loses at most the steps
 * since the last checkpoint; resuming gives the same bits, because a batch depends on nothing but its number and
 * checkpoints are written between steps only.
 *
 * Several passes give what one pass of the larger batch gives, up to rounding, where the loss is a mean over images.
 * BatchNorm in training mode sees the images of one pass only, and updates its running statistics in each.
 *
 * A line of metrics.jsonl has step, loss, lr, ms (of this step), waiting (share of the wall time since the line before
 * in which the device had no batch to work on) and what the stage logs. */
#include "train/optimise.h"

enum { CAIRN_TRAIN_MAX_INPUTS = 12, CAIRN_TRAIN_MAX_LOGGED = 12, CAIRN_TRAIN_MAX_MEASURED = 12 };

/* What a validation found: a line of metrics.jsonl, and a note for the progress bar ("mAP 0.93"). */
typedef struct cairn_train_measured {
    double score; /* 0..1, what `patience` looks at; not logged */
    int count;
    struct {
        char name[48];
        double value; /* NaN: null in the log */
    } values[CAIRN_TRAIN_MAX_MEASURED];
    char note[40];
} cairn_train_measured;
/* Adds PREFIX_NAME. */
void cairn_train_measured_add(cairn_train_measured *out, const char *prefix, const char *name, double value);

typedef struct cairn_training {
    cairn_gpu *gpu;
    cairn_graph *g;
    cairn_model *model;
    cairn_store *store;      /* already initialised */
    const cairn_train_settings *settings;
    const char *folder;      /* checkpoint.safetensors and metrics.jsonl live here */
    const char *label;       /* of the progress bar */
    const char *description; /* metadata "model" of the checkpoint */
    const char *recipe;      /* metadata "recipe": the resolved text; NULL: none */
    cairn_tid loss;          /* scalar */
    cairn_tid inputs[CAIRN_TRAIN_MAX_INPUTS];
    int input_count;
    struct {
        const char *name; /* key in metrics.jsonl */
        cairn_tid value;  /* scalar */
    } logged[CAIRN_TRAIN_MAX_LOGGED];
    int logged_count;
    /* Fills the dense NHWC arrays of `inputs` for a pass: number step * accumulate + pass, which is the step if there
     * is one pass. Called from another thread, one call at a time. */
    cairn_status (*batch)(void *payload, int64_t number, float *const *inputs);
    /* Sees the logged values of a step that is logged, in order; NULL: nobody looks. */
    void (*watch)(void *payload, int64_t step, const double *values);
    /* Measures what has been trained, behind every `validate_every` steps and the last one, before a checkpoint; step:
     * how many are done. It may read the store and run programs on it, and must leave it and all that a batch depends
     * on alone, so that training gives the same bits with and without. NULL, or validate_every 0: never. */
    cairn_status (*validate)(struct cairn_training *training, int64_t step, cairn_train_measured *out);
    int64_t validate_every;
    /* Early stopping: when the scores of so many validations in a row are not above the best one before them, training
     * ends as if that step were its last. 0: never. The checkpoint's metadata "validation" keeps count. */
    int64_t patience;
    int64_t until;  /* ends behind this step, with a checkpoint from which a second training goes on; 0: the last */
    bool continues; /* is that second training, in one process: no word of resuming */
    void *payload;
    FILE *explain; /* not NULL: the program's explain text goes here */
    FILE *profile; /* not NULL: every dispatch is timed, and the last step's tables of graph/profile.h go here */
    /* What became of it. */
    int64_t done; /* steps */
    bool stopped; /* early, by `patience` */
} cairn_training;

/* Appends gradients and the optimiser to the graph, resumes from the folder's checkpoint if there is one, trains to the
 * last step or to where `until` or `patience` end it, leaves a checkpoint.
 * error  CAIRN_E_NUMERIC when the loss is not finite; the interruption's status after writing a checkpoint */
cairn_status cairn_train(cairn_training *t);

/* Precise BatchNorm: runs `batches` batches (numbered from `first_step`) through the graph and sets the running
 * statistics to the plain average of the model's moments. `t` as above, its model in training mode with keep_running;
 * what the moments do not need, the loss among it, is not computed. Does not train. */
cairn_status cairn_train_calibrate(cairn_training *t, int64_t first_step, int batches);
#endif
