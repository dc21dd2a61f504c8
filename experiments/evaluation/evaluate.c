#include "experiments/evaluation/evaluate.h"

#include "base/log.h"
#include "experiments/evaluation/rows.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <math.h>
#include <string.h>

void cairn_evaluation_free(cairn_evaluation *evaluation)
{
    for (int m = 0; evaluation->method && m < evaluation->methods; m++) free(evaluation->method[m].rows);
    free(evaluation->method);
    free(evaluation->pair);
    *evaluation = (cairn_evaluation){0};
}

static cairn_status prepare(cairn_evaluation *e, const cairn_pair_source *source, const cairn_predictions *methods,
                            int count, const cairn_evaluation_options *o)
{
    enum { DEFAULT_RESAMPLES = 1000 };
    *e = (cairn_evaluation){.protocol = *o->protocol, .seed = o->seed, .pairs = source->count, .methods = count};
    e->resamples = o->resamples > 0 ? o->resamples : DEFAULT_RESAMPLES;
    snprintf(e->set, sizeof e->set, "%s", source->name);
    e->pair = calloc((size_t)e->pairs + 1, sizeof *e->pair);
    e->method = calloc((size_t)count + 1, sizeof *e->method);
    bool full = e->pair && e->method;
    for (int m = 0; full && m < count; m++) {
        cairn_evaluation_method *method = &e->method[m];
        snprintf(method->name, sizeof method->name, "%s", methods[m].name);
        snprintf(method->weights, sizeof method->weights, "%s", methods[m].weights);
        method->role = methods[m].role;
        method->dimension = methods[m].dimension;
        method->nearest = !methods[m].matcher;
        for (int k = 0; k < CAIRN_KINDS_OF_PAIRS; k++) method->pooled[k] = (cairn_interval){NAN, NAN, NAN, 0};
        method->rows = calloc((size_t)e->pairs + 1, sizeof *method->rows);
        full = method->rows != NULL;
    }
    if (full) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOMEM, "no memory for the results of %d methods on %d pairs", count, e->pairs);
}

/* The pair at every size that the protocol uses; false where it cannot be read. */
static bool read_pair(cairn_pair pairs[CAIRN_PROTOCOL_VIEWS], const cairn_pair *views[CAIRN_PROTOCOL_VIEWS],
                      const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS], const cairn_protocol *protocol, int i)
{
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        if (!protocol->view[v].used) continue;
        if (sources[v].get(sources[v].state, i, &pairs[v]) < 0) return false;
        views[v] = &pairs[v];
    }
    return true;
}

static cairn_status run_pair(cairn_evaluation *e, int i, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                             const cairn_predictions *methods, cairn_label_pool *pools)
{
    cairn_status st = CAIRN_OK;
    cairn_pair pairs[CAIRN_PROTOCOL_VIEWS] = {0};
    const cairn_pair *views[CAIRN_PROTOCOL_VIEWS] = {0}, *any = NULL;
    if (!read_pair(pairs, views, sources, &e->protocol, i)) {
        cairn_warn("evaluation: pair %d of %s is left out: %s", i + 1, e->set, cairn_error_message());
        snprintf(e->pair[i].name, sizeof e->pair[i].name, "pair %d", i + 1);
        e->skipped++;
        goto done;
    }
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++)
        if (views[v]) any = views[v];
    snprintf(e->pair[i].name, sizeof e->pair[i].name, "%s", any->name);
    snprintf(e->pair[i].sequence, sizeof e->pair[i].sequence, "%s", any->sequence);
    e->pair[i].kind = any->kind;
    e->pair[i].used = true;
    e->used++;
    for (int m = 0; m < e->methods; m++)
        CAIRN_TRY(
            cairn_evaluation__row(&e->method[m].rows[i], &pools[m], i, &methods[m], views, &e->protocol, e->seed));
done:
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) cairn_pair_free(&pairs[v]);
    return st;
}

static cairn_status run_pairs(cairn_evaluation *e, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                              const cairn_predictions *methods, cairn_label_pool *pools, bool progress)
{
    cairn_status st = CAIRN_OK;
    cairn_progress bar;
    if (progress) cairn_progress_start(&bar, "evaluation", e->pairs, 0);
    for (int i = 0; i < e->pairs; i++) {
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        CAIRN_TRY(run_pair(e, i, sources, methods, pools));
        if (progress) cairn_progress_update(&bar, i + 1, e->set);
    }
    if (progress) cairn_progress_finish(&bar);
    if (e->used == 0)
        st = cairn_error_set(CAIRN_E_INVALID, "evaluation: none of the %d pairs of %s could be used", e->pairs, e->set);
done:
    return st;
}

static cairn_status pools_create(cairn_label_pool **out, int methods, int pairs)
{
    cairn_label_pool *pools = calloc((size_t)methods + 1, sizeof *pools);
    bool full = pools != NULL;
    for (int m = 0; full && m < methods; m++) {
        pools[m].positives = calloc((size_t)pairs + 1, sizeof *pools[m].positives);
        full = pools[m].positives != NULL;
    }
    *out = pools;
    return full ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for the matches of %d methods", methods);
}

/* The source that is looked at; all have the same pairs. */
static cairn_status check_sources(const cairn_pair_source **out, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                                  const cairn_protocol *protocol)
{
    *out = NULL;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        if (!protocol->view[v].used) continue;
        if (*out && (*out)->count != sources[v].count)
            return cairn_error_set(CAIRN_E_INVALID, "evaluation: %d pairs of %s at one size, %d at the other",
                                   (*out)->count, sources[v].name, sources[v].count);
        *out = &sources[v];
    }
    if (*out) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID, "evaluation: the protocol %s looks at no image", protocol->id);
}

cairn_status cairn_evaluation_run(cairn_evaluation *out, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                                  const cairn_predictions *methods, int count, const cairn_evaluation_options *options)
{
    cairn_status st = CAIRN_OK;
    cairn_evaluation e = {0};
    cairn_label_pool *pools = NULL;
    const cairn_pair_source *source;
    *out = (cairn_evaluation){0};
    CAIRN_TRY(check_sources(&source, sources, options->protocol));
    CAIRN_TRY(prepare(&e, source, methods, count, options));
    CAIRN_TRY(pools_create(&pools, count, e.pairs));
    CAIRN_TRY(run_pairs(&e, sources, methods, pools, options->progress));
    for (int m = 0; m < count; m++) {
        CAIRN_TRY(cairn_evaluation__choose_threshold(&e, m));
        CAIRN_TRY(cairn_evaluation__pool_summaries(&e.method[m], &pools[m], &e));
    }
    *out = e;
    e = (cairn_evaluation){0};
done:
    cairn_evaluation_free(&e);
    for (int m = 0; pools && m < count; m++) cairn_evaluation__pool_free(&pools[m]);
    free(pools);
    return st;
}
