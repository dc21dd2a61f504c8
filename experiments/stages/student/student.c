#include "experiments/stages/student/student.h"

#include "base/log.h"
#include "experiments/stages/common.h"
#include "student/import/mobilenet.h"
#include "teacher/augment.h"
#include "train/checkpoint.h"

#include <math.h>
#include <string.h>

/* ---- which network, and its first weights ---- */

static bool read_taps(int taps[4], const char *text)
{
    char rest;
    bool fine = sscanf(text, "%d,%d,%d,%d%c", &taps[0], &taps[1], &taps[2], &taps[3], &rest) == 4;
    for (int i = 0; fine && i < 4; i++)
        fine = taps[i] >= 1 && taps[i] < CAIRN_MOBILENET_LARGE_FEATURES && (i == 0 || taps[i] > taps[i - 1]);
    return fine;
}

cairn_status cairn_student_check(const cairn_student_settings *s, const char *where)
{
    int taps[4];
    if (!read_taps(taps, s->taps))
        return cairn_error_set(CAIRN_E_INVALID, "%s: taps is '%s'; expected four growing numbers like 1,2,4,12", where,
                               s->taps);
    if (s->start[0] && s->backbone[0])
        return cairn_error_set(CAIRN_E_INVALID, "%s: start and backbone are both set; one of them holds first weights",
                               where);
    return CAIRN_OK;
}

static cairn_status spec_of_stage(cairn_network_spec *out, const cairn_stage *stage, const char *name)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL, *text = NULL;
    CAIRN_TRY(cairn_stage_model_path(&path, stage, name));
    CAIRN_TRY(cairn_checkpoint_metadata(&text, path, "model"));
    CAIRN_TRY(cairn_network_parse(out, text, path));
done:
    free(path);
    free(text);
    return st;
}

cairn_status cairn_student_spec(cairn_network_spec *out, const cairn_stage *stage, const cairn_student_settings *s,
                                cairn_network_kind kind)
{
    cairn_status st = CAIRN_OK;
    cairn_classifier_options classifier;
    cairn_sp_fpn_options *o = &out->sp_fpn;
    *out = (cairn_network_spec){.kind = kind, .sp_fpn = CAIRN_SP_FPN_OPTIONS_INIT};
    if (s->start[0]) return spec_of_stage(out, stage, s->start);
    o->width = s->width;
    o->channels = (int)s->channels;
    o->style.large = s->large;
    CAIRN_ASSERT(read_taps(o->taps, s->taps)); /* checked with the recipe */
    if (s->backbone[0]) {
        CAIRN_TRY(cairn_mobilenet_read_options(&classifier, s->backbone));
        o->width = classifier.width;
        o->style = classifier.style;
    }
    if (o->taps[3] >= cairn_mobilenet_feature_count(&o->style))
        st = cairn_error_set(CAIRN_E_INVALID, "stage %s: the last tap is %d; this backbone has features 0 to %d",
                             stage->name, o->taps[3], cairn_mobilenet_feature_count(&o->style) - 1);
    else if (kind == CAIRN_NETWORK_DROP_IN && !cairn_drop_in_takes(o))
        st = cairn_error_set(CAIRN_E_INVALID,
                             "stage %s: the first two taps, %d and %d, are at strides %d and %d; this student needs 4 "
                             "and 8, as 1 and 3 of Small or 3 and 6 of Large",
                             stage->name, o->taps[0], o->taps[1], cairn_mobilenet_stride(&o->style, o->taps[0]),
                             cairn_mobilenet_stride(&o->style, o->taps[1]));
done:
    return st;
}

cairn_status cairn_student_start(cairn_training *t, const cairn_stage *stage, const cairn_student_settings *s)
{
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    int loaded;
    if (s->backbone[0]) return cairn_mobilenet_start(t->model, t->store, s->backbone);
    if (!s->start[0]) return CAIRN_OK;
    CAIRN_TRY(cairn_stage_model_path(&path, stage, s->start));
    CAIRN_TRY(cairn_checkpoint_load_matching(path, t->store, t->model, &loaded));
    cairn_info("%s: %d of %d tensors start from %s", stage->name, loaded, t->model->count, s->start);
done:
    free(path);
    return st;
}

/* ---- a folded backbone ---- */

enum { MOST_CHANNELS = 4096 };
typedef struct norm_state {
    float weight[MOST_CHANNELS], bias[MOST_CHANNELS], mean[MOST_CHANNELS], variance[MOST_CHANNELS];
} norm_state;

static const char *const state_names[4] = {"weight", "bias", "running_mean", "running_var"};

static cairn_status move_state(norm_state *state, cairn_store *store, const char *layer, bool write)
{
    float *const fields[4] = {state->weight, state->bias, state->mean, state->variance};
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < 4 && st >= 0; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.%s", layer, state_names[i]);
        const int index = cairn_store_find(store, name);
        CAIRN_ASSERT(index >= 0 && cairn_store_shape(store, index).c <= MOST_CHANNELS);
        st = write ? cairn_store_write(store, index, fields[i]) : cairn_store_read(store, index, fields[i]);
    }
    return st;
}

