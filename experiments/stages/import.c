/* Stage `import`: a trained network from a file takes the place of a stage that trains one. */
#include "experiments/stages/stages.h"

#include "experiments/stages/common.h"
#include "system/file.h"
#include "train/checkpoint.h"

typedef struct import_settings {
    char file[CAIRN_SETTING_TEXT_BYTES];
} import_settings;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(import_settings, file, NULL,
                           "checkpoint of this project: a stage's model.safetensors, or what cairn import writes"),
    {0},
};

/* Copies the file, once it is known that a network is in it. A file that changes under its name is not noticed: the
 * stage is stale by its name only. */
static cairn_status run(cairn_stage *stage, const void *settings)
{
    enum { MOST = 1 << 30 };
    cairn_status st = CAIRN_OK;
    const import_settings *s = settings;
    cairn_network *network = NULL;
    uint8_t *bytes = NULL;
    char *out = NULL;
    size_t size = 0;
    CAIRN_TRY(cairn_network_load(&network, stage->gpu, s->file)); /* every tensor is there, with its shape */
    CAIRN_TRY(cairn_file_read(&bytes, &size, s->file, MOST));
    CAIRN_TRY(cairn_stage_path(&out, stage, "model.safetensors"));
    CAIRN_TRY(cairn_file_write(out, bytes, size));
done:
    cairn_network_destroy(&network);
    free(bytes);
    free(out);
    return st;
}

static cairn_status check(const void *settings, const char *where)
{
    const import_settings *s = settings;
    if (s->file[0]) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID, "%s: file is not set; name a checkpoint, as STAGE.file=model.safetensors "
                                            "on the command line",
                           where);
}

const cairn_stage_kind cairn_stage_import = {
    .name = "import",
    .help = "a trained network from a file",
    .settings = table,
    .settings_bytes = sizeof(import_settings),
    .version = 1,
    .check = check,
    .run = run,
};
