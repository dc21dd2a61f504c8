#ifndef CAIRN_BENCHMARKS_COMPARE_H
#define CAIRN_BENCHMARKS_COMPARE_H
/* This program and another engine on the same work, in turn: `cairn benchmark model` and a script that takes the same
 * options (--model, --mode, --height, --width, --batch, --runs, --warmup, --threads) and prints the same JSON line
 * (engine, device, threads, amp, channels_last, compile, ms_median, parameters: a warning says where they differ);
 * torch_peer.py beside this file is one. Both run as child processes, one after the other, and who begins changes from
 * round to round, so that a machine that gets slower or busier meets both. */
#include "base/status.h"

#include <stdio.h>

typedef struct cairn_compare_case {
    const char *model;
    int train, height, width, batch;
} cairn_compare_case;

/* The table of docs/performance.md, the same for a GPU, and what teacher and students cost in inference at 480x640 and
 * 1080p (1088x1920: a multiple of 32). Each list ends with {0}. */
extern const cairn_compare_case cairn_compare_cpu[], cairn_compare_gpu[], cairn_compare_cost[];

typedef struct cairn_compare_options {
    const cairn_compare_case *cases; /* ended by {0} */
    const char *program;             /* this program's file */
    const char *python, *peer;       /* the peer is started as `python peer ...` */
    const char *our_words, *peer_words; /* more options for either side, separated by spaces; may be "" */
    int rounds, runs, warmup, threads;  /* threads: of both sides where the device is a CPU; 0: all cores */
    FILE *lines; /* NULL: none. One JSON line for each round of a case, with both sides' own lines in it, and one with
                    the medians for each case: ratio is peer_ms / cairn_ms, our speed as a share of theirs */
    FILE *table; /* NULL: none. Markdown, with what ran where and in which precision above it */
} cairn_compare_options;

/* error  CAIRN_E_NOTFOUND if a program is missing; CAIRN_E_FAIL with the exit code, CAIRN_E_FORMAT with what was
 *        printed instead of a line of results */
cairn_status cairn_benchmark_compare(const cairn_compare_options *options);
#endif
