#include "experiments/stages/training.h"

#include "experiments/stages/common.h"

static int batches_of(const cairn_stage_training *o)
{
    const int64_t batch = o->settings->batch;
    return (int)(o->calibrate == CAIRN_CALIBRATE_IMAGES ? (CAIRN_CALIBRATED_IMAGES + batch - 1) / batch : o->calibrate);
}

/* The same graph with the running statistics left alone, so that only what the moments need is computed. */
static cairn_status calibrate(const cairn_training *t, const cairn_stage_training *o)
{
    cairn_status st = CAIRN_OK;
    cairn_training c = *t;
    cairn_model m = {0};
    c.g = NULL;
    CAIRN_TRY(cairn_graph_create(&c.g));
    cairn_model_init(&m, c.g, true);
    m.keep_running = true;
    c.model = &m;
    o->build(&c, o->spec, o->payload);
    m.moment_count /= o->views; /* the first view's come first */
    if (m.moment_count) /* else there is no normalisation */
        CAIRN_TRY(cairn_train_calibrate(&c, o->settings->steps * o->settings->accumulate, batches_of(o)));
done:
    cairn_model_uninit(&m);
    cairn_graph_destroy(&c.g);
    return st;
}

cairn_status cairn_stage_train(const cairn_stage *stage, const cairn_stage_training *o)
{
    cairn_status st = CAIRN_OK;
    cairn_model m = {0};
    char description[128], *recipe = NULL;
    cairn_network_describe(description, sizeof description, o->spec);
    cairn_training t = {.gpu = stage->gpu, .model = &m, .settings = o->settings, .folder = stage->folder,
                        .label = stage->name, .description = description, .batch = o->batch, .payload = o->payload,
                        .validate = o->validate, .validate_every = o->validate_every,
                        .explain = stage->explain ? stderr : NULL, .profile = stage->profile ? stderr : NULL};
    CAIRN_TRY(cairn_recipe_print(&recipe, stage->recipe));
    t.recipe = recipe;
    CAIRN_TRY(cairn_graph_create(&t.g));
    CAIRN_TRY(cairn_store_create(&t.store, stage->gpu));
    cairn_model_init(&m, t.g, true);
    o->build(&t, o->spec, o->payload);
    CAIRN_TRY(cairn_model_initialise(&m, t.store, stage->seed));
    if (o->start) CAIRN_TRY(o->start(&t, o->payload));
    st = cairn_train(&t);
    if (o->release) o->release(o->payload);
    CAIRN_TRY(st);
    if (o->settings->ema > 0) CAIRN_TRY(cairn_train_use_average(&m, t.store));
    if (o->calibrate) CAIRN_TRY(calibrate(&t, o));
    CAIRN_TRY(cairn_stage_save_model(stage, t.store, &m, o->spec, o->settings->steps));
done:
    free(recipe);
    cairn_store_destroy(&t.store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&t.g);
    return st;
}
