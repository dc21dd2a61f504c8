#include "support/device/op_case.h"

#include "base/half.h"
#include "graph/program.h"
#include "reference/evaluate.h"

#include <math.h>

#define HALF_NMSE 1e-6
#define HALF_TOLERANCE 4e-3
enum { MAX_SOURCES = 24, MAX_RESULTS = CAIRN_MAX_OUTPUTS, SAMPLES = 24 };

typedef struct source {
    cairn_tid tensor;
    float *values;
    bool differentiable;
    cairn_tid gradient;
} source;

struct op_case {
    const op_case_spec *spec;
    cairn_graph *g;
    cairn_rng rng;
    source sources[MAX_SOURCES];
    int source_count;
    cairn_tid outputs[MAX_RESULTS];
    int output_count;
    int forward_nodes; /* nodes up to and with the loss */
    double half_nmse; /* 0: no run with fp16 tensors */
    bool half;         /* the run with fp16 tensors */
    cairn_tid loss;
};

/* ---- the loss: sum of x * weight over up to four pairs. Only its gradient, the weights themselves, is used on the
 * device; the value is for central differences. ---- */
static void loss_gradient(cairn_graph *g, const cairn_node *node, const cairn_tid *doutputs, const bool *needs,
                          cairn_tid *dinputs)
{
    (void)g, (void)doutputs;
    for (int k = 0; k + 1 < node->input_count; k += 2)
        if (needs[k]) dinputs[k] = node->inputs[k + 1];
}

static cairn_status loss_lower(cairn_lowering *l, const cairn_node *node)
{
    (void)l, (void)node;
    return CAIRN_OK;
}

static void loss_reference(const cairn_node *node, const cairn_graph *g, double *const *inputs, double *const *outputs)
{
    double sum = 0;
    for (int k = 0; k + 1 < node->input_count; k += 2) {
        int64_t count = cairn_shape_count(cairn_graph_shape(g, node->inputs[k]));
        for (int64_t i = 0; i < count; i++) sum += inputs[k][i] * inputs[k + 1][i];
    }
    outputs[0][0] = sum;
}

static const cairn_op loss_op = {
    .name = "test_loss", .gradient = loss_gradient, .lower = loss_lower, .reference = loss_reference};

/* ---- sources ---- */
const void *op_case_data(const op_case *c)
{
    return c->spec->data;
}

cairn_rng *op_case_rng(op_case *c)
{
    return &c->rng;
}

static source *add_source(op_case *c, cairn_shape shape, bool stored, bool differentiable)
{
    assert_true(c->source_count < MAX_SOURCES);
    source *s = &c->sources[c->source_count];
    char name[32];
    snprintf(name, sizeof name, "%s%d", stored ? "stored" : "input", c->source_count++);
    s->tensor = stored ? cairn_graph_stored(c->g, name, shape) : cairn_graph_input(c->g, name, shape);
    assert_ok(cairn_graph_status(c->g));
    s->values = malloc(sizeof *s->values * (size_t)cairn_shape_count(shape));
    assert_non_null(s->values);
    s->differentiable = differentiable;
    s->gradient = CAIRN_NONE;
    return s;
}

static cairn_tid fill_uniform(op_case *c, source *s, double low, double high)
{
    int64_t count = cairn_shape_count(cairn_graph_shape(c->g, s->tensor));
    for (int64_t i = 0; i < count; i++) s->values[i] = (float)cairn_rng_between(&c->rng, low, high);
    return s->tensor;
}

cairn_tid op_case_input(op_case *c, cairn_shape shape, double low, double high)
{
    return fill_uniform(c, add_source(c, shape, false, true), low, high);
}

cairn_tid op_case_stored(op_case *c, cairn_shape shape, double low, double high, bool differentiable)
{
    return fill_uniform(c, add_source(c, shape, true, differentiable), low, high);
}

cairn_tid op_case_input_integers(op_case *c, cairn_shape shape, int low, int high)
{
    source *s = add_source(c, shape, false, false);
    for (int64_t i = 0; i < cairn_shape_count(shape); i++)
        s->values[i] = (float)cairn_rng_integer(&c->rng, low, high);
    return s->tensor;
}

