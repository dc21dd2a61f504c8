/* Log-softmax along both axes, picks, LightGlue's assignment, smoothed cross-entropy and divergences against their
 * references. */
#include "ops/loss/likelihood.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "support/device/op_case.h"

enum { NO_MASK, MASK, PACKED, EMPTY };

typedef struct data {
    cairn_shape shape;
    int mask;
    float range, value; /* of logits; temperature, smoothing */
} data;

static cairn_tid mask_of(op_case *c, cairn_shape s, int kind)
{
    if (kind == NO_MASK) return CAIRN_NONE;
    cairn_tid t = op_case_input_integers(c, s, 0, 1);
    float *v = op_case_values(c, t);
    int64_t one = cairn_shape_count(s) / s.n;
    for (int64_t i = 0; i < one && kind == EMPTY; i++) v[i] = 0; /* of the first batch element */
    return t;
}

static void lse_channels(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, -d->range, d->range);
    /* the gradient takes the exponential of the result, which fp16 would round by 0.03 at 60 */
    if (d->range > 20) op_case_half_limit(c, 0);
    op_case_output(c, cairn_op_log_sum_exp_channels(g, x, mask_of(c, (cairn_shape){d->shape.n, 1, 1, d->shape.c},
                                                                  d->mask)));
}

static void lse_rows(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_shape s = d->shape, m = {s.n, s.h, s.w, 1};
    cairn_tid x = op_case_input(c, s, -d->range, d->range);
    if (d->mask >= PACKED) m = (cairn_shape){s.n, 1, 1, s.h * s.w};
    op_case_output(c, cairn_op_log_sum_exp_rows(g, x, mask_of(c, m, d->mask)));
}

/* Both axes of one matrix, as a double softmax adds them. */
static void log_softmax(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_shape s = d->shape;
    cairn_tid x = op_case_input(c, s, -d->range, d->range);
    cairn_tid rows = mask_of(c, (cairn_shape){s.n, 1, 1, s.h * s.w}, d->mask);
    cairn_tid channels = mask_of(c, (cairn_shape){s.n, 1, 1, s.c}, d->mask);
    op_case_output(c, cairn_op_log_softmax_channels(g, x, channels));
    op_case_output(c, cairn_op_log_softmax_rows(g, x, rows));
}

static void pick(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_shape s = d->shape;
    cairn_tid x = op_case_input(c, s, -1, 1);
    op_case_output(c, cairn_op_pick(g, x, op_case_input_integers(c, (cairn_shape){s.n, s.h, s.w, 1}, -1, s.c)));
}

/* Few values, so that there are ties. */
static void largest(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    op_case_output(c, cairn_op_largest_channel(g, op_case_input_integers(c, d->shape, -(int)d->range, (int)d->range)));
}

static void smoothed(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_shape s = d->shape;
    cairn_tid x = op_case_input(c, s, -d->range, d->range);
    cairn_tid labels = op_case_input_integers(c, (cairn_shape){s.n, s.h, s.w, 1}, -1, s.c);
    op_case_output(c, cairn_op_smoothed_cross_entropy(g, x, labels, d->value));
}

static void kl(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, -d->range, d->range), t = op_case_input(c, d->shape, -d->range, d->range);
    op_case_freeze(c, t);
    op_case_output(c, cairn_op_kl_divergence(g, x, t, d->value));
}

static void kl_image(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, -d->range, d->range), t = op_case_input(c, d->shape, -0.5, 1);
    float *v = op_case_values(c, t);
    for (int64_t i = 0; i < cairn_shape_count(d->shape); i++) v[i] = v[i] > 0 ? v[i] : 0;
    op_case_freeze(c, t);
    op_case_output(c, cairn_op_kl_divergence_image(g, x, t, mask_of(c, d->shape, d->mask)));
}

