/* Reading with a bound, writing by rename, listings, paths. */
#include "system/file.h"

#include "support/scratch.h"
#include "support/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_unreadable(const char *path, size_t most, cairn_status status, const char *text)
{
    uint8_t *bytes = (uint8_t *)1;
    size_t size = 1;
    assert_status(cairn_file_read(&bytes, &size, path, most), status, text);
    assert_non_null(strstr(cairn_error_message(), path));
    assert_null(bytes);
    assert_int_equal(size, 0);
}

static void test_read__whole_file_with_a_zero_behind(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    test_put(test_path("bytes"), "a\0\xff\n", 4);
    assert_ok(cairn_file_read(&bytes, &size, test_path("bytes"), 4));
    assert_int_equal(size, 4);
    assert_memory_equal(bytes, "a\0\xff\n", 5);
    free(bytes);
    test_put(test_path("empty"), "", 0);
    assert_ok(cairn_file_read(&bytes, &size, test_path("empty"), 0));
    assert_int_equal(size, 0);
    assert_int_equal(bytes[0], 0);
    free(bytes);
}

static void test_read__refuses_what_is_no_bounded_file(void **state)
{
    (void)state;
    test_put(test_path("five"), "12345", 5);
    expect_unreadable(test_path("five"), 4, CAIRN_E_FORMAT, "has 5 bytes, more than the 4");
    expect_unreadable(test_path("absent"), 4, CAIRN_E_NOTFOUND, "No such file");
    expect_unreadable(test_path("five/under"), 4, CAIRN_E_NOTFOUND, "Not a directory");
    expect_unreadable(test_path("%s", ""), 4, CAIRN_E_IO, "folder");
    assert_int_equal(mkfifo(test_path("pipe"), 0600), 0);
    expect_unreadable(test_path("pipe"), 4, CAIRN_E_IO, "not a regular file"); /* and does not wait for a writer */
    assert_int_equal(symlink("nowhere", test_path("link")), 0);
    expect_unreadable(test_path("link"), 4, CAIRN_E_NOTFOUND, "No such file");
}

static void test_write__replaces_by_rename(void **state)
{
    (void)state;
    struct stat before, after;
    assert_ok(cairn_file_make_folder(test_path("write")));
    const char *path = test_path("write/file");
    assert_ok(cairn_file_write(path, "old", 3));
    test_expect_bytes(path, "old", 3);
    assert_int_equal(link(path, test_path("write/kept")), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_ok(cairn_file_write(path, "newer\0", 6));
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino != after.st_ino); /* a reader that has the old file open keeps it whole */
    test_expect_bytes(path, "newer\0", 6);
    test_expect_bytes(test_path("write/kept"), "old", 3);
    assert_ok(cairn_file_write(path, NULL, 0));
    test_expect_bytes(path, "", 0);
    assert_int_equal(test_count_entries(test_path("write")), 2);
}

static void test_write__a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    static char large[100000];
    assert_ok(cairn_file_make_folder(test_path("full")));
    const char *path = test_path("full/file"), *fresh = test_path("full/fresh");
    assert_ok(cairn_file_write(path, "old", 3));
    test_limit_files(70000);
    cairn_status st = cairn_file_write(path, large, sizeof large);
    char message[1024];
    snprintf(message, sizeof message, "%s", cairn_error_message());
    cairn_status fresh_st = cairn_file_write(fresh, large, sizeof large);
    test_limit_files(-1);
    assert_int_equal(st, CAIRN_E_IO);
    assert_int_equal(fresh_st, CAIRN_E_IO);
    assert_non_null(strstr(message, path));
    assert_non_null(strstr(message, "after 70000 of 100000 bytes"));
    test_expect_bytes(path, "old", 3);
    assert_false(cairn_file_exists(fresh));
    assert_int_equal(test_count_entries(test_path("full")), 1); /* no temporary file is left */
}

static void test_write__refuses_paths_that_name_no_file(void **state)
{
    (void)state;
    assert_status(cairn_file_write(test_path("nowhere/file"), "x", 1), CAIRN_E_IO, "nowhere/file");
    assert_status(cairn_file_write(test_path("%s", ""), "x", 1), CAIRN_E_IO, "it is a folder");
    assert_status(cairn_file_write("", "x", 1), CAIRN_E_INVALID, "names no file");
    assert_status(cairn_file_write(test_path("slash/"), "x", 1), CAIRN_E_INVALID, "names no file");
}

static void test_temporary__is_committed_or_discarded(void **state)
{
    (void)state;
    char *first, *second;
    assert_ok(cairn_file_make_folder(test_path("temporary")));
    const char *path = test_path("temporary/file");
    assert_ok(cairn_file_temporary(&first, path));
    assert_ok(cairn_file_temporary(&second, path));
    assert_string_not_equal(first, second);
    assert_true(cairn_file_exists(first) && cairn_file_exists(second) && !cairn_file_exists(path));
    assert_memory_equal(first, path, strlen(test_path("temporary/"))); /* the same folder, or no rename */
    test_put_text(first, "done");
    assert_ok(cairn_file_commit(first, path));
    cairn_file_discard(second);
    test_expect_bytes(path, "done", 4);
    assert_int_equal(test_count_entries(test_path("temporary")), 1);
    assert_status(cairn_file_commit(second, path), CAIRN_E_IO, path);
    test_expect_bytes(path, "done", 4);
    cairn_file_discard(NULL);
    free(first);
    free(second);
    assert_status(cairn_file_temporary(&first, test_path("nowhere/file")), CAIRN_E_IO, "nowhere/file");
    assert_null(first);
}

