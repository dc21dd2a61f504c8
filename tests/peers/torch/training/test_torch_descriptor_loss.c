/* Each descriptor loss, its observed values and its gradients against PyTorch in double precision, written there from
 * the formulas; and what the sparse loss's pairs promise. Skipped where PyTorch is absent. */
#include "base/rng.h"
#include "formats/npz.h"
#include "graph/program.h"
#include "ops/loss/loss.h"
#include "teacher/descriptor_loss.h"

#include "support/scratch.h"
#include "support/test.h"
#include "support/torch.h"
#include "support/device/test_gpu.h"

#include <math.h>

enum { N = 2, HC = 5, WC = 6, D = 12, M = HC * WC, K = 20, PER_MATCH = 9, VALUES = 8 };

static float a[N * M * D], b[N * M * D], match[N * M * M], valid[N * M];
static float points_a[N * K * 2], points_b[N * K * 2], weight[N * K], negatives[N * M * M];

static void fill(void)
{
    cairn_rng rng = cairn_rng_stream(3, 1, 4, 1, 5);
    for (int i = 0; i < N * M * D; i++) {
        a[i] = (float)cairn_rng_normal(&rng);
        b[i] = 0.6f * a[i] + 0.5f * (float)cairn_rng_normal(&rng); /* so that positives are alike */
    }
    for (int i = 0; i < N * M; i++) valid[i] = cairn_rng_uniform(&rng) < 0.8;
    for (int n = 0; n < N; n++)
        for (int i = 0; i < M; i++)
            for (int j = 0; j < M; j++) match[(n * M + i) * M + j] = i == j || cairn_rng_uniform(&rng) < 0.05;
    for (uint32_t n = 0; n < N; n++) {
        const uint32_t stream[4] = {7, 1, 0, n};
        const cairn_homography h = {{1.1, 0.1, -5, -0.08, 0.95, 4, 1e-4, -2e-4, 1}};
        assert_ok(cairn_sparse_pairs(points_a + n * K * 2, points_b + n * K * 2, weight + n * K, negatives + n * M * M,
                                     &h, HC, WC, K, PER_MATCH, stream));
    }
    weight[K - 1] = 0; /* as where nothing lands inside */
}

static void write_inputs(const char *path)
{
#define ARRAY(name_, ...)                                                                                              \
    {                                                                                                                  \
        .name = (char[]){#name_}, .type = CAIRN_NPZ_F32, .rank = 4, .shape = {__VA_ARGS__}, .data = name_              \
    }
    const cairn_npz_array arrays[] = {ARRAY(a, N, HC, WC, D),      ARRAY(b, N, HC, WC, D),
                                      ARRAY(match, N, 1, M, M),    ARRAY(valid, N, 1, 1, M),
                                      ARRAY(points_a, N, 1, K, 2), ARRAY(points_b, N, 1, K, 2),
                                      ARRAY(weight, N, 1, K, 1),   ARRAY(negatives, N, 1, M, M)};
    assert_ok(cairn_npz_write(path, arrays, 8, false));
}

static const double *expected(const cairn_npz *npz, const char *kind, const char *what, size_t count)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", kind, what);
    const cairn_npz_array *array = cairn_npz_find(npz, name);
    assert_non_null(array);
    assert_int_equal(array->type, CAIRN_NPZ_F64);
    assert_int_equal(array->count, count);
    return array->data;
}

static void compare(const float *got, const double *wanted, size_t count, double tolerance, const char *kind,
                    const char *what)
{
    double scale = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        scale = fmax(scale, fabs(wanted[i]));
        most = fmax(most, fabs((double)got[i] - wanted[i]));
    }
    assert_true(scale > 0);
    if (!(most <= tolerance * scale)) fail_msg("%s: %s differs by %g of its largest value", kind, what, most / scale);
}

