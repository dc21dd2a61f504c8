#ifndef CAIRN_TESTS_SUPPORT_PROGRAM_H
#define CAIRN_TESTS_SUPPORT_PROGRAM_H
/* Runs the program under test (variable CAIRN_TEST_PROGRAM) as a child process. */
#include <stdbool.h>

enum { CAIRN_PROGRAM_MOST_WORDS = 32, CAIRN_PROGRAM_INVALID_VULKAN = 120 };

typedef struct cairn_program_run {
    int code; /* exit code; 128 + number after a signal; CAIRN_PROGRAM_INVALID_VULKAN where the layers complain */
    char out[65536], err[65536];
} cairn_program_run;

/* arguments: NULL-ended, without the program's name. environment: NULL-ended "NAME=value" added to ours, or NULL.
 * file_limit: most bytes of a file that the child may write (RLIMIT_FSIZE, SIGXFSZ ignored: a full disk), 0 for none */
void cairn_program_call(cairn_program_run *run, const char *const *arguments, const char *const *environment,
                        long file_limit);
/* Runs it as above; fails the running test, with what it said, unless it succeeds. */
void cairn_program_succeed(cairn_program_run *run, const char *const *arguments);
/* ... unless it fails with this exit code and one error line (-1: any code but 0 and any number of lines), and says
 * `expected` on standard error. */
void cairn_program_fail(cairn_program_run *run, const char *const *arguments, int code, const char *expected);
/* Starts it without waiting, output to `log`; returns the process. */
int cairn_program_start(const char *const *arguments, const char *log);
/* Starts it, waits until `file` is there, and kills it. Fails the running test if it ended before, or with the file not
 * there after ten minutes; either way no process stays. */
void cairn_program_kill_at(const char *const *arguments, const char *log, const char *file);
/* Number of lines that begin with "error: ". */
int cairn_program_error_lines(const cairn_program_run *run);
#endif
