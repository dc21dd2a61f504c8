/* Folders of photographs: what is listed, what is held back, and names that two photographs share. */
#include "data/folders/photo_folder.h"
#include "system/file.h"

#include "support/scratch.h"
#include "support/test.h"

#include <stdlib.h>
#include <unistd.h>

/* The listing does not open the files. */
static void put_photos(const char *set, const char *const *names)
{
    for (; *names; names++) test_put_text(test_path("%s/%s", set, *names), "x");
}

static cairn_status open_folder(cairn_photo_folder *f, const char *root, const char *skip, double holdout, size_t limit)
{
    const cairn_photo_options o = {.skip = skip, .holdout = holdout, .limit = limit};
    return cairn_photo_folder_open(f, root, &o);
}

static cairn_status open_as(cairn_photo_folder *f, const char *root, cairn_photo_layout layout, int camera)
{
    const cairn_photo_options o = {.holdout = 0.3, .layout = layout, .camera = camera};
    return cairn_photo_folder_open(f, root, &o);
}

static const cairn_photo_file *find(const cairn_photo_folder *f, const char *end)
{
    for (size_t i = 0; i < f->count; i++) {
        size_t n = strlen(f->files[i].path), m = strlen(end);
        if (n >= m && !strcmp(f->files[i].path + n - m, end)) return &f->files[i];
    }
    return NULL;
}

static void test_open__lists_images_in_order(void **state)
{
    (void)state;
    put_photos("any", (const char *const[]){"b.JPG", "a.png", "notes.txt", "skipped.jpg", ".hidden.jpg", "c.jpeg.txt",
                                            "sub/d.ppm", "sub/1/2/e.bmp", "sub/1/2/3/too_deep.jpg", NULL});
    cairn_photo_folder f;
    assert_ok(open_folder(&f, test_path("any"), " none , skipped", 0, 0));
    static const char *const expected[] = {"a", "b", "e", "d"};
    assert_int_equal(f.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(f.files[i].stem, expected[i]);
        assert_false(f.files[i].held_back);
    }
    assert_string_equal(f.files[1].path, test_path("any/b.JPG"));
    cairn_photo_folder_free(&f);
    assert_null(f.files);
    cairn_photo_folder_free(&f);
}

static void test_open__says_what_is_missing(void **state)
{
    (void)state;
    cairn_photo_folder f;
    test_put_text(test_path("empty/notes.txt"), "x");
    assert_status(open_folder(&f, test_path("absent"), NULL, 0.2, 0), CAIRN_E_NOTFOUND, "absent");
    assert_status(open_folder(&f, test_path("empty/notes.txt"), NULL, 0.2, 0), CAIRN_E_NOTFOUND, "notes.txt");
    assert_status(open_folder(&f, test_path("empty"), NULL, 0.2, 0), CAIRN_E_NOTFOUND, "empty");
    assert_null(f.files);
    assert_int_equal(f.count, 0);
}

static void put_many(const char *set, int from, int to)
{
    for (int i = from; i < to; i++) test_put_text(test_path("%s/photo%04d.jpg", set, i), "x");
}

static void test_holdout__share_is_met_and_stable(void **state)
{
    (void)state;
    enum { FEW = 300, MANY = 400 };
    bool held[FEW];
    size_t count = 0;
    cairn_photo_folder f;
    put_many("many", 0, FEW);
    assert_ok(open_folder(&f, test_path("many"), "", 0.2, 0));
    assert_int_equal(f.count, FEW);
    for (size_t i = 0; i < f.count; i++) count += held[i] = f.files[i].held_back;
    assert_in_range(count, FEW / 5 - 21, FEW / 5 + 21); /* three deviations of a binomial */
    cairn_photo_folder_free(&f);
    put_many("many", FEW, MANY);
    assert_ok(open_folder(&f, test_path("many"), "", 0.2, 0));
    assert_int_equal(f.count, MANY);
    for (size_t i = 0; i < FEW; i++) assert_int_equal(f.files[i].held_back, held[i]);
    cairn_photo_folder_free(&f);
}

