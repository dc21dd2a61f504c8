#ifndef CAIRN_STAGES_COMMON_H
#define CAIRN_STAGES_COMMON_H
/* What several kinds of stage do alike. */
#include "data/image.h"
#include "experiments/run/stage.h"
#include "student/network.h"

/* Saves pictures/<file> in the stage's folder and its caption in pictures/captions.json. */
cairn_status cairn_stage_picture(const cairn_stage *stage, const char *file, const cairn_image *rgb,
                                 const char *caption);
/* Path of model.safetensors of an input stage; the caller frees. */
cairn_status cairn_stage_model_path(char **path, const cairn_stage *stage, const char *stage_name);
/* Writes model.safetensors (weights and running statistics, no optimiser) into the stage's folder. */
cairn_status cairn_stage_save_model(const cairn_stage *stage, cairn_store *store, const cairn_model *model,
                                    const cairn_network_spec *spec, int64_t step);
/* The detector's last bias such that a share `prior` of the cells has a point at first, as their true share is about.
 * Adam moves a bias by lr a step, so that learning the share itself would take the first thousands of steps.
 * 0: nothing. */
cairn_status cairn_stage_set_dustbin(cairn_store *store, double prior);
/* Purposes of random streams inside a stage, so that no two draws share numbers. */
enum {
    CAIRN_PURPOSE_SAMPLE = 1,
    CAIRN_PURPOSE_AUGMENT,
    CAIRN_PURPOSE_AUGMENT_WARPED,
    CAIRN_PURPOSE_LABELS,
    CAIRN_PURPOSE_LABELS_WARPED,
    CAIRN_PURPOSE_WARP,
    CAIRN_PURPOSE_ORDER,
    CAIRN_PURPOSE_VALIDATION
};
#endif
