/* Numbers that the teacher's definition gives by itself (teacher.md 10.1, items 3 to 5): erosion, the detector's loss
 * at uniform logits, positives of a cell, energies of the dense descriptor loss. In double precision, by the references
 * that the kernels are tested against. Item 2 is in test_labels and test_ops_layout, the statistics of the sampler and
 * points against pixels in test_homography and test_augment, gradients in tests/unit/ops. */
#include "ops/image/geometry.h"
#include "reference/evaluate.h"
#include "support/test.h"
#include "teacher/augment.h"
#include "teacher/descriptor_loss.h"
#include "teacher/losses.h"

#include <math.h>
#include <stdlib.h>

static cairn_homography draw(uint32_t n, int h, int w, cairn_augment_preset preset)
{
    const cairn_homographic_options o = cairn_homographic_preset(preset);
    cairn_rng rng = cairn_rng_stream(21, 1, 0, n, 0);
    cairn_homography to_input;
    assert_ok(cairn_homography_sample(&to_input, &rng, h, w, &o.sampler));
    return to_input;
}

/* The published structuring elements, as rows of bits; their anchor is (r, r). */
static const char *const elements[2][6] = {{"0010", "1111", "1111", "1111"},
                                           {"000100", "011111", "111111", "111111", "111111", "011111"}};

static void erode_by_element(float *out, const float *mask, int h, int w, int r)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            out[y * w + x] = 1;
            for (int j = 0; j < 2 * r; j++)
                for (int i = 0; i < 2 * r; i++) {
                    const int v = y + j - r, u = x + i - r;
                    if (elements[r - 2][j][i] == '1' && v >= 0 && u >= 0 && v < h && u < w && mask[v * w + u] == 0)
                        out[y * w + x] = 0;
                }
        }
}

/* The disc of radius r - 1/2 that stands for them: what differs is a rim of a pixel, and less than 2 % of the cells. */
static void erosion_is_the_published_one(void **state)
{
    (void)state;
    enum { DRAWS = 60, MOST = 240 * 320 };
    static const struct {
        int r, h, w;
        cairn_augment_preset preset;
    } cases[2] = {{2, 120, 160, CAIRN_AUGMENT_SYNTHETIC}, {3, 240, 320, CAIRN_AUGMENT_SUPERPOINT}};
    static float ours[MOST], theirs[MOST];
    for (int k = 0; k < 2; k++) {
        const int r = cases[k].r, h = cases[k].h, w = cases[k].w;
        int cells[2] = {0}, differ = 0;
        assert_int_equal(cairn_homographic_preset(cases[k].preset).margin, r);
        for (uint32_t n = 0; n < DRAWS; n++) {
            const cairn_homography to_input = draw(n, h, w, cases[k].preset);
            cairn_image image, warped;
            assert_ok(cairn_image_create(&image, h, w, 1));
            assert_ok(cairn_homography_warp(&warped, ours, &image, &to_input, h, w));
            erode_by_element(theirs, ours, h, w, r);
            cairn_mask_erode(ours, h, w, r);
            for (int i = 0; i < h * w; i++) differ += ours[i] != theirs[i];
            for (int c = 0; c < h * w / 64; c++) {
                int valid[2] = {1, 1};
                for (int i = 0; i < 64; i++) {
                    const int at = (c / (w / 8) * 8 + i / 8) * w + c % (w / 8) * 8 + i % 8;
                    valid[0] &= ours[at] > 0;
                    valid[1] &= theirs[at] > 0;
                }
                cells[0] += valid[0];
                cells[1] += valid[1];
            }
            cairn_image_free(&image);
            cairn_image_free(&warped);
        }
        const double share = (double)differ / DRAWS / h / w, ratio = (double)cells[0] / cells[1];
        print_message("r = %d: %.4f of the pixels differ, valid cells %.4f of the published\n", r, share, ratio);
        assert_true(share < 0.01);
        assert_true(fabs(ratio - 1) < 0.02);
    }
}

