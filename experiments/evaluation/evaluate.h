#ifndef CAIRN_EVALUATION_EVALUATE_H
#define CAIRN_EVALUATION_EVALUATE_H
/* Runs methods over pairs of images, with the same images and the same suppression for everyone, and writes what came
 * out: every pair, the means with their 95 % intervals, and paired comparisons. */
#include "experiments/evaluation/detector.h"
#include "experiments/evaluation/metrics.h"
#include "experiments/evaluation/pairs.h"

/* What a method is to the report. */
typedef enum cairn_role {
    CAIRN_ROLE_CLASSICAL,
    CAIRN_ROLE_TEACHER,
    CAIRN_ROLE_UNTRAINED_TEACHER, /* the teacher's network with its first weights */
    CAIRN_ROLE_STUDENT,
    CAIRN_ROLE_UNTRAINED_STUDENT,
    CAIRN_ROLE_CHANCE, /* random points */
    CAIRN_ROLES
} cairn_role;
const char *cairn_role_name(cairn_role role); /* classical, teacher, untrained-teacher, student, ... as in the JSON */

typedef struct cairn_method {
    const cairn_detector *detector; /* borrowed */
    cairn_role role;
    const char *weights; /* what identifies the weights (a hash, a file); NULL for none */
} cairn_method;

typedef struct cairn_evaluation_options {
    const char *protocol;            /* id of the protocol in tables; numbers of different ids are not comparable */
    double eps;                      /* repeatability and correct matches, pixels */
    int top_k;                       /* points for repeatability, after the visibility filter */
    int points;                      /* points kept after suppression; all of them take part in matching */
    int nms_radius, border;          /* pixels; the suppression that every method goes through */
    cairn_estimate_options estimate; /* its `shared` is ignored: both are measured; top_k 0 means `points` */
    uint32_t seed;
    int resamples; /* of the bootstrap */
} cairn_evaluation_options;
/* rep-tf's numbers (eps 3, 300 points) with 1000 points for matching, radius 4, border 4 for everyone. */
#define CAIRN_EVALUATION_OPTIONS_INIT                                                                                  \
    ((cairn_evaluation_options){"rep-tf", 3.0, 300, 1000, 4, 4,                                                       \
                                 {.shared = true, .threshold = 3.0, .iterations = 2000, .confidence = 0.995}, 0, 1000})

enum { CAIRN_THRESHOLDS = 3 };
extern const double cairn_homography_thresholds[CAIRN_THRESHOLDS]; /* 1, 3, 5 pixels */

/* One method on one pair. NaN: does not apply (no descriptors; nothing shared). */
typedef struct cairn_pair_row {
    double repeatability, localisation;
    double matching_score, precision;         /* nearest-neighbour average precision */
    double corner_error, corner_error_shared; /* pixels; INFINITY when no model was found */
    double points, matches, inliers; /* points: mean of the two images; matches, inliers: without the shared filter */
    double seconds;                  /* detection, mean of the two images */
} cairn_pair_row;

typedef struct cairn_evaluation_pair {
    char name[128];
    cairn_pair_kind kind;
    bool used; /* false: could not be read */
} cairn_evaluation_pair;

typedef struct cairn_evaluation_method {
    char name[64], weights[128];
    cairn_role role;
    int dimension;
    cairn_pair_row *rows;    /* [pairs]; owned */
    double pooled_precision; /* NN average precision over all matches of all pairs; NaN without descriptors */
} cairn_evaluation_method;

typedef struct cairn_evaluation {
    char protocol[64], set[64];
    cairn_evaluation_options options; /* `protocol` in it is NULL */
    int h, w;                         /* of the first pair's images */
    int pairs, used, skipped, methods;
    cairn_evaluation_pair *pair;     /* [pairs]; owned */
    cairn_evaluation_method *method; /* [methods]; owned */
} cairn_evaluation;

/* Columns of the tables, in order. */
typedef enum cairn_measure {
    CAIRN_MEASURE_REPEATABILITY,
    CAIRN_MEASURE_LOCALISATION,
    CAIRN_MEASURE_MATCHING_SCORE,
    CAIRN_MEASURE_PRECISION,
    CAIRN_MEASURE_HOMOGRAPHY_1,
    CAIRN_MEASURE_HOMOGRAPHY_3,
    CAIRN_MEASURE_HOMOGRAPHY_5,
    CAIRN_MEASURE_HOMOGRAPHY_SHARED_1,
    CAIRN_MEASURE_HOMOGRAPHY_SHARED_3,
    CAIRN_MEASURE_HOMOGRAPHY_SHARED_5,
    CAIRN_MEASURE_POINTS,
    CAIRN_MEASURE_MATCHES,
    CAIRN_MEASURES
} cairn_measure;
const char *cairn_measure_name(cairn_measure measure); /* repeatability, localisation, ..., homography@3, ... */
/* The value of one row; for the homography measures 1 or 0. */
double cairn_measure_of_row(cairn_measure measure, const cairn_pair_row *row);

/* Pairs that cannot be read are skipped, named in the log, and counted; a method that fails ends the evaluation.
 * progress  shows a bar on standard error
 * error     the methods'; CAIRN_E_INVALID when no pair could be used; *out stays empty */
cairn_status cairn_evaluation_run(cairn_evaluation *out, const cairn_pair_source *source, const cairn_method *methods,
                                  int count, const cairn_evaluation_options *options, bool progress);
void cairn_evaluation_free(cairn_evaluation *evaluation);

/* Mean and interval of one measure of method m over the used pairs of a kind (CAIRN_PAIR_KINDS: all). */
cairn_status cairn_evaluation_summary(cairn_interval *out, const cairn_evaluation *evaluation, int m,
                                      cairn_measure measure, cairn_pair_kind kind);
/* The same of the differences, pair by pair, of methods m and baseline. */
cairn_status cairn_evaluation_compare(cairn_interval *out, const cairn_evaluation *evaluation, int m, int baseline,
                                      cairn_measure measure);
/* First method with a role, or -1. */
int cairn_evaluation_find(const cairn_evaluation *evaluation, cairn_role role);

/* The comparisons that are worth a sentence: teacher and student against untrained networks, student against teacher,
 * teacher against each classical method. Pairs of method and baseline; at most `room`; returns how many. */
int cairn_evaluation_comparisons(int (*pairs)[2], int room, const cairn_evaluation *evaluation);
/* Writes <folder>/evaluation.json by rename: {"version":1, "sets":[...]}, one entry for each evaluation. Numbers that
 * do not apply are null; so is a corner error where no model was found. */
cairn_status cairn_evaluation_write(const cairn_evaluation *const *sets, int count, const char *folder);
/* A table for the terminal, with the comparisons below it. *out is the caller's, free() it. */
cairn_status cairn_evaluation_table(char **out, const cairn_evaluation *evaluation);
#endif
