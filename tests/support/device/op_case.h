#ifndef CAIRN_TESTS_SUPPORT_OP_CASE_H
#define CAIRN_TESTS_SUPPORT_OP_CASE_H
/* The test that every op goes through. A case names a function that builds a small graph; the harness
 *   1. runs it on the device in each kernel class (texel, simt), with canaries, validation and a repeat that must give
 *      the same bits, and compares every output and every stored tensor with the double-precision reference;
 *      Then again with inputs and everything computed stored in fp16, against the reference on the rounded inputs,
 *      within wider limits;
 *   2. differentiates loss = sum over outputs of output * random weight, compares the reference's gradients with
 *      central differences of the reference's loss, and the device's gradients with the reference's.
 *
 *     static void relu(op_case *c, cairn_graph *g)
 *     {
 *         const cairn_shape *s = op_case_data(c);
 *         cairn_tid x = op_case_input_apart(c, *s, -1, 1, 0, 0.01);
 *         op_case_output(c, cairn_op_relu(g, x));
 *     }
 *     static const cairn_shape odd = {1, 3, 5, 17};
 *     static const op_case_spec cases[] = {{"relu odd", relu, &odd}};
 *     int main(void) { return op_case_main("pointwise", cases, sizeof cases / sizeof *cases, NULL, 0); } */
#include "base/rng.h"
#include "graph/graph.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

typedef struct op_case op_case;

typedef struct op_case_spec {
    const char *name;
    void (*build)(op_case *c, cairn_graph *g);
    const void *data;  /* for the builder: op_case_data */
    bool no_gradient;  /* the op has none: part 2 is left out */
    double nmse;       /* most normalised squared error of the device against the reference; 0: 1e-11 */
    double tolerance;  /* most |difference| of one element, as a part of the largest |reference|; 0: 2e-5 */
} op_case_spec;

/* ---- for builders: inputs with random values (rounded to float, so that both sides see the same) ---- */
const void *op_case_data(const op_case *c);
cairn_tid op_case_input(op_case *c, cairn_shape shape, double low, double high);
/* Integers low..high. No gradient is taken of it. */
cairn_tid op_case_input_integers(op_case *c, cairn_shape shape, int low, int high);
/* Uniform, but never nearer than `distance` to the kink. */
cairn_tid op_case_input_apart(op_case *c, cairn_shape shape, double low, double high, double kink, double distance);
/* All elements differ by at least (high - low) / count: for maxima without ties. */
cairn_tid op_case_input_distinct(op_case *c, cairn_shape shape, double low, double high);
/* These values; no gradient is taken of it unless `differentiable`. */
cairn_tid op_case_input_values(op_case *c, cairn_shape shape, const float *values, bool differentiable);
/* A stored tensor with random values, for ops that update in place; compared after the run. */
cairn_tid op_case_stored(op_case *c, cairn_shape shape, double low, double high, bool differentiable);
/* Leaves a tensor out of the gradient check (the op documents no gradient for it). */
void op_case_freeze(op_case *c, cairn_tid tensor);
/* Values of a tensor made by one of the above, to change them (keep them floats). */
float *op_case_values(op_case *c, cairn_tid tensor);
cairn_rng *op_case_rng(op_case *c);
/* Most NMSE of the run with tensors in fp16, where the default of 1e-6 (gradients: 3e-6) is too little; 0: no such run,
 * since the values do not bear rounding (comparisons, large numbers). */
void op_case_half_limit(op_case *c, double nmse);
/* Declares an output to compare (at most 4). */
void op_case_output(op_case *c, cairn_tid tensor);

/* Runs one case inside a cmocka test; fails it with a message. */
void op_case_run(const op_case_spec *spec);
/* A whole test program: one cmocka test for each case, and `more` (may be NULL). Returns main's result; TEST_SKIP if
 * the machine has no Vulkan device. */
int op_case_main(const char *group, const op_case_spec *cases, int count, const struct CMUnitTest *more,
                 int more_count);
/* A builder call must have been refused: the graph's mistake contains `text`. Destroys the graph. */
void op_case_refused(cairn_graph **g, const char *text);
#endif
