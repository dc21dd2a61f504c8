/* Stage `adaptation`: a detector labels photographs by homographic adaptation (teacher.md 5). */
#include "experiments/stages/stages.h"

#include "experiments/labelling/settings.h"
#include "experiments/stages/common.h"
#include "experiments/stages/labelling.h"
#include "system/file.h"

typedef struct adaptation_settings {
    char teacher[CAIRN_SETTING_TEXT_BYTES];
    int64_t previews;
    cairn_labelling_settings labelling;
} adaptation_settings;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(adaptation_settings, teacher, NULL, "stage whose detector labels"),
    CAIRN_LABELLING_ROWS(adaptation_settings),
    CAIRN_SETTING_INT_ROW(adaptation_settings, previews, 4, 0, 1000,
                          "photos, spread over all, whose heatmap and labels are shown"),
    {0},
};

static const cairn_stage_input inputs[] = {{"teacher", CAIRN_TEACHER_KINDS, false, false}, {0}};

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const adaptation_settings *s = settings;
    cairn_stage_photos *photos = NULL;
    cairn_network *network = NULL;
    char *model = NULL, *folder = NULL;
    uint64_t checkpoint;
    cairn_labelling o = cairn_labelling_from(&s->labelling);
    o.previews = (int)s->previews;
    o.label = stage->name;
    CAIRN_TRY(cairn_stage_model_path(&model, stage, s->teacher));
    CAIRN_TRY(cairn_file_hash(&checkpoint, model));
    CAIRN_TRY(cairn_network_load(&network, stage->gpu, model));
    CAIRN_TRY(cairn_stage_photos_open(&photos, stage, false));
    CAIRN_TRY(cairn_stage_path(&folder, stage, "labels"));
    CAIRN_TRY(cairn_stage_label(stage, network, checkpoint, photos, &o, folder));
done:
    cairn_network_destroy(&network);
    cairn_stage_photos_close(&photos);
    free(model);
    free(folder);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    return cairn_labelling_check(&((const adaptation_settings *)settings)->labelling, where);
}

const cairn_stage_kind cairn_stage_adaptation = {
    .name = "adaptation",
    .help = "a detector labels photographs over many warped views",
    .settings = table,
    .settings_bytes = sizeof(adaptation_settings),
    .inputs = inputs,
    .uses_photos = true,
    .version = 3,
    .check = check,
    .run = run,
};