/* ln 65, whatever the labels and however many cells are valid. */
static void uniform_logits_cost_ln_65(void **state)
{
    (void)state;
    enum { N = 2, HC = 3, WC = 4, CELLS = N * HC * WC };
    cairn_graph *g = NULL;
    cairn_reference *r = NULL;
    assert_ok(cairn_graph_create(&g));
    const cairn_tid logits = cairn_graph_input(g, "logits", (cairn_shape){N, HC, WC, 65});
    const cairn_tid labels = cairn_graph_input(g, "labels", (cairn_shape){N, HC, WC, 1});
    const cairn_tid valid = cairn_graph_input(g, "valid", (cairn_shape){N, HC, WC, 1});
    const cairn_tid loss = cairn_detector_loss(g, logits, labels, valid);
    assert_ok(cairn_reference_create(&r, g));
    for (int i = 0; i < 65 * CELLS; i++) cairn_reference_values(r, logits)[i] = 0.75;
    for (int i = 0; i < CELLS; i++) {
        cairn_reference_values(r, labels)[i] = i * 64 / (CELLS - 1);
        cairn_reference_values(r, valid)[i] = i % 3 > 0;
    }
    assert_ok(cairn_reference_run(r));
    assert_near(*cairn_reference_values(r, loss), 4.1744, 5e-5);
    assert_near(*cairn_reference_values(r, loss), log(65), 1e-12);
    for (int i = 0; i < CELLS; i++) cairn_reference_values(r, valid)[i] = 0;
    assert_ok(cairn_reference_run(r));
    assert_near(*cairn_reference_values(r, loss), 0, 0);
    cairn_reference_destroy(&r);
    cairn_graph_destroy(&g);
}

enum { H = 240, W = 320, HC = H / 8, WC = W / 8, M = HC * WC, D = 2, PAIRS = 12, DISTANCES = 3 };
static const double distances[DISTANCES] = {7.5, 8, 4};

typedef struct field { /* the dense loss of one pair of views with constant or given descriptors */
    cairn_graph *g;
    cairn_reference *r;
    cairn_tid matrix, a, b, valid, match;
    cairn_descriptor_terms t;
} field;

