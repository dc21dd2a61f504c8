/* The reader of the HPatches layout: what it finds, the numbers it reads, and what it refuses; pairs made from it. */
#include "data/folders/sequences.h"
#include "experiments/evaluation/pairs/pairs.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define IDENTITY "1 0 0\n0 1 0\n0 0 1\n"

static void parse(cairn_homography *h, const char *text, cairn_status status, const char *message)
{
    cairn_status st = cairn_sequence_parse_homography(h, (const uint8_t *)text, strlen(text), "set/v_x/H_1_2");
    if (status == CAIRN_OK)
        assert_ok(st);
    else
        assert_status(st, status, message);
}

static void test_parse__any_blanks(void **state)
{
    (void)state;
    static const char *const texts[] = {"1.5 -2 3e2\n4 .5 6\n7 8 10\n", "  1.5   -2\t3e2\r\n 4 0.5 +6.0\r\n7 8 10",
                                        "1.5\n-2\n3E+2\n4\n5e-1\n6\n\n\n7\n8\n1e1", "1.5 -2 300 4 0.5 6 7 8 10\f\v "};
    static const double expected[9] = {1.5, -2, 300, 4, 0.5, 6, 7, 8, 10};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cairn_homography h;
        parse(&h, texts[i], CAIRN_OK, "");
        assert_memory_equal(h.m, expected, sizeof expected);
    }
}

static void test_parse__refuses_what_is_no_homography(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "set/v_x/H_1_2:1: the file ends after 0 numbers"},
        {"1 0 0\n0 1 0\n0 0\n", "set/v_x/H_1_2:4: the file ends after 8 numbers"},
        {"1 0 0\n0 1 0\n0 0 1\n7\n", "set/v_x/H_1_2:4: '7' after the ninth number"},
        {"1 0 0\n0 nan 0\n0 0 1", "set/v_x/H_1_2:2: 'nan' is not a finite number"},
        {"1 0 0\n0 1 0\n0 0 inf", "set/v_x/H_1_2:3: 'inf'"},
        {"1 0 0\n0 1 1e999\n0 0 1", "set/v_x/H_1_2:2: '1e999'"},
        {"0x1 0 0\n0 1 0\n0 0 1", "set/v_x/H_1_2:1: '0x1'"},
        {"1,0,0\n0 1 0\n0 0 1", "set/v_x/H_1_2:1: '1,0,0'"},
        {"1 0 0\n0 1- 0\n0 0 1", "set/v_x/H_1_2:2: '1-'"},
        {"1 0 0\n0 - 0\n0 0 1", "set/v_x/H_1_2:2: '-'"},
        {"1 0 0\n0 . 0\n0 0 1", "set/v_x/H_1_2:2: '.'"},
        {"[1 0 0\n0 1 0\n0 0 1]", "set/v_x/H_1_2:1: '[1'"},
        {"1 2 3\n2 4 6\n0 0 1\n", "singular"},
        {"0 0 0\n0 0 0\n0 0 0\n", "singular"},
        {"1e200 0 0\n0 1e200 0\n0 0 1e200\n", "singular"},
        {"1 0 0\n0 1 0\n0 0 "
         "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
         "set/v_x/H_1_2:3: '1111"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cairn_homography h;
        parse(&h, cases[i].text, CAIRN_E_FORMAT, cases[i].message);
        assert_memory_equal(&h, &CAIRN_HOMOGRAPHY_IDENTITY, sizeof h);
    }
    cairn_homography h;
    uint8_t zero[] = "1 0 0\n0 1 0\n0 0 \0001";
    assert_status(cairn_sequence_parse_homography(&h, zero, sizeof zero - 1, "H"), CAIRN_E_FORMAT, "H:3: ");
}

/* Empty image files: opening a set must not read them. */
static void put_sequence(const char *set, const char *name, int images, const char *form, const char *matrix)
{
    for (int k = 1; k <= images; k++) {
        test_put_text(test_path("%s/%s/%d.%s", set, name, k, form), "");
        if (k > 1) test_put_text(test_path("%s/%s/H_1_%d", set, name, k), matrix);
    }
}

