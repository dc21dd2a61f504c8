/* Folders of photographs: what is listed, what is held back, and names that two photographs share. */
#include "data/photo_folder.h"
#include "system/file.h"

#include "support/scratch.h"
#include "support/test.h"

#include <stdlib.h>

/* The listing does not open the files. */
static void put_photos(const char *set, const char *const *names)
{
    for (; *names; names++) test_put_text(test_path("%s/%s", set, *names), "x");
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
    assert_ok(cairn_photo_folder_open(&f, test_path("any"), " none , skipped", 0, 0));
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
    assert_status(cairn_photo_folder_open(&f, test_path("absent"), NULL, 0.2, 0), CAIRN_E_NOTFOUND, "absent");
    assert_status(cairn_photo_folder_open(&f, test_path("empty/notes.txt"), NULL, 0.2, 0), CAIRN_E_NOTFOUND,
                  "notes.txt");
    assert_status(cairn_photo_folder_open(&f, test_path("empty"), NULL, 0.2, 0), CAIRN_E_NOTFOUND, "empty");
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
    assert_ok(cairn_photo_folder_open(&f, test_path("many"), "", 0.2, 0));
    assert_int_equal(f.count, FEW);
    for (size_t i = 0; i < f.count; i++) count += held[i] = f.files[i].held_back;
    assert_in_range(count, FEW / 5 - 21, FEW / 5 + 21); /* three deviations of a binomial */
    cairn_photo_folder_free(&f);
    put_many("many", FEW, MANY);
    assert_ok(cairn_photo_folder_open(&f, test_path("many"), "", 0.2, 0));
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
        assert_ok(cairn_photo_folder_open(&f, test_path("two"), "", shares[i], 0));
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
    assert_ok(cairn_photo_folder_open(&f, test_path("coco"), "", 0.9, 0));
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
    assert_ok(cairn_photo_folder_open(&f, test_path("places"), "", 0.3, 0));
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
    assert_ok(cairn_photo_folder_open(&f, test_path("limited"), "", 0, 10));
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
    assert_ok(cairn_photo_folder_open(&f, test_path("shared"), "", 0.3, 0));
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
    assert_ok(cairn_photo_folder_open(&moved, test_path("elsewhere/deep/"), "", 0.3, 0));
    assert_string_equal(find(&moved, "a/1.jpg")->stem, one->stem);
    cairn_photo_folder_free(&moved);
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
    };
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
