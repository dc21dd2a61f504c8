#ifndef CAIRN_STAGES_MATCHING_COMPARISON_H
#define CAIRN_STAGES_MATCHING_COMPARISON_H
/* A trained matcher beside mutual nearest neighbours, on pairs whose truth is known (matching.md 3.4). */
#include "matching/matcher.h"

#include "experiments/stages/matching/pairs.h"

/* Over all pairs so far; the shares are sums over pairs, the average precision is the mean over pairs that have a true
 * match. */
typedef struct cairn_match_counts {
    int64_t predicted; /* matches of which neither point is to be ignored */
    int64_t correct, truths;
    double average_precision; /* sum over `judged` pairs */
    int judged;
} cairn_match_counts;

/* Adds one pair. matches: any order. of_a, of_b: cairn_match_truth. A match between points that both have other
 * counterparts or none is wrong; one with a point that the truth ignores does not count.
 * error  CAIRN_E_NOMEM */
cairn_status cairn_match_count(cairn_match_counts *counts, const cairn_match *matches, int count, const int *of_a,
                               int n, const int *of_b, int m);
double cairn_match_precision(const cairn_match_counts *counts); /* correct / predicted; 0 for none */
double cairn_match_recall(const cairn_match_counts *counts);    /* correct / truths; 0 for none */
double cairn_match_average(const cairn_match_counts *counts);

typedef struct cairn_comparison_options {
    const char *folder; /* of the pairs */
    int pairs, points, dimension, h, w;
    double near, far; /* cairn_match_truth */
} cairn_comparison_options;

/* Runs both on every pair and writes `out`, JSON. counts: [0] the matcher, [1] mutual nearest neighbours. A progress
 * bar. */
cairn_status cairn_stage_compare_matchers(cairn_match_counts counts[2], const cairn_matcher *matcher,
                                          const cairn_comparison_options *options, const char *out);
#endif
