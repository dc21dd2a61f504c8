/* Attention, rotary encoding, layer normalisation, likelihoods and losses against PyTorch in double precision: outputs
 * and gradients, of the double-precision references and of both classes of kernel; and one layer of LightGlue with its
 * loss. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/torch.h"

#include "base/rng.h"
#include "formats/npz.h"
#include "graph/program.h"
#include "ops/attention/attention.h"
#include "ops/conv/conv.h"
#include "ops/norm/layer_norm.h"
#include "ops/layout/layout.h"
#include "ops/loss/likelihood.h"
#include "ops/product/matrix.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"
#include "reference/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_INPUTS = 40, MOST_OUTPUTS = 3, MOST_CASES = 24 };

typedef struct peer {
    const struct peer_case *spec;
    cairn_graph *g;
    cairn_rng rng;
    cairn_tid inputs[MOST_INPUTS], gradients[MOST_INPUTS], outputs[MOST_OUTPUTS], weights[MOST_OUTPUTS];
    float *values[MOST_INPUTS + MOST_OUTPUTS]; /* inputs, then weights */
    bool differentiable[MOST_INPUTS];
    int input_count, output_count;
} peer;

typedef struct peer_case {
    const char *name; /* torch_points.py: CASES, after a '-' what tells two apart */
    void (*build)(peer *p, cairn_graph *g);
    int size;
    double tolerance; /* of the device; 0: 2e-5 of the largest magnitude */
    bool no_reference, texel_only;
} peer_case;

static peer peers[MOST_CASES];
static cairn_npz expected;
static char folder[256];

/* ---- what builders call ---- */
static cairn_tid add_input(peer *p, cairn_shape s, double low, double high, bool integers)
{
    char name[16];
    int i = p->input_count++;
    assert_true(i < MOST_INPUTS);
    snprintf(name, sizeof name, "in%d", i);
    p->inputs[i] = cairn_graph_input(p->g, name, s);
    p->values[i] = malloc(sizeof(float) * (size_t)cairn_shape_count(s));
    p->differentiable[i] = !integers;
    for (int64_t k = 0; k < cairn_shape_count(s); k++)
        p->values[i][k] = integers ? (float)cairn_rng_integer(&p->rng, (int)low, (int)high)
                                   : (float)cairn_rng_between(&p->rng, low, high);
    return p->inputs[i];
}

static cairn_tid values(peer *p, int n, int h, int w, int c, double range)
{
    return add_input(p, (cairn_shape){n, h, w, c}, -range, range, false);
}

static cairn_tid integers(peer *p, int n, int h, int w, int c, int low, int high)
{
    return add_input(p, (cairn_shape){n, h, w, c}, low, high, true);
}

static cairn_tid target(peer *p, int n, int h, int w, int c)
{
    cairn_tid t = add_input(p, (cairn_shape){n, h, w, c}, 0, 1, false);
    p->differentiable[p->input_count - 1] = false;
    return t;
}

/* A 0/1 mask whose first element is kept: PyTorch gives NaN where nothing is. */
static cairn_tid mask(peer *p, int n, int h, int w, int c)
{
    cairn_tid t = integers(p, n, h, w, c, 0, 1);
    for (int i = 0; i < n; i++) p->values[p->input_count - 1][(int64_t)i * h * w * c] = 1;
    return t;
}

static void output(peer *p, cairn_tid t)
{
    p->outputs[p->output_count++] = t;
}

/* ---- cases ---- */
static void layer_norm(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 3, 5, 65, 2), gamma = values(p, 1, 1, 1, 65, 2), beta = values(p, 1, 1, 1, 65, 1);
    output(p, cairn_op_layer_norm(g, x, gamma, beta, 1e-5f));
}

static void gelu(peer *p, cairn_graph *g)
{
    output(p, cairn_op_gelu(g, values(p, 2, 3, 5, 17, 5)));
}

static void gelu_tanh(peer *p, cairn_graph *g)
{
    output(p, cairn_op_unary(g, values(p, 2, 3, 5, 17, 5), CAIRN_UNARY_GELU_TANH, 0, 0));
}

