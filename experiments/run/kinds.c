/* Every kind of stage that recipes may name. */
#include "experiments/run/stage.h"

const cairn_stage_kind *const cairn_stage_kinds[] = {
    NULL,
};
