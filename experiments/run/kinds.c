/* Every kind of stage that recipes may name. */
#include "experiments/stages/stages.h"

const cairn_stage_kind *const cairn_stage_kinds[] = {
    &cairn_stage_magicpoint,
    &cairn_stage_adaptation,
    &cairn_stage_magicpoint_photos,
    &cairn_stage_superpoint,
    &cairn_stage_student_phase1,
    &cairn_stage_lightglue,
    &cairn_stage_matched_masks,
    &cairn_stage_student_phase2,
    &cairn_stage_student_descriptor,
    &cairn_stage_import,
    &cairn_stage_import_labels,
    &cairn_stage_evaluate,
    &cairn_stage_report,
    NULL,
};
