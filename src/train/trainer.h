#ifndef CAIRN_TRAIN_TRAINER_H
#define CAIRN_TRAIN_TRAINER_H
/* The training loop: gradients, AdamW, schedule, checkpoints, metric log, progress, resumption.
 *
 * One step is one replay of one program. The next batch is made by a thread while the device works. Killing the process
 * at any instant loses at most the steps since the last checkpoint; resuming gives the same bits, because a batch
 * depends on nothing but its step number. */
#include "base/settings.h"
#include "train/model.h"

typedef struct cairn_train_settings {
    int64_t steps, batch, warmup, checkpoint_every, log_every;
    double lr, weight_decay, lr_floor;
    int schedule; /* cairn_schedule */
} cairn_train_settings;

typedef enum cairn_schedule { CAIRN_SCHEDULE_CONSTANT, CAIRN_SCHEDULE_COSINE } cairn_schedule;

/* Rows for a stage's table whose struct has a field `train` of the type above. */
#define CAIRN_TRAIN_ROWS(type, steps_, batch_, lr_)                                                                    \
    {"steps", CAIRN_SETTING_INT, offsetof(type, train.steps), steps_, 1, 1e8, NULL, NULL, "optimiser steps"},          \
        {"batch", CAIRN_SETTING_INT, offsetof(type, train.batch), batch_, 1, 1024, NULL, NULL, "images a step"},       \
        {"lr", CAIRN_SETTING_FLOAT, offsetof(type, train.lr), lr_, 0, 10, NULL, NULL, "learning rate of Adam"},        \
        {"weight_decay", CAIRN_SETTING_FLOAT, offsetof(type, train.weight_decay), 0, 0, 1, NULL, NULL,                 \
         "decoupled decay of weights (not of biases and normalisation)"},                                              \
        {"schedule", CAIRN_SETTING_CHOICE, offsetof(type, train.schedule), 0, 0, 0, NULL, "constant,cosine",           \
         "course of the learning rate"},                                                                               \
        {"lr_floor", CAIRN_SETTING_FLOAT, offsetof(type, train.lr_floor), 0.01, 0, 1, NULL, NULL,                      \
         "last learning rate of the cosine schedule, as a share of lr"},                                               \
        {"warmup", CAIRN_SETTING_INT, offsetof(type, train.warmup), 0, 0, 1e6, NULL, NULL,                             \
         "steps of linear warm-up from zero"},                                                                         \
        {"checkpoint_every", CAIRN_SETTING_INT, offsetof(type, train.checkpoint_every), 100, 1, 1e8, NULL, NULL,       \
         "steps between checkpoints"},                                                                                 \
    {                                                                                                                  \
        "log_every", CAIRN_SETTING_INT, offsetof(type, train.log_every), 10, 1, 1e6, NULL, NULL,                       \
            "steps between lines of metrics.jsonl"                                                                     \
    }

enum { CAIRN_TRAIN_MAX_INPUTS = 12, CAIRN_TRAIN_MAX_LOGGED = 12 };

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
    /* Fills the dense NHWC arrays of `inputs` for a step. Called from another thread, one call at a time. */
    cairn_status (*batch)(void *payload, int64_t step, float *const *inputs);
    void *payload;
    FILE *explain; /* not NULL: the program's explain text goes here */
} cairn_training;

/* Appends gradients and the optimiser to the graph, resumes from the folder's checkpoint if there is one, trains to the
 * last step, leaves a checkpoint.
 * error  CAIRN_E_NUMERIC when the loss is not finite; the interruption's status after writing a checkpoint */
cairn_status cairn_train(cairn_training *t);

/* Precise BatchNorm: runs `batches` batches (numbered from `first_step`) through the graph and sets the running statistics
 * to the plain average of the model's moments. `t` as above, its model in training mode with keep_running; what the
 * moments do not need, the loss among it, is not computed. Does not train. */
cairn_status cairn_train_calibrate(cairn_training *t, int64_t first_step, int batches);
/* What cairn_train is made of, for benchmarks: appends the gradients of a scalar loss and one AdamW update for each
 * trainable parameter; *scalars is the input [1,1,1,8] that cairn_train_scalars fills for a step. */
cairn_status cairn_train_add_optimiser(cairn_graph *g, const cairn_model *m, cairn_tid loss, cairn_tid *scalars);
void cairn_train_scalars(const cairn_train_settings *s, int64_t step, float out[8]);
/* Learning rate of a step (0-based). */
double cairn_train_rate(const cairn_train_settings *s, int64_t step);
#endif
