#include "support/scratch.h"

#include "support/test.h"
#include "system/file.h"

#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static char scratch[256];

int test_scratch_create(void **state)
{
    (void)state;
    const char *temporary = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%.200s/cairn-test-XXXXXX", temporary ? temporary : "/tmp");
    return mkdtemp(scratch) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info, (void)type, (void)at;
    return remove(path);
}

int test_scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_path(const char *format, ...)
{
    static char paths[16][640];
    static unsigned turn;
    char *path = paths[turn++ % 16], name[320];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    snprintf(path, sizeof paths[0], "%s%s%s", scratch, *name ? "/" : "", name);
    return path;
}

void test_put(const char *path, const void *data, size_t size)
{
    char folder[640];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = 0;
    assert_ok(cairn_file_make_folder(folder));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    bool written = fwrite(data, 1, size, file) == size;
    assert_true(fclose(file) == 0 && written);
}

void test_put_text(const char *path, const char *text)
{
    test_put(path, text, strlen(text));
}

void test_expect_bytes(const char *path, const void *data, size_t size)
{
    uint8_t *found;
    size_t found_size;
    assert_ok(cairn_file_read(&found, &found_size, path, (size_t)1 << 30));
    assert_int_equal(found_size, size);
    if (size) assert_memory_equal(found, data, size);
    free(found);
}

void test_expect_same_file(const char *a, const char *b)
{
    uint8_t *bytes;
    size_t size;
    assert_ok(cairn_file_read(&bytes, &size, a, (size_t)1 << 30));
    test_expect_bytes(b, bytes, size);
    free(bytes);
}

int test_count_entries(const char *folder)
{
    DIR *open_folder = opendir(folder);
    assert_non_null(open_folder);
    int count = -2; /* . and .. */
    while (readdir(open_folder)) count++;
    closedir(open_folder);
    return count;
}

void test_limit_files(long bytes)
{
    static struct rlimit before;
    static bool limited;
    if (!limited) assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit now = before;
    limited = bytes >= 0;
    if (limited) now.rlim_cur = (rlim_t)bytes;
    signal(SIGXFSZ, limited ? SIG_IGN : SIG_DFL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}
