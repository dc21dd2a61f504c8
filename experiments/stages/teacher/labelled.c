#include "experiments/stages/teacher/labelled.h"

#include "base/log.h"
#include "base/rng.h"
#include "experiments/stages/common.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

/* Photo i becomes the last of the set, unless it cannot be used. */
static cairn_status take(cairn_validation_set *set, int *taken, const cairn_photo_feed *feed, int i)
{
    const size_t pixels = (size_t)set->h * (size_t)set->w;
    cairn_image gray = {0};
    cairn_status st = cairn_photo_feed_read(&gray, &set->points[*taken], feed, i);
    if (st == CAIRN_E_NOMEM) return st;
    if (st < 0) return CAIRN_OK; /* told by the photos */
    memcpy(set->images + (size_t)*taken * pixels, gray.pixels, pixels * sizeof(float));
    cairn_image_free(&gray);
    ++*taken;
    return CAIRN_OK;
}

/* held [candidates], or NULL: of all. In an order of their own, so that a few are spread over all of them. */
static cairn_status make_set(cairn_validation_set *set, const cairn_photo_feed *feed, const uint32_t *held,
                             int candidates, int wanted)
{
    cairn_status st = CAIRN_OK;
    const cairn_stage *stage = feed->stage;
    cairn_rng rng = cairn_rng_stream(stage->seed, stage->stream, 0, 0, CAIRN_PURPOSE_VALIDATION);
    uint32_t *order = malloc((size_t)candidates * sizeof *order);
    int taken = 0;
    if (!order) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d photos", candidates));
    cairn_rng_shuffle(&rng, order, (uint32_t)candidates);
    if (wanted > candidates) wanted = candidates;
    CAIRN_TRY(cairn_validation_set_create(set, "validation", wanted, feed->h, feed->w));
    for (int i = 0; i < candidates && taken < wanted; i++)
        CAIRN_TRY(take(set, &taken, feed, (int)(held ? held[order[i]] : order[i])));
    if (!taken)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: none of %d photographs to validate on can be used; the last: "
                                  "%s", stage->name, candidates, cairn_error_message()));
    set->count = taken;
    cairn_info("%s: validated on %d photographs as they are, %s", stage->name, taken,
               held ? "kept out of training" : "of those it trains on (validate_share keeps some out)");
done:
    free(order);
    return st;
}

cairn_status cairn_labelled_validator_open(cairn_labelled_validator *validator, cairn_photo_feed *feed,
                                           const cairn_labelled_settings *s)
{
    cairn_status st = CAIRN_OK;
    uint32_t *held = NULL;
    int count = 0;
    CAIRN_TRY(cairn_photo_feed_hold_out(&held, &count, feed, s->share));
    if (s->every) CAIRN_TRY(make_set(&validator->set, feed, held, held ? count : feed->count, (int)s->images));
done:
    free(held);
    return st;
}

cairn_status cairn_labelled_open(cairn_photo_feed *out, cairn_labelled_validator *validator, const cairn_stage *stage,
                                 int64_t batch, const char *labels, const cairn_labelled_settings *s)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_photo_feed_open(out, stage, batch));
    CAIRN_TRY(cairn_photo_feed_label_from(out, labels));
    CAIRN_TRY(cairn_labelled_validator_open(validator, out, s));
done:
    return st;
}

cairn_status cairn_labelled_validate(cairn_labelled_validator *v, cairn_training *t, const cairn_network_spec *spec,
                                     cairn_train_measured *out)
{
    const cairn_status st = cairn_validation_measure(&v->validation, t, spec, &v->set, out);
    out->score = cairn_validation_score(out, v->set.prefix);
    return st;
}

void cairn_labelled_validator_close(cairn_labelled_validator *validator)
{
    cairn_validation_destroy(&validator->validation);
    cairn_validation_set_free(&validator->set);
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
