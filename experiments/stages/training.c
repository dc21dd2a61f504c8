#include "experiments/stages/training.h"

#include "base/log.h"
#include "experiments/stages/common.h"

#include <math.h>

static int batches_of(const cairn_stage_training *o)
{
    const int64_t batch = o->settings->batch;
    return (int)(o->calibrate == CAIRN_CALIBRATE_IMAGES ? (CAIRN_CALIBRATED_IMAGES + batch - 1) / batch : o->calibrate);
}

int64_t cairn_stage_frozen_steps(const cairn_train_settings *settings, double share)
{
    return llround(share * (double)settings->steps);
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

/* Steps by one graph: normalised by the statistics of the batch, or, frozen, by the running ones. */
typedef struct part {
    cairn_graph *g;
    cairn_model m;
} part;

static cairn_status part_begin(part *p, cairn_training *t, const cairn_stage_training *o, bool frozen)
{
    const cairn_status st = cairn_graph_create(&p->g);
    if (st < 0) return st;
    cairn_model_init(&p->m, p->g, !frozen);
    t->g = p->g;
    t->model = &p->m;
    t->input_count = t->logged_count = 0;
    o->build(t, o->spec, o->payload);
    return CAIRN_OK;
}

/* All steps. *frozen: whether the last of them were. */
static cairn_status train(part parts[2], cairn_training *t, const cairn_stage *stage, const cairn_stage_training *o,
                          bool *frozen)
{
    cairn_status st = CAIRN_OK;
    const int64_t from = o->settings->steps - o->frozen_steps; /* the first frozen step */
    *frozen = from <= 0;
    CAIRN_TRY(part_begin(&parts[0], t, o, *frozen));
    CAIRN_TRY(cairn_model_initialise(&parts[0].m, t->store, stage->seed));
    if (o->start) CAIRN_TRY(o->start(t, o->payload));
    t->until = *frozen ? 0 : from;
    CAIRN_TRY(cairn_train(t));
    if (*frozen || o->frozen_steps <= 0 || (t->stopped && t->done <= from)) goto done;
    *frozen = true;
    cairn_info("%s: running statistics normalise from step %lld on, and stay", stage->name, (long long)from + 1);
    CAIRN_TRY(part_begin(&parts[1], t, o, true));
    t->until = 0;
    t->continues = true;
    CAIRN_TRY(cairn_train(t));
done:
    return st;
}

cairn_status cairn_stage_train(const cairn_stage *stage, const cairn_stage_training *o)
{
    cairn_status st = CAIRN_OK;
    part parts[2] = {0};
    bool frozen = false;
    char description[128], *recipe = NULL;
    cairn_network_describe(description, sizeof description, o->spec);
    cairn_training t = {.gpu = stage->gpu, .settings = o->settings, .folder = stage->folder,
                        .label = stage->name, .description = description, .batch = o->batch, .payload = o->payload,
                        .validate = o->validate, .validate_every = o->validate_every, .patience = o->patience,
                        .explain = stage->explain ? stderr : NULL, .profile = stage->profile ? stderr : NULL};
    CAIRN_TRY(cairn_recipe_print(&recipe, stage->recipe));
    t.recipe = recipe;
    CAIRN_TRY(cairn_store_create(&t.store, stage->gpu));
    st = train(parts, &t, stage, o, &frozen);
    if (o->release) o->release(o->payload);
    CAIRN_TRY(st);
    if (o->settings->ema > 0) CAIRN_TRY(cairn_train_use_average(t.model, t.store));
    if (o->calibrate && !frozen) CAIRN_TRY(calibrate(&t, o)); /* frozen: the weights have learned with what is there */
    CAIRN_TRY(cairn_stage_save_model(stage, t.store, t.model, o->spec, t.done));
done:
    free(recipe);
    cairn_store_destroy(&t.store);
    for (int i = 0; i < 2; i++) {
        cairn_model_uninit(&parts[i].m);
        cairn_graph_destroy(&parts[i].g);
    }
    return st;
}