static void test_open__lists_every_kind_in_order(void **state)
{
    (void)state;
    cairn_sequences s;
    put_sequence("good", "v_graf", 6, "ppm", IDENTITY);
    put_sequence("good", "v_bikes", 2, "png", IDENTITY);
    put_sequence("good", "v_trees", 2, "png", IDENTITY);
    put_sequence("good", "i_leuven", 3, "png", "2 0 5 0 2 6 0 0 1");
    test_put_text(test_path("good/i_leuven/2.ppm"), ""); /* comes before 2.png */
    put_sequence("good", "patches", 2, "png", "no sequence, so never read");
    test_put_text(test_path("good/v_readme"), "a file");
    assert_ok(cairn_sequences_open(&s, test_path("good")));
    assert_int_equal(s.count, 4);
    assert_int_equal(s.pairs, 5 + 1 + 1 + 2);
    static const char *const names[] = {"i_leuven", "v_bikes", "v_graf", "v_trees"};
    static const cairn_sequence_kind kinds[] = {CAIRN_SEQUENCE_ILLUMINATION, CAIRN_SEQUENCE_BLUR,
                                                CAIRN_SEQUENCE_VIEWPOINT, CAIRN_SEQUENCE_BLUR};
    static const int images[] = {3, 2, 6, 2};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(s.items[i].name, names[i]);
        assert_int_equal(s.items[i].kind, kinds[i]);
        assert_int_equal(s.items[i].images, images[i]);
        assert_memory_equal(&s.items[i].from_first[0], &CAIRN_HOMOGRAPHY_IDENTITY, sizeof(cairn_homography));
    }
    assert_string_equal(s.items[0].paths[1], test_path("good/i_leuven/2.ppm"));
    assert_string_equal(s.items[0].paths[2], test_path("good/i_leuven/3.png"));
    assert_true(s.items[0].from_first[2].m[0] == 2 && s.items[0].from_first[2].m[5] == 6);
    assert_string_equal(cairn_sequence_kind_name(s.items[1].kind), "blur");
    cairn_sequences_free(&s);
    assert_null(s.items);
    cairn_sequences_free(&s);
}

static void expect_refused(const char *set, cairn_status status, const char *message)
{
    cairn_sequences s;
    assert_status(cairn_sequences_open(&s, test_path("%s", set)), status, message);
    assert_null(s.items);
    assert_int_equal(s.count, 0);
}

static void test_open__refuses_sequences_with_holes(void **state)
{
    (void)state;
    expect_refused("nowhere", CAIRN_E_NOTFOUND, "nowhere");
    test_put_text(test_path("nothing/readme"), "");
    expect_refused("nothing", CAIRN_E_NOTFOUND, "nothing: has no folder i_* or v_*");

    put_sequence("single", "v_a", 1, "ppm", IDENTITY);
    expect_refused("single", CAIRN_E_FORMAT, "single/v_a: has one image");
    assert_ok(cairn_file_make_folder(test_path("none/v_a")));
    expect_refused("none", CAIRN_E_FORMAT, "none/v_a: has no image 1");

    put_sequence("gap", "v_a", 5, "ppm", IDENTITY);
    unlink(test_path("gap/v_a/3.ppm"));
    expect_refused("gap", CAIRN_E_FORMAT, "v_a: has H_1_3 but no image 3");
    put_sequence("first", "v_a", 2, "png", IDENTITY);
    unlink(test_path("first/v_a/1.png"));
    expect_refused("first", CAIRN_E_FORMAT, "v_a: has 2.png but no image 1");
    put_sequence("more", "v_a", 3, "png", IDENTITY);
    unlink(test_path("more/v_a/3.png"));
    expect_refused("more", CAIRN_E_FORMAT, "v_a: has H_1_3 but no image 3");

    put_sequence("matrix", "v_a", 3, "png", IDENTITY);
    unlink(test_path("matrix/v_a/H_1_3"));
    expect_refused("matrix", CAIRN_E_NOTFOUND, "matrix/v_a/H_1_3");
    put_sequence("bad", "v_a", 3, "png", IDENTITY);
    test_put_text(test_path("bad/v_a/H_1_3"), "1 0 0\n0 x 0\n0 0 1\n");
    expect_refused("bad", CAIRN_E_FORMAT, "bad/v_a/H_1_3:2: 'x'");
    put_sequence("long", "v_a", 2, "png", IDENTITY);
    char text[8000];
    memset(text, ' ', sizeof text);
    test_put(test_path("long/v_a/H_1_2"), text, sizeof text);
    expect_refused("long", CAIRN_E_FORMAT, "long/v_a/H_1_2 has 8000 bytes");

    put_sequence("name", "v_a,b", 2, "png", IDENTITY);
    expect_refused("name", CAIRN_E_FORMAT, "v_a,b: rename the folder");
    put_sequence("size", "v_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 2, "png", IDENTITY);
    expect_refused("size", CAIRN_E_FORMAT, "rename the folder");
}

/* A plane of blobs, seen at two sizes: a point of image a must look like its place in image b. */
static float scene(double x, double y)
{
    return (float)(0.5 + 0.25 * sin(x / 9.0) + 0.25 * cos(y / 7.0));
}

static void put_view(const char *path, int h, int w, const cairn_homography *to_scene)
{
    cairn_image image;
    assert_ok(cairn_image_create(&image, h, w, 1));
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            double u, v;
            cairn_homography_apply(to_scene, x, y, &u, &v);
            image.pixels[y * w + x] = scene(u, v);
        }
    assert_ok(cairn_image_save_png(&image, path));
    cairn_image_free(&image);
}

