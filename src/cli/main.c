/* The program: finds the subcommand, reads its options, reports its failure in one line.
 * Exit codes: 0 success, 1 failure, 2 wrong command line. */
#include "base/log.h"
#include "cli/options.h"
#include "system/interrupt.h"

#include <errno.h>
#include <string.h>

static const cairn_command *const commands[] = {
    &cairn_command_devices, &cairn_command_run,       &cairn_command_train,
    &cairn_command_detect,  &cairn_command_match,     &cairn_command_evaluate,
    &cairn_command_report,  &cairn_command_benchmark, &cairn_command_info,
    &cairn_command_tune,
    &cairn_command_import,
    &cairn_command_synthesize,
    &cairn_command_label,
    &cairn_command_evaluate_export,
    &cairn_command_evaluate_score,
    &cairn_command_evaluate_images,
    &cairn_command_evaluate_synthetic,
    &cairn_command_evaluate_video,
    &cairn_command_evaluate_agreement,
    &cairn_command_heatmap,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *file)
{
    fprintf(file,
            "Cairn %s trains keypoint detectors on any Vulkan device, and measures them.\n\n"
            "Usage: cairn COMMAND [options] ...\n\nCommands:\n",
            CAIRN_VERSION);
    for (int i = 0; i < COMMANDS; i++) /* those of two words are in the help of the first */
        if (!strchr(commands[i]->name, ' ')) fprintf(file, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(file, "\n'cairn COMMAND --help' explains one of them. Example:\n  cairn run demo\n");
}

/* `evaluate score` is a command of two words, with options of its own; *used is how many of argv it takes. */
static const cairn_command *find_command(int *used, int argc, char **argv)
{
    const cairn_command *found = NULL;
    const size_t first = strlen(argv[1]);
    *used = 1;
    for (int i = 0; i < COMMANDS; i++) {
        const char *name = commands[i]->name;
        if (!strcmp(name, argv[1])) found = commands[i];
        if (argc < 3 || strncmp(name, argv[1], first) || name[first] != ' ' || strcmp(name + first + 1, argv[2]))
            continue;
        *used = 2;
        return commands[i];
    }
    return found;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS + 1] = {0};
    for (int i = 0, n = 0; i < COMMANDS; i++)
        if (!strchr(commands[i]->name, ' ')) names[n++] = commands[i]->name;
    const char *closest = cairn_closest_name(name, names);
    if (closest)
        cairn_log(CAIRN_LOG_ERROR, "unknown command '%s'; did you mean '%s'?", name, closest);
    else
        cairn_log(CAIRN_LOG_ERROR, "unknown command '%s'; see cairn --help", name);
    return CAIRN_EXIT_USAGE;
}

static int run_command(const cairn_command *command, int argc, char **argv)
{
    static const char *words[CAIRN_CLI_MOST_WORDS + 1];
    cairn_status st = CAIRN_OK;
    int word_count = 0;
    bool help = false, usage = false;
    void *options = calloc(1, command->options_bytes ? command->options_bytes : 1);
    if (!options) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    usage = true;
    CAIRN_TRY(cairn_options_parse(options, words, &word_count, &help, command, argc, argv));
    usage = false;
    if (help)
        cairn_options_help(stdout, command);
    else
        CAIRN_TRY(command->run(options, words, word_count));
done:
    free(options);
    if (st < 0) cairn_log(CAIRN_LOG_ERROR, "cairn %s: %s", command->name, cairn_error_message());
    if (st == CAIRN_E_INVALID && !strncmp(cairn_error_message(), "command line", 12)) usage = true;
    return st == CAIRN_OK ? CAIRN_EXIT_OK : usage ? CAIRN_EXIT_USAGE : CAIRN_EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    int code = CAIRN_EXIT_OK;
    cairn_interrupt_install();
    if (argc < 2) {
        print_help(stderr);
        return CAIRN_EXIT_USAGE;
    }
    int used;
    const cairn_command *command = find_command(&used, argc, argv);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        print_help(stdout);
    else if (!strcmp(argv[1], "--version"))
        printf("cairn %s\n", CAIRN_VERSION);
    else
        code = command ? run_command(command, argc - 1 - used, argv + 1 + used) : unknown_command(argv[1]);
    if (fflush(stdout) || ferror(stdout)) {
        cairn_log(CAIRN_LOG_ERROR, "cannot write to standard output: %s", strerror(errno));
        return CAIRN_EXIT_FAILURE;
    }
    return code;
}
