/* What the networks of benchmarks cost, against the specification's table (student.md 2.3; teachers with the
 * normalisations that ours have, 3,202 and 2,178 parameters). Needs no device. */
#include "experiments/benchmarks/compare.h"
#include "experiments/benchmarks/networks.h"
#include "support/test.h"

#include <string.h>

static void test_costs__of_the_specification(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t parameters;
        double gmac; /* of 480x640 */
    } expected[] = {{"superpoint", 1300865 + 3202, 26.05},
                    {"magicpoint", 628032 + 311873 + 2178, 22.83 + 1.50},
                    {"sp-fpn", 1600937, 4.180},
                    {"drop-in", 988967, 0.877},
                    {"drop-in-b", 1441383, 3.257},
                    {"drop-in-c", 1098215, 1.448},
                    {"drop-in-d", 2944567, 1.838}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cairn_network_spec spec;
        double one, two;
        int64_t parameters;
        assert_string_equal(cairn_benchmark_models[i], expected[i].name);
        assert_ok(cairn_benchmark_network(&spec, expected[i].name, 1));
        assert_ok(cairn_network_cost(&spec, 1, 480, 640, &one, &parameters));
        assert_int_equal(parameters, expected[i].parameters);
        assert_near(one / 1e9, expected[i].gmac, i < 2 ? 0.011 : 0.0014); /* the table's rounding */
        assert_ok(cairn_network_cost(&spec, 2, 480, 640, &two, NULL));
        assert_near(two, 2 * one, 1);
    }
    assert_null(cairn_benchmark_models[sizeof expected / sizeof *expected]);
}

/* Rows of that table that are no case of benchmarks. */
static void test_costs__of_other_pyramids(void **state)
{
    (void)state;
    static const struct {
        const char *description;
        double gmac;
    } expected[] = {{"sp-fpn width=1 channels=128 taps=1,3,8,12 backbone=small", 4.181},
                    {"sp-fpn width=1 channels=96 taps=1,2,4,12 backbone=small", 2.513},
                    {"sp-fpn width=1 channels=64 taps=1,2,4,12 backbone=small", 1.317},
                    {"sp-fpn width=1 channels=128 taps=3,6,12,16 backbone=large", 5.204}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cairn_network_spec spec;
        double macs;
        assert_ok(cairn_network_parse(&spec, expected[i].description, "test"));
        assert_ok(cairn_network_cost(&spec, 1, 480, 640, &macs, NULL));
        assert_near(macs / 1e9, expected[i].gmac, 0.0014);
    }
}

static void test_costs__with_a_multiplier(void **state)
{
    (void)state;
    cairn_network_spec spec;
    double macs;
    assert_ok(cairn_benchmark_network(&spec, "superpoint", 0.25));
    assert_int_equal(spec.superpoint.descriptor, 64);
    assert_ok(cairn_benchmark_network(&spec, "magicpoint", 0.25));
    assert_int_equal(spec.superpoint.descriptor, 0);
    assert_ok(cairn_benchmark_network(&spec, "drop-in-d", 0.5));
    assert_true(spec.sp_fpn.style.large && spec.sp_fpn.width == 0.5 && spec.heads.descriptor == 256);
    assert_status(cairn_benchmark_network(&spec, "drop-in-e", 1), CAIRN_E_NOTFOUND, "drop-in-e");
    assert_ok(cairn_benchmark_network(&spec, "drop-in", 1));
    assert_status(cairn_network_cost(&spec, 1, 30, 30, &macs, NULL), CAIRN_E_SHAPE, "drop_in");
}

/* Every case of the lists that compare offers is one that benchmark model takes. */
static void test_cases__name_networks(void **state)
{
    (void)state;
    const cairn_compare_case *const lists[] = {cairn_compare_cpu, cairn_compare_gpu, cairn_compare_cost};
    int counts[3] = {0};
    for (int i = 0; i < 3; i++)
        for (const cairn_compare_case *c = lists[i]; c->model; c++) {
            cairn_network_spec spec;
            assert_ok(cairn_benchmark_network(&spec, c->model, 1));
            assert_true(c->height % 32 == 0 || c->train);
            counts[i]++;
        }
    assert_int_equal(counts[2], 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costs__of_the_specification),
        cmocka_unit_test(test_costs__of_other_pyramids),
        cmocka_unit_test(test_costs__with_a_multiplier),
        cmocka_unit_test(test_cases__name_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