/* s: [B,1,N,M]. What the masks leave out (-1e4) is taken off, or it would set the scale of the comparison. */
static void assignment(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    int b = d->shape.n, n = d->shape.w, m = d->shape.c;
    cairn_tid s = op_case_input(c, d->shape, -d->range, d->range);
    cairn_tid z0 = op_case_input(c, (cairn_shape){b, 1, n, 1}, -4, 4);
    cairn_tid z1 = op_case_input(c, (cairn_shape){b, 1, m, 1}, -4, 4);
    cairn_tid mask0 = mask_of(c, (cairn_shape){b, 1, 1, n}, d->mask);
    cairn_tid mask1 = mask_of(c, (cairn_shape){b, 1, 1, m}, d->mask);
    cairn_tid p = cairn_op_log_assignment(g, s, z0, z1, mask0, mask1);
    if (d->mask != NO_MASK) {
        cairn_tid kept = op_case_input_integers(c, (cairn_shape){b, 1, n + 1, m + 1}, 1, 1);
        float *v = op_case_values(c, kept);
        for (int k = 0; k < b * (n + 1) * (m + 1); k++) {
            int i = k / (m + 1) % (n + 1), j = k % (m + 1), at = k / ((m + 1) * (n + 1));
            if (i < n && op_case_values(c, mask0)[at * n + i] == 0) v[k] = 0;
            if (j < m && op_case_values(c, mask1)[at * m + j] == 0) v[k] = 0;
        }
        p = cairn_op_mul(g, p, kept);
    }
    op_case_output(c, p);
}

static void quality_focal(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, -d->range, d->range), t = op_case_input(c, d->shape, 0, 1);
    op_case_freeze(c, t);
    op_case_output(c, cairn_op_quality_focal(g, x, t));
}

static void weighted_mean(op_case *c, cairn_graph *g)
{
    const data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, -d->range, d->range);
    cairn_tid w = op_case_input(c, (cairn_shape){d->shape.n, d->shape.h, d->shape.w, 1}, 0, 1);
    op_case_freeze(c, w);
    op_case_output(c, cairn_op_weighted_mean(g, x, w, CAIRN_AXES_ALL, 1));
    op_case_output(c, cairn_op_weighted_mean(g, x, w, CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C, 1e6f));
}

#define CASE(name, build, ...) {name, build, &(const data){__VA_ARGS__}, false, 0, 0}
static const op_case_spec cases[] = {
    CASE("log-sum-exp of one channel", lse_channels, {1, 1, 1, 1}, NO_MASK, 3, 0),
    CASE("log-sum-exp of five channels", lse_channels, {2, 3, 5, 5}, NO_MASK, 3, 0),
    CASE("log-sum-exp of channels, mask", lse_channels, {3, 1, 7, 65}, MASK, 3, 0),
    CASE("log-sum-exp of channels, empty mask", lse_channels, {2, 3, 3, 17}, EMPTY, 3, 0),
    CASE("log-sum-exp of channels, large", lse_channels, {1, 2, 3, 130}, NO_MASK, 60, 0),
    CASE("log-sum-exp of one row", lse_rows, {1, 1, 1, 3}, NO_MASK, 3, 0),
    CASE("log-sum-exp of rows", lse_rows, {2, 3, 5, 5}, NO_MASK, 3, 0),
    CASE("log-sum-exp of rows, mask", lse_rows, {2, 7, 9, 17}, MASK, 3, 0),
    CASE("log-sum-exp of rows, packed mask", lse_rows, {3, 1, 67, 65}, PACKED, 3, 0),
    CASE("log-sum-exp of rows, empty mask", lse_rows, {2, 1, 6, 4}, EMPTY, 3, 0),
    CASE("log-sum-exp of a map", lse_rows, {2, 61, 83, 1}, NO_MASK, 20, 0),
    CASE("log-softmax of one element", log_softmax, {1, 1, 1, 1}, NO_MASK, 3, 0),
    CASE("log-softmax, 7x9", log_softmax, {2, 1, 7, 9}, NO_MASK, 3, 0),
    CASE("log-softmax, 65x63", log_softmax, {1, 1, 65, 63}, NO_MASK, 10, 0),
    CASE("log-softmax, masks", log_softmax, {2, 1, 33, 18}, PACKED, 3, 0),
    CASE("pick of one channel", pick, {1, 1, 1, 1}, NO_MASK, 0, 0),
    CASE("pick", pick, {2, 3, 5, 5}, NO_MASK, 0, 0),
    CASE("pick, 65 channels", pick, {1, 7, 9, 65}, NO_MASK, 0, 0),
    {"largest of one channel", largest, &(const data){{1, 1, 1, 1}, NO_MASK, 3, 0}, true, 0, 0},
    {"largest of five channels, ties", largest, &(const data){{2, 3, 5, 5}, NO_MASK, 2, 0}, true, 0, 0},
    {"largest of 251 channels", largest, &(const data){{1, 1, 67, 251}, NO_MASK, 400, 0}, true, 0, 0},
    CASE("assignment, 1x1", assignment, {1, 1, 1, 1}, NO_MASK, 3, 0),
    CASE("assignment, 3x4", assignment, {2, 1, 3, 4}, NO_MASK, 3, 0),
    CASE("assignment, 5x7", assignment, {1, 1, 5, 7}, NO_MASK, 3, 0),
    CASE("assignment, 66x33", assignment, {1, 1, 66, 33}, NO_MASK, 8, 0),
    CASE("assignment, masks", assignment, {3, 1, 13, 18}, MASK, 3, 0),
    CASE("assignment, empty masks", assignment, {2, 1, 5, 6}, EMPTY, 3, 0),
    CASE("smoothed cross-entropy, C=1", smoothed, {1, 2, 2, 1}, NO_MASK, 3, 0.1f),
    CASE("smoothed cross-entropy, C=3", smoothed, {2, 3, 5, 3}, NO_MASK, 3, 0.1f),
    CASE("smoothed cross-entropy, C=65", smoothed, {1, 5, 7, 65}, NO_MASK, 6, 0.2f),
    CASE("smoothed cross-entropy without smoothing", smoothed, {1, 4, 3, 8}, NO_MASK, 6, 0),
    CASE("divergence, C=1", kl, {1, 1, 3, 1}, NO_MASK, 3, 1),
    CASE("divergence, C=5", kl, {2, 3, 5, 5}, NO_MASK, 3, 2),
    CASE("divergence, C=65", kl, {1, 5, 7, 65}, NO_MASK, 8, 4),
    CASE("divergence of images", kl_image, {2, 7, 9, 1}, NO_MASK, 3, 0),
    CASE("divergence of images, valid pixels", kl_image, {3, 13, 11, 1}, MASK, 3, 0),
    CASE("divergence of images, nothing valid", kl_image, {2, 5, 3, 1}, EMPTY, 3, 0),
    CASE("quality focal", quality_focal, {2, 5, 7, 1}, NO_MASK, 4, 0),
    CASE("weighted mean", weighted_mean, {2, 5, 7, 3}, NO_MASK, 2, 0),
};

