/* Graphs, differentiation, the memory plan and replay. */
#include "support/test.h"
#include "support/device/test_gpu.h"

#include "base/rng.h"
#include "graph/internal.h"
#include "graph/program.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/reduce/reduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static cairn_gpu *gpu;

static int set_up(void **state)
{
    (void)state;
    gpu = test_gpu(CAIRN_CLASS_AUTO);
    return 0;
}

static void test_graph__a_mistake_is_remembered(void **state)
{
    (void)state;
    cairn_graph *g;
    assert_ok(cairn_graph_create(&g));
    cairn_tid a = cairn_graph_input(g, "a", (cairn_shape){1, 2, 3, 4});
    cairn_tid b = cairn_graph_input(g, "b", (cairn_shape){1, 2, 5, 4});
    assert_int_equal(cairn_op_add(g, a, b), CAIRN_NONE);
    assert_int_equal(cairn_op_relu(g, a), CAIRN_NONE);
    assert_int_equal(cairn_graph_status(g), CAIRN_E_SHAPE);
    assert_non_null(strstr(cairn_error_message(), "5"));
    cairn_graph_destroy(&g);
}

static void test_plan__blocks_alive_together_do_not_overlap(void **state)
{
    (void)state;
    cairn_rng rng = cairn_rng_stream(3, 0, 0, 0, 0);
    enum { COUNT = 200 };
    cairn_block blocks[COUNT];
    uint64_t sum = 0;
    for (int i = 0; i < COUNT; i++) {
        int first = cairn_rng_integer(&rng, 0, 90);
        blocks[i] = (cairn_block){.bytes = (uint64_t)cairn_rng_integer(&rng, 1, 5000), .first = first,
                                  .last = first + cairn_rng_integer(&rng, 0, 9)};
    }
    uint64_t total = cairn_plan__pack(blocks, COUNT, 64, true, 0);
    for (int i = 0; i < COUNT; i++) {
        sum += blocks[i].bytes;
        assert_true(blocks[i].offset % 64 == 0 && blocks[i].offset + blocks[i].bytes <= total);
        for (int k = 0; k < i; k++) {
            bool together = blocks[i].first <= blocks[k].last && blocks[k].first <= blocks[i].last;
            bool apart = blocks[i].offset + blocks[i].bytes <= blocks[k].offset ||
                         blocks[k].offset + blocks[k].bytes <= blocks[i].offset;
            assert_true(!together || apart);
        }
    }
    assert_true(total < sum / 2); /* about a tenth is alive at any time */
}

/* A chain long enough that memory is shared, with an output in its middle, run three times. */
static void test_program__replays_give_the_same_and_memory_is_shared(void **state)
{
    (void)state;
    cairn_shape s = {2, 9, 7, 5};
    enum { COUNT = 2 * 9 * 7 * 5 };
    float in[COUNT], middle[COUNT], last[COUNT];
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", s), y = x, kept = CAIRN_NONE;
    for (int i = 0; i < 12; i++) {
        y = cairn_op_add(g, cairn_op_affine(g, y, 0.5f, 1), cairn_op_square(g, y));
        y = cairn_op_sigmoid(g, y);
        if (i == 5) kept = y;
    }
    cairn_graph_output(g, kept, "middle");
    cairn_graph_output(g, y, "last");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, &(cairn_program_options){.no_fusion = true}));
    const cairn_program_stats *stats = cairn_program_get_stats(program);
    const char *apart = getenv("CAIRN_NO_ALIASING");
    if (apart && apart[0] == '1')
        assert_true(stats->planned_bytes >= stats->unplanned_bytes);
    else
        assert_true(stats->planned_bytes < stats->unplanned_bytes / 3);
    for (int i = 0; i < COUNT; i++) in[i] = (float)(i % 13) * 0.1f - 0.6f;
    assert_ok(cairn_program_write(program, x, in));
    for (int run = 0; run < 3; run++) {
        assert_ok(cairn_program_run(program));
        assert_ok(cairn_program_read(program, kept, middle));
        assert_ok(cairn_program_read(program, y, last));
        for (int i = 0; i < COUNT; i++) {
            double v = in[i], m = 0;
            for (int k = 0; k < 12; k++) {
                v = 1 / (1 + exp(-(0.5 * v + 1 + v * v)));
                if (k == 5) m = v;
            }
            assert_float_equal(middle[i], m, 1e-5);
            assert_float_equal(last[i], v, 1e-5);
        }
    }
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

