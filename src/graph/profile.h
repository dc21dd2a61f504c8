#ifndef CAIRN_GRAPH_PROFILE_H
#define CAIRN_GRAPH_PROFILE_H
/* Where a program's time went: tables for people, and the same as JSON. The program was created with options.profile
 * (every dispatch timed, with a barrier behind each, so that the sum is somewhat above an unprofiled run) and has run.
 *
 * GFLOP/s counts the estimated operations of an op over the time of all its dispatches. GB/s counts the bytes of the
 * windows that each dispatch binds, read or written, once each: what must move at least, unless a kernel uses a part of
 * a window only. "ceiling" is the share of what the device could do at best: the larger of the two rates, each over its
 * measured ceiling (gpu/ceilings.h). Data that stays in a cache may pass 100 %. */
#include "gpu/ceilings.h"
#include "graph/program.h"

/* ceilings: NULL leaves those columns out.
 * error  CAIRN_E_UNSUPPORTED without profile or timestamps */
cairn_status cairn_profile_print(FILE *out, cairn_program *program, const cairn_ceilings *ceilings);
/* One object on one line: total_ms, ceilings, and by_op, by_kernel, by_shape: arrays of {name, dispatches, ms, share,
 * gflops, gbps, ceiling}, longest first. */
cairn_status cairn_profile_json(FILE *out, cairn_program *program, const cairn_ceilings *ceilings);
#endif