static void compare_loss(cairn_kernel_class kernel_class, const cairn_npz *npz, const char *kind,
                         const cairn_descriptor_options *options)
{
    cairn_graph *g = NULL;
    cairn_store *store = NULL;
    cairn_program *program = NULL;
    cairn_gpu *gpu = test_gpu(kernel_class);
    if (!gpu) return;
    assert_ok(cairn_graph_create(&g));
    const cairn_shape map = {N, HC, WC, D}, pairs = {N, 1, M, M}, points = {N, 1, K, 2};
    const cairn_tid in[8] = {cairn_graph_input(g, "a", map),
                             cairn_graph_input(g, "b", map),
                             cairn_graph_input(g, "match", pairs),
                             cairn_graph_input(g, "valid", (cairn_shape){N, 1, 1, M}),
                             cairn_graph_input(g, "points_a", points),
                             cairn_graph_input(g, "points_b", points),
                             cairn_graph_input(g, "weight", (cairn_shape){N, 1, K, 1}),
                             cairn_graph_input(g, "negatives", pairs)};
    const float *values[8] = {a, b, match, valid, points_a, points_b, weight, negatives};
    const cairn_descriptor_views views = {cairn_op_l2_normalize(g, in[0], 1e-12f),
                                          cairn_op_l2_normalize(g, in[1], 1e-12f),
                                          in[0],
                                          in[1],
                                          in[2],
                                          in[3],
                                          in[4],
                                          in[5],
                                          in[6],
                                          in[7]};
    const cairn_descriptor_terms t = cairn_descriptor_loss(g, &views, options);
    const cairn_tid terms[VALUES] = {t.loss,        t.positive, t.negative, t.positive_cosine,
                                     t.mean_cosine, t.active,   t.mean_norm, t.raw_norm};
    cairn_tid gradients[2];
    assert_ok(cairn_graph_status(g));
    assert_ok(cairn_graph_differentiate(g, t.loss, in, 2, gradients));
    for (int i = 0; i < VALUES; i++) cairn_graph_output(g, terms[i], "term");
    for (int i = 0; i < 2; i++) cairn_graph_output(g, gradients[i], "gradient");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    for (int i = 0; i < 8; i++) assert_ok(cairn_program_write(program, in[i], values[i]));
    assert_ok(cairn_program_run(program));
    float got[VALUES];
    static float gradient[N * M * D];
    for (int i = 0; i < VALUES; i++) {
        assert_ok(cairn_program_read(program, terms[i], &got[i]));
        compare(&got[i], expected(npz, kind, "values", VALUES) + i, 1, 1e-4, kind, "a value");
    }
    for (int i = 0; i < 2; i++) {
        const char *what = i ? "db" : "da";
        assert_ok(cairn_program_read(program, gradients[i], gradient));
        compare(gradient, expected(npz, kind, what, N * M * D), N * M * D, 1e-4, kind, what);
    }
    test_gpu_assert_valid(gpu);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

static void test_losses__as_their_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        cairn_descriptor_options options;
    } cases[] = {{"balanced", {CAIRN_DESCRIPTOR_BALANCED, false, 1}},
                 {"dense", {CAIRN_DESCRIPTOR_DENSE, false, 250}},
                 {"raw", {CAIRN_DESCRIPTOR_DENSE, true, 250}},
                 {"normalised", {CAIRN_DESCRIPTOR_NORMALISED, false, 0.05}},
                 {"sparse", {CAIRN_DESCRIPTOR_SPARSE, false, 1}}};
    cairn_npz npz;
    write_inputs(test_path("inputs.npz"));
    assert_int_equal(test_torch_call("training/torch_descriptor_loss.py", "'%s' '%s'", test_path("inputs.npz"),
                                     test_path("expected.npz")), 0);
    assert_ok(cairn_npz_read(&npz, test_path("expected.npz")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        compare_loss(CAIRN_CLASS_TEXEL, &npz, cases[i].name, &cases[i].options);
        compare_loss(CAIRN_CLASS_SIMT, &npz, cases[i].name, &cases[i].options);
    }
    cairn_npz_free(&npz);
}

/* Under the identity each cell matches itself, no match comes twice while there are others, and every match has its
 * negatives; the same stream gives the same pairs, another one others. */
static void test_sparse__pairs(void **state)
{
    (void)state;
    static float pa[M * 2], pb[M * 2], w[M], drawn[M * M], again[M * M];
    const uint32_t stream[4] = {1, 2, 3, 4}, other[4] = {1, 2, 3, 5};
    const cairn_homography identity = {{1, 0, 0, 0, 1, 0, 0, 0, 1}}, away = {{1, 0, 1e4, 0, 1, 0, 0, 0, 1}};
    bool seen[M] = {0};
    assert_ok(cairn_sparse_pairs(pa, pb, w, drawn, &identity, HC, WC, M, PER_MATCH, stream));
    for (int i = 0; i < M; i++) {
        const int u = (int)lround(pa[2 * i] * WC / (WC - 1.0)), v = (int)lround(pa[2 * i + 1] * HC / (HC - 1.0));
        assert_true(pa[2 * i] == pb[2 * i] && pa[2 * i + 1] == pb[2 * i + 1] && w[i] == 1);
        assert_false(seen[v * WC + u]);
        seen[v * WC + u] = true;
    }
    for (int i = 0; i < M; i++) {
        float sum = 0;
        for (int j = 0; j < M; j++) sum += drawn[i * M + j];
        assert_true(sum == PER_MATCH);
    }
    assert_ok(cairn_sparse_pairs(pa, pb, w, again, &identity, HC, WC, M, PER_MATCH, stream));
    assert_memory_equal(drawn, again, sizeof drawn);
    assert_ok(cairn_sparse_pairs(pa, pb, w, again, &identity, HC, WC, M, PER_MATCH, other));
    assert_true(memcmp(drawn, again, sizeof drawn) != 0);
    assert_ok(cairn_sparse_pairs(pa, pb, w, again, &away, HC, WC, M, PER_MATCH, stream));
    for (int i = 0; i < M; i++) assert_true(w[i] == 0);
    for (int i = 0; i < M * M; i++) assert_true(again[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses__as_their_formulas),
        cmocka_unit_test(test_sparse__pairs),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    if (!test_torch_available()) return TEST_SKIP;
    if (test_scratch_create(NULL)) return 1;
    fill();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_gpu_destroy_all();
    test_scratch_remove(NULL);
    return failed;
}