cairn_tid op_case_input_apart(op_case *c, cairn_shape shape, double low, double high, double kink, double distance)
{
    source *s = add_source(c, shape, false, true);
    for (int64_t i = 0; i < cairn_shape_count(shape); i++) {
        do s->values[i] = (float)cairn_rng_between(&c->rng, low, high);
        while (fabs(s->values[i] - kink) < distance);
    }
    return s->tensor;
}

cairn_tid op_case_input_distinct(op_case *c, cairn_shape shape, double low, double high)
{
    source *s = add_source(c, shape, false, true);
    uint32_t count = (uint32_t)cairn_shape_count(shape);
    uint32_t *order = malloc(sizeof *order * count);
    assert_non_null(order);
    cairn_rng_shuffle(&c->rng, order, count);
    for (uint32_t i = 0; i < count; i++) s->values[i] = (float)(low + (high - low) * (order[i] + 0.5) / count);
    free(order);
    return s->tensor;
}

cairn_tid op_case_input_values(op_case *c, cairn_shape shape, const float *values, bool differentiable)
{
    source *s = add_source(c, shape, false, differentiable);
    memcpy(s->values, values, sizeof *values * (size_t)cairn_shape_count(shape));
    return s->tensor;
}

static source *find_source(op_case *c, cairn_tid tensor)
{
    for (int i = 0; i < c->source_count; i++)
        if (c->sources[i].tensor == tensor) return &c->sources[i];
    fail_msg("%s: tensor %d is no input of the case", c->spec->name, tensor);
    return NULL;
}

void op_case_freeze(op_case *c, cairn_tid tensor)
{
    find_source(c, tensor)->differentiable = false;
}

float *op_case_values(op_case *c, cairn_tid tensor)
{
    return find_source(c, tensor)->values;
}

void op_case_half_limit(op_case *c, double nmse)
{
    c->half_nmse = nmse;
}

void op_case_output(op_case *c, cairn_tid tensor)
{
    assert_ok(cairn_graph_status(c->g));
    assert_true(c->output_count < MAX_RESULTS && tensor != CAIRN_NONE);
    c->outputs[c->output_count++] = tensor;
}

/* ---- graph ---- */
static void mark_output(op_case *c, cairn_tid tensor, const char *kind, int index)
{
    char name[32];
    const cairn_tensor *t = cairn_graph_tensor(c->g, tensor);
    if (t->kind != CAIRN_TENSOR_VALUE || t->is_output) return;
    snprintf(name, sizeof name, "%s%d", kind, index);
    cairn_graph_output(c->g, tensor, name);
}

static void append_gradients(op_case *c)
{
    cairn_tid inputs[2 * MAX_RESULTS], wrt[MAX_SOURCES], grads[MAX_SOURCES];
    int count = 0, outputs = c->output_count;
    for (int i = 0; i < outputs; i++) {
        source *s = add_source(c, cairn_graph_shape(c->g, c->outputs[i]), false, false);
        inputs[2 * i] = c->outputs[i];
        inputs[2 * i + 1] = fill_uniform(c, s, -1, 1);
    }
    c->loss = cairn_graph_append(c->g, &loss_op, inputs, 2 * outputs, 2 * outputs, &CAIRN_SCALAR, 1, NULL, NULL, 0);
    c->forward_nodes = cairn_graph_node_count(c->g);
    for (int i = 0; i < c->source_count; i++)
        if (c->sources[i].differentiable) wrt[count++] = c->sources[i].tensor;
    assert_ok(cairn_graph_differentiate(c->g, c->loss, wrt, count, grads));
    for (int i = 0; i < count; i++) {
        source *s = find_source(c, wrt[i]);
        s->gradient = grads[i];
        if (grads[i] != CAIRN_NONE) mark_output(c, grads[i], "gradient", (int)(s - c->sources));
    }
}

