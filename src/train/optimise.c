#include "train/optimise.h"

#include "graph/program.h"
#include "ops/optimiser/loss_scale.h"
#include "ops/pointwise/pointwise.h"

#include <math.h>

const cairn_train_settings cairn_train_defaults = {
    .steps = 1, .batch = 1, .checkpoint_every = 100, .log_every = 10, .accumulate = 1, .step_every = 10000, .lr = 1e-3,
    .lr_floor = 0.01, .step_factor = 0.1, .momentum = 0.9, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};

cairn_status cairn_train_check(const cairn_train_settings *s, const char *where)
{
    if (s->nesterov && (s->optimiser != CAIRN_OPTIMISER_SGD || s->momentum <= 0))
        return cairn_error_set(CAIRN_E_INVALID, "%s: nesterov needs optimiser sgd and a momentum above 0", where);
    if (s->schedule == CAIRN_SCHEDULE_EXPONENTIAL && s->lr_floor <= 0)
        return cairn_error_set(CAIRN_E_INVALID, "%s: the exponential schedule needs an lr_floor above 0", where);
    if (s->warmup > s->steps)
        return cairn_error_set(CAIRN_E_INVALID, "%s: warmup is %lld, longer than all %lld steps", where,
                               (long long)s->warmup, (long long)s->steps);
    return CAIRN_OK;
}

double cairn_train_rate(const cairn_train_settings *s, int64_t step)
{
    double t = s->steps > 1 ? (double)step / (double)s->steps : 0, rate = s->lr, floor_rate = s->lr * s->lr_floor;
    switch (s->schedule) {
    case CAIRN_SCHEDULE_COSINE:
        rate = floor_rate + (s->lr - floor_rate) * 0.5 * (1 + cos(M_PI * t));
        break;
    case CAIRN_SCHEDULE_STEP:
        rate = s->lr * pow(s->step_factor, (double)(step / s->step_every));
        break;
    case CAIRN_SCHEDULE_LINEAR:
        rate = s->lr + (floor_rate - s->lr) * t;
        break;
    case CAIRN_SCHEDULE_EXPONENTIAL:
        rate = s->lr * pow(s->lr_floor, t);
        break;
    default:
        break;
    }
    return step < s->warmup ? rate * (double)(step + 1) / (double)s->warmup : rate;
}

void cairn_train_scalars(const cairn_train_settings *s, int64_t step, int64_t pass, float out[CAIRN_OPTIMISER_SCALARS])
{
    double t = (double)(step + 1), share = 1 / t > 1 - s->ema ? 1 / t : 1 - s->ema;
    bool sgd = s->optimiser == CAIRN_OPTIMISER_SGD;
    const double correction2 = 1 - pow(s->beta2, t);
    const double values[CAIRN_OPTIMISER_SCALARS] = {
        [CAIRN_SCALAR_LR] = cairn_train_rate(s, step),
        [CAIRN_SCALAR_SHARE1] = sgd ? s->momentum : 1 - s->beta1,
        [CAIRN_SCALAR_SHARE2] = 1 - s->beta2,
        /* TensorFlow: lr sqrt(c2) / c1 m / (sqrt(v) + eps), which is lr / c1 m / (sqrt(v / c2) + eps / sqrt(c2)). */
        [CAIRN_SCALAR_EPS] = s->eps_hat ? s->eps / sqrt(correction2) : s->eps,
        [CAIRN_SCALAR_CORRECTION1] = 1 - pow(s->beta1, t),
        [CAIRN_SCALAR_CORRECTION2] = correction2,
        [CAIRN_SCALAR_DECAY] = s->weight_decay,
        [CAIRN_SCALAR_SCALE] = 1 / (double)s->accumulate,
        [CAIRN_SCALAR_FIRST] = pass == 0,
        [CAIRN_SCALAR_LAST] = pass == s->accumulate - 1,
        [CAIRN_SCALAR_SHARE_EMA] = share,
    };
    for (int i = 0; i < CAIRN_OPTIMISER_SCALARS; i++) out[i] = (float)values[i];
}

