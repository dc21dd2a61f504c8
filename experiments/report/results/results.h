#ifndef CAIRN_REPORT_RESULTS_H
#define CAIRN_REPORT_RESULTS_H
/* Private to the report: the evaluation.json files of all runs as sets whose methods can be compared. Methods meet in
 * one set only when protocol, set of images, parameters and the list of pairs are the same. */
#include "experiments/report/run_files.h"

#include <stdbool.h>
#include <stdio.h>

enum { CAIRN_RESULT_METHODS = 64, CAIRN_RESULT_MEASURES = 64, CAIRN_RESULT_KINDS = 12, CAIRN_MMA_STEPS = 10 };

typedef struct cairn_result_measure {
    char id[64], title[96], unit[32], group[32];
    int better; /* 1 more, -1 less, 0 neither */
    bool headline;
} cairn_result_measure;

typedef struct cairn_result_value {
    double mean, low, high; /* NaN where missing */
    int count;
} cairn_result_value;

typedef struct cairn_result_method {
    char name[128], role[32], weights[128];
    const char *origin; /* name of the run or stage that it comes from; borrowed */
    const cJSON *json;  /* borrowed from the run's files */
    const cJSON *set;   /* the set that it stood in */
    const char *folder; /* where that set's pictures lie; borrowed */
    double *rows;       /* [pairs, columns], NaN where missing; NULL: none; owned */
    int columns;        /* the first so many measures of the set */
} cairn_result_method;

typedef struct cairn_result_pair {
    const char *name, *sequence, *kind; /* borrowed */
    bool used;
} cairn_result_pair;

typedef struct cairn_result_set {
    char id[96]; /* unique on the page; letters, digits, hyphens */
    char protocol[64], set[128], device[128], driver[256];
    const cJSON *json; /* the first run's; borrowed */
    cairn_result_measure measures[CAIRN_RESULT_MEASURES];
    int measure_count;
    char kinds[CAIRN_RESULT_KINDS][32]; /* "all" first */
    int kind_count;
    cairn_result_method *methods; /* owned */
    int method_count;
    cairn_result_pair *pairs; /* owned */
    int pair_count;
    bool blur_apart; /* "all" means all but blur */
    bool apart;      /* the same protocol and set as another one, but other pairs or parameters */
} cairn_result_set;

typedef struct cairn_results {
    cairn_result_set *sets; /* owned */
    int count;
    char notes[1024]; /* what was left out and why, sentences; may be empty */
} cairn_results;

/* Any JSON is accepted; what is missing or of another type is left out. The files of `runs` must outlive the result.
 * error  CAIRN_E_NOMEM */
cairn_status cairn_results_read(cairn_results *out, const cairn_run_files *runs, int count);
void cairn_results_free(cairn_results *results);

cairn_result_value cairn_result_of(const cairn_result_set *set, int method, const char *kind, int measure);
/* One pair's value, NaN if there is none. */
double cairn_result_row(const cairn_result_set *set, int method, int pair, int measure);
/* Whether a pair was used and is of the kind, and how many are. "all" leaves out the blur sequences, which are reported
 * apart, unless there is nothing else (experiments/evaluation does the same). */
bool cairn_result_pair_is(const cairn_result_set *set, int pair, const char *kind);
/* What the file says of the number of pairs or images of a kind: rows may each stand for several images. */
int cairn_result_count(const cairn_result_set *set, const char *kind);
int cairn_result_pairs_of(const cairn_result_set *set, const char *kind);
int cairn_result_find_method(const cairn_result_set *set, const char *name);
/* What the numbers of a set are means over: pairs or images. */
const char *cairn_result_noun(const cairn_result_set *set);
/* What rows are put together to: sequence, shape or interval. */
const char *cairn_result_part(const cairn_result_set *set);
/* The title of a kind: "viewpoint", "all pairs", "all pairs but blur". */
void cairn_result_kind_title(char out[48], const cairn_result_set *set, const char *kind);
/* Colour of a role in the style sheet: 1 teacher, 2 student, 3 classical, 4 other; and its class. */
int cairn_result_colour(const char *role);
const char *cairn_result_class(const char *role);
#endif
