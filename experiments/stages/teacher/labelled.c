#include "experiments/stages/teacher/labelled.h"

#include "base/log.h"
#include "experiments/stages/common.h"
#include "train/checkpoint.h"

#include <stdlib.h>

cairn_status cairn_labelled_open(cairn_photo_feed *out, const cairn_stage *stage, int64_t batch, const char *labels)
{
    const cairn_status st = cairn_photo_feed_open(out, stage, batch);
    return st < 0 ? st : cairn_photo_feed_label_from(out, labels);
}

cairn_status cairn_labelled_start(cairn_training *t, const cairn_stage *stage, const char *from)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    int loaded;
    if (!from[0]) return CAIRN_OK;
    CAIRN_TRY(cairn_stage_model_path(&path, stage, from));
    CAIRN_TRY(cairn_checkpoint_load_matching(path, t->store, t->model, &loaded));
    cairn_info("%s: %d of %d tensors start from %s", stage->name, loaded, t->model->count, from);
done:
    free(path);
    return st;
}
