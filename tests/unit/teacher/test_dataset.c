/* Synthetic shapes as files: layout, counts, contents, and going on after an interruption. */
#include "formats/npz.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"
#include "teacher/synthetic/dataset.h"

#include <unistd.h>

enum { H = 16, W = 24 };

static cairn_shapes_dataset_options small(void)
{
    cairn_shapes_dataset_options o = CAIRN_SHAPES_DATASET_OPTIONS_INIT;
    o.shapes = (cairn_shapes_options){H, W, 60, false};
    o.images = 40;
    o.seed = 5;
    return o;
}

static void put_all(cairn_shapes_dataset_report *r, const char *folder, const cairn_shapes_dataset_options *o, int made,
                    int there)
{
    assert_ok(cairn_shapes_dataset_write(r, folder, o));
    assert_int_equal(r->made, made);
    assert_int_equal(r->there, there);
}

/* float64 [K,2] behind a header that says so. */
static void read_npy(double *row, double *column, int *count, const char *path)
{
    uint8_t *bytes;
    size_t size;
    char shape[64];
    assert_ok(cairn_file_read(&bytes, &size, path, 1 << 16));
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00", 8);
    const size_t start = 10 + bytes[8] + 256u * bytes[9];
    assert_int_equal(start % 64, 0);
    *count = (int)((size - start) / 16);
    snprintf(shape, sizeof shape, "'descr': '<f8', 'fortran_order': False, 'shape': (%d, 2)", *count);
    assert_non_null(strstr((const char *)bytes + 10, shape));
    if (*count) {
        double place[2];
        memcpy(place, bytes + start, sizeof place);
        *row = place[0];
        *column = place[1];
    }
    free(bytes);
}

static void layout_of_the_published_code(void **state)
{
    (void)state;
    const cairn_shapes_dataset_options o = small();
    cairn_shapes_dataset_report r;
    /* 40 x 6.6 for training; 0.8, 0.24 and so on round to at least one for validation; 2, 0.6 .. for tests */
    put_all(&r, test_path("tf"), &o, 6 * 40 + 12 + 8 + 4 + 9 + 6 * 2 + 3, 0);
    assert_true(r.draw_seconds > 0 && r.cpu_seconds > 0 && r.seconds > 0);
    assert_int_equal(test_count_entries(test_path("tf")), 9 + 1);
    assert_int_equal(test_count_entries(test_path("tf/draw_ellipses/images/training")), 12);
    assert_int_equal(test_count_entries(test_path("tf/draw_stripes/points/training")), 8);
    assert_int_equal(test_count_entries(test_path("tf/gaussian_noise/points/training")), 4);
    assert_int_equal(test_count_entries(test_path("tf/draw_multiple_polygons/images/test")), 2);
    assert_int_equal(test_count_entries(test_path("tf/draw_cube/points/validation")), 1);
    int corners = 0;
    for (int n = 0; n < 40; n++) { /* pairs that the same draw gave: one point at least is the image's */
        double row = 0, column = 0;
        int count;
        cairn_image image;
        read_npy(&row, &column, &count, test_path("tf/draw_polygon/points/training/%d.npy", n));
        assert_in_range(count, 3, 7);
        assert_true(row >= 0 && row <= H - 1 && column >= 0 && column <= W - 1);
        corners += column > H - 1; /* x, not y */
        assert_ok(cairn_image_load(&image, test_path("tf/draw_polygon/images/training/%d.png", n), 1));
        assert_true(image.h == H && image.w == W);
        cairn_image_free(&image);
    }
    assert_true(corners > 0);
    put_all(&r, test_path("tf"), &o, 0, 288);
}