static void test_holdout__neither_part_is_empty(void **state)
{
    (void)state;
    static const double shares[] = {1e-6, 0.5, 0.999999};
    put_many("two", 0, 2);
    for (int i = 0; i < 3; i++) {
        cairn_photo_folder f;
        assert_ok(open_folder(&f, test_path("two"), "", shares[i], 0));
        assert_int_equal(f.files[0].held_back + f.files[1].held_back, 1);
        cairn_photo_folder_free(&f);
    }
}

static void test_parts__of_coco(void **state)
{
    (void)state;
    put_photos("coco", (const char *const[]){"images/train2014/1.jpg", "images/train2014/2.jpg", "images/val2014/3.jpg",
                                             "images/Val/4.jpg", "annotations/x.json", NULL});
    cairn_photo_folder f;
    assert_ok(open_folder(&f, test_path("coco"), "", 0.9, 0));
    assert_int_equal(f.count, 4);
    for (size_t i = 0; i < f.count; i++) assert_int_equal(f.files[i].held_back, strcmp(f.files[i].stem, "2") > 0);
    cairn_photo_folder_free(&f);
}

/* A folder whose name only begins like a part of a data set takes part in the drawing like the others. */
static void test_parts__valley_is_none(void **state)
{
    (void)state;
    put_many("places/valley", 0, 50);
    put_many("places/hill", 100, 150);
    cairn_photo_folder f;
    int held[2] = {0};
    assert_ok(open_folder(&f, test_path("places"), "", 0.3, 0));
    for (size_t i = 0; i < f.count; i++) held[strstr(f.files[i].path, "valley") != NULL] += f.files[i].held_back;
    assert_in_range(held[0], 1, 40);
    assert_in_range(held[1], 1, 40);
    cairn_photo_folder_free(&f);
}

static void test_limit__spreads_over_each_part(void **state)
{
    (void)state;
    put_many("limited/train", 0, 100);
    put_many("limited/val", 200, 220);
    cairn_photo_folder f;
    size_t held = 0;
    assert_ok(open_folder(&f, test_path("limited"), "", 0, 10));
    assert_int_equal(f.count, 20);
    for (size_t i = 0; i < f.count; i++) held += f.files[i].held_back;
    assert_int_equal(held, 10);
    for (int i = 0; i < 10; i++) { /* one of each ten */
        char tens[32];
        snprintf(tens, sizeof tens, "photo00%d", i);
        assert_non_null(strstr(f.files[i].path, tens));
    }
    cairn_photo_folder_free(&f);
}

/* Labels are stored under the stems: two photographs that shared one would overwrite each other's. */
static void test_stems__are_unique(void **state)
{
    (void)state;
    char name[300];
    put_photos("shared", (const char *const[]){"a/1.jpg", "b/1.jpg", "b/1.png", "b/2.jpg", NULL});
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "c/%0200d%d.jpg", 0, i);
        put_photos("shared", (const char *const[]){name, NULL});
    }
    cairn_photo_folder f, moved;
    assert_ok(open_folder(&f, test_path("shared"), "", 0.3, 0));
    assert_int_equal(f.count, 6);
    for (size_t i = 0; i < f.count; i++) {
        assert_in_range(strlen(f.files[i].stem), 1, 100);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(f.files[i].stem, f.files[j].stem);
    }
    const cairn_photo_file *one = find(&f, "a/1.jpg"), *same = find(&f, "b/1.png");
    assert_string_equal(find(&f, "b/2.jpg")->stem, "2");
    assert_memory_equal(one->stem, "1-", 2);
    assert_int_equal(one->held_back, same->held_back); /* one name, one part: they may be one picture */
    /* Where the folder lies does not change a name. */
    put_photos("elsewhere/deep", (const char *const[]){"a/1.jpg", "b/1.jpg", NULL});
    assert_ok(open_folder(&moved, test_path("elsewhere/deep/"), "", 0.3, 0));
    assert_string_equal(find(&moved, "a/1.jpg")->stem, one->stem);
    cairn_photo_folder_free(&moved);
    cairn_photo_folder_free(&f);
}

