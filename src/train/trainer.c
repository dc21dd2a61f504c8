#include "train/trainer.h"

#include "base/log.h"
#include "graph/profile.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"
#include "train/checkpoint.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

typedef struct feeder {
    cairn_training *t;
    float *buffers[2][CAIRN_TRAIN_MAX_INPUTS];
    pthread_t thread;
    bool running;
    int64_t number;
    int slot;
    cairn_status status;
    char message[1024];
    double waited;
} feeder;

static void *feed(void *argument)
{
    feeder *f = argument;
    f->status = f->t->batch(f->t->payload, f->number, f->buffers[f->slot]);
    if (f->status < 0) snprintf(f->message, sizeof f->message, "%s", cairn_error_message());
    return NULL;
}

static cairn_status feeder_start(feeder *f, int64_t number, int slot)
{
    f->number = number;
    f->slot = slot;
    if (pthread_create(&f->thread, NULL, feed, f))
        return cairn_error_set(CAIRN_E_FAIL, "cannot start a thread for batches");
    f->running = true;
    return CAIRN_OK;
}

static cairn_status feeder_wait(feeder *f)
{
    if (!f->running) return CAIRN_OK;
    double start = cairn_seconds();
    pthread_join(f->thread, NULL);
    f->running = false;
    f->waited += cairn_seconds() - start;
    return f->status < 0 ? cairn_error_set(f->status, "%s", f->message) : CAIRN_OK;
}

static cairn_status feeder_init(feeder *f, cairn_training *t)
{
    *f = (feeder){.t = t};
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < t->input_count; i++) {
            f->buffers[s][i] = calloc((size_t)cairn_shape_count(cairn_graph_shape(t->g, t->inputs[i])), sizeof(float));
            if (!f->buffers[s][i]) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a batch");
        }
    return CAIRN_OK;
}

static void feeder_uninit(feeder *f)
{
    if (f->running) pthread_join(f->thread, NULL);
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < CAIRN_TRAIN_MAX_INPUTS; i++) free(f->buffers[s][i]);
}

static cairn_status write_inputs(cairn_training *t, cairn_program *program, float *const *values)
{
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < t->input_count && st >= 0; i++) st = cairn_program_write(program, t->inputs[i], values[i]);
    return st;
}

typedef struct loop {
    cairn_program *program;
    cairn_train_optimiser optimiser;
    char *checkpoint, *log_path;
    FILE *log;
    feeder feeder;
    cairn_progress bar;
    int64_t end;                     /* steps are done up to this number */
    double logged_at, logged_waited; /* clock and feeder.waited at the last line of the log */
    double loss, logged[CAIRN_TRAIN_MAX_LOGGED]; /* sums over the passes of a step, means once they are logged */
    cairn_train_measured measured;               /* by the last validation */
    double best;                                 /* score of the validations; -1: none yet */
    int64_t since;                               /* validations since then */
} loop;

static cairn_status save(cairn_training *t, const loop *l, int64_t step)
{
    char number[32], scale[64], validation[64];
    cairn_status st = cairn_train_scale_to_text(scale, sizeof scale, t->store);
    if (st < 0) return st;
    snprintf(number, sizeof number, "%lld", (long long)step);
    snprintf(validation, sizeof validation, "%.17g %lld", l->best, (long long)l->since);
    cairn_metadata metadata[5] = {{"step", number}, {"model", t->description ? t->description : ""},
                                  {"recipe", t->recipe ? t->recipe : ""}};
    int count = 3;
    if (t->settings->precision == CAIRN_PRECISION_MIXED) metadata[count++] = (cairn_metadata){"loss_scale", scale};
    if (t->patience) metadata[count++] = (cairn_metadata){"validation", validation};
    return cairn_checkpoint_save(l->checkpoint, t->store, t->model, true, metadata, count);
}

static cairn_status resume_scale(cairn_training *t, const char *path)
{
    char *text = NULL;
    if (t->settings->precision != CAIRN_PRECISION_MIXED) return CAIRN_OK;
    cairn_status st = cairn_checkpoint_metadata(&text, path, "loss_scale");
    if (st == CAIRN_E_NOTFOUND) return CAIRN_OK; /* trained in fp32 until now */
    if (st >= 0) st = cairn_train_scale_from_text(t->store, text, path);
    free(text);
    return st;
}

