/* Sizes of the students, which the specification gives to the last parameter (student.md 1.2, 1.3 and 2.3), and their
 * names in checkpoints. Needs no device. */
#include "student/network.h"
#include "support/test.h"

#include <string.h>

static int64_t parameters_of(const cairn_network_spec *spec)
{
    cairn_graph *g = NULL;
    cairn_model m;
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, true);
    cairn_network_build(&m, spec, cairn_graph_input(g, "image", (cairn_shape){1, 64, 64, 1}));
    assert_ok(cairn_graph_status(g));
    const int64_t count = cairn_model_parameter_count(&m);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
    return count;
}

static void expect(const char *text, int64_t count)
{
    cairn_network_spec spec;
    char again[128];
    assert_ok(cairn_network_parse(&spec, text, "test"));
    cairn_network_describe(again, sizeof again, &spec);
    assert_string_equal(again, text);
    assert_int_equal(parameters_of(&spec), count);
}

static void test_parameters__heatmap_students(void **state)
{
    (void)state;
    expect("sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small", 1600937);
    expect("sp-fpn width=1 channels=128 taps=1,3,8,12 backbone=small", 1601961);
    expect("sp-fpn width=1 channels=96 taps=1,2,4,12 backbone=small", 1321865);
    expect("sp-fpn width=1 channels=64 taps=1,2,4,12 backbone=small+se_before_act+by_ratio+bn_eps=1e-05", 1116521);
    expect("sp-fpn width=1 channels=128 taps=3,6,12,16 backbone=large", 3707321);
}

static void test_parameters__drop_in_students(void **state)
{
    (void)state;
    expect("drop-in width=1 channels=64 taps=1,3,8,11 descriptor=256 separable=1 backbone=small", 988967);
    expect("drop-in width=1 channels=64 taps=1,3,8,11 descriptor=256 separable=0 backbone=small+same_padding", 1441383);
    expect("drop-in width=1 channels=128 taps=1,3,8,11 descriptor=256 separable=1 backbone=small", 1098215);
    expect("drop-in width=1 channels=64 taps=3,6,12,15 descriptor=256 separable=1 backbone=large", 2944567);
}

static void test_parameters__classifiers(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        const cairn_classifier_options o = {.width = 1, .style = {.large = large}, .hidden = large ? 1280 : 1024,
                                            .classes = 1000, .std = {1, 1, 1}};
        cairn_classifier_options read;
        cairn_graph *g = NULL;
        cairn_model m;
        char text[256];
        assert_ok(cairn_graph_create(&g));
        cairn_model_init(&m, g, true);
        cairn_classifier(&m, cairn_graph_input(g, "rgb", (cairn_shape){1, 64, 64, 3}), &o);
        assert_ok(cairn_graph_status(g));
        assert_int_equal(cairn_model_parameter_count(&m), large ? 5483032 : 2542856);
        cairn_classifier_describe(text, sizeof text, &o);
        assert_true(cairn_classifier_parse(&read, text) && read.style.large == large && read.hidden == o.hidden);
        cairn_model_uninit(&m);
        cairn_graph_destroy(&g);
    }
}

static void builds(cairn_network_spec spec, cairn_network_kind kind, int h, int w)
{
    cairn_graph *g = NULL;
    cairn_model m;
    const cairn_shape s = {1, h, w, 1};
    spec.kind = kind;
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, false);
    const cairn_network_graph out = cairn_network_build(&m, &spec, cairn_graph_input(g, "image", s));
    assert_ok(cairn_graph_status(g));
    assert_true(cairn_shape_equal(cairn_graph_shape(g, out.heatmap), s));
    if (kind == CAIRN_NETWORK_DROP_IN) assert_int_equal(cairn_graph_shape(g, out.descriptor).h, h / 8);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

/* student.md 1.2 and 1.3, by the sizes of their outputs at 480x640. */
static void test_strides__of_the_tables(void **state)
{
    (void)state;
    static const int small[] = {2, 4, 8, 8, 16, 16, 16, 16, 16, 32, 32, 32, 32};
    static const int large[] = {2, 2, 4, 4, 8, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32, 32, 32};
    for (int i = 0; i < CAIRN_MOBILENET_LARGE_FEATURES; i++) {
        if (i < CAIRN_MOBILENET_SMALL_FEATURES)
            assert_int_equal(cairn_mobilenet_stride(&(cairn_mobilenet_style){0}, i), small[i]);
        assert_int_equal(cairn_mobilenet_stride(&(cairn_mobilenet_style){.large = true}, i), large[i]);
    }
}

/* Every size of the acceptance tests goes through, with both paddings. */
static void test_sizes__that_are_no_multiples_of_32(void **state)
{
    (void)state;
    static const int sizes[][2] = {{240, 320}, {480, 640}, {376, 1248}, {72, 104}};
    cairn_network_spec spec = {.sp_fpn = CAIRN_SP_FPN_OPTIONS_INIT, .heads = {64, true}};
    spec.sp_fpn.taps[3] = 11;
    for (int tensorflow = 0; tensorflow < 2; tensorflow++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            spec.sp_fpn.style.same_padding = tensorflow;
            builds(spec, CAIRN_NETWORK_DROP_IN, sizes[i][0], sizes[i][1]);
            builds(spec, CAIRN_NETWORK_SP_FPN, sizes[i][0], sizes[i][1]);
        }
}

static void test_parse__refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "drop-in width=1 channels=64 taps=1,3,8,13 descriptor=256 separable=1 backbone=small",
        "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=0 separable=1 backbone=small",
        "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=256 separable=2 backbone=small",
        "drop-in width=1 channels=64 taps=2,3,8,11 descriptor=256 separable=1 backbone=small",
        "drop-in width=1 channels=64 taps=1,4,6,15 descriptor=256 separable=1 backbone=large",
        "sp-fpn width=1 channels=64 taps=1,3,3,11 backbone=small",
        "sp-fpn width=1 channels=64 taps=1,3,8,11 backbone=small+nothing",
        "sp-fpn width=nan channels=64 taps=1,3,8,11",
    };
    cairn_network_spec spec;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_status(cairn_network_parse(&spec, wrong[i], "file"), CAIRN_E_FORMAT, "file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters__heatmap_students),
        cmocka_unit_test(test_parameters__drop_in_students),
        cmocka_unit_test(test_parameters__classifiers),
        cmocka_unit_test(test_strides__of_the_tables),
        cmocka_unit_test(test_sizes__that_are_no_multiples_of_32),
        cmocka_unit_test(test_parse__refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
