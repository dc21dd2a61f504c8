#ifndef CAIRN_EXPERIMENTS_BENCHMARKS_HOMOGRAPHY_H
#define CAIRN_EXPERIMENTS_BENCHMARKS_HOMOGRAPHY_H
/* Robust homographies on random pairs of points whose homography is known: how often each estimator finds it, how
 * close it comes, which pairs it takes for inliers, and what it costs, beside another program's. On the host. */
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct cairn_benchmark_homography_options {
    int cases;          /* homographies of each kind of case, 1..10000 */
    uint32_t seed;
    const char *python; /* starts `peer` */
    const char *peer;   /* script, called with an .npz of the pairs and the .npz to write
                           (tests/peers/homography_peer.py); "": none */
    bool table;         /* aligned columns; else one line of JSON for each row */
} cairn_benchmark_homography_options;

/* error  CAIRN_E_NOTFOUND, CAIRN_E_FAIL, CAIRN_E_FORMAT of the peer */
cairn_status cairn_benchmark_homography(FILE *out, const cairn_benchmark_homography_options *options);
#endif
