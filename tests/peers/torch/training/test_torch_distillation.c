/* The drop-in student's loss against PyTorch (torch_distillation.py): every term, and its gradients to logits, to
 * descriptors before their normalisation and to the learned weights by autograd, in both classes of kernels. */
#include "support/test.h"
#include "support/torch.h"

#include "base/rng.h"
#include "ops/loss/loss.h"
#include "student/losses.h"

enum { N = 2, HC = 5, WC = 7, D = 24, PAIRS = 33, VARIED = 3 };
/* The first are varied. */
enum { LOGITS, RAW, LOG_VARIANCE, TEACHER, TEACHER_RAW, VALID, FIRST, SECOND, LABELS, INPUTS };
static const char *const names[INPUTS] = {"logits", "raw",   "log_variance", "teacher", "teacher_raw",
                                          "valid",  "first", "second",       "labels"};
static const cairn_shape shapes[INPUTS] = {{N, HC, WC, 65}, {N, HC, WC, D}, {1, 1, 1, CAIRN_DISTILLATION_TERMS},
                                           {N, HC, WC, 65}, {N, HC, WC, D}, {N, HC, WC, 1},
                                           {N, 1, PAIRS, 1}, {N, 1, PAIRS, 1}, {N, HC, WC, 1}};

static const struct {
    bool labels, learned;
    cairn_distillation_options o;
} cases[] = {
    {false, false, {2, 4, 0.2, 1, 0.5, 0.25}},
    {true, false, {1, 0, 1, 0.7, 2, 0.25}},
    {true, true, {3, 4, 0.2, 1, 0.5, 0.25}},
    {false, true, {2, 10, 0, 0, 0.5, 0.25}},
};
enum { CASES = sizeof cases / sizeof *cases };

static void fill(float *values, int input, cairn_rng *rng)
{
    const int64_t count = cairn_shape_count(shapes[input]);
    for (int64_t k = 0; k < count; k++) {
        if (input == VALID)
            values[k] = cairn_rng_uniform(rng) < 0.8;
        else if (input == FIRST || input == SECOND)
            values[k] = (float)cairn_rng_integer(rng, 0, HC * WC - 1);
        else if (input == LABELS)
            values[k] = cairn_rng_uniform(rng) < 0.5 ? 64 : (float)cairn_rng_integer(rng, 0, 63);
        else
            values[k] = (float)((input == LOGITS || input == TEACHER ? 3 : 1) * cairn_rng_normal(rng));
    }
}

static cairn_distillation_terms build(cairn_graph *g, const cairn_tid *t, int number)
{
    const cairn_distillation_tensors tensors = {
        .logits = t[LOGITS],
        .teacher_logits = t[TEACHER],
        .descriptor = cairn_op_l2_normalize(g, t[RAW], 1e-12f),
        .teacher_descriptor = cairn_op_l2_normalize(g, t[TEACHER_RAW], 1e-12f),
        .valid = t[VALID],
        .first = t[FIRST],
        .second = t[SECOND],
        .labels = cases[number].labels ? t[LABELS] : CAIRN_NONE,
        .log_variance = cases[number].learned ? t[LOG_VARIANCE] : CAIRN_NONE,
    };
    return cairn_distillation_loss(g, &tensors, &cases[number].o);
}

static void write_options(test_arrays *a, const char *name, int number)
{
    const cairn_distillation_options *o = &cases[number].o;
    const double of[8] = {o->temperature, o->points, o->background, o->descriptor, o->relational, o->hard,
                          cases[number].labels, cases[number].learned};
    float *v = test_arrays_add(a, 1, (const int64_t[]){8}, "%s|options", name);
    for (int i = 0; i < 8; i++) v[i] = (float)of[i];
}

static void run_case(test_torch_case *c, int number)
{
    cairn_rng rng = cairn_rng_stream(32, (uint32_t)number, 0, 0, 0);
    cairn_tid t[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
        const bool used = (i != LABELS || cases[number].labels) && (i != LOG_VARIANCE || cases[number].learned);
        float *values;
        t[i] = CAIRN_NONE;
        if (used)
            t[i] = test_torch_case_input(c, names[i], shapes[i], &values);
        else
            values = test_arrays_add_tensor(c->arrays, shapes[i], "%s|%s", c->name, names[i]);
        fill(values, i, &rng);
    }
    write_options(c->arrays, c->name, number);
    const cairn_distillation_terms terms = build(c->g, t, number);
    test_torch_case_output(c, "loss", terms.loss);
    test_torch_case_output(c, "detector", terms.detector);
    test_torch_case_output(c, "descriptor", terms.descriptor);
    test_torch_case_output(c, "relational", terms.relational);
    test_torch_case_output(c, "hard", terms.hard);
    test_torch_case_run(c, terms.loss, cases[number].learned ? VARIED : LOG_VARIANCE);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    test_torch_compare_cases(CASES, run_case, "training/torch_distillation.py");
}

int main(void)
{
    return test_torch_main(agrees_with_torch);
}