/* d/dw of sum((w*x + w)^2) with w used twice: fan-out is summed. */
static void test_differentiate__fan_out_is_summed(void **state)
{
    (void)state;
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    const float w_value[3] = {1, -2, 3}, x_value[3] = {0.5f, 1, -1};
    float gradient[3];
    assert_ok(cairn_graph_create(&g));
    cairn_shape s = {1, 1, 1, 3};
    cairn_tid w = cairn_graph_stored(g, "w", s), x = cairn_graph_input(g, "x", s), dw;
    cairn_tid loss = cairn_op_square(g, cairn_op_add(g, cairn_op_mul(g, w, x), w));
    assert_ok(cairn_graph_differentiate(g, loss, &w, 1, &dw));
    cairn_graph_output(g, dw, "dw");
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    assert_ok(cairn_store_write(store, cairn_store_find(store, "w"), w_value));
    assert_ok(cairn_program_write(program, x, x_value));
    assert_ok(cairn_program_run(program));
    assert_ok(cairn_program_read(program, dw, gradient));
    for (int i = 0; i < 3; i++) {
        double factor = 1 + x_value[i];
        assert_float_equal(gradient[i], 2 * factor * factor * w_value[i], 1e-5);
    }
    cairn_program_destroy(&program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

/* y = x * the sum of each column of w: made anew only when w was written, by the host or by another program. */
static void test_program__what_depends_on_weights_alone_is_made_once(void **state)
{
    (void)state;
    enum { ROWS = 2, COUNT = 3 };
    cairn_shape s = {1, 1, ROWS, COUNT};
    const float w_value[ROWS * COUNT] = {1, -2, 3, 4, 5, -6}, x_value[COUNT] = {0.5f, 1, -1};
    const float step[ROWS * COUNT] = {10, 20, 30, 40, 50, 60};
    float y_value[COUNT], w_now[ROWS * COUNT];
    cairn_graph *g, *trainer;
    cairn_store *store;
    cairn_program *program, *training;
    assert_ok(cairn_graph_create(&g));
    cairn_tid w = cairn_graph_stored(g, "w", s), x = cairn_graph_input(g, "x", (cairn_shape){1, 1, 1, COUNT});
    cairn_tid y = cairn_op_mul(g, x, cairn_op_reduce_sum(g, w, CAIRN_AXIS_W));
    cairn_graph_output(g, y, "y");
    assert_ok(cairn_graph_create(&trainer)); /* w = (w + step) / 2 */
    cairn_tid moved = cairn_graph_stored(trainer, "w", s), value = cairn_graph_input(trainer, "step", s);
    cairn_op_update_average(trainer, moved, value, 0.5f, 1.0f);
    assert_ok(cairn_store_create(&store, gpu));
    assert_ok(cairn_program_create(&program, gpu, g, store, NULL));
    assert_ok(cairn_program_create(&training, gpu, trainer, store, NULL));
    assert_true(cairn_program_get_stats(program)->once >= 1);
    assert_int_equal(cairn_program_get_stats(program)->dispatches, 1);
    assert_int_equal(cairn_program_get_stats(training)->once, 0);
    assert_ok(cairn_store_write(store, cairn_store_find(store, "w"), w_value));
    assert_ok(cairn_program_write(program, x, x_value));
    assert_ok(cairn_program_write(training, value, step));
    double want[ROWS * COUNT];
    for (int run = 0; run < 6; run++) {
        bool train = run == 2 || run == 4, write = run == 5;
        if (train) assert_ok(cairn_program_run(training));
        if (write) assert_ok(cairn_store_write(store, cairn_store_find(store, "w"), w_value));
        for (int i = 0; i < ROWS * COUNT; i++) want[i] = !run || write ? w_value[i] : train ? (want[i] + step[i]) / 2
                                                                                           : want[i];
        assert_ok(cairn_program_run(program));
        assert_ok(cairn_program_read(program, y, y_value));
        assert_ok(cairn_store_read(store, cairn_store_find(store, "w"), w_now));
        for (int i = 0; i < ROWS * COUNT; i++) assert_float_equal(w_now[i], want[i], 1e-5);
        for (int i = 0; i < COUNT; i++) assert_float_equal(y_value[i], x_value[i] * (want[i] + want[COUNT + i]), 1e-4);
    }
    cairn_program_destroy(&program);
    cairn_program_destroy(&training);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
    cairn_graph_destroy(&trainer);
}

static void test_program__a_plan_beyond_the_device_is_refused(void **state)
{
    (void)state;
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    assert_ok(cairn_graph_create(&g));
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 40000, 40000, 4});
    for (int i = 0; i < 40; i++) {
        x = cairn_op_relu(g, x);
        cairn_graph_output(g, x, "x");
    }
    assert_ok(cairn_store_create(&store, gpu));
    assert_int_equal(cairn_program_create(&program, gpu, g, store, NULL), CAIRN_E_NOMEM);
    assert_non_null(strstr(cairn_error_message(), "MB"));
    assert_null(program);
    cairn_store_destroy(&store);
    cairn_graph_destroy(&g);
}

