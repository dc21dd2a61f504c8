#ifndef CAIRN_TRAIN_OPTIMISE_H
#define CAIRN_TRAIN_OPTIMISE_H
/* How a training step moves the parameters: optimiser, learning rate over time, clipping, accumulation, averages. */
#include "base/settings.h"
#include "ops/optimiser/optimiser.h"
#include "train/model.h"

typedef struct cairn_train_settings {
    int64_t steps, batch, warmup, checkpoint_every, log_every, accumulate, step_every;
    double lr, weight_decay, lr_floor, step_factor, momentum, beta1, beta2, eps, clip_norm, ema;
    int schedule;  /* cairn_schedule */
    int optimiser; /* cairn_optimiser_kind */
    int precision; /* CAIRN_PRECISION_FP32 or _MIXED of graph/program.h */
    int recompute; /* cairn_recompute of graph/program.h */
    bool nesterov, eps_hat;
} cairn_train_settings;

/* With t = step / steps and lr_floor as a share of lr:
 *   cosine       from lr to lr_floor along half a cosine       linear   from lr to lr_floor along a line
 *   exponential  lr * lr_floor^t                               step     lr * step_factor^(step / step_every, whole)
 * In the first `warmup` steps the rate is multiplied by (step + 1) / warmup. */
typedef enum cairn_schedule {
    CAIRN_SCHEDULE_CONSTANT,
    CAIRN_SCHEDULE_COSINE,
    CAIRN_SCHEDULE_STEP,
    CAIRN_SCHEDULE_LINEAR,
    CAIRN_SCHEDULE_EXPONENTIAL
} cairn_schedule;
typedef enum cairn_optimiser_kind {
    CAIRN_OPTIMISER_ADAMW,
    CAIRN_OPTIMISER_ADAM, /* weight decay is part of the gradient */
    CAIRN_OPTIMISER_SGD   /* the same */
} cairn_optimiser_kind;

/* The rows' defaults, with one step of one image at lr 1e-3: copy it and set what differs. */
extern const cairn_train_settings cairn_train_defaults;

/* Rows for a stage's table whose struct has a field `train` of the type above. */
#define CAIRN_TRAIN_ROWS(type, steps_, batch_, lr_)                                                                    \
    {"steps", CAIRN_SETTING_INT, offsetof(type, train.steps), steps_, 1, 1e8, NULL, NULL, "optimiser steps"},          \
        {"batch", CAIRN_SETTING_INT, offsetof(type, train.batch), batch_, 1, 1024, NULL, NULL,                         \
         "images a pass; a step is one pass unless accumulate says more"},                                             \
        {"accumulate", CAIRN_SETTING_INT, offsetof(type, train.accumulate), 1, 1, 1024, NULL, NULL,                    \
         "passes a step: the gradient is their mean, so that accumulate 4 with batch 8 trains as batch 32"},           \
        {"optimiser", CAIRN_SETTING_CHOICE, offsetof(type, train.optimiser), 0, 0, 0, NULL, "adamw,adam,sgd",          \
         "adamw decays weights apart from the gradient, adam and sgd through it"},                                     \
        {"lr", CAIRN_SETTING_FLOAT, offsetof(type, train.lr), lr_, 0, 10, NULL, NULL, "learning rate"},                \
        {"weight_decay", CAIRN_SETTING_FLOAT, offsetof(type, train.weight_decay), 0, 0, 1, NULL, NULL,                 \
         "decay of weights (not of biases and normalisation)"},                                                        \
        {"beta1", CAIRN_SETTING_FLOAT, offsetof(type, train.beta1), 0.9, 0, 0.99999, NULL, NULL,                       \
         "Adam: share of the old mean of gradients"},                                                                  \
        {"beta2", CAIRN_SETTING_FLOAT, offsetof(type, train.beta2), 0.999, 0, 0.999999, NULL, NULL,                    \
         "Adam: share of the old mean of squared gradients"},                                                          \
        {"eps", CAIRN_SETTING_FLOAT, offsetof(type, train.eps), 1e-8, 1e-12, 1, NULL, NULL,                            \
         "Adam: added to the root of the mean square"},                                                                \
        {"eps_hat", CAIRN_SETTING_BOOL, offsetof(type, train.eps_hat), 0, 0, 0, NULL, NULL,                            \
         "Adam: eps is TensorFlow's epsilon hat, added before the correction of the first steps"},                     \
        {"momentum", CAIRN_SETTING_FLOAT, offsetof(type, train.momentum), 0.9, 0, 0.99999, NULL, NULL,                 \
         "sgd: share of the old step"},                                                                                \
        {"nesterov", CAIRN_SETTING_BOOL, offsetof(type, train.nesterov), 0, 0, 0, NULL, NULL,                          \
         "sgd: the gradient is looked at ahead of the momentum's step"},                                               \
        {"clip_norm", CAIRN_SETTING_FLOAT, offsetof(type, train.clip_norm), 0, 0, 1e6, NULL, NULL,                     \
         "largest norm of the whole gradient; 0: no limit"},                                                           \
        {"ema", CAIRN_SETTING_FLOAT, offsetof(type, train.ema), 0, 0, 0.999999, NULL, NULL,                            \
         "share of the old value in a running average of the weights, which is the stage's result; 0: no average"},    \
        {"precision", CAIRN_SETTING_CHOICE, offsetof(type, train.precision), 0, 0, 0, NULL, "fp32,mixed",              \
         "mixed keeps activations and their gradients in 16 bits (half the memory), with dynamic loss scaling"},       \
        {"recompute", CAIRN_SETTING_CHOICE, offsetof(type, train.recompute), 0, 0, 0, NULL, "none,cheap",              \
         "cheap makes activations and normalisations again for the backward pass: less memory, the same bits"},        \
        {"schedule", CAIRN_SETTING_CHOICE, offsetof(type, train.schedule), 0, 0, 0, NULL,                              \
         "constant,cosine,step,linear,exponential", "course of the learning rate"},                                    \
        {"lr_floor", CAIRN_SETTING_FLOAT, offsetof(type, train.lr_floor), 0.01, 0, 1, NULL, NULL,                      \
         "last learning rate of the cosine, linear and exponential schedules, as a share of lr"},                      \
        {"step_every", CAIRN_SETTING_INT, offsetof(type, train.step_every), 10000, 1, 1e8, NULL, NULL,                 \
         "steps between changes of the step schedule"},                                                                \
        {"step_factor", CAIRN_SETTING_FLOAT, offsetof(type, train.step_factor), 0.1, 0, 1, NULL, NULL,                 \
         "factor of each change of the step schedule"},                                                                \
        {"warmup", CAIRN_SETTING_INT, offsetof(type, train.warmup), 0, 0, 1e6, NULL, NULL,                             \
         "steps of linear warm-up from zero"},                                                                         \
        {"checkpoint_every", CAIRN_SETTING_INT, offsetof(type, train.checkpoint_every), 100, 1, 1e8, NULL, NULL,       \
         "steps between checkpoints"},                                                                                 \
    {                                                                                                                  \
        "log_every", CAIRN_SETTING_INT, offsetof(type, train.log_every), 10, 1, 1e6, NULL, NULL,                       \
            "steps between lines of metrics.jsonl"                                                                     \
    }