static cairn_status resume_patience(const cairn_training *t, loop *l)
{
    char *text = NULL, *end = NULL, *rest = NULL;
    if (!t->patience) return CAIRN_OK;
    cairn_status st = cairn_checkpoint_metadata(&text, l->checkpoint, "validation");
    if (st < 0) return st == CAIRN_E_NOTFOUND ? CAIRN_OK : st; /* none was made until now */
    const double best = strtod(text, &end);
    const long long since = strtoll(end, &rest, 10);
    if (end == text || *end != ' ' || rest == end || *rest || !(best >= -1 && best <= 1) || since < 0 ||
        since > t->patience)
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: validation '%.60s' is no best score and a number in 0..%lld",
                             l->checkpoint, text, (long long)t->patience);
    l->best = best;
    l->since = since;
    free(text);
    return st;
}

static cairn_status resume(cairn_training *t, loop *l, int64_t *step)
{
    cairn_status st = CAIRN_OK;
    const char *path = l->checkpoint;
    char *text = NULL, *end = NULL;
    *step = 0;
    if (!cairn_file_exists(path)) return CAIRN_OK;
    CAIRN_TRY(cairn_checkpoint_load(path, t->store, t->model, true));
    CAIRN_TRY(cairn_checkpoint_metadata(&text, path, "step"));
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || value < 0 || value > t->settings->steps) {
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: step '%s' is not in 0..%lld; remove the file to start again", path,
                             text, (long long)t->settings->steps);
        goto done;
    }
    CAIRN_TRY(resume_scale(t, path));
    CAIRN_TRY(resume_patience(t, l));
    *step = value;
    if (!t->continues) cairn_info("%s: resuming at step %lld", t->label, value);
done:
    free(text);
    return st;
}

/* Keeps the lines up to step number `step`, counted from 1, so that a resumed log has no doubled part. */
static cairn_status trim_log(const char *path, int64_t step)
{
    cairn_status st = CAIRN_OK;
    uint8_t *text = NULL;
    size_t size = 0, kept = 0;
    if (!cairn_file_exists(path)) return CAIRN_OK;
    CAIRN_TRY(cairn_file_read(&text, &size, path, 1u << 28));
    while (step > 0 && kept < size) {
        const char *line = (const char *)text + kept, *end = memchr(line, '\n', size - kept);
        if (!end || strncmp(line, "{\"step\":", 8) || strtoll(line + 8, NULL, 10) > step) break;
        kept = (size_t)(end + 1 - (const char *)text);
    }
    CAIRN_TRY(cairn_file_write(path, text, kept));
done:
    free(text);
    return st;
}

static cairn_status read_scalar(cairn_program *program, cairn_tid value, double *out)
{
    float f;
    cairn_status st = cairn_program_read(program, value, &f);
    *out = f;
    return st;
}

static void log_value(FILE *log, const char *name, double value)
{
    if (isfinite(value))
        fprintf(log, ",\"%s\":%.9g", name, value);
    else
        fprintf(log, ",\"%s\":null", name);
}

void cairn_train_measured_add(cairn_train_measured *out, const char *prefix, const char *name, double value)
{
    CAIRN_ASSERT(out->count < CAIRN_TRAIN_MAX_MEASURED);
    snprintf(out->values[out->count].name, sizeof out->values->name, "%s_%s", prefix, name);
    out->values[out->count++].value = value;
}

/* The share of the time since the last line in which the device had nothing to do until its batch was made. */
static double waiting_since_last(loop *l)
{
    const double now = cairn_seconds(), passed = now - l->logged_at, waited = l->feeder.waited - l->logged_waited;
    l->logged_at = now;
    l->logged_waited = l->feeder.waited;
    return passed > 0 ? waited / passed : 0;
}

static cairn_status flush_log(const cairn_training *t, FILE *log)
{
    if (fflush(log) || ferror(log))
        return cairn_error_set(CAIRN_E_IO, "%s/metrics.jsonl: cannot write; is the disk full?", t->folder);
    return CAIRN_OK;
}