static void attention(peer *p, cairn_graph *g)
{
    cairn_tid q = values(p, 2, 1, 37, 24, 2), k = values(p, 2, 1, 41, 24, 2), v = values(p, 2, 1, 41, 24, 1);
    output(p, cairn_op_attention(g, q, k, v, CAIRN_NONE, CAIRN_NONE, &(cairn_attention_options){.heads = 3}));
}

static void attention_masked(peer *p, cairn_graph *g)
{
    cairn_tid q = values(p, 2, 1, 19, 24, 2), k = values(p, 2, 1, 35, 24, 2), v = values(p, 2, 1, 35, 24, 1);
    cairn_tid keys = mask(p, 2, 1, 1, 35), queries = mask(p, 2, 1, 1, 19);
    output(p, cairn_op_attention(g, q, k, v, keys, queries, &(cairn_attention_options){2, 0.5f}));
}

static void rotate(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 1, 11, 24, 2), angles = values(p, 2, 1, 11, 4, 5);
    output(p, cairn_op_rotate(g, x, cairn_op_cos_sin(g, angles), 3));
}

static void log_softmax(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 1, 37, 18, 5);
    output(p, cairn_op_log_softmax_channels(g, x, CAIRN_NONE));
    output(p, cairn_op_log_softmax_rows(g, x, CAIRN_NONE));
}

static void log_sum_exp(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 1, 21, 19, 5), channels = mask(p, 2, 1, 1, 19), rows = mask(p, 2, 1, 1, 21);
    output(p, cairn_op_log_sum_exp_channels(g, x, channels));
    output(p, cairn_op_log_sum_exp_rows(g, x, rows));
}

static void log_assignment(peer *p, cairn_graph *g)
{
    cairn_tid s = values(p, 2, 1, 21, 19, 5), z0 = values(p, 2, 1, 21, 1, 4), z1 = values(p, 2, 1, 19, 1, 4);
    output(p, cairn_op_log_assignment(g, s, z0, z1, CAIRN_NONE, CAIRN_NONE));
}

static void pick(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 3, 5, 9, 1);
    output(p, cairn_op_pick(g, x, integers(p, 2, 3, 5, 1, -1, 9)));
}

static void smoothed(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 3, 5, 65, 5);
    output(p, cairn_op_smoothed_cross_entropy(g, x, integers(p, 2, 3, 5, 1, -1, 65), 0.1f));
}

static void kl(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 3, 5, 65, 5), t = values(p, 2, 3, 5, 65, 5);
    p->differentiable[1] = false;
    output(p, cairn_op_kl_divergence(g, x, t, 2));
}

static void kl_image(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 9, 13, 1, 3), t = target(p, 2, 9, 13, 1);
    output(p, cairn_op_kl_divergence_image(g, x, t, mask(p, 2, 9, 13, 1)));
}

static void quality_focal(peer *p, cairn_graph *g)
{
    cairn_tid x = values(p, 2, 9, 13, 1, 4);
    output(p, cairn_op_quality_focal(g, x, target(p, 2, 9, 13, 1)));
}

static void huber(peer *p, cairn_graph *g)
{
    cairn_tid a = values(p, 2, 5, 3, 5, 1), b = values(p, 2, 5, 3, 5, 1);
    output(p, cairn_op_huber(g, a, b, 0.2f));
}

/* ---- a layer of LightGlue ---- */
enum { WIDTH = 256, HEADS = 4 };

static cairn_tid product(peer *p, cairn_graph *g, cairn_tid x, int out, bool bias)
{
    int in = cairn_graph_shape(g, x).c;
    cairn_tid w = values(p, 1, 1, in, out, sqrt(3.0 / in)), b = bias ? values(p, 1, 1, 1, out, 0.1) : CAIRN_NONE;
    return cairn_op_conv2d(g, x, w, b, &(cairn_conv_options){.kernel = 1});
}

