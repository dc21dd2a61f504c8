/* Resampling against the double-precision reference: enlarging, shrinking, odd ratios, one axis, one pixel. */
#include "ops/image/resize.h"
#include "reference/evaluate.h"
#include "support/device/op_case.h"

#include <math.h>

typedef struct resize_data {
    cairn_shape shape;
    int h, w;
    cairn_resize mode;
} resize_data;

static void build(op_case *c, cairn_graph *g)
{
    const resize_data *d = op_case_data(c);
    op_case_output(c, cairn_op_resize(g, op_case_input(c, d->shape, -1, 1), d->h, d->w, d->mode));
}

static void build_add(op_case *c, cairn_graph *g)
{
    const resize_data *d = op_case_data(c);
    cairn_tid x = op_case_input(c, d->shape, -1, 1);
    cairn_tid addend = op_case_input(c, (cairn_shape){d->shape.n, d->h, d->w, d->shape.c}, -1, 1);
    op_case_output(c, cairn_op_resize_add(g, x, addend, d->mode));
}

#define ADD(mode, label, n, h, w, c, h2, w2)                                                                           \
    {                                                                                                                  \
        #mode " add " label, build_add, &(const resize_data) { {n, h, w, c}, h2, w2, CAIRN_RESIZE_##mode }, false, 0,  \
            0                                                                                                          \
    }
#define CASE(mode, label, n, h, w, c, h2, w2)                                                                          \
    {                                                                                                                  \
        #mode " " label, build, &(const resize_data) { {n, h, w, c}, h2, w2, CAIRN_RESIZE_##mode }, false, 0, 0        \
    }
#define CASES(mode)                                                                                                    \
    CASE(mode, "x2", 3, 3, 5, 17, 6, 10), CASE(mode, "x4, one channel", 2, 5, 7, 1, 20, 28),                           \
        CASE(mode, "odd ratio", 1, 5, 7, 5, 9, 11), CASE(mode, "one pixel", 3, 1, 1, 3, 5, 3),                         \
        CASE(mode, "to one pixel", 1, 5, 3, 4, 1, 1), CASE(mode, "shrink", 2, 9, 17, 8, 4, 7),                         \
        CASE(mode, "height only", 2, 3, 5, 65, 8, 5), CASE(mode, "width only", 2, 3, 5, 8, 3, 13),                     \
        CASE(mode, "grow and shrink", 1, 4, 11, 5, 15, 3), CASE(mode, "two pixels", 1, 2, 2, 4, 64, 3),                \
        CASE(mode, "same size", 1, 3, 2, 4, 3, 2)
static const op_case_spec cases[] = {CASES(NEAREST), CASES(BILINEAR), CASES(BICUBIC),
                                     CASE(NEAREST, "wide", 1, 2, 100, 5, 3, 333),
                                     CASE(BICUBIC, "wide", 1, 2, 100, 5, 3, 333),
                                     CASE(NEAREST, "columns of a lane", 2, 3, 5, 91, 7, 9),
                                     ADD(NEAREST, "x2", 2, 3, 5, 17, 6, 10),
                                     ADD(NEAREST, "columns of a lane", 2, 3, 5, 128, 5, 11),
                                     ADD(BILINEAR, "x2", 2, 3, 5, 17, 6, 10),
                                     ADD(BILINEAR, "width only", 2, 3, 5, 36, 3, 13),
                                     ADD(BICUBIC, "odd ratio", 1, 5, 7, 5, 9, 11),
                                     ADD(BILINEAR, "same size", 1, 3, 2, 4, 3, 2)};

/* Row `position` of the matrix of one axis: the response to unit inputs. */
static void check_row(cairn_resize mode, int in, int out, int position, const double *expected)
{
    cairn_graph *g = NULL;
    cairn_reference *r = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 1, in, 1}), y = cairn_op_resize(g, x, 1, out, mode);
    assert_int_equal(cairn_reference_create(&r, g), CAIRN_OK);
    for (int i = 0; i < in; i++) {
        double *values = cairn_reference_values(r, x);
        for (int k = 0; k < in; k++) values[k] = k == i;
        assert_int_equal(cairn_reference_run(r), CAIRN_OK);
        double got = cairn_reference_values(r, y)[position];
        if (!(fabs(got - expected[i]) < 1e-6)) fail_msg("weight of input %d: %.7f, not %.7f", i, got, expected[i]);
    }
    cairn_reference_destroy(&r);
    cairn_graph_destroy(&g);
}

/* The phases of student.md, section 2.1, and the conventions at the edge. */
static void known_weights(void **state)
{
    (void)state;
    check_row(CAIRN_RESIZE_BICUBIC, 5, 20, 10, (double[]){0, -0.071777, 0.967285, 0.114746, -0.010254});
    check_row(CAIRN_RESIZE_BICUBIC, 5, 20, 11, (double[]){0, -0.109863, 0.749512, 0.426270, -0.065918});
    check_row(CAIRN_RESIZE_BICUBIC, 5, 20, 8, (double[]){-0.065918, 0.426270, 0.749512, -0.109863, 0});
    check_row(CAIRN_RESIZE_BICUBIC, 5, 20, 2, (double[]){-0.071777 + 0.967285, 0.114746, -0.010254, 0, 0});
    check_row(CAIRN_RESIZE_BILINEAR, 3, 6, 0, (double[]){1, 0, 0});
    check_row(CAIRN_RESIZE_BILINEAR, 3, 6, 1, (double[]){0.75, 0.25, 0});
    check_row(CAIRN_RESIZE_NEAREST, 3, 7, 4, (double[]){0, 1, 0});
    check_row(CAIRN_RESIZE_NEAREST, 3, 7, 5, (double[]){0, 0, 1});
    for (int i = 0; i < 30; i++) { /* student.md 8.3: to the rows of 240 pixels at stride 8, and from 8 to 15 */
        double up[15] = {0}, odd[8] = {0};
        up[i / 2] = 1;
        check_row(CAIRN_RESIZE_NEAREST, 15, 30, i, up);
        if (i >= 15) continue;
        odd[i * 8 / 15] = 1;
        check_row(CAIRN_RESIZE_NEAREST, 8, 15, i, odd);
    }
}

static void refuses(void **state)
{
    (void)state;
    cairn_graph *g = NULL;
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    cairn_tid x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 3});
    assert_int_equal(cairn_op_resize(g, x, 0, 4, CAIRN_RESIZE_NEAREST), CAIRN_NONE);
    op_case_refused(&g, "4x4 to 0x4");
    assert_int_equal(cairn_graph_create(&g), CAIRN_OK);
    x = cairn_graph_input(g, "x", (cairn_shape){1, 4, 4, 3});
    cairn_tid other = cairn_graph_input(g, "other", (cairn_shape){1, 8, 8, 4});
    assert_int_equal(cairn_op_resize_add(g, x, other, CAIRN_RESIZE_NEAREST), CAIRN_NONE);
    op_case_refused(&g, "does not add");
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(known_weights), cmocka_unit_test(refuses)};
    return op_case_main("resize", cases, sizeof cases / sizeof *cases, more, 2);
}