/* Both years: what any val has is held back and taken once; neither test2017 nor annotated copies count. */
static void test_coco__takes_a_picture_of_both_years_once(void **state)
{
    (void)state;
    put_photos("both", (const char *const[]){"images/train2014/COCO_train2014_000000000009.jpg",
                                             "images/train2014/COCO_train2014_000000000025.jpg",
                                             "images/val2014/COCO_val2014_000000000139.jpg",
                                             "images/val2014/COCO_val2014_000000000164.jpg",
                                             "train2017/000000000009.jpg", "train2017/000000000164.jpg",
                                             "val2017/000000000139.jpg", "val2017/000000000025.jpg",
                                             "test2017/000000000001.jpg", "val2014_labels/000000000002.png", NULL});
    static const cairn_photo_layout layouts[] = {CAIRN_PHOTOS_AUTO, CAIRN_PHOTOS_COCO};
    for (int k = 0; k < 2; k++) {
        cairn_photo_folder f;
        assert_ok(open_as(&f, test_path("both"), layouts[k], 0));
        assert_int_equal(f.layout, CAIRN_PHOTOS_COCO);
        assert_int_equal(f.count, 4);
        assert_false(find(&f, "000000000009.jpg")->held_back);
        assert_true(find(&f, "000000000025.jpg")->held_back);
        assert_true(find(&f, "000000000139.jpg")->held_back);
        assert_true(find(&f, "000000000164.jpg")->held_back);
        cairn_photo_folder_free(&f);
    }
}

/* Names that are not COCO's tell nothing: train/1.jpg and val/1.jpg are two pictures. */
static void test_coco__of_other_names(void **state)
{
    (void)state;
    put_photos("own", (const char *const[]){"train/1.jpg", "train/2.jpg", "val/1.jpg", "other/3.jpg", NULL});
    put_photos("none", (const char *const[]){"a/1.jpg", "valley/1.jpg", NULL});
    put_photos("only", (const char *const[]){"train2017/000000000001.jpg", "train2017/000000000002.jpg", NULL});
    cairn_photo_folder f;
    assert_ok(open_as(&f, test_path("own"), CAIRN_PHOTOS_COCO, 0));
    assert_int_equal(f.count, 3);
    assert_true(find(&f, "val/1.jpg")->held_back);
    assert_false(find(&f, "train/1.jpg")->held_back);
    cairn_photo_folder_free(&f);
    assert_ok(open_as(&f, test_path("own"), CAIRN_PHOTOS_AUTO, 0));
    assert_int_equal(f.layout, CAIRN_PHOTOS_FOLDER);
    assert_int_equal(f.count, 4);
    cairn_photo_folder_free(&f);
    assert_status(open_as(&f, test_path("none"), CAIRN_PHOTOS_COCO, 0), CAIRN_E_NOTFOUND, "not in COCO's layout");
    assert_null(f.files);
    assert_ok(open_as(&f, test_path("only"), CAIRN_PHOTOS_AUTO, 0)); /* no val: drawn */
    assert_int_equal(f.files[0].held_back + f.files[1].held_back, 1);
    cairn_photo_folder_free(&f);
}

static void put_drive(const char *set, int number, int camera)
{
    for (int i = 0; i < 6; i++) {
        test_put_text(
            test_path("%s/2011_09_26/2011_09_26_drive_%04d_sync/image_%02d/data/%010d.png", set, number, camera, i),
            "x");
        test_put_text(
            test_path("%s/2011_09_26/2011_09_26_drive_%04d_sync/velodyne_points/depth/%d.png", set, number, i), "x");
    }
    test_put_text(test_path("%s/2011_09_26/2011_09_26_drive_%04d_sync/image_%02d/timestamps.txt", set, number, camera),
                  "x");
}