typedef struct parts { /* of the joins: the parameters that the loss depends on */
    cairn_graph *g;
    const cairn_parameter **parameters;
    cairn_tid *tensors, *gradients, *other;
    cairn_optimiser_group *groups;
    int count;
} parts;

static cairn_status parts_init(parts *p, cairn_graph *g, int most)
{
    *p = (parts){.g = g};
    p->parameters = malloc(sizeof *p->parameters * (size_t)(most + 1));
    p->tensors = malloc(3 * sizeof *p->tensors * (size_t)(most + 1));
    p->groups = calloc((size_t)most + 1, sizeof *p->groups);
    if (!p->parameters || !p->tensors || !p->groups)
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d gradients", most);
    p->gradients = p->tensors + most + 1;
    p->other = p->gradients + most + 1;
    return CAIRN_OK;
}

static void parts_uninit(parts *p)
{
    free(p->parameters);
    free(p->tensors);
    free(p->groups);
}

/* A gradient that is a constant, or that of two parameters at once, gets a tensor of its own. */
static cairn_tid own_gradient(const parts *p, cairn_tid gradient)
{
    bool shared = cairn_graph_tensor(p->g, gradient)->kind != CAIRN_TENSOR_VALUE;
    for (int i = 0; i < p->count && !shared; i++) shared = p->gradients[i] == gradient;
    return shared ? cairn_op_scale(p->g, gradient, 1) : gradient;
}

static cairn_status find_parts(parts *p, const cairn_model *m, cairn_tid loss)
{
    cairn_status st = CAIRN_OK;
    cairn_tid *wrt = p->tensors, *grads = p->other;
    for (int i = 0; i < m->count; i++) wrt[i] = m->parameters[i].trainable ? m->parameters[i].tensor : CAIRN_NONE;
    CAIRN_TRY(cairn_graph_differentiate(p->g, loss, wrt, m->count, grads));
    for (int i = 0; i < m->count; i++) {
        if (grads[i] == CAIRN_NONE) continue;
        p->gradients[p->count] = own_gradient(p, grads[i]);
        p->tensors[p->count] = wrt[i];
        p->parameters[p->count] = &m->parameters[i];
        p->groups[p->count++] = (cairn_optimiser_group){.lr = 1, .decay = m->parameters[i].decay};
    }
    if (!p->count) return cairn_error_set(CAIRN_E_INVALID, "the loss does not depend on any trainable parameter");
done:
    return st;
}

/* The join `name` of a stored tensor name/<parameter> for each parameter. */
static cairn_tid stored_like(parts *p, const char *name)
{
    for (int i = 0; i < p->count; i++) {
        char member[128];
        snprintf(member, sizeof member, "%s/%s", name, p->parameters[i]->name);
        p->other[i] = cairn_graph_stored(p->g, member, cairn_graph_shape(p->g, p->tensors[i]));
    }
    return cairn_graph_join(p->g, name, p->other, p->count);
}