/* The new statistics, `now`, with a scale and a shift that give what `before` gave. */
static void keep_meaning(norm_state *now, const norm_state *before, int channels, double eps)
{
    for (int i = 0; i < channels; i++) {
        const double gain = before->weight[i] / sqrt(before->variance[i] + eps);
        now->weight[i] = (float)(gain * sqrt(now->variance[i] + eps));
        now->bias[i] = (float)(before->bias[i] + gain * ((double)now->mean[i] - before->mean[i]));
    }
}

/* The model's tensors from one store into another. */
static cairn_status copy_parameters(cairn_store *to, cairn_store *from, const cairn_model *m)
{
    cairn_status st = CAIRN_OK;
    float *values = NULL;
    for (int i = 0; i < m->count; i++) {
        const cairn_parameter *p = &m->parameters[i];
        free(values);
        values = malloc(sizeof *values * (size_t)cairn_parameter_elements(p));
        if (!values) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to copy %s", p->name));
        CAIRN_TRY(cairn_store_read(from, cairn_store_find(from, p->name), values));
        CAIRN_TRY(cairn_store_write(to, cairn_store_find(to, p->name), values));
    }
done:
    free(values);
    return st;
}

/* Leaves the moments of the backbone's layers alone in the list, where a layer sees two views those of the first. */
static void keep_backbone(cairn_model *m)
{
    int kept = 0;
    for (int i = 0; i < m->moment_count; i++) {
        bool wanted = !strncmp(m->moments[i].name, "backbone.", 9);
        for (int k = 0; k < kept && wanted; k++) wanted = strcmp(m->moments[i].name, m->moments[k].name) != 0;
        if (wanted) m->moments[kept++] = m->moments[i];
    }
    m->moment_count = kept;
}

cairn_status cairn_student_unfold(cairn_training *t, const cairn_network_spec *spec, const cairn_student_settings *s,
                                  void (*build)(cairn_training *, const cairn_network_spec *, const void *))
{
    enum { BATCHES = 8 };
    cairn_status st = CAIRN_OK;
    cairn_training c = *t;
    cairn_model m = {0};
    norm_state *state = NULL; /* before and now */
    c.g = NULL;
    c.store = NULL; /* of its own: training will move the parameters, which it cannot once a program reads them */
    if (!s->backbone[0] || !spec->sp_fpn.style.same_padding) return CAIRN_OK; /* only the folded layout pads so */
    CAIRN_TRY(cairn_graph_create(&c.g));
    CAIRN_TRY(cairn_store_create(&c.store, t->gpu));
    cairn_model_init(&m, c.g, false);
    m.observe = true;
    c.model = &m;
    build(&c, spec, t->payload);
    CAIRN_TRY(cairn_graph_status(c.g));
    CAIRN_TRY(cairn_store_add_graph(c.store, c.g));
    CAIRN_TRY(copy_parameters(c.store, t->store, &m));
    keep_backbone(&m);
    state = malloc(2 * sizeof *state);
    if (!state) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to start from %s", s->backbone));
    CAIRN_TRY(cairn_train_calibrate(&c, 0, BATCHES));
    for (int i = 0; i < m.moment_count; i++) {
        const cairn_batch_moments *b = &m.moments[i];
        CAIRN_TRY(move_state(&state[0], t->store, b->name, false));
        CAIRN_TRY(move_state(&state[1], c.store, b->name, false));
        keep_meaning(&state[1], &state[0], cairn_graph_shape(c.g, b->mean).c,
                     (double)cairn_mobilenet_eps(&spec->sp_fpn.style));
        CAIRN_TRY(move_state(&state[1], t->store, b->name, true));
    }
done:
    free(state);
    cairn_store_destroy(&c.store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&c.g);
    return st;
}

/* ---- teacher ---- */

cairn_status cairn_frozen_teacher_open(cairn_frozen_teacher *out, const cairn_stage *stage, const char *stage_name)
{
    *out = (cairn_frozen_teacher){0};
    cairn_status st = cairn_stage_model_path(&out->path, stage, stage_name);
    if (st >= 0) st = spec_of_stage(&out->spec, stage, stage_name);
    if (st >= 0 && out->spec.kind != CAIRN_NETWORK_SUPERPOINT) /* a student's parameters have the names of this one's */
        st = cairn_error_set(CAIRN_E_INVALID, "stage %s: teacher %s is a student; a SuperPoint or MagicPoint is needed",
                             stage->name, stage_name);
    if (st < 0) cairn_frozen_teacher_close(out);
    return st;
}

void cairn_frozen_teacher_close(cairn_frozen_teacher *teacher)
{
    free(teacher->path);
    *teacher = (cairn_frozen_teacher){0};
}

cairn_network_graph cairn_frozen_teacher_build(cairn_graph *g, const cairn_frozen_teacher *teacher, cairn_tid image)
{
    cairn_model m;
    cairn_model_init(&m, g, false); /* a list of its own: the trained model's does not hold the teacher */
    cairn_network_graph out = cairn_network_build(&m, &teacher->spec, image);
    cairn_model_uninit(&m);
    return out;
}

cairn_status cairn_frozen_teacher_load(cairn_store *store, const cairn_frozen_teacher *teacher)
{
    return cairn_network_fill_store(store, &teacher->spec, teacher->path, 0);
}