#define CAIRN_TRAIN_NEWER "eps_hat" /* of these rows, for cairn_stage_kind.newer */

/* What one value alone does not show. `where` stands in front of the message (CAIRN_E_INVALID). */
cairn_status cairn_train_check(const cairn_train_settings *s, const char *where);
/* Learning rate of a step (0-based). */
double cairn_train_rate(const cairn_train_settings *s, int64_t step);
/* The scalars of pass 0..accumulate-1 of a step. The average's share is 1 / (step + 1) until that passes below 1 - ema:
 * a plain mean at first, so that the average starts from nothing without a bias. */
void cairn_train_scalars(const cairn_train_settings *s, int64_t step, int64_t pass, float out[CAIRN_OPTIMISER_SCALARS]);

typedef struct cairn_train_optimiser {
    cairn_tid scalars;  /* input that cairn_train_scalars fills for each pass */
    cairn_tid gradient; /* the join of all gradients of a pass */
    cairn_tid control;  /* [1,1,1,4] as the optimiser used it (enum cairn_optimiser_control) */
} cairn_train_optimiser;

/* Appends the gradients of a scalar loss and one optimiser step over all trainable parameters that it depends on.
 * Stored tensors: the joins "parameters", "adam_m", "adam_v" or "sgd_momentum", "gradient_sum" if accumulate > 1 and
 * "ema" if ema > 0, and "loss_scale" in mixed precision (ops/loss_scale.h); the joins' members are the parameters, and
 * adam_m/<parameter> and so on. */
cairn_status cairn_train_add_optimiser(cairn_graph *g, const cairn_model *m, cairn_tid loss,
                                       const cairn_train_settings *s, cairn_train_optimiser *out);
/* The loss scale's state as a checkpoint's text, so that a resumed run gives the same bits; without one in the store,
 * zeros, and reading changes nothing.
 * error  CAIRN_E_FORMAT with `where` for a text that is no such state */
cairn_status cairn_train_scale_to_text(char *out, size_t size, cairn_store *store);
cairn_status cairn_train_scale_from_text(cairn_store *store, const char *text, const char *where);
/* After training with ema: the average takes the parameters' place in the store. */
cairn_status cairn_train_use_average(const cairn_model *m, cairn_store *store);
#endif
