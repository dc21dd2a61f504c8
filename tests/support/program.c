#include "support/program.h"

#include "support/test.h"
#include "system/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void start_child(const char *const *arguments, const char *const *environment, long file_limit)
{
    const char *program = getenv("CAIRN_TEST_PROGRAM");
    char *words[CAIRN_PROGRAM_MOST_WORDS + 2] = {(char *)program};
    if (!program) _exit(127);
    for (int i = 0; i < CAIRN_PROGRAM_MOST_WORDS && arguments[i]; i++) words[i + 1] = (char *)arguments[i];
    for (; environment && *environment; environment++) putenv((char *)*environment);
    if (file_limit) {
        const struct rlimit limit = {(rlim_t)file_limit, (rlim_t)file_limit};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    execv(program, words);
    _exit(127);
}

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* An unnamed file, so that the child never waits for us to read. */
static int scratch(void)
{
    FILE *file = tmpfile();
    return file ? dup(fileno(file)) : -1;
}

static void read_back(int file, char *text, size_t size)
{
    const ssize_t count = pread(file, text, size - 1, 0);
    text[count > 0 ? count : 0] = 0;
    close(file);
}

void cairn_program_call(cairn_program_run *run, const char *const *arguments, const char *const *environment,
                        long file_limit)
{
    const int out = scratch(), err = scratch();
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(out, 1);
        dup2(err, 2);
        start_child(arguments, environment, file_limit);
    }
    waitpid(child, &status, 0);
    run->code = exit_code(status);
    read_back(out, run->out, sizeof run->out);
    read_back(err, run->err, sizeof run->err);
    if (strstr(run->err, "Vulkan validation: ")) run->code = CAIRN_PROGRAM_INVALID_VULKAN;
}

int cairn_program_start(const char *const *arguments, const char *log)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const int file = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(file, 1);
        dup2(file, 2);
        start_child(arguments, NULL, 0);
    }
    return child;
}

void cairn_program_kill_at(const char *const *arguments, const char *log, const char *file)
{
    char path[1024]; /* the caller's may come from a ring of buffers */
    int status = 0;
    snprintf(path, sizeof path, "%s", file);
    const pid_t child = cairn_program_start(arguments, log);
    for (int i = 0; i < 600000 && !cairn_file_exists(path); i++) {
        if (waitpid(child, &status, WNOHANG)) fail_msg("the program ended before it wrote %s", path);
        usleep(1000);
    }
    const bool there = cairn_file_exists(path);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    if (!there || !WIFSIGNALED(status)) fail_msg("the program was not killed at work: %s", path);
}

void cairn_program_succeed(cairn_program_run *run, const char *const *arguments)
{
    cairn_program_call(run, arguments, NULL, 0);
    if (run->code) fail_msg("exit code %d: %s", run->code, run->err);
}

void cairn_program_fail(cairn_program_run *run, const char *const *arguments, int code, const char *expected)
{
    cairn_program_call(run, arguments, NULL, 0);
    if (code < 0 ? !run->code : run->code != code) fail_msg("exit code %d, not %d: %s", run->code, code, run->err);
    if (code >= 0 && cairn_program_error_lines(run) != 1) fail_msg("not one error line: %s", run->err);
    if (!strstr(run->err, expected)) fail_msg("'%s' lacks '%s'", run->err, expected);
}

int cairn_program_error_lines(const cairn_program_run *run)
{
    int count = 0;
    for (const char *line = run->err; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        count += !strncmp(line, "error: ", 7);
    }
    return count;
}