/* Returns how many drives are held back; each is as a whole. */
static int count_held(const cairn_photo_folder *f, int frames)
{
    int held = 0;
    for (size_t i = 0; i < f->count; i++) {
        assert_int_equal(f->files[i].held_back, f->files[i / (size_t)frames * (size_t)frames].held_back);
        held += f->files[i].held_back;
    }
    return held / frames;
}

static void test_kitti__is_split_by_drives(void **state)
{
    (void)state;
    enum { DRIVES = 30 };
    for (int d = 1; d <= DRIVES; d++) {
        put_drive("kitti", d, 0);
        if (d % 3) put_drive("kitti", d, 2);
    }
    cairn_photo_folder f;
    bool held[DRIVES];
    assert_ok(open_as(&f, test_path("kitti"), CAIRN_PHOTOS_AUTO, 0));
    assert_int_equal(f.layout, CAIRN_PHOTOS_KITTI);
    assert_int_equal(f.count, 6 * DRIVES);
    assert_in_range(count_held(&f, 6), 3, 17); /* of 9 expected */
    assert_string_equal(f.files[6].stem, "2011_09_26_drive_0002-0000000000");
    assert_true(strstr(f.files[6].path, "image_00/data/0000000000.png") != NULL);
    for (int d = 0; d < DRIVES; d++) held[d] = f.files[6 * d].held_back;
    cairn_photo_folder_free(&f);
    /* One date and one drive may be the root, and the camera changes no drive's part. */
    assert_ok(open_as(&f, test_path("kitti/2011_09_26"), CAIRN_PHOTOS_AUTO, 2));
    assert_int_equal(f.count, 4 * DRIVES);
    assert_true(strstr(f.files[0].path, "image_02") != NULL);
    for (int d = 0; d < DRIVES; d++)
        if ((d + 1) % 3) assert_int_equal(held[d], f.files[6 * (d - d / 3)].held_back);
    cairn_photo_folder_free(&f);
    assert_ok(open_as(&f, test_path("kitti/2011_09_26/2011_09_26_drive_0003_sync/"), CAIRN_PHOTOS_AUTO, 0));
    assert_int_equal(f.count, 6);
    assert_int_equal(count_held(&f, 6), 0);
    assert_string_equal(f.files[0].stem, "2011_09_26_drive_0003-0000000000");
    cairn_photo_folder_free(&f);
    assert_status(open_as(&f, test_path("kitti"), CAIRN_PHOTOS_AUTO, 1), CAIRN_E_NOTFOUND, "none of the 30 drives");
    assert_status(open_as(&f, test_path("any"), CAIRN_PHOTOS_KITTI, 0), CAIRN_E_NOTFOUND, "not in KITTI's layout");
    const cairn_photo_options o = {.holdout = 0, .skip = "2011_09_26_drive_0004, 2011_09_26_drive_0005-0000000003"};
    assert_ok(cairn_photo_folder_open(&f, test_path("kitti"), &o));
    assert_int_equal(f.count, 6 * DRIVES - 7);
    for (size_t i = 0; i < f.count; i++) assert_false(f.files[i].held_back);
    cairn_photo_folder_free(&f);
}

