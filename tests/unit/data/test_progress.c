/* What the progress bar writes into a log file and on a terminal. */
#include "system/file.h"
#include "system/progress.h"

#include "support/scratch.h"
#include "support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* Work that starts with 100 of 400 done: updates for each further one, then the end. */
static void work(const char *note)
{
    cairn_progress bar;
    cairn_progress_start(&bar, "adapting", 400, 100);
    for (int i = 101; i <= 300; i++) cairn_progress_update(&bar, i, i < 300 ? "loss 9" : note);
    bar.started -= 50; /* as if 200 pieces had taken 50 s */
    cairn_progress_finish(&bar);
}

/* Standard error goes to `fd` while work() runs. */
static void work_into(int fd, const char *note)
{
    int kept = dup(2);
    assert_true(kept >= 0 && fd >= 0);
    fflush(stderr);
    assert_int_equal(dup2(fd, 2), 2);
    work(note);
    assert_int_equal(dup2(kept, 2), 2);
    close(kept);
}

static void test_log__one_line_for_short_work(void **state)
{
    (void)state;
    static const char *const notes[] = {"loss 0.25", NULL};
    static const char *const expected[] = {
        "adapting  [##################......] 300/400  75%  4.0/s  took 0:50  loss 0.25\n",
        "adapting  [##################......] 300/400  75%  4.0/s  took 0:50\n"};
    for (int i = 0; i < 2; i++) {
        uint8_t *text;
        size_t size;
        const char *path = test_path("log%d", i);
        int fd = open(path, O_CREAT | O_WRONLY, 0666);
        work_into(fd, notes[i]);
        close(fd);
        assert_ok(cairn_file_read(&text, &size, path, 10000));
        assert_string_equal((char *)text, expected[i]);
        free(text);
    }
}

static void test_terminal__drawn_in_place_and_seldom(void **state)
{
    (void)state;
    char text[8192];
    size_t size = 0;
    int drawn = 0, master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master)) skip(); /* no pseudo-terminals here */
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    work_into(slave, NULL);
    struct pollfd ready = {.fd = master, .events = POLLIN};
    while (size < sizeof text - 1 && poll(&ready, 1, 200) > 0) {
        ssize_t n = read(master, text + size, sizeof text - 1 - size);
        if (n <= 0) break;
        size += (size_t)n;
    }
    text[size] = 0;
    for (size_t i = 0; i < size; i++) drawn += !strncmp(text + i, "\radapting", 9);
    /* At the start and the end; a slow machine may fit one or two between. 200 updates are not 200 drawings. */
    assert_in_range(drawn, 2, 20);
    assert_non_null(strstr(text, "[######..................] 100/400  25%  -/s  ETA -:--"));
    assert_non_null(strstr(text, "300/400  75%  4.0/s  took 0:50\033[K"));
    assert_true(size > 2 && text[size - 1] == '\n');
    assert_ptr_equal(strchr(text, '\n'), text + size - 1);
    close(slave);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__one_line_for_short_work),
        cmocka_unit_test(test_terminal__drawn_in_place_and_seldom),
    };
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