static void set_up(op_case *c, const op_case_spec *spec)
{
    uint32_t seed = 2166136261u; /* FNV-1a of the name: every case its own numbers, the same in each run */
    for (const char *p = spec->name; *p; p++) seed = (seed ^ (unsigned char)*p) * 16777619u;
    *c = (op_case){.spec = spec, .rng = cairn_rng_stream(seed, 0, 0, 0, 0), .loss = CAIRN_NONE,
                    .half_nmse = HALF_NMSE};
    assert_ok(cairn_graph_create(&c->g));
    spec->build(c, c->g);
    assert_ok(cairn_graph_status(c->g));
    assert_true(c->output_count > 0 || c->source_count > 0);
    for (int i = 0; i < c->output_count; i++) mark_output(c, c->outputs[i], "output", i);
    if (!spec->no_gradient) append_gradients(c);
}

static void tear_down(op_case *c)
{
    for (int i = 0; i < c->source_count; i++) free(c->sources[i].values);
    cairn_graph_destroy(&c->g);
}

/* ---- reference ---- */
static void write_reference(op_case *c, cairn_reference *reference)
{
    for (int i = 0; i < c->source_count; i++) {
        double *values = cairn_reference_values(reference, c->sources[i].tensor);
        int64_t count = cairn_shape_count(cairn_graph_shape(c->g, c->sources[i].tensor));
        for (int64_t k = 0; k < count; k++) values[k] = c->sources[i].values[k];
    }
}

static double loss_at(op_case *c, cairn_reference *reference, double *element, double value)
{
    double kept = *element;
    *element = value;
    assert_ok(cairn_reference_run_first(reference, c->forward_nodes));
    *element = kept;
    return *cairn_reference_values(reference, c->loss);
}

/* Central differences of the loss for some elements of one input, against the gradient graph's values (a copy). */
static void check_differences(op_case *c, cairn_reference *reference, const source *s, const double *gradient)
{
    const double eps = 1e-5;
    double *values = cairn_reference_values(reference, s->tensor), scale = 1;
    int count = (int)cairn_shape_count(cairn_graph_shape(c->g, s->tensor));
    for (int i = 0; i < count && gradient; i++) scale = fmax(scale, fabs(gradient[i]));
    for (int k = 0; k < (count < SAMPLES ? count : SAMPLES); k++) {
        int i = count <= SAMPLES ? k : cairn_rng_integer(&c->rng, 0, count - 1);
        double high = loss_at(c, reference, &values[i], values[i] + eps);
        double low = loss_at(c, reference, &values[i], values[i] - eps);
        double difference = (high - low) / (2 * eps), got = gradient ? gradient[i] : 0;
        if (!(fabs(difference - got) <= 1e-6 * scale))
            fail_msg("%s: gradient of %s, element %d: reference %.9g, central difference %.9g%s", c->spec->name,
                     cairn_graph_tensor(c->g, s->tensor)->name, i, got, difference,
                     gradient ? "" : " (the op gives no gradient)");
    }
}

static void check_gradients(op_case *c, cairn_reference *reference)
{
    for (int i = 0; i < c->source_count; i++) {
        const source *s = &c->sources[i];
        if (!s->differentiable) continue;
        size_t bytes = sizeof(double) * (size_t)cairn_shape_count(cairn_graph_shape(c->g, s->tensor));
        double *copy = NULL;
        if (s->gradient != CAIRN_NONE) {
            copy = malloc(bytes);
            assert_non_null(copy);
            memcpy(copy, cairn_reference_values(reference, s->gradient), bytes);
        }
        check_differences(c, reference, s, copy);
        free(copy);
    }
    /* the differences have left the values of another point in the arrays, and in-place ops have run many times */
    write_reference(c, reference);
    assert_ok(cairn_reference_run(reference));
}