/* What the files hold is what the drawing gives, in 8 bits, whatever else is in the set. */
static void pairs_hold_the_drawing(void **state)
{
    (void)state;
    cairn_shapes_dataset_options all = small(), stars = small();
    cairn_shapes_dataset_report r;
    all.layout = stars.layout = CAIRN_SHAPES_LAYOUT_PAIRS;
    stars.images = 5;
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) stars.primitives[p] = p == CAIRN_SHAPE_STAR;
    put_all(&r, test_path("all"), &all, 288, 0);
    put_all(&r, test_path("stars"), &stars, 5 + 1 + 1, 0);
    for (int n = 0; n < 5; n++) {
        static const char *const extensions[2] = {"png", "npz"};
        for (int e = 0; e < 2; e++) {
            uint8_t *bytes;
            size_t size;
            assert_ok(cairn_file_read(&bytes, &size, test_path("all/training/star-%06d.%s", n, extensions[e]), 65536));
            test_expect_bytes(test_path("stars/training/star-%06d.%s", n, extensions[e]), bytes, size);
            free(bytes);
        }
        cairn_npz npz;
        const cairn_npz_array *points, *size;
        cairn_image drawn, image;
        cairn_keypoints corners;
        cairn_rng rng = cairn_rng_stream(5, 0x53484150, (uint32_t)n, CAIRN_SHAPE_STAR, 0);
        assert_ok(cairn_shapes_draw(&drawn, &corners, &rng, CAIRN_SHAPE_STAR, &all.shapes));
        assert_ok(cairn_npz_read(&npz, test_path("stars/training/star-%06d.npz", n)));
        assert_ok(cairn_npz_require(&points, &npz, "points", CAIRN_NPZ_F32, 2, (const int64_t[]){corners.count, 3}));
        assert_ok(cairn_npz_require(&size, &npz, "size", CAIRN_NPZ_I32, 1, (const int64_t[]){2}));
        assert_memory_equal(points->data, corners.points, sizeof *corners.points * (size_t)corners.count);
        assert_true(((const int32_t *)size->data)[0] == H && ((const int32_t *)size->data)[1] == W);
        assert_ok(cairn_image_load(&image, test_path("stars/training/star-%06d.png", n), 1));
        for (int i = 0; i < H * W; i++) assert_float_equal(image.pixels[i], drawn.pixels[i], 0.51 / 255);
        cairn_npz_free(&npz);
        cairn_keypoints_free(&corners);
        cairn_image_free(&drawn);
        cairn_image_free(&image);
    }
    /* Training, validation and test are different drawings. */
    uint8_t *bytes, *other;
    size_t size, other_size;
    assert_ok(cairn_file_read(&bytes, &size, test_path("all/training/star-000000.npz"), 65536));
    assert_ok(cairn_file_read(&other, &other_size, test_path("all/test/star-000000.npz"), 65536));
    assert_true(size != other_size || memcmp(bytes, other, size));
    free(bytes);
    free(other);
}

static void goes_on_and_grows(void **state)
{
    (void)state;
    const char *folder = test_path("grow");
    cairn_shapes_dataset_options o = small();
    cairn_shapes_dataset_report r;
    o.images = 10;
    put_all(&r, folder, &o, 6 * 10 + 3 + 2 + 1 + 9 + 9, 0);
    const char *victim = test_path("grow/draw_cube/images/training/7.png");
    uint8_t *bytes;
    size_t size;
    assert_ok(cairn_file_read(&bytes, &size, victim, 65536));
    assert_int_equal(unlink(victim), 0); /* killed between points and image */
    put_all(&r, folder, &o, 1, 83);
    test_expect_bytes(victim, bytes, size);
    free(bytes);
    o.images = 20;
    put_all(&r, folder, &o, 6 * 10 + 3 + 2 + 1, 84);
    o.images = 10;
    assert_status(cairn_shapes_dataset_write(&r, folder, &o), CAIRN_E_INVALID, "synthetic.json");
    o.images = 20;
    o.seed = 6;
    assert_status(cairn_shapes_dataset_write(&r, folder, &o), CAIRN_E_INVALID, "other options");
    o.seed = 5;
    o.shapes.literal_labels = true;
    assert_status(cairn_shapes_dataset_write(&r, folder, &o), CAIRN_E_INVALID, "other options");
    o.shapes.literal_labels = false;
    test_put_text(test_path("grow/synthetic.json"), "{");
    assert_status(cairn_shapes_dataset_write(&r, folder, &o), CAIRN_E_INVALID, "other options");
}

static void refusals(void **state)
{
    (void)state;
    cairn_shapes_dataset_options o = small();
    cairn_shapes_dataset_report r;
    o.images = 0;
    assert_status(cairn_shapes_dataset_write(&r, test_path("no"), &o), CAIRN_E_INVALID, "1 to 1000000");
    o = small();
    o.shapes.canvas_height = 5000;
    assert_status(cairn_shapes_dataset_write(&r, test_path("no"), &o), CAIRN_E_INVALID, "canvas");
    o = small();
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) o.primitives[p] = false;
    assert_status(cairn_shapes_dataset_write(&r, test_path("no"), &o), CAIRN_E_INVALID, "no primitive");
    assert_false(cairn_file_exists(test_path("no")));
    o = small();
    o.images = 1;
    test_limit_files(64);
    assert_status(cairn_shapes_dataset_write(&r, test_path("full"), &o), CAIRN_E_IO, "cannot write");
    test_limit_files(-1);
    put_all(&r, test_path("full"), &o, 27, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_of_the_published_code),
        cmocka_unit_test(pairs_hold_the_drawing),
        cmocka_unit_test(goes_on_and_grows),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("synthetic dataset", tests, test_scratch_create, test_scratch_remove);
}
