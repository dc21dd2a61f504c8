#ifndef CAIRN_DETECTORS_DESCRIBER_H
#define CAIRN_DETECTORS_DESCRIBER_H
/* A network that lends its descriptors to detectors without any. Several share one, and a contest shows each of them
 * the same images one after the other, so the last maps are kept. */
#include "data/image.h"
#include "student/network.h"

typedef struct cairn_describer cairn_describer;

/* Takes the network over (also on failure). error  CAIRN_E_INVALID: it has no descriptors */
cairn_status cairn_describer_create(cairn_describer **out, cairn_network *network);
void cairn_describer_destroy(cairn_describer **describer);
int cairn_describer_dimension(const cairn_describer *describer);
/* out  map  [cells(h), cells(w), dimension] of a gray image; the flags are those of cairn_network_use_raw_descriptors
 *           and cairn_network_use_batch_statistics. One caller at a time. */
cairn_status cairn_describer_map(float *map, cairn_describer *describer, const cairn_image *gray, bool raw,
                                 bool batch_statistics);
#endif
