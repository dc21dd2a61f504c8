#ifndef CAIRN_STUDENT_NETWORK_H
#define CAIRN_STUDENT_NETWORK_H
/* Any trained network, teacher or student, ready to look at images. */
#include "gpu/gpu.h"
#include "student/drop_in.h"
#include "student/sp_fpn.h"
#include "teacher/superpoint.h"

typedef enum cairn_network_kind {
    CAIRN_NETWORK_SUPERPOINT,
    CAIRN_NETWORK_SP_FPN,
    CAIRN_NETWORK_DROP_IN
} cairn_network_kind;

/* What a checkpoint's metadata "model" says, as "superpoint width=0.25 descriptor=64 order=bn-relu" or
 * "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small" (of which the last word may be missing) or
 * "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=256 separable=1 backbone=small". */
typedef struct cairn_network_spec {
    cairn_network_kind kind;
    cairn_superpoint_options superpoint;
    cairn_sp_fpn_options sp_fpn; /* backbone and pyramid of drop-in too */
    cairn_drop_in_heads heads;   /* of drop-in */
} cairn_network_spec;

void cairn_network_describe(char *text, size_t size, const cairn_network_spec *spec);
/* error  CAIRN_E_FORMAT with `where` in front */
cairn_status cairn_network_parse(cairn_network_spec *spec, const char *text, const char *where);

typedef struct cairn_network_graph {
    cairn_tid logits;     /* superpoint and drop-in [N,H/8,W/8,65]; sp-fpn [N,H,W,1] */
    cairn_tid heatmap;    /* [N,H,W,1] probability */
    cairn_tid descriptor; /* [N,H/8,W/8,D] or CAIRN_NONE */
    cairn_tid raw;        /* the same before normalisation */
} cairn_network_graph;
/* Puts the network on `image` [N,H,W,1] into m's graph. */
cairn_network_graph cairn_network_build(cairn_model *m, const cairn_network_spec *spec, cairn_tid image);

/* The network's parameters, for a graph that holds it beside others: as cairn_checkpoint_start. */
cairn_status cairn_network_fill_store(cairn_store *store, const cairn_network_spec *spec, const char *path,
                                      uint32_t seed);

typedef struct cairn_network cairn_network;
/* error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT with the file's name */
cairn_status cairn_network_load(cairn_network **out, cairn_gpu *gpu, const char *path);
/* A network with the initial values of `seed`: what training starts from, the null hypothesis of an evaluation. */
cairn_status cairn_network_create_untrained(cairn_network **out, cairn_gpu *gpu, const cairn_network_spec *spec,
                                            uint32_t seed);
void cairn_network_destroy(cairn_network **network);
const cairn_network_spec *cairn_network_get_spec(const cairn_network *network);
/* Its parameters; borrowed. */
cairn_store *cairn_network_store(cairn_network *network);
/* Normalisation over the batch by the statistics of the images of a run, as in training, instead of the running ones
 * (default). Changes what cairn_network_run gives from the next call on; the running statistics stay. */
void cairn_network_use_batch_statistics(cairn_network *network, bool use);
/* cairn_network_run gives descriptors before their normalisation instead of behind it (default): for conventions that
 * interpolate first (CAIRN_SAMPLE_LEGACY). */
void cairn_network_use_raw_descriptors(cairn_network *network, bool use);
/* Channels of the descriptor; 0: none. */
int cairn_network_dimension(const cairn_network *network);
/* Size of the descriptor map for an image side: ceil(side / 8). */
static inline int cairn_network_cells(int side) { return (side + 7) / 8; }

/* Runs n images [n,h,w] (in [0,1], h and w at least 32; sides are padded to multiples of 8 with edge values and cut
 * again). heatmap [n,h,w]; descriptors [n, cells(h), cells(w), dimension] or NULL. Programs of the last four sizes are
 * kept. */
cairn_status cairn_network_run(cairn_network *network, const float *images, int n, int h, int w, float *heatmap,
                               float *descriptors);
#endif
