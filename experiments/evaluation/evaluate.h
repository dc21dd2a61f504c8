#ifndef CAIRN_EVALUATION_EVALUATE_H
#define CAIRN_EVALUATION_EVALUATE_H
/* Measures methods on pairs of images, with the same images and the same rules for everyone, and says what came out:
 * every pair, the summaries with their 95 % intervals, and paired comparisons. */
#include "experiments/evaluation/results/measures.h"
#include "experiments/evaluation/metrics/metrics.h"
#include "experiments/evaluation/pairs/pairs.h"
#include "experiments/predictions/predictions.h"

enum { CAIRN_MMA_STEPS = 10, CAIRN_KINDS_OF_PAIRS = CAIRN_PAIR_KINDS + 1 };

/* One method on one pair. NaN: does not apply (no descriptors; nothing shared). */
typedef struct cairn_pair_row {
    double value[CAIRN_MEASURES]; /* pooled measures: NaN here. The homography error is INFINITY without a model */
    double mma[CAIRN_MMA_STEPS];  /* share of matches right within 1..10 pixels */
    double error_dlt;             /* of the homography without robust estimation, pixels */
    double errors[CAIRN_PROTOCOL_THRESHOLDS], inliers[CAIRN_PROTOCOL_THRESHOLDS]; /* for each RANSAC distance tried */
} cairn_pair_row;

typedef struct cairn_evaluation_pair {
    char name[CAIRN_PAIR_NAME_BYTES + 16], sequence[CAIRN_PAIR_NAME_BYTES];
    cairn_pair_kind kind;
    bool used; /* false: could not be read */
} cairn_evaluation_pair;

typedef struct cairn_evaluation_method {
    char name[64], weights[128];
    cairn_role role;
    int dimension;
    bool nearest;         /* matched by nearest neighbours, which have an average precision; not by a matcher */
    cairn_pair_row *rows; /* [pairs]; owned */
    double threshold;     /* RANSAC distance in use, pixels: where the protocol has several, the best for this method */
    /* Average precision over the matches of all pairs of a kind [kind], and of all [CAIRN_PAIR_KINDS]. */
    cairn_interval pooled[CAIRN_KINDS_OF_PAIRS];
} cairn_evaluation_method;

typedef struct cairn_evaluation {
    cairn_protocol protocol;
    char set[64];
    char device[256], driver[256]; /* of the networks; "" without one; the caller's to fill in */
    uint32_t seed;
    int resamples;
    int pairs, used, skipped, methods;
    cairn_evaluation_pair *pair;     /* [pairs]; owned */
    cairn_evaluation_method *method; /* [methods]; owned */
} cairn_evaluation;

typedef struct cairn_evaluation_options {
    const cairn_protocol *protocol;
    uint32_t seed; /* of RANSAC and of the bootstrap */
    int resamples; /* of the bootstrap; 0: 1000 */
    bool progress; /* a bar on standard error */
} cairn_evaluation_options;

/* sources: the same pairs at the size of each view; that of a view which the protocol does not use is not looked at.
 * Pairs that cannot be read are skipped, named in the log, and counted; a method that fails ends the evaluation.
 * error  the methods'; CAIRN_E_INVALID when no pair could be used; *out stays empty */
cairn_status cairn_evaluation_run(cairn_evaluation *out, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                                  const cairn_predictions *methods, int count, const cairn_evaluation_options *options);
void cairn_evaluation_free(cairn_evaluation *evaluation);

/* Whether the pairs of a kind belong to `wanted`; CAIRN_PAIR_KINDS ("all") has everything but blur, which HPatches has
 * not and which is reported apart, unless there is nothing else. */
bool cairn_evaluation_takes(const cairn_evaluation *evaluation, int pair, cairn_pair_kind wanted);
int cairn_evaluation_count(const cairn_evaluation *evaluation, cairn_pair_kind kind);
/* Whether any method has a value of a measure. */
bool cairn_evaluation_has(const cairn_evaluation *evaluation, cairn_measure measure);
/* The measure's mean, median, area or pooled precision of method m over the used pairs of a kind (CAIRN_PAIR_KINDS:
 * all), with its interval over resampled pairs. */
cairn_status cairn_evaluation_summary(cairn_interval *out, const cairn_evaluation *evaluation, int m,
                                      cairn_measure measure, cairn_pair_kind kind);
/* The mean of the differences, pair by pair, of methods m and baseline; count 0 for pooled measures. */
cairn_status cairn_evaluation_compare(cairn_interval *out, const cairn_evaluation *evaluation, int m, int baseline,
                                      cairn_measure measure);
/* First method with a role, or -1. */
int cairn_evaluation_find(const cairn_evaluation *evaluation, cairn_role role);
/* The comparisons that are worth a sentence: teacher and student against untrained networks, student against teacher,
 * teacher against each classical method. Pairs of method and baseline; at most `room`; returns how many. */
int cairn_evaluation_comparisons(int (*pairs)[2], int room, const cairn_evaluation *evaluation);

/* ---- results.h of an evaluation ---- */
/* One entry of "sets" in evaluation.json (docs/evaluation.md); the caller adds to it or deletes it. NULL on failure. */
cairn_status cairn_evaluation_json(cJSON **out, const cairn_evaluation *evaluation);
/* Writes FOLDER/evaluation.json, {"version":2,"sets":[...]}, by rename. Takes the sets over (also on failure). */
cairn_status cairn_evaluation_write_sets(cJSON **sets, int count, const char *folder);
/* The same from evaluations. */
cairn_status cairn_evaluation_write(const cairn_evaluation *const *sets, int count, const char *folder);

typedef struct cairn_table_style {
    int columns;   /* characters in a line; tables fold at group and column borders; 0: 100 */
    bool bold;     /* the best by the terminal's bold */
    bool markdown; /* Markdown tables instead, without the times, which belong to a machine and an hour */
} cairn_table_style;
/* Tables by groups of measures, the comparisons below. *out is the caller's, free() it. */
cairn_status cairn_evaluation_table(char **out, const cairn_evaluation *evaluation, const cairn_table_style *style);
#endif
