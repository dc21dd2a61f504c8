/* Recomputation: the plan shrinks, and every bit of a training stays what it was. */
#include "support/test.h"
#include "support/device/test_gpu.h"
#include "support/device/training.h"

#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

static void expect_less(cairn_gpu *gpu, cairn_program_options options)
{
    uint64_t kept = test_plan_training(gpu, &options).planned_bytes;
    options.recompute = CAIRN_RECOMPUTE_CHEAP;
    uint64_t again = test_plan_training(gpu, &options).planned_bytes;
    if (again >= kept)
        fail_msg("%llu bytes planned, not less than %llu", (unsigned long long)again, (unsigned long long)kept);
}

static void expect_same(cairn_gpu *gpu, bool student, cairn_program_options options)
{
    test_outcome kept = test_train(gpu, student, &options);
    options.recompute = CAIRN_RECOMPUTE_CHEAP;
    test_outcome again = test_train(gpu, student, &options);
    assert_int_equal(kept.stats.recomputed, 0);
    assert_true(again.stats.recomputed >= 3); /* a normalisation that took the pooling behind it counts once */
    assert_true(again.stats.dispatches > kept.stats.dispatches);
    test_expect_same_outcome(&again, &kept);
}

static void test_recompute__same_bits_in_less_memory(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    expect_same(gpu, false, (cairn_program_options){0});
    expect_same(gpu, false, (cairn_program_options){.precision = CAIRN_PRECISION_MIXED});
    expect_same(gpu, true, (cairn_program_options){.precision = CAIRN_PRECISION_MIXED});
    expect_same(gpu, false, (cairn_program_options){.no_fusion = true});
    expect_less(gpu, (cairn_program_options){0});
    test_gpu_assert_valid(gpu);
}

static void test_recompute__writes_only_where_it_may(void **state)
{
    (void)state;
    expect_same(test_gpu(CAIRN_CLASS_AUTO), false,
                        (cairn_program_options){.no_aliasing = true, .canaries = true});
}

/* Nothing to do: inference, and a graph whose only cheap value is read by the loss at once. */
static void test_recompute__leaves_other_graphs_alone(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    float gradient[4 * 32 * 32];
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, gpu));
    cairn_tid x = cairn_graph_stored(g, "x", (cairn_shape){1, 32, 32, 4}), y = cairn_op_sigmoid(g, x), dx;
    cairn_tid loss = cairn_op_reduce_mean(g, y, CAIRN_AXIS_H | CAIRN_AXIS_W | CAIRN_AXIS_C);
    const cairn_program_options options = {.recompute = CAIRN_RECOMPUTE_CHEAP};
    assert_ok(cairn_program_create(&program, gpu, g, store, &options));
    assert_int_equal(cairn_program_get_stats(program)->recomputed, 0);
    cairn_program_destroy(&program);
    assert_ok(cairn_graph_differentiate(g, loss, &x, 1, &dx));
    cairn_graph_output(g, dx, "dx");
    assert_ok(cairn_program_create(&program, gpu, g, store, &options));
    assert_int_equal(cairn_program_get_stats(program)->recomputed, 0);
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, dx, gradient));
    assert_near((double)gradient[77], 0.25 / 4096, 1e-9);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recompute__same_bits_in_less_memory),
        cmocka_unit_test(test_recompute__writes_only_where_it_may),
        cmocka_unit_test(test_recompute__leaves_other_graphs_alone),
    };
    return test_gpu_main("recompute", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