static cairn_tid feed_forward(peer *p, cairn_graph *g, cairn_tid x, cairn_tid message)
{
    cairn_tid own = product(p, g, x, 2 * WIDTH, true), other = product(p, g, message, 2 * WIDTH, false);
    cairn_tid hidden = cairn_op_add(g, own, other); /* the halves of one product with [x ; message] */
    cairn_tid gamma = values(p, 1, 1, 1, 2 * WIDTH, 1), beta = values(p, 1, 1, 1, 2 * WIDTH, 0.5);
    hidden = cairn_op_gelu(g, cairn_op_layer_norm(g, hidden, gamma, beta, 1e-5f));
    return cairn_op_add(g, x, product(p, g, hidden, WIDTH, true));
}

/* The other image of the pair. */
static cairn_tid other(cairn_graph *g, cairn_tid x)
{
    return cairn_op_concat_batch(g, cairn_op_slice_batch(g, x, 1, 1), cairn_op_slice_batch(g, x, 0, 1));
}

static void lightglue(peer *p, cairn_graph *g)
{
    int n = p->spec->size;
    cairn_attention_options o = {.heads = HEADS};
    cairn_tid x = values(p, 2, 1, n, WIDTH, 1), points = values(p, 2, 1, n, 2, 1);
    cairn_tid projection = values(p, 1, 1, 2, WIDTH / HEADS / 2, 1.7);
    /* for each row of the assignment the column of its match, n for none, -1 to ignore it, as the last row is */
    cairn_tid labels = integers(p, 1, 1, n + 1, 1, -1, n), counted = integers(p, 1, 1, n + 1, 1, 0, 0);
    float *label = p->values[3], *count = p->values[4];
    label[n] = -1;
    for (int i = 0; i <= n; i++) count[i] = label[i] >= 0;
    cairn_tid angles = cairn_op_conv2d(g, points, projection, CAIRN_NONE, &(cairn_conv_options){.kernel = 1});
    cairn_tid table = cairn_op_cos_sin(g, angles), q = product(p, g, x, WIDTH, true);
    cairn_tid k = product(p, g, x, WIDTH, true), v = product(p, g, x, WIDTH, true);
    q = cairn_op_rotate(g, q, table, HEADS);
    k = cairn_op_rotate(g, k, table, HEADS);
    cairn_tid message = cairn_op_attention(g, q, k, v, CAIRN_NONE, CAIRN_NONE, &o);
    message = product(p, g, message, WIDTH, true);
    x = feed_forward(p, g, x, message);
    q = product(p, g, x, WIDTH, true);
    v = product(p, g, x, WIDTH, true);
    message = cairn_op_attention(g, q, other(g, q), other(g, v), CAIRN_NONE, CAIRN_NONE, &o);
    message = product(p, g, message, WIDTH, true);
    x = feed_forward(p, g, x, message);
    cairn_tid d = cairn_op_scale(g, product(p, g, x, WIDTH, true), 0.25f), z = product(p, g, x, 1, true);
    cairn_tid s = cairn_op_matmul(g, cairn_op_slice_batch(g, d, 0, 1), cairn_op_slice_batch(g, d, 1, 1), false, true);
    cairn_tid a = cairn_op_log_assignment(g, s, cairn_op_slice_batch(g, z, 0, 1), cairn_op_slice_batch(g, z, 1, 1),
                                          CAIRN_NONE, CAIRN_NONE);
    output(p, x);
    output(p, a);
    output(p, cairn_op_neg(g, cairn_op_weighted_mean(g, cairn_op_pick(g, a, labels), counted, CAIRN_AXES_ALL, 1)));
}

static const peer_case cases[] = {
    {"layer_norm", layer_norm, 0, 0, false, false},
    {"gelu", gelu, 0, 0, false, false},
    {"gelu_tanh", gelu_tanh, 0, 0, false, false},
    {"attention", attention, 0, 0, false, false},
    {"attention_masked", attention_masked, 0, 0, false, false},
    {"rotate", rotate, 0, 0, false, false},
    {"log_softmax", log_softmax, 0, 0, false, false},
    {"log_sum_exp", log_sum_exp, 0, 0, false, false},
    {"log_assignment", log_assignment, 0, 0, false, false},
    {"pick", pick, 0, 0, false, false},
    {"smoothed", smoothed, 0, 0, false, false},
    {"kl", kl, 0, 0, false, false},
    {"kl_image", kl_image, 0, 0, false, false},
    {"quality_focal", quality_focal, 0, 0, false, false},
    {"huber", huber, 0, 0, false, false},
    {"lightglue-512", lightglue, 512, 2e-4, true, true},
    {"lightglue-45", lightglue, 45, 2e-4, true, false},
};
enum { CASES = sizeof cases / sizeof *cases };

