/* The consistency loss of the student's second phase against PyTorch (torch_consistency.py): its value and its
 * gradients to both predictions by autograd, in both classes of kernels. */
#include "support/test.h"
#include "support/torch.h"

#include "base/rng.h"
#include "geometry/homography.h"
#include "student/losses.h"

enum { INPUTS = 8, N = 2, H = 24, W = 32 };
static const char *const names[INPUTS] = {"p", "q", "m", "mq", "use", "use_q", "to_input", "to_warped"};
static const double low[INPUTS] = {-4, -4, 0.1, 0.1, 0, 0, 0, 0}, high[INPUTS] = {4, 4, 0.9, 0.9, 1, 1, 0, 0};
/* In the order of cairn_consistency_options; the script is told all of them. */
static const cairn_consistency_options cases[] = {
    {1, 0, 1, 0, 0.2, 20, 3, false, 1},
    {0, 1, 0.5, 0, 0.2, 20, 3, false, 1},
    {1, 1, 0, 0, 1, 0, 0, true, 1},
    {0.7, 0.3, 1, 1.5, 0.2, 10, 2, true, 0.1},
};
enum { CASES = sizeof cases / sizeof *cases };

static void fill(float *values, int input, cairn_shape s, cairn_rng *rng, const cairn_homography *to_input)
{
    const int64_t count = cairn_shape_count(s);
    for (int64_t k = 0; k < count && input < 6; k++) {
        double u = cairn_rng_uniform(rng);
        values[k] = (float)(input < 4 ? low[input] + (high[input] - low[input]) * u : u < 0.8);
    }
    for (int i = 0; i < N && input >= 6; i++) {
        cairn_homography m = to_input[i];
        if (input == 7) assert_ok(cairn_homography_invert(&m, &to_input[i]));
        for (int k = 0; k < 9; k++) values[9 * i + k] = (float)m.m[k];
    }
}

static void write_options(test_arrays *a, const char *name, const cairn_consistency_options *o)
{
    float *v = test_arrays_add(a, 1, (const int64_t[]){9}, "%s|options", name);
    const double of[9] = {o->huber, o->kl, o->direct, o->agreement, o->delta, o->positive, o->erosion,
                          o->softmax_target, o->temperature};
    for (int i = 0; i < 9; i++) v[i] = (float)of[i];
}

static void run_case(test_torch_case *c, int number)
{
    const cairn_shape map = {N, H, W, 1}, matrix = {N, 1, 1, 9};
    cairn_homography_options sampler = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
    cairn_rng rng = cairn_rng_stream(31, (uint32_t)number, 0, 0, 0);
    cairn_homography to_input[N];
    cairn_tid t[INPUTS];
    sampler.max_angle = 0.26;
    sampler.allow_artifacts = false;
    for (int i = 0; i < N; i++) assert_ok(cairn_homography_sample(&to_input[i], &rng, H, W, &sampler));
    for (int i = 0; i < INPUTS; i++) {
        const cairn_shape s = i < 6 ? map : matrix;
        float *values;
        t[i] = test_torch_case_input(c, names[i], s, &values);
        fill(values, i, s, &rng, to_input);
    }
    write_options(c->arrays, c->name, &cases[number]);
    const cairn_pair_tensors pair = {t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]};
    const cairn_tid loss = cairn_consistency_loss(c->g, &pair, &cases[number]).loss;
    test_torch_case_output(c, "loss", loss);
    test_torch_case_run(c, loss, 2);
}

static void agrees_with_torch(void **state)
{
    (void)state;
    test_torch_compare_cases(CASES, run_case, "training/torch_consistency.py");
}

int main(void)
{
    return test_torch_main(agrees_with_torch);
}
