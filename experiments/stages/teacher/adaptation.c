/* Stage `adaptation`: a detector labels photographs by homographic adaptation (teacher.md 5). */
#include "experiments/stages/stages.h"

#include "experiments/stages/common.h"
#include "experiments/stages/labelling.h"
#include "system/file.h"

typedef struct adaptation_settings {
    char teacher[CAIRN_SETTING_TEXT_BYTES];
    int64_t views, chunk, radius, border, top_k, previews;
    double threshold, max_angle;
} adaptation_settings;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(adaptation_settings, teacher, NULL, "stage whose detector labels"),
    CAIRN_SETTING_INT_ROW(adaptation_settings, views, 100, 1, 1000,
                          "looks at each photo, the first is the photo itself"),
    CAIRN_SETTING_INT_ROW(adaptation_settings, chunk, 0, 0, 1000,
                          "views at a time, a divisor of views; 0: as many as 25"),
    CAIRN_SETTING_FLOAT_ROW(adaptation_settings, threshold, 0.015, 0, 1,
                            "probability above which a pixel may be a label"),
    CAIRN_SETTING_INT_ROW(adaptation_settings, radius, 4, 0, 64, "of the suppression, pixels"),
    CAIRN_SETTING_INT_ROW(adaptation_settings, border, 0, 0, 64, "pixels at the edge without labels"),
    CAIRN_SETTING_INT_ROW(adaptation_settings, top_k, 0, 0, 100000, "labels of a photo at most, 0: all"),
    CAIRN_SETTING_FLOAT_ROW(adaptation_settings, max_angle, 3.141592653589793, 0, 3.15,
                            "rotation of a view at most, radians"),
    CAIRN_SETTING_INT_ROW(adaptation_settings, previews, 4, 0, 1000,
                          "photos, spread over all, whose heatmap and labels are shown"),
    {0},
};

static const cairn_stage_input inputs[] = {{"teacher", "magicpoint,superpoint", false, false}, {0}};

static int chunk_of(const adaptation_settings *s)
{
    if (s->chunk) return (int)s->chunk;
    int chunk = (int)(s->views < 25 ? s->views : 25);
    while (s->views % chunk) chunk--;
    return chunk;
}

static cairn_status run(cairn_stage *stage, const void *settings)
{
    cairn_status st = CAIRN_OK;
    const adaptation_settings *s = settings;
    cairn_stage_photos *photos = NULL;
    cairn_network *network = NULL;
    char *model = NULL, *folder = NULL;
    uint64_t checkpoint;
    cairn_labelling o = {.adaptation = {.views = (int)s->views, .chunk = chunk_of(s), .margin = 3},
                         .threshold = s->threshold, .radius = (int)s->radius, .border = (int)s->border,
                         .top_k = (int)s->top_k, .previews = (int)s->previews, .label = stage->name};
    o.adaptation.homography = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    o.adaptation.homography.max_angle = s->max_angle;
    CAIRN_TRY(cairn_stage_model_path(&model, stage, s->teacher));
    CAIRN_TRY(cairn_stage_file_hash(&checkpoint, model));
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
    const adaptation_settings *s = settings;
    if (s->chunk && s->views % s->chunk)
        return cairn_error_set(CAIRN_E_INVALID, "%s: chunk is %lld; it must divide views, %lld", where,
                               (long long)s->chunk, (long long)s->views);
    return CAIRN_OK;
}

const cairn_stage_kind cairn_stage_adaptation = {
    .name = "adaptation",
    .help = "a detector labels photographs over many warped views",
    .settings = table,
    .settings_bytes = sizeof(adaptation_settings),
    .inputs = inputs,
    .uses_photos = true,
    .version = 2,
    .check = check,
    .run = run,
};