static void make_views(const char *set)
{
    /* Scene = image 1; image 2 is larger, shifted and has another aspect, so that either is cropped along another axis.
     */
    cairn_homography first = CAIRN_HOMOGRAPHY_IDENTITY, second = {{1.5, 0.1, -20, -0.05, 1.4, 10, 1e-4, 0, 1}}, inverse;
    char text[512];
    put_sequence(set, "v_plane", 2, "png", IDENTITY);
    put_view(test_path("%s/v_plane/1.png", set), 200, 330, &first);
    assert_ok(cairn_homography_invert(&inverse, &second));
    put_view(test_path("%s/v_plane/2.png", set), 420, 300, &inverse);
    const double *m = second.m;
    snprintf(text, sizeof text, "%.17g %.17g %.17g\n%.17g %.17g %.17g\n%.17g %.17g %.17g\n", m[0], m[1], m[2], m[3],
             m[4], m[5], m[6], m[7], m[8]);
    test_put_text(test_path("%s/v_plane/H_1_2", set), text);
}

static float sample(const cairn_image *image, double x, double y)
{
    int x0 = (int)x, y0 = (int)y;
    double u = x - x0, v = y - y0;
    const float *p = image->pixels + y0 * image->w + x0;
    return (float)((1 - v) * ((1 - u) * p[0] + u * p[1]) + v * ((1 - u) * p[image->w] + u * p[image->w + 1]));
}

static cairn_status open_pairs(cairn_pair_source *source, const char *folder, int h, int w, int most)
{
    const cairn_protocol_view view = {.used = true, .resize = CAIRN_RESIZE_CROP, .h = h, .w = w};
    return cairn_pairs_from_sequences(source, folder, &view, false, most);
}

static void test_pairs__homography_follows_the_resizing(void **state)
{
    (void)state;
    cairn_pair_source source;
    cairn_pair pair;
    make_views("planes");
    assert_ok(open_pairs(&source, test_path("planes//"), 120, 160, 0));
    assert_string_equal(source.name, "planes");
    assert_int_equal(source.count, 1);
    assert_ok(source.get(source.state, 0, &pair));
    assert_string_equal(pair.name, "v_plane/1-2");
    assert_string_equal(pair.sequence, "v_plane");
    assert_string_equal(pair.image_a, "v_plane/1");
    assert_string_equal(pair.image_b, "v_plane/2");
    assert_int_equal(pair.kind, CAIRN_PAIR_VIEWPOINT);
    assert_true(pair.a.h == 120 && pair.a.w == 160 && pair.b.h == 120 && pair.b.w == 160 && pair.a.c == 1);
    double worst = 0;
    int seen = 0;
    for (int y = 1; y < 119; y++)
        for (int x = 1; x < 159; x++) {
            double u, v;
            cairn_homography_apply(&pair.a_to_b, x, y, &u, &v);
            if (u < 1 || v < 1 || u > 158 || v > 118) continue;
            double difference = fabs(sample(&pair.b, u, v) - pair.a.pixels[y * 160 + x]);
            worst = difference > worst ? difference : worst;
            seen++;
        }
    assert_true(seen > 2000);
    /* Half a pixel of the protocol's scaling (S maps x to s x) is 0.02 here; a wrong offset or scale gives over 0.2. */
    if (worst > 0.04) fail_msg("image b differs by %g from image a under the homography", worst);
    cairn_pair_free(&pair);
    cairn_pair_source_free(&source);
}

static void test_pairs__adaptation_is_the_formula(void **state)
{
    (void)state;
    cairn_homography h = {{1.1, 0.2, 5, -0.1, 0.9, -7, 1e-4, 2e-4, 1}};
    const cairn_adaptation of_a = {0.5, 0.5, 3, 0}, of_b = {0.25, 0.25, 0, 11};
    double x, y, u, v;
    cairn_homography adapted = cairn_adapt_homography(&h, &of_a, &of_b);
    cairn_homography_apply(&h, 80, 60, &u, &v);
    cairn_homography_apply(&adapted, 80 * 0.5 - 3, 60 * 0.5, &x, &y);
    assert_near(x, u * 0.25, 1e-10);
    assert_near(y, v * 0.25 - 11, 1e-10);
}