/* A line of its own, so that a run with validation logs its steps as one without. */
static cairn_status validate(cairn_training *t, loop *l, int64_t done)
{
    cairn_train_measured m = {0};
    const double start = cairn_seconds();
    cairn_status st = t->validate(t, done, &m);
    if (st < 0) return st;
    l->logged_at += cairn_seconds() - start; /* no time of training */
    fprintf(l->log, "{\"step\":%lld", (long long)done);
    for (int i = 0; i < m.count; i++) log_value(l->log, m.values[i].name, m.values[i].value);
    fputs("}\n", l->log);
    l->measured = m;
    l->since = m.score > l->best ? 0 : l->since + 1;
    if (m.score > l->best) l->best = m.score;
    return flush_log(t, l->log);
}

static bool has_patience(const cairn_training *t, const loop *l)
{
    return !t->patience || l->since < t->patience;
}

/* Values are means over the step's passes. */
static cairn_status log_step(cairn_training *t, loop *l, int64_t step, double ms)
{
    cairn_status st = CAIRN_OK;
    FILE *log = l->log;
    double passes = (double)t->settings->accumulate;
    fprintf(log, "{\"step\":%lld,\"loss\":%.9g,\"lr\":%.6g,\"ms\":%.3f,\"waiting\":%.4f", (long long)step + 1,
            l->loss / passes, cairn_train_rate(t->settings, step), ms, waiting_since_last(l));
    for (int i = 0; i < t->logged_count; i++) {
        l->logged[i] /= passes;
        log_value(log, t->logged[i].name, l->logged[i]);
    }
    if (t->watch) t->watch(t->payload, step, l->logged);
    float control[4];
    CAIRN_TRY(cairn_program_read(l->program, l->optimiser.control, control));
    if (t->settings->clip_norm > 0) log_value(log, "gradient_norm", (double)control[CAIRN_CONTROL_NORM]);
    if (t->settings->precision == CAIRN_PRECISION_MIXED) {
        log_value(log, "loss_scale", 1 / (double)control[CAIRN_CONTROL_MULTIPLIER]);
        log_value(log, "skipped", (double)control[CAIRN_CONTROL_SKIP]);
    }
    fputs("}\n", log);
    CAIRN_TRY(flush_log(t, log));
done:
    return st;
}

/* Batch `number` of all, while the next one is made. */
static cairn_status one_pass(cairn_training *t, loop *l, int64_t number, bool logged)
{
    cairn_status st = CAIRN_OK;
    const cairn_train_settings *s = t->settings;
    float scalars[CAIRN_OPTIMISER_SCALARS];
    double value;
    CAIRN_TRY(feeder_wait(&l->feeder));
    CAIRN_TRY(write_inputs(t, l->program, l->feeder.buffers[l->feeder.slot]));
    cairn_train_scalars(s, number / s->accumulate, number % s->accumulate, scalars);
    CAIRN_TRY(cairn_program_write(l->program, l->optimiser.scalars, scalars));
    CAIRN_TRY(cairn_program_submit(l->program));
    if (number + 1 < l->end * s->accumulate) CAIRN_TRY(feeder_start(&l->feeder, number + 1, !l->feeder.slot));
    CAIRN_TRY(cairn_gpu_wait(t->gpu));
    CAIRN_TRY(read_scalar(l->program, t->loss, &value));
    l->loss += value;
    for (int i = 0; i < t->logged_count && logged; i++) {
        CAIRN_TRY(read_scalar(l->program, t->logged[i].value, &value));
        l->logged[i] += value;
    }
done:
    return st;
}

static cairn_status one_step(cairn_training *t, loop *l, int64_t step, double *smooth)
{
    cairn_status st = CAIRN_OK;
    const cairn_train_settings *s = t->settings;
    bool logged = (step + 1) % s->log_every == 0 || step == 0 || step + 1 == s->steps;
    double start = cairn_seconds();
    l->loss = 0;
    memset(l->logged, 0, sizeof l->logged);
    for (int64_t pass = 0; pass < s->accumulate; pass++)
        CAIRN_TRY(one_pass(t, l, step * s->accumulate + pass, logged));
    double loss = l->loss / (double)s->accumulate;
    if (!isfinite(loss)) {
        st = cairn_error_set(CAIRN_E_NUMERIC, "%s: the loss at step %lld is not finite; try a smaller lr than %g",
                             t->label, (long long)step + 1, s->lr);
        goto done;
    }
    *smooth = *smooth < 0 ? loss : 0.95 * *smooth + 0.05 * loss;
    if (logged) CAIRN_TRY(log_step(t, l, step, (cairn_seconds() - start) * 1e3));
    char note[80];
    snprintf(note, sizeof note, "loss %.4f%s%s", *smooth, l->measured.note[0] ? "  " : "", l->measured.note);
    cairn_progress_update(&l->bar, step + 1, note);
done:
    return st;
}