static void test_folder__made_with_its_parents(void **state)
{
    (void)state;
    assert_ok(cairn_file_make_folder(test_path("a/b//c/")));
    assert_true(cairn_file_is_folder(test_path("a/b/c")));
    assert_ok(cairn_file_make_folder(test_path("a/b/c")));
    test_put_text(test_path("a/file"), "x");
    assert_status(cairn_file_make_folder(test_path("a/file")), CAIRN_E_IO, "a/file: Not a directory");
    assert_status(cairn_file_make_folder(test_path("a/file/d")), CAIRN_E_IO, "a/file");
    assert_status(cairn_file_make_folder(""), CAIRN_E_INVALID, "empty name");
    assert_false(cairn_file_is_folder(test_path("a/file")));
    assert_true(cairn_file_exists(test_path("a/file")));
}

static void expect_list(const char *const *extensions, bool folders, const char *const *names)
{
    cairn_file_list list;
    assert_ok(cairn_file_list_folder(&list, test_path("list"), extensions, folders));
    for (size_t i = 0; i < list.count && names[i]; i++)
        assert_string_equal(list.paths[i], test_path("list/%s", names[i]));
    size_t count = 0;
    while (names[count]) count++;
    assert_int_equal(list.count, count);
    cairn_file_list_free(&list);
    assert_null(list.paths);
}

static void test_list__sorted_by_bytes_without_hidden_names(void **state)
{
    (void)state;
    static const char *const names[] = {"b.png",       "a.JPG", "a.jpg",  "B.png", "c.txt",
                                        ".hidden.png", "d",     "10.jpg", "9.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) test_put_text(test_path("list/%s", names[i]), "");
    assert_ok(cairn_file_make_folder(test_path("list/folder.png")));
    assert_ok(cairn_file_make_folder(test_path("list/.git")));
    assert_int_equal(symlink("nowhere", test_path("list/broken.png")), 0);
    expect_list((const char *const[]){"jpg", "png", NULL}, false,
                (const char *const[]){"10.jpg", "9.jpg", "B.png", "a.JPG", "a.jpg", "b.png", NULL});
    expect_list(NULL, false,
                (const char *const[]){"10.jpg", "9.jpg", "B.png", "a.JPG", "a.jpg", "b.png", "c.txt", "d", NULL});
    expect_list((const char *const[]){"tiff", NULL}, false, (const char *const[]){NULL});
    expect_list(NULL, true, (const char *const[]){"folder.png", NULL});
    cairn_file_list list;
    assert_status(cairn_file_list_folder(&list, test_path("nowhere"), NULL, false), CAIRN_E_NOTFOUND, "nowhere");
    assert_status(cairn_file_list_folder(&list, test_path("list/d"), NULL, false), CAIRN_E_NOTFOUND, "list/d");
    assert_null(list.paths);
    for (int i = 0; i < 200; i++) test_put_text(test_path("long/%03d", i), "");
    assert_ok(cairn_file_list_folder(&list, test_path("long/"), NULL, false));
    assert_int_equal(list.count, 200);
    for (int i = 0; i < 200; i++) assert_string_equal(list.paths[i], test_path("long/%03d", i));
    cairn_file_list_free(&list);
}

static void expect_text(char *got, const char *expected)
{
    assert_string_equal(got, expected);
    free(got);
}

static void test_list__natural_order(void **state)
{
    (void)state;
    static const char *const sorted[] = {"a", "a1", "a2b", "a2c", "a02d", "a10", "a010b", "a100", "b", "b0",
                                         "b00", "c99999999999999999999998", "c99999999999999999999999"};
    enum { COUNT = sizeof sorted / sizeof *sorted };
    char *paths[COUNT];
    cairn_file_list list = {paths, COUNT};
    for (int start = 1; start < COUNT; start++) { /* several mixed orders */
        for (int i = 0; i < COUNT; i++) paths[i] = (char *)(uintptr_t)sorted[(i * 5 + start) % COUNT];
        cairn_file_list_sort_natural(&list);
        for (int i = 0; i < COUNT; i++) assert_string_equal(paths[i], sorted[i]);
    }
    list.count = 0;
    cairn_file_list_sort_natural(&list);
}

static void test_paths__join_and_stem(void **state)
{
    (void)state;
    expect_text(cairn_file_join("a", "b"), "a/b");
    expect_text(cairn_file_join("a/", "b"), "a/b");
    expect_text(cairn_file_join("", "b"), "b");
    expect_text(cairn_file_join("/", "b"), "/b");
    expect_text(cairn_file_stem("x/y.tar/photo.1.png"), "photo.1");
    expect_text(cairn_file_stem("photo"), "photo");
    expect_text(cairn_file_stem("x/.hidden"), ".hidden");
    expect_text(cairn_file_stem("x.y/z"), "z");
    expect_text(cairn_file_stem("x/"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read__whole_file_with_a_zero_behind),
        cmocka_unit_test(test_read__refuses_what_is_no_bounded_file),
        cmocka_unit_test(test_write__replaces_by_rename),
        cmocka_unit_test(test_write__a_full_disk_leaves_the_old_file),
        cmocka_unit_test(test_write__refuses_paths_that_name_no_file),
        cmocka_unit_test(test_temporary__is_committed_or_discarded),
        cmocka_unit_test(test_folder__made_with_its_parents),
        cmocka_unit_test(test_list__sorted_by_bytes_without_hidden_names),
        cmocka_unit_test(test_list__natural_order),
        cmocka_unit_test(test_paths__join_and_stem),
    };
    return cmocka_run_group_tests_name("file", tests, test_scratch_create, test_scratch_remove);
}