static void test_pairs__fewer_are_spread_over_the_set(void **state)
{
    (void)state;
    cairn_pair_source source;
    cairn_pair pair;
    static const char *const names[] = {"i_a/1-2", "i_b/1-2", "v_c/1-2"};
    static const char *const sequences[] = {"i_a", "i_b", "v_c"};
    for (int i = 0; i < 3; i++) {
        put_sequence("many", sequences[i], 3, "png", IDENTITY);
        for (int k = 1; k <= 3; k++)
            put_view(test_path("many/%s/%d.png", sequences[i], k), 40, 60, &CAIRN_HOMOGRAPHY_IDENTITY);
    }
    assert_ok(open_pairs(&source, test_path("many"), 32, 48, 3));
    assert_int_equal(source.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_ok(source.get(source.state, i, &pair));
        assert_string_equal(pair.name, names[i]);
        cairn_pair_free(&pair);
    }
    cairn_pair_source_free(&source);
    assert_ok(open_pairs(&source, test_path("many"), 32, 48, 100));
    assert_int_equal(source.count, 6);
    test_put_text(test_path("many/v_c/3.png"), "no image");
    assert_status(source.get(source.state, 5, &pair), CAIRN_E_FORMAT, "many/v_c/3.png");
    assert_null(pair.a.pixels);
    assert_ok(source.get(source.state, 4, &pair)); /* one bad file does not spoil the rest */
    cairn_pair_free(&pair);
    cairn_pair_source_free(&source);
    assert_status(open_pairs(&source, test_path("many"), 8, 48, 0), CAIRN_E_INVALID, "32 to 16384");
    assert_status(open_pairs(&source, test_path("many"), 32, 48, -1), CAIRN_E_INVALID, "0 or more");
}

/* Correlation of image a with what h finds of it in image b. */
static double agreement(const cairn_pair *pair, const cairn_homography *h)
{
    double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (int y = 0; y < pair->a.h; y++)
        for (int x = 0; x < pair->a.w; x++) {
            double u, v;
            cairn_homography_apply(h, x, y, &u, &v);
            if (!(u >= 0 && v >= 0 && u < pair->b.w - 1 && v < pair->b.h - 1)) continue;
            double p = pair->a.pixels[y * pair->a.w + x], q = sample(&pair->b, u, v);
            n++, a += p, b += q, aa += p * p, bb += q * q, ab += p * q;
        }
    return (n * ab - a * b) / sqrt((n * aa - a * a) * (n * bb - b * b));
}

/* Real sequences, where there are any: the homography must bring the images together, and better than none. */
static void test_pairs__of_real_sequences_agree(void **state)
{
    (void)state;
    cairn_pair_source source;
    cairn_pair pair;
    int seen = 0;
    const char *folder = getenv("CAIRN_TEST_SEQUENCES");
    if (!folder) {
        print_message("skipped: CAIRN_TEST_SEQUENCES is not set\n");
        skip();
    }
    assert_ok(open_pairs(&source, folder, 240, 320, 60));
    for (int i = 0; i < source.count; i++) {
        assert_ok(source.get(source.state, i, &pair));
        if (pair.kind == CAIRN_PAIR_VIEWPOINT) {
            double with = agreement(&pair, &pair.a_to_b), without = agreement(&pair, &CAIRN_HOMOGRAPHY_IDENTITY);
            if (!(with > 0.5 && with > without)) fail_msg("%s: correlation %g, without %g", pair.name, with, without);
            seen++;
        }
        cairn_pair_free(&pair);
    }
    cairn_pair_source_free(&source);
    assert_true(seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__any_blanks),
        cmocka_unit_test(test_parse__refuses_what_is_no_homography),
        cmocka_unit_test(test_open__lists_every_kind_in_order),
        cmocka_unit_test(test_open__refuses_sequences_with_holes),
        cmocka_unit_test(test_pairs__homography_follows_the_resizing),
        cmocka_unit_test(test_pairs__adaptation_is_the_formula),
        cmocka_unit_test(test_pairs__fewer_are_spread_over_the_set),
        cmocka_unit_test(test_pairs__of_real_sequences_agree),
    };
    return cmocka_run_group_tests_name("sequences", tests, test_scratch_create, test_scratch_remove);
}