/* What is due behind a step. */
static cairn_status behind(cairn_training *t, loop *l, int64_t done, bool interrupted)
{
    cairn_status st = CAIRN_OK;
    const bool last = done == t->settings->steps;
    if (t->validate && t->validate_every && (last || done % t->validate_every == 0)) CAIRN_TRY(validate(t, l, done));
    t->done = done;
    t->stopped = !last && !has_patience(t, l);
    if (done == l->end || interrupted || t->stopped || done % t->settings->checkpoint_every == 0)
        CAIRN_TRY(save(t, l, done));
done:
    return st;
}

static cairn_status steps(cairn_training *t, loop *l, int64_t first)
{
    cairn_status st = CAIRN_OK;
    double smooth = -1, start = cairn_seconds();
    l->logged_at = start;
    if (first < l->end) CAIRN_TRY(feeder_start(&l->feeder, first * t->settings->accumulate, 0));
    cairn_progress_start(&l->bar, t->label, t->settings->steps, first);
    for (int64_t step = first; step < l->end && !t->stopped; step++) {
        CAIRN_TRY(one_step(t, l, step, &smooth));
        const bool interrupted = cairn_interrupted();
        CAIRN_TRY(behind(t, l, step + 1, interrupted));
        if (interrupted && step + 1 < t->settings->steps) {
            cairn_progress_finish(&l->bar);
            st = cairn_interrupted_status();
            goto done;
        }
    }
    cairn_progress_finish(&l->bar);
    if (first < l->end)
        cairn_info("%s: the device waited for batches %.1f %% of the time", t->label,
                   100 * l->feeder.waited / (cairn_seconds() - start));
    if (t->stopped)
        cairn_info("%s: ended at step %lld of %lld: the last %lld validations scored no better than the best before "
                   "them, %.3f",
                   t->label, (long long)t->done, (long long)t->settings->steps, (long long)t->patience, l->best);
done:
    return st;
}

static cairn_status print_profile(cairn_training *t, cairn_program *program)
{
    cairn_status st = CAIRN_OK;
    cairn_ceilings ceilings;
    CAIRN_TRY(cairn_ceilings_measure(&ceilings, t->gpu));
    CAIRN_TRY(cairn_profile_print(t->profile, program, &ceilings));
done:
    return st;
}

cairn_status cairn_train(cairn_training *t)
{
    cairn_status st = CAIRN_OK;
    loop l = {.best = -1, .end = t->until ? t->until : t->settings->steps};
    int64_t first;
    CAIRN_TRY(feeder_init(&l.feeder, t));
    CAIRN_TRY(cairn_train_add_optimiser(t->g, t->model, t->loss, t->settings, &l.optimiser));
    cairn_graph_output(t->g, t->loss, "loss");
    cairn_graph_output(t->g, l.optimiser.control, "control");
    for (int i = 0; i < t->logged_count; i++) cairn_graph_output(t->g, t->logged[i].value, t->logged[i].name);
    const cairn_program_options options = {.profile = t->profile != NULL,
                                           .precision = (cairn_precision)t->settings->precision,
                                           .recompute = (cairn_recompute)t->settings->recompute};
    CAIRN_TRY(cairn_program_create(&l.program, t->gpu, t->g, t->store, &options));
    if (t->explain) CAIRN_TRY(cairn_program_explain(l.program, t->explain));
    l.checkpoint = cairn_file_join(t->folder, "checkpoint.safetensors");
    l.log_path = cairn_file_join(t->folder, "metrics.jsonl");
    if (!l.checkpoint || !l.log_path) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
        goto done;
    }
    CAIRN_TRY(resume(t, &l, &first));
    t->done = first;
    t->stopped = first < t->settings->steps && !has_patience(t, &l);
    if (t->stopped) l.end = first;
    CAIRN_TRY(trim_log(l.log_path, first));
    l.log = fopen(l.log_path, "a");
    if (!l.log) {
        st = cairn_error_set(CAIRN_E_IO, "%s: cannot be written", l.log_path);
        goto done;
    }
    CAIRN_TRY(steps(t, &l, first));
    if (t->profile && first < l.end) CAIRN_TRY(print_profile(t, l.program));