static cairn_tid input(cairn_graph *g, const char *name, int n, int h, int w, int c)
{
    return cairn_graph_input(g, name, (cairn_shape){n, h, w, c});
}

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_op_log_sum_exp_rows(g, input(g, "x", 1, 2, 3, 4), input(g, "m", 1, 2, 2, 1));
    op_case_refused(&g, "expected [1,2,3,1] or [1,1,1,6]");
    assert_ok(cairn_graph_create(&g));
    cairn_op_log_sum_exp_channels(g, input(g, "x", 1, 2, 3, 4), input(g, "m", 1, 1, 1, 3));
    op_case_refused(&g, "mask [1,1,1,3]");
    assert_ok(cairn_graph_create(&g));
    cairn_op_pick(g, input(g, "x", 1, 2, 3, 4), input(g, "i", 1, 2, 2, 1));
    op_case_refused(&g, "index [1,2,2,1]");
    assert_ok(cairn_graph_create(&g));
    cairn_op_log_assignment(g, input(g, "s", 1, 1, 3, 4), input(g, "z0", 1, 1, 3, 1), input(g, "z1", 1, 1, 3, 1),
                            CAIRN_NONE, CAIRN_NONE);
    op_case_refused(&g, "z1 is [1,1,3,1], not [1,1,4,1]");
    assert_ok(cairn_graph_create(&g));
    cairn_op_smoothed_cross_entropy(g, input(g, "x", 1, 2, 3, 4), input(g, "l", 1, 2, 3, 1), 1);
    op_case_refused(&g, "smoothing");
    assert_ok(cairn_graph_create(&g));
    cairn_op_kl_divergence(g, input(g, "x", 1, 2, 3, 4), input(g, "t", 1, 2, 3, 5), 1);
    op_case_refused(&g, "differ");
    assert_ok(cairn_graph_create(&g));
    cairn_op_kl_divergence_image(g, input(g, "x", 1, 2, 3, 2), input(g, "t", 1, 2, 3, 2), CAIRN_NONE);
    op_case_refused(&g, "one channel");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_wrong_shapes)};
    return op_case_main("likelihood", cases, sizeof cases / sizeof *cases, more, 1);
}
