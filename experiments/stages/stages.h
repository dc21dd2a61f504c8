#ifndef CAIRN_STAGES_STAGES_H
#define CAIRN_STAGES_STAGES_H
/* The kinds of stage of this program; experiments/run/kinds.c lists them. */
#include "experiments/run/stage.h"

#define CAIRN_TEACHER_KINDS "magicpoint,magicpoint-photos,superpoint,import"  /* whose model is a detector of cells */
#define CAIRN_LABEL_KINDS "adaptation,import-labels" /* which keep labels of photographs */
#define CAIRN_STUDENT_KINDS "student-phase1,student-phase2,student-descriptor" /* whose model is a student */

extern const cairn_stage_kind cairn_stage_magicpoint;
extern const cairn_stage_kind cairn_stage_adaptation;
extern const cairn_stage_kind cairn_stage_magicpoint_photos;
extern const cairn_stage_kind cairn_stage_superpoint;
extern const cairn_stage_kind cairn_stage_student_phase1;
extern const cairn_stage_kind cairn_stage_lightglue;
extern const cairn_stage_kind cairn_stage_matched_masks;
extern const cairn_stage_kind cairn_stage_student_phase2;
extern const cairn_stage_kind cairn_stage_student_descriptor;
extern const cairn_stage_kind cairn_stage_import;
extern const cairn_stage_kind cairn_stage_import_labels;
extern const cairn_stage_kind cairn_stage_evaluate;
extern const cairn_stage_kind cairn_stage_report;
#endif