/* ---- running ---- */
static void set_up_peer(peer *p, const peer_case *spec, int index)
{
    cairn_tid loss = CAIRN_NONE, wrt[MOST_INPUTS];
    *p = (peer){.spec = spec, .rng = cairn_rng_stream(7, 0, 0, (uint32_t)index, 0)};
    assert_ok(cairn_graph_create(&p->g));
    spec->build(p, p->g);
    assert_ok(cairn_graph_status(p->g));
    for (int k = 0; k < p->output_count; k++) {
        char name[16];
        cairn_shape s = cairn_graph_shape(p->g, p->outputs[k]);
        float *w = malloc(sizeof(float) * (size_t)cairn_shape_count(s));
        snprintf(name, sizeof name, "w%d", k);
        p->weights[k] = cairn_graph_input(p->g, name, s);
        p->values[p->input_count + k] = w;
        for (int64_t i = 0; i < cairn_shape_count(s); i++) w[i] = (float)cairn_rng_between(&p->rng, -1, 1);
        cairn_tid sum = cairn_op_reduce_sum(p->g, cairn_op_mul(p->g, p->outputs[k], p->weights[k]), CAIRN_AXES_ALL);
        loss = loss == CAIRN_NONE ? sum : cairn_op_add(p->g, loss, sum);
        snprintf(name, sizeof name, "out%d", k);
        cairn_graph_output(p->g, p->outputs[k], name);
    }
    for (int i = 0; i < p->input_count; i++) wrt[i] = p->differentiable[i] ? p->inputs[i] : CAIRN_NONE;
    assert_ok(cairn_graph_differentiate(p->g, loss, wrt, p->input_count, p->gradients));
    for (int i = 0; i < p->input_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "grad%d", i);
        if (p->gradients[i] != CAIRN_NONE) cairn_graph_output(p->g, p->gradients[i], name);
    }
}

static int ask_pytorch(void)
{
    static cairn_npz_array arrays[MOST_CASES * (MOST_INPUTS + MOST_OUTPUTS)];
    static char names[MOST_CASES * (MOST_INPUTS + MOST_OUTPUTS)][64];
    char path[300];
    int count = 0;
    for (int c = 0; c < CASES; c++)
        for (int i = 0; i < peers[c].input_count + peers[c].output_count; i++, count++) {
            bool weight = i >= peers[c].input_count;
            int k = weight ? i - peers[c].input_count : i;
            cairn_shape s = cairn_graph_shape(peers[c].g, weight ? peers[c].weights[k] : peers[c].inputs[k]);
            snprintf(names[count], sizeof names[count], "%s|%s%d", cases[c].name, weight ? "w" : "in", k);
            arrays[count] = (cairn_npz_array){.name = names[count], .type = CAIRN_NPZ_F32, .rank = 4,
                                              .shape = {s.n, s.h, s.w, s.c}, .data = peers[c].values[i]};
        }
    snprintf(path, sizeof path, "%s/inputs.npz", folder);
    assert_ok(cairn_npz_write(path, arrays, count, false));
    assert_int_equal(test_torch_call("points/torch_points.py", "'%s' '%s/expected.npz'", path, folder), 0);
    snprintf(path, sizeof path, "%s/expected.npz", folder);
    assert_ok(cairn_npz_read(&expected, path));
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/cairn-points-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(folder));
    for (int c = 0; c < CASES; c++) set_up_peer(&peers[c], &cases[c], c);
    return ask_pytorch();
}

