#ifndef CAIRN_TESTS_TRAINING_H
#define CAIRN_TESTS_TRAINING_H
/* A few steps of training of the teacher (a quarter of its width, both heads) or the student, on four images of 96x128
 * that are the same in every call, and hashes of all that they leave: for ways of running that must not change a
 * bit. */
#include "graph/program.h"

enum { TEST_STEPS = 3 };

typedef struct test_outcome {
    cairn_program_stats stats;
    float loss[TEST_STEPS];
    uint64_t gradient, stored; /* hashes: of the last step's gradients; of parameters, moments and statistics */
} test_outcome;

test_outcome test_train(cairn_gpu *gpu, bool student, const cairn_program_options *options);
/* Only the plan, of the teacher at its full width on four images of 120x160. */
cairn_program_stats test_plan_training(cairn_gpu *gpu, const cairn_program_options *options);
/* Only the plan of a training step, of the teacher (full width) or the student. image [batch,height,width,1] */
cairn_program_stats test_plan_step(cairn_gpu *gpu, bool student, cairn_shape image,
                                   const cairn_program_options *options);
/* Losses, gradients and stored tensors to the last bit; and the training did something. */
void test_expect_same_outcome(const test_outcome *a, const test_outcome *b);
#endif