/* Prepared copies: folders of numbered frames. */
static void test_kitti__of_flat_folders(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        test_put_text(test_path("video/kitti_drive/%06d.jpg", i), "x");
        test_put_text(test_path("video/tum_rgbd/%06d.jpg", i), "x");
        test_put_text(test_path("prepared/2011_09_26_drive_0001_sync_02/%010d.jpg", i), "x");
        test_put_text(test_path("prepared/2011_09_26_drive_0001_sync_03/%010d.jpg", i), "x");
        test_put_text(test_path("prepared/2011_09_28_drive_0002_sync_02/%010d.jpg", i), "x");
    }
    test_put_text(test_path("video/kitti_drive/cover.jpg"), "x");
    cairn_photo_folder f;
    assert_ok(open_as(&f, test_path("video"), CAIRN_PHOTOS_AUTO, 0));
    assert_int_equal(f.layout, CAIRN_PHOTOS_KITTI);
    assert_int_equal(f.count, 10);
    assert_int_equal(count_held(&f, 5), 1);
    assert_string_equal(f.files[0].stem, "kitti_drive-000000");
    assert_string_equal(f.files[5].stem, "tum_rgbd-000000");
    cairn_photo_folder_free(&f);
    assert_ok(open_as(&f, test_path("video/tum_rgbd"), CAIRN_PHOTOS_AUTO, 0)); /* nothing says that it is a drive */
    assert_int_equal(f.layout, CAIRN_PHOTOS_FOLDER);
    cairn_photo_folder_free(&f);
    assert_ok(open_as(&f, test_path("prepared"), CAIRN_PHOTOS_AUTO, 0));
    assert_int_equal(f.count, 15);
    assert_int_equal(f.files[0].held_back, f.files[5].held_back); /* left and right of one drive */
    assert_int_not_equal(f.files[0].held_back, f.files[10].held_back);
    for (size_t i = 1; i < f.count; i++) assert_string_not_equal(f.files[i].stem, f.files[i - 1].stem);
    cairn_photo_folder_free(&f);
}

/* A circle of links ends, a folder is taken once, and by its own name rather than by a link's. */
static void test_links__are_followed_once(void **state)
{
    (void)state;
    put_photos("links", (const char *const[]){"train/1.jpg", "val/2.jpg", NULL});
    put_photos("elsewhere-photos", (const char *const[]){"3.jpg", NULL});
    assert_int_equal(symlink(test_path("links"), test_path("links/train/back")), 0);
    assert_int_equal(symlink(".", test_path("links/here")), 0);
    assert_int_equal(symlink("val", test_path("links/all")), 0);
    assert_int_equal(symlink("nowhere", test_path("links/lost.jpg")), 0);
    assert_int_equal(symlink("itself", test_path("links/itself")), 0);
    assert_int_equal(symlink(test_path("elsewhere-photos"), test_path("links/more")), 0);
    cairn_photo_folder f;
    assert_ok(open_as(&f, test_path("links"), CAIRN_PHOTOS_AUTO, 0));
    assert_int_equal(f.count, 3);
    assert_string_equal(f.files[0].path, test_path("links/more/3.jpg"));
    assert_string_equal(f.files[2].path, test_path("links/val/2.jpg"));
    assert_true(f.files[2].held_back);
    assert_false(f.files[0].held_back);
    cairn_photo_folder_free(&f);
    put_drive("linked-kitti", 1, 0);
    put_drive("linked-kitti", 2, 0);
    assert_int_equal(symlink(test_path("linked-kitti"), test_path("linked-kitti/2011_09_26/back")), 0);
    assert_ok(open_as(&f, test_path("linked-kitti"), CAIRN_PHOTOS_AUTO, 0));
    assert_int_equal(f.count, 12);
    cairn_photo_folder_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open__lists_images_in_order),
        cmocka_unit_test(test_open__says_what_is_missing),
        cmocka_unit_test(test_holdout__share_is_met_and_stable),
        cmocka_unit_test(test_holdout__neither_part_is_empty),
        cmocka_unit_test(test_parts__of_coco),
        cmocka_unit_test(test_parts__valley_is_none),
        cmocka_unit_test(test_limit__spreads_over_each_part),
        cmocka_unit_test(test_stems__are_unique),
        cmocka_unit_test(test_coco__takes_a_picture_of_both_years_once),
        cmocka_unit_test(test_coco__of_other_names),
        cmocka_unit_test(test_kitti__is_split_by_drives),
        cmocka_unit_test(test_kitti__of_flat_folders),
        cmocka_unit_test(test_links__are_followed_once),
    };
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