static int tear_down(void **state)
{
    char command[300];
    (void)state;
    cairn_npz_free(&expected);
    for (int c = 0; c < CASES; c++) {
        for (int i = 0; i < MOST_INPUTS + MOST_OUTPUTS; i++) free(peers[c].values[i]);
        cairn_graph_destroy(&peers[c].g);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* Compares with the array of PyTorch, whose dimensions are the same but for trailing ones. */
static void compare(const peer *p, const char *who, const char *what, int index, cairn_tid t, const double *got,
                    double tolerance)
{
    char name[64];
    size_t count = (size_t)cairn_shape_count(cairn_graph_shape(p->g, t));
    double most = 0, scale = 1e-12;
    snprintf(name, sizeof name, "%s|%s%d", p->spec->name, what, index);
    const cairn_npz_array *a = cairn_npz_find(&expected, name);
    if (!a) fail_msg("PyTorch's file lacks %s", name);
    assert_int_equal(a->type, CAIRN_NPZ_F64);
    assert_int_equal(a->count, count);
    const double *want = a->data;
    for (size_t i = 0; i < count; i++) {
        double d = fabs(got[i] - want[i]);
        if (!(d <= most)) most = isnan(d) ? INFINITY : d;
        scale = fmax(scale, fabs(want[i]));
    }
    if (most > tolerance * scale)
        fail_msg("%s, %s: differs by %.3g of its largest value (allowed %g)", name, who, most / scale, tolerance);
}

static void run_reference(const peer *p)
{
    cairn_reference *r = NULL;
    assert_ok(cairn_reference_create(&r, p->g));
    for (int i = 0; i < p->input_count + p->output_count; i++) {
        cairn_tid t = i < p->input_count ? p->inputs[i] : p->weights[i - p->input_count];
        double *v = cairn_reference_values(r, t);
        for (int64_t k = 0; k < cairn_shape_count(cairn_graph_shape(p->g, t)); k++) v[k] = p->values[i][k];
    }
    assert_ok(cairn_reference_run(r));
    for (int k = 0; k < p->output_count; k++)
        compare(p, "reference", "out", k, p->outputs[k], cairn_reference_values(r, p->outputs[k]), 1e-9);
    for (int k = 0; k < p->input_count; k++)
        if (p->gradients[k] != CAIRN_NONE)
            compare(p, "reference", "grad", k, p->gradients[k], cairn_reference_values(r, p->gradients[k]), 1e-9);
    cairn_reference_destroy(&r);
}

static void compare_device(const peer *p, cairn_program *program, const char *who, const char *what, int index,
                           cairn_tid t)
{
    size_t count = (size_t)cairn_shape_count(cairn_graph_shape(p->g, t));
    float *read = malloc(count * sizeof *read);
    double *got = malloc(count * sizeof *got);
    assert_ok(cairn_program_read(program, t, read));
    for (size_t i = 0; i < count; i++) got[i] = read[i];
    compare(p, who, what, index, t, got, p->spec->tolerance > 0 ? p->spec->tolerance : 2e-5);
    free(read);
    free(got);
}

static void run_device(const peer *p, cairn_kernel_class kernel_class)
{
    cairn_gpu *gpu = test_gpu(kernel_class);
    const char *who = test_gpu_class_name(kernel_class);
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    if (!gpu) return;
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, p->g, store, NULL));
    for (int i = 0; i < p->input_count + p->output_count; i++)
        assert_ok(cairn_program_write(program, i < p->input_count ? p->inputs[i] : p->weights[i - p->input_count],
                                      p->values[i]));
    assert_ok(cairn_program_run(program));
    for (int k = 0; k < p->output_count; k++) compare_device(p, program, who, "out", k, p->outputs[k]);
    for (int k = 0; k < p->input_count; k++)
        if (p->gradients[k] != CAIRN_NONE) compare_device(p, program, who, "grad", k, p->gradients[k]);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    test_gpu_assert_valid(gpu);
}

static void run_case(void **state)
{
    const peer *p = *state;
    if (!p->spec->no_reference) run_reference(p);
    run_device(p, CAIRN_CLASS_TEXEL);
    if (!p->spec->texel_only) run_device(p, CAIRN_CLASS_SIMT);
}

int main(void)
{
    struct CMUnitTest tests[CASES];
    for (int c = 0; c < CASES; c++)
        tests[c] = (struct CMUnitTest){.name = cases[c].name, .test_func = run_case, .initial_state = &peers[c]};
    if (!test_torch_available()) return TEST_SKIP;
    return test_gpu_main("PyTorch, points", tests, sizeof tests / sizeof *tests, set_up, tear_down);
}