/* ---- device ---- */
static void compare(const op_case *c, const char *class_name, const char *what, cairn_shape shape, const float *got,
                    const double *expected)
{
    double limit = c->spec->nmse > 0 ? c->spec->nmse : 1e-11, part = c->spec->tolerance > 0 ? c->spec->tolerance : 2e-5;
    if (c->half) { /* one rounding to fp16 is an NMSE of some 1e-7; a gradient may pass several */
        limit = fmax(limit, strncmp(what, "gradient", 8) ? c->half_nmse : 3 * c->half_nmse);
        part = fmax(part, HALF_TOLERANCE);
    }
    double error = 0, energy = 0, largest = 0, worst = -1;
    int64_t count = cairn_shape_count(shape), at = 0;
    for (int64_t i = 0; i < count; i++) {
        double d = got[i] - expected[i];
        if (!isfinite(expected[i]))
            fail_msg("%s: %s: the reference gives %g at %lld", c->spec->name, what, expected[i], (long long)i);
        error += d * d;
        energy += expected[i] * expected[i];
        largest = fmax(largest, fabs(expected[i]));
        if (!(fabs(d) <= worst)) { /* also true for NaN */
            worst = isnan(d) ? INFINITY : fabs(d);
            at = i;
        }
    }
    bool close = worst <= part * largest || worst <= 1e-7;
    bool small = energy > 0 ? error <= limit * energy || worst <= 1e-7 : true;
    if (close && small) return;
    int64_t x = at / shape.c, y = x / shape.w;
    fail_msg(
        "%s, %s: %s [%d,%d,%d,%d] at [%d,%d,%d,%d]: device %.9g, reference %.9g; largest |reference| %.3g, NMSE %.3g",
        c->spec->name, class_name, what, shape.n, shape.h, shape.w, shape.c, (int)(y / shape.h), (int)(y % shape.h),
        (int)(x % shape.w), (int)(at % shape.c), got[at], expected[at], largest, energy > 0 ? error / energy : error);
}

static void write_sources(op_case *c, cairn_program *program, cairn_store *store)
{
    for (int i = 0; i < c->source_count; i++) {
        const cairn_tensor *t = cairn_graph_tensor(c->g, c->sources[i].tensor);
        if (t->kind == CAIRN_TENSOR_STORED)
            assert_ok(cairn_store_write(store, cairn_store_find(store, t->name), c->sources[i].values));
        else
            assert_ok(cairn_program_write(program, c->sources[i].tensor, c->sources[i].values));
    }
}

/* Reads every output and stored tensor and compares it with the reference, or with `before` bit for bit if that is
 * given; the values are appended to `all`, which the caller has made large enough. */
static void read_and_compare(op_case *c, cairn_program *program, cairn_store *store, cairn_reference *reference,
                             const char *class_name, float *all, const float *before)
{
    size_t used = 0;
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(c->g); t++) {
        const cairn_tensor *tensor = cairn_graph_tensor(c->g, t);
        size_t count = (size_t)cairn_shape_count(tensor->shape);
        if (tensor->kind == CAIRN_TENSOR_STORED)
            assert_ok(cairn_store_read(store, cairn_store_find(store, tensor->name), all + used));
        else if (tensor->kind == CAIRN_TENSOR_VALUE && tensor->is_output)
            assert_ok(cairn_program_read(program, t, all + used));
        else
            continue;
        compare(c, class_name, tensor->name, tensor->shape, all + used, cairn_reference_values(reference, t));
        if (before && memcmp(all + used, before + used, sizeof(float) * count))
            fail_msg("%s, %s: %s differs between two runs", c->spec->name, class_name, tensor->name);
        used += count;
    }
}

/* Runs once with every tensor in its own memory, so that guard words and padding can be looked at, and once as planned
 * for use, which must give the same bits. */
static void run_program(op_case *c, cairn_reference *reference, cairn_gpu *gpu, const char *class_name, bool separate,
                        float *values, const float *before)
{
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    cairn_program_options options = {.canaries = true, .no_aliasing = separate,
                                     .precision = c->half ? CAIRN_PRECISION_ALL_HALF : CAIRN_PRECISION_FP32};
    assert_ok(cairn_store_create(&store, gpu));
    if (cairn_program_create(&program, gpu, c->g, store, &options) < 0)
        fail_msg("%s, %s: %s", c->spec->name, class_name, cairn_error_message());
    write_sources(c, program, store);
    assert_ok(cairn_program_run(program));
    if (cairn_program_check(program) < 0) fail_msg("%s, %s: %s", c->spec->name, class_name, cairn_error_message());
    read_and_compare(c, program, store, reference, class_name, values, before);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
}