cairn_status cairn_train_add_optimiser(cairn_graph *g, const cairn_model *m, cairn_tid loss,
                                       const cairn_train_settings *s, cairn_train_optimiser *out)
{
    cairn_status st = CAIRN_OK;
    parts p;
    CAIRN_TRY(parts_init(&p, g, m->count));
    bool scaled = s->precision == CAIRN_PRECISION_MIXED;
    cairn_tid scale = CAIRN_NONE, statistics = CAIRN_NONE;
    if (scaled) {
        scale = cairn_graph_stored(g, "loss_scale", (cairn_shape){1, 1, 1, 4});
        loss = cairn_op_mul(g, loss, cairn_op_loss_scale(g, scale));
    }
    CAIRN_TRY(find_parts(&p, m, loss));
    out->scalars = cairn_graph_input(g, "optimiser_scalars", (cairn_shape){1, 1, 1, CAIRN_OPTIMISER_SCALARS});
    cairn_tid parameters = cairn_graph_join(g, "parameters", p.tensors, p.count);
    cairn_tid gradient = out->gradient = cairn_graph_join(g, NULL, p.gradients, p.count);
    cairn_tid table = cairn_optimiser_table(g, p.tensors, p.groups, p.count);
    cairn_tid control = cairn_optimiser_plain_control(g);
    if (s->accumulate > 1) {
        cairn_tid sum = cairn_graph_stored(g, "gradient_sum", cairn_graph_shape(g, gradient));
        cairn_op_accumulate(g, sum, gradient, table, out->scalars);
        gradient = sum;
    }
    if (scaled || s->clip_norm > 0) statistics = cairn_op_gradient_statistics(g, gradient, table);
    if (scaled) control = cairn_op_loss_scale_control(g, scale, statistics);
    if (s->clip_norm > 0) control = cairn_op_clip(g, statistics, out->scalars, control, (float)s->clip_norm);
    out->control = control;
    if (s->optimiser == CAIRN_OPTIMISER_SGD)
        cairn_op_sgd(g, parameters, gradient, stored_like(&p, "sgd_momentum"), table, out->scalars, control,
                     s->nesterov);
    else {
        cairn_tid first = stored_like(&p, "adam_m"), second = stored_like(&p, "adam_v");
        cairn_op_adam(g, parameters, gradient, first, second, table, out->scalars, control,
                      s->optimiser == CAIRN_OPTIMISER_ADAMW);
    }
    if (s->ema > 0)
        cairn_op_average_parameters(g, stored_like(&p, "ema"), parameters, table, out->scalars, control);
    if (scaled) cairn_op_loss_scale_update(g, scale, statistics, out->scalars, CAIRN_LOSS_SCALE_INTERVAL);
    CAIRN_TRY(cairn_graph_status(g));
done:
    parts_uninit(&p);
    return st;
}

cairn_status cairn_train_use_average(const cairn_model *m, cairn_store *store)
{
    cairn_status st = CAIRN_OK;
    float *values = NULL;
    for (int i = 0; i < m->count; i++) {
        char name[128];
        snprintf(name, sizeof name, "ema/%s", m->parameters[i].name);
        int from = cairn_store_find(store, name);
        if (from < 0) continue;
        free(values);
        values = malloc(sizeof *values * (size_t)cairn_shape_count(cairn_store_shape(store, from)));
        if (!values) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %s", name);
        CAIRN_TRY(cairn_store_read(store, from, values));
        CAIRN_TRY(cairn_store_write(store, cairn_store_find(store, m->parameters[i].name), values));
    }
done:
    free(values);
    return st;
}

static const char scale_name[] = "loss_scale";

cairn_status cairn_train_scale_to_text(char *out, size_t size, cairn_store *store)
{
    float state[4] = {0};
    int index = cairn_store_find(store, scale_name);
    cairn_status st = index < 0 ? CAIRN_OK : cairn_store_read(store, index, state);
    snprintf(out, size, "%.0f %.0f %.0f", (double)state[0], (double)state[1], (double)state[2]);
    return st;
}

cairn_status cairn_train_scale_from_text(cairn_store *store, const char *text, const char *where)
{
    static const double least[3] = {CAIRN_LOSS_SCALE_LEAST, 0, 0},
                        most[3] = {CAIRN_LOSS_SCALE_MOST, CAIRN_LOSS_SCALE_INTERVAL, 1e6};
    float state[4] = {0};
    int index = cairn_store_find(store, scale_name);
    if (index < 0) return CAIRN_OK;
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        char *end;
        double value = strtod(at, &end);
        if (end == at || !(value >= least[i] && value <= most[i]) || value != floor(value))
            return cairn_error_set(CAIRN_E_FORMAT, "%s: loss_scale '%.40s' is no state of the loss scale", where, text);
        state[i] = (float)value;
        at = end;
    }
    return cairn_store_write(store, index, state);
}