done:
    feeder_uninit(&l.feeder);
    if (l.log && fclose(l.log) && st >= 0)
        st = cairn_error_set(CAIRN_E_IO, "%s: cannot write; is the disk full?", l.log_path);
    cairn_program_destroy(&l.program);
    free(l.checkpoint);
    free(l.log_path);
    return st;
}

/* Adds batch moments read from the device to the running sums of one layer. */
static cairn_status add_moments(cairn_training *t, cairn_program *program, const cairn_batch_moments *b, double *sums,
                                float *scratch)
{
    cairn_status st = CAIRN_OK;
    int c = cairn_graph_shape(t->g, b->mean).c;
    double unbiased = b->samples > 1 ? b->samples / (b->samples - 1) : 1;
    CAIRN_TRY(cairn_program_read(program, b->mean, scratch));
    for (int i = 0; i < c; i++) sums[i] += scratch[i];
    CAIRN_TRY(cairn_program_read(program, b->variance, scratch));
    for (int i = 0; i < c; i++) sums[c + i] += unbiased * scratch[i];
done:
    return st;
}

static cairn_status store_average(cairn_training *t, const cairn_batch_moments *b, const double *sums, int batches,
                                  float *scratch)
{
    cairn_status st = CAIRN_OK;
    static const char *const names[2] = {"running_mean", "running_var"};
    int c = cairn_graph_shape(t->g, b->mean).c;
    for (int k = 0; k < 2; k++) {
        char name[128];
        snprintf(name, sizeof name, "%s.%s", b->name, names[k]);
        for (int i = 0; i < c; i++) scratch[i] = (float)(sums[k * c + i] / batches);
        CAIRN_TRY(cairn_store_write(t->store, cairn_store_find(t->store, name), scratch));
    }
done:
    return st;
}

cairn_status cairn_train_calibrate(cairn_training *t, int64_t first_step, int batches)
{
    enum { MOST = 4096 };
    cairn_status st = CAIRN_OK;
    cairn_program *program = NULL;
    feeder f = {0};
    cairn_progress bar;
    char label[96];
    cairn_model *m = t->model;
    double *sums = calloc((size_t)m->moment_count * 2 * MOST + 1, sizeof *sums);
    float *scratch = malloc(MOST * sizeof *scratch);
    if (!sums || !scratch) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory to calibrate");
        goto done;
    }
    for (int i = 0; i < m->moment_count; i++) {
        CAIRN_ASSERT(cairn_graph_shape(t->g, m->moments[i].mean).c <= MOST);
        cairn_graph_output(t->g, m->moments[i].mean, "batch mean");
        cairn_graph_output(t->g, m->moments[i].variance, "batch variance");
    }
    CAIRN_TRY(feeder_init(&f, t));
    CAIRN_TRY(cairn_program_create(&program, t->gpu, t->g, t->store, NULL));
    snprintf(label, sizeof label, "%s: statistics", t->label);
    cairn_progress_start(&bar, label, batches, 0);
    for (int b = 0; b < batches; b++) {
        if (cairn_interrupted()) {
            cairn_progress_finish(&bar);
            CAIRN_TRY(cairn_interrupted_status());
        }
        CAIRN_TRY(t->batch(t->payload, first_step + b, f.buffers[0]));
        CAIRN_TRY(write_inputs(t, program, f.buffers[0]));
        CAIRN_TRY(cairn_program_run(program));
        for (int i = 0; i < m->moment_count; i++)
            CAIRN_TRY(add_moments(t, program, &m->moments[i], sums + (size_t)i * 2 * MOST, scratch));
        cairn_progress_update(&bar, b + 1, NULL);
    }
    cairn_progress_finish(&bar);
    for (int i = 0; i < m->moment_count; i++)
        CAIRN_TRY(store_average(t, &m->moments[i], sums + (size_t)i * 2 * MOST, batches, scratch));
done:
    cairn_program_destroy(&program);
    feeder_uninit(&f);
    free(sums);
    free(scratch);
    return st;
}
