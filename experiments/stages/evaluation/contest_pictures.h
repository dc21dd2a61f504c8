#ifndef CAIRN_STAGES_CONTEST_PICTURES_H
#define CAIRN_STAGES_CONTEST_PICTURES_H
/* Pictures of an evaluation: what each method finds on a photo, and its matches with the warp. */
#include "experiments/evaluation/evaluate.h"
#include "experiments/run/stage.h"

enum { CAIRN_CONTEST_MOST = 24 };

/* Draws `pairs` pairs, spread over the source of a view, into the stage's pictures. */
cairn_status cairn_contest_pictures(const cairn_stage *stage, const cairn_pair_source *source, cairn_view_id view,
                                    const cairn_predictions *methods, int count, const cairn_protocol *protocol,
                                    int pairs);
#endif