/* Stored tensors that are joined later move with what they hold, unless a program has recorded them. */
static void test_store__joining_moves_values(void **state)
{
    (void)state;
    const cairn_shape shapes[2] = {{3, 1, 1, 5}, {1, 1, 2, 3}};
    const float values[2][15] = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {-1, -2, -3, -4, -5, -6}};
    for (int bound = 0; bound < 2; bound++) {
        cairn_graph *g[2];
        cairn_store *store;
        cairn_program *program = NULL;
        cairn_tid members[2];
        float got[15];
        assert_ok(cairn_store_create(&store, gpu));
        for (int k = 0; k < 2; k++) {
            assert_ok(cairn_graph_create(&g[k]));
            members[0] = cairn_graph_stored(g[k], "a", shapes[0]);
            members[1] = cairn_graph_stored(g[k], "b", shapes[1]);
            if (k) cairn_graph_join(g[k], "whole", members, 2);
            if (!k) cairn_graph_output(g[k], cairn_op_neg(g[k], members[0]), "minus a");
            if (!k) assert_ok(cairn_store_add_graph(store, g[k]));
        }
        if (bound) assert_ok(cairn_program_create(&program, gpu, g[0], store, NULL));
        for (int k = 0; k < 2; k++) assert_ok(cairn_store_write(store, k, values[k]));
        if (bound) {
            assert_status(cairn_store_add_graph(store, g[1]), CAIRN_E_UNSUPPORTED, "a cannot become a part of whole");
        } else {
            assert_ok(cairn_store_add_graph(store, g[1]));
            cairn_gpu_view whole = cairn_store_view(store, cairn_store_find(store, "whole"));
            for (int k = 0; k < 2; k++) {
                cairn_gpu_view view = cairn_store_view(store, k);
                assert_true(view.buffer == whole.buffer && view.offset == whole.offset + 256 * (unsigned)k);
                assert_ok(cairn_store_read(store, k, got));
                assert_memory_equal(got, values[k], sizeof(float) * (size_t)cairn_shape_count(shapes[k]));
            }
            assert_ok(cairn_store_add_graph(store, g[0])); /* a graph without the join agrees */
        }
        cairn_program_destroy(&program);
        cairn_store_destroy(&store);
        for (int k = 0; k < 2; k++) cairn_graph_destroy(&g[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph__a_mistake_is_remembered),
        cmocka_unit_test(test_plan__blocks_alive_together_do_not_overlap),
        cmocka_unit_test(test_program__replays_give_the_same_and_memory_is_shared),
        cmocka_unit_test(test_differentiate__fan_out_is_summed),
        cmocka_unit_test(test_store__joining_moves_values),
        cmocka_unit_test(test_program__what_depends_on_weights_alone_is_made_once),
        cmocka_unit_test(test_program__a_plan_beyond_the_device_is_refused),
    };
    if (!test_gpu_available()) return TEST_SKIP;
    return cmocka_run_group_tests(tests, set_up, NULL);
}