static void run_on_device(op_case *c, cairn_reference *reference, cairn_kernel_class kernel_class)
{
    cairn_gpu *gpu = test_gpu(kernel_class);
    if (!gpu) return;
    /* SwiftShader's compiler takes 10 GB and minutes for the kernels that know fp16: lavapipe runs the same ones. */
    if (c->half && strstr(cairn_gpu_get_info(gpu)->name, "SwiftShader")) return;
    char class_name[32];
    snprintf(class_name, sizeof class_name, "%s%s", test_gpu_class_name(kernel_class), c->half ? ", fp16" : "");
    size_t total = 1;
    for (cairn_tid t = 0; t < cairn_graph_tensor_count(c->g); t++)
        total += (size_t)cairn_shape_count(cairn_graph_shape(c->g, t));
    float *values[2] = {malloc(sizeof(float) * total), malloc(sizeof(float) * total)};
    assert_true(values[0] && values[1]);
    run_program(c, reference, gpu, class_name, true, values[0], NULL);
    if (!c->half) run_program(c, reference, gpu, class_name, false, values[1], values[0]);
    free(values[0]);
    free(values[1]);
    test_gpu_assert_valid(gpu);
}

static void round_inputs(op_case *c)
{
    c->half = true;
    for (int i = 0; i < c->source_count; i++) {
        const cairn_tensor *t = cairn_graph_tensor(c->g, c->sources[i].tensor);
        if (t->kind != CAIRN_TENSOR_INPUT || t->shape.h * t->shape.w == 1) continue; /* stays fp32 */
        for (int64_t k = 0; k < cairn_shape_count(t->shape); k++)
            c->sources[i].values[k] = cairn_half_to_float(cairn_half_from_float(c->sources[i].values[k]));
    }
}

void op_case_run(const op_case_spec *spec)
{
    op_case c;
    cairn_reference *reference = NULL;
    set_up(&c, spec);
    assert_ok(cairn_reference_create(&reference, c.g));
    write_reference(&c, reference);
    assert_ok(cairn_reference_run(reference));
    if (!spec->no_gradient) check_gradients(&c, reference);
    run_on_device(&c, reference, CAIRN_CLASS_TEXEL);
    run_on_device(&c, reference, CAIRN_CLASS_SIMT);
    const char *asked = getenv("CAIRN_KERNELS"); /* few ops have kernels of this class: it is run where asked for */
    if (asked && !strcmp(asked, "matrix")) run_on_device(&c, reference, CAIRN_CLASS_MATRIX);
    if (c.half_nmse > 0) {
        round_inputs(&c);
        write_reference(&c, reference);
        assert_ok(cairn_reference_run(reference));
        run_on_device(&c, reference, CAIRN_CLASS_TEXEL);
        run_on_device(&c, reference, CAIRN_CLASS_SIMT);
        if (asked && !strcmp(asked, "matrix")) run_on_device(&c, reference, CAIRN_CLASS_MATRIX);
    }
    cairn_reference_destroy(&reference);
    tear_down(&c);
}

static void run_case(void **state)
{
    op_case_run(*state);
}

int op_case_main(const char *group, const op_case_spec *cases, int count, const struct CMUnitTest *more, int more_count)
{
    struct CMUnitTest *tests = calloc((size_t)(count + more_count) + 1, sizeof *tests);
    if (!tests) return 1;
    for (int i = 0; i < count; i++)
        tests[i] =
            (struct CMUnitTest){.name = cases[i].name, .test_func = run_case, .initial_state = (void *)&cases[i]};
    for (int i = 0; i < more_count; i++) tests[count + i] = more[i];
    int code = test_gpu_main(group, tests, (size_t)(count + more_count), NULL, NULL);
    free(tests);
    return code;
}

void op_case_refused(cairn_graph **g, const char *text)
{
    assert_status(cairn_graph_status(*g), CAIRN_E_SHAPE, text);
    cairn_graph_destroy(g);
}
