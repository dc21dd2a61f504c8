#ifndef CAIRN_TESTS_SUPPORT_SCRATCH_H
#define CAIRN_TESTS_SUPPORT_SCRATCH_H
/* A folder for the files of a test program, and a disk that is full. */
#include <stdbool.h>
#include <stddef.h>

/* Group setup and teardown of cmocka. The folder lies below TMPDIR and goes with all that is in it. */
int test_scratch_create(void **state);
int test_scratch_remove(void **state);
/* <folder>/<name>; "": the folder itself. Valid until 16 calls later. */
const char *test_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Plain writes, so that a test of reading does not rest on our own writer. The folders of the path are made. */
void test_put(const char *path, const void *data, size_t size);
void test_put_text(const char *path, const char *text);
/* The file has exactly these bytes. */
void test_expect_bytes(const char *path, const void *data, size_t size);
/* Both files have the same bytes. */
void test_expect_same_file(const char *a, const char *b);
/* Regular files and folders directly in the folder, hidden ones too. */
int test_count_entries(const char *folder);
/* From now on no file may grow beyond `bytes` (EFBIG at the write, as ENOSPC on a full disk); -1: as before. */
void test_limit_files(long bytes);
#endif