static void open_field(field *f, double distance, double lambda)
{
    const cairn_shape map = {1, HC, WC, D};
    *f = (field){0};
    assert_ok(cairn_graph_create(&f->g));
    f->matrix = cairn_graph_input(f->g, "matrix", (cairn_shape){1, 1, 1, 9});
    f->a = cairn_graph_input(f->g, "a", map);
    f->b = cairn_graph_input(f->g, "b", map);
    f->valid = cairn_graph_input(f->g, "valid", (cairn_shape){1, 1, 1, M});
    f->match = cairn_op_correspondence(f->g, f->matrix, HC, WC, 8, (float)distance);
    const cairn_descriptor_views v = {f->a,     f->b,       CAIRN_NONE, CAIRN_NONE, f->match,
                                      f->valid, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    const cairn_descriptor_options o = {CAIRN_DESCRIPTOR_DENSE, false, lambda};
    f->t = cairn_descriptor_loss(f->g, &v, &o);
    assert_ok(cairn_reference_create(&f->r, f->g));
}

static void close_field(field *f)
{
    cairn_reference_destroy(&f->r);
    cairn_graph_destroy(&f->g);
}

static double value(const field *f, cairn_tid t)
{
    return *cairn_reference_values(f->r, t);
}

/* (x, y) of unit length in every cell. */
static void set_constant(const field *f, cairn_tid map, double x, double y)
{
    double *v = cairn_reference_values(f->r, map);
    for (int i = 0; i < M; i++) {
        v[2 * i] = x;
        v[2 * i + 1] = y;
    }
}

/* A random homography and the cells of the warped view that it leaves valid; returns how many. */
static int set_pair(const field *f, uint32_t n)
{
    static float mask[H * W];
    const cairn_homography to_input = draw(n, H, W, CAIRN_AUGMENT_SUPERPOINT);
    cairn_homography to_warped;
    cairn_image image, warped;
    int count = 0;
    assert_ok(cairn_homography_invert(&to_warped, &to_input));
    memcpy(cairn_reference_values(f->r, f->matrix), to_warped.m, sizeof to_warped.m);
    assert_ok(cairn_image_create(&image, H, W, 1));
    assert_ok(cairn_homography_warp(&warped, mask, &image, &to_input, H, W));
    cairn_mask_erode(mask, H, W, 3);
    for (int c = 0; c < M; c++) {
        int valid = 1;
        for (int i = 0; i < 64; i++) valid &= mask[(c / WC * 8 + i / 8) * W + c % WC * 8 + i % 8] > 0;
        cairn_reference_values(f->r, f->valid)[c] = valid;
        count += valid;
    }
    cairn_image_free(&image);
    cairn_image_free(&warped);
    return count;
}

/* Positives of a valid warped cell: 2.74, 3.11 and 0.78; and the two trivial states of table 6.3:
 * uncorrelated costs lambda_d npos / N, collapsed 1 - 0.2 for all that is negative. */
static void energies_are_those_of_the_table(void **state)
{
    (void)state;
    static const double published[DISTANCES] = {2.74, 3.11, 0.78};
    for (int k = 0; k < DISTANCES; k++) {
        field f;
        double positives = 0, valid = 0, uncorrelated = 0, collapsed = 0;
        open_field(&f, distances[k], 800);
        for (uint32_t n = 0; n < PAIRS; n++) {
            const int cells = set_pair(&f, n);
            set_constant(&f, f.a, 1, 0);
            set_constant(&f, f.b, 0, 1);
            assert_ok(cairn_reference_run(f.r));
            const double *match = cairn_reference_values(f.r, f.match);
            int count = 0;
            for (int i = 0; i < M; i++)
                for (int j = 0; j < M; j++) count += match[i * M + j] * cairn_reference_values(f.r, f.valid)[j] > 0;
            positives += count;
            valid += cells;
            assert_near(value(&f, f.t.negative), 0, 0);
            assert_near(value(&f, f.t.loss), 800.0 * count / ((double)M * cells), 1e-6);
            uncorrelated += value(&f, f.t.positive) / PAIRS;
            if (n > 0) continue; /* the other state hardly depends on the pair */
            set_constant(&f, f.b, 1, 0);
            assert_ok(cairn_reference_run(f.r));
            assert_near(value(&f, f.t.positive), 0, 0);
            collapsed = value(&f, f.t.loss);
        }
        print_message("T = %.1f: %.3f positives (%.2f); 800 positive %.3f, collapsed %.3f\n", distances[k],
                      positives / valid, published[k], 800 * uncorrelated, collapsed);
        assert_true(fabs(positives / valid / published[k] - 1) < 0.03);
        assert_true(fabs(uncorrelated * M / published[k] - 1) < 0.03);
        assert_true(collapsed > 0.797 && collapsed <= 0.8);
        close_field(&f);
    }
}

/* At identity with T = 4 a cell's only positive is itself; alike fields cost nothing there. With T = 8 the four
 * neighbours count, too (#95), with 7.5 they do not. */
static void identity_has_its_diagonal(void **state)
{
    (void)state;
    for (int k = 0; k < DISTANCES; k++) {
        field f;
        cairn_rng rng = cairn_rng_stream(22, 1, 0, 0, 0);
        int count = 0;
        open_field(&f, distances[k], 250);
        for (int i = 0; i < 9; i++) cairn_reference_values(f.r, f.matrix)[i] = i % 4 == 0;
        for (int i = 0; i < M; i++) {
            const double angle = cairn_rng_between(&rng, 0, 6.283);
            double *a = cairn_reference_values(f.r, f.a) + 2 * i, *b = cairn_reference_values(f.r, f.b) + 2 * i;
            a[0] = b[0] = cos(angle);
            a[1] = b[1] = sin(angle);
            cairn_reference_values(f.r, f.valid)[i] = 1;
        }
        assert_ok(cairn_reference_run(f.r));
        for (int i = 0; i < M; i++)
            for (int j = 0; j < M; j++) count += cairn_reference_values(f.r, f.match)[i * M + j] > 0;
        const int neighbours = 2 * (HC * (WC - 1) + WC * (HC - 1));
        assert_int_equal(count, M + (distances[k] == 8 ? neighbours : 0));
        if (distances[k] == 8)
            assert_true(value(&f, f.t.positive) > 0.1 / M);
        else
            assert_near(value(&f, f.t.positive), 0, 1e-15);
        close_field(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erosion_is_the_published_one),
        cmocka_unit_test(uniform_logits_cost_ln_65),
        cmocka_unit_test(energies_are_those_of_the_table),
        cmocka_unit_test(identity_has_its_diagonal),
    };
    return cmocka_run_group_tests_name("teacher's numbers", tests, NULL, NULL);
}
