/* The order of dispatches (src/graph/compile/schedule.c): the same bits in any order, fewer barriers, no more
 * memory. */
#include "support/device/random_graph.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "graph/program.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"

static void test_schedule__random_graphs_keep_their_bits(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    int fewer = 0;
    for (uint32_t number = 0; number < 6; number++) {
        random_graph r;
        random_graph_results as_is, ordered;
        cairn_program_stats before, after;
        random_graph_create(&r, number, 30);
        random_graph_run(&r, gpu, &(cairn_program_options){.graph_order = true, .all_barriers = true}, &as_is, &before);
        random_graph_run(&r, gpu, &(cairn_program_options){0}, &ordered, &after);
        random_graph_compare(&r, &ordered, &as_is, 0);
        assert_int_equal(after.dispatches, before.dispatches);
        assert_true(after.barriers < before.barriers);
        assert_true(after.planned_bytes <= before.planned_bytes + (1 << 20) + 4096);
        fewer += before.barriers - after.barriers;
        random_graph_results_free(&as_is);
        random_graph_results_free(&ordered);
        random_graph_destroy(&r);
    }
    assert_true(fewer > 100);
    test_gpu_assert_valid(gpu);
}

/* Four independent chains of three ops each: three intervals, so two barriers, whatever the order of building. */
static void test_schedule__independent_chains_share_intervals(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 8});
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "y%d", i);
        cairn_tid mean, variance;
        mean = cairn_op_moments(g, x, true, &variance); /* two dispatches */
        cairn_graph_output(g, cairn_op_affine(g, cairn_op_add(g, mean, variance), (float)i, 1), name);
    }
    assert_ok(cairn_store_create(&store, gpu));
    cairn_program_options options = {.no_fusion = true};
    assert_ok(cairn_program_create(&program, gpu, g, store, &options));
    assert_int_equal(cairn_program_get_stats(program)->dispatches, 16);
    assert_int_equal(cairn_program_get_stats(program)->barriers, 3);
    cairn_program_destroy(&program);
    options.graph_order = true;
    assert_ok(cairn_program_create(&program, gpu, g, store, &options));
    assert_true(cairn_program_get_stats(program)->barriers >= 6);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

/* A value read before and after a stored tensor is updated in place: the update stays between them. */
static void test_schedule__updates_in_place_stay_where_they_are(void **state)
{
    (void)state;
    cairn_gpu *gpu = test_gpu(CAIRN_CLASS_AUTO);
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    const float one[4] = {1, 1, 1, 1}, start[4] = {8, 8, 8, 8};
    float before[4], after[4];
    assert_ok(cairn_graph_create(&g));
    cairn_shape s = {1, 1, 1, 4};
    cairn_tid x = cairn_graph_input(g, "x", s), average = cairn_graph_stored(g, "average", s);
    cairn_tid slow = x;
    for (int i = 0; i < 8; i++) slow = cairn_op_affine(g, slow, 1, 0);
    cairn_tid first = cairn_op_add(g, slow, average); /* far down its chain, but before the update in the graph */
    cairn_op_update_average(g, average, x, 0.5f, 1);
    cairn_tid second = cairn_op_add(g, x, average);
    cairn_graph_output(g, first, "first");
    cairn_graph_output(g, second, "second");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    assert_ok(cairn_store_write(store, 0, start));
    assert_ok(cairn_program_write(program, x, one));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, first, before));
    assert_ok(cairn_program_read(program, second, after));
    assert_float_equal(before[0], 9, 0);
    assert_float_equal(after[0], 5.5f, 0);
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule__random_graphs_keep_their_bits),
        cmocka_unit_test(test_schedule__independent_chains_share_intervals),
        cmocka_unit_test(test_schedule__updates_in_place_stay_where_they_are),
    };
    return test_gpu_main("schedule", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
