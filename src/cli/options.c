#include "cli/options.h"

#include <string.h>

static cairn_status unknown_option(const cairn_command *command, const char *name)
{
    const char *names[64] = {"help"};
    for (int i = 0; i < 62 && command->options[i].name; i++) names[i + 1] = command->options[i].name;
    const char *closest = cairn_closest_name(name, names);
    char shown[64] = "";
    if (closest) snprintf(shown, sizeof shown, "%s", closest);
    for (char *c = shown; *c; c++)
        if (*c == '_') *c = '-';
    if (closest) return cairn_error_set(CAIRN_E_INVALID, "unknown option '--%s'; did you mean '--%s'?", name, shown);
    return cairn_error_set(CAIRN_E_INVALID, "unknown option '--%s'; see cairn %s --help", name, command->name);
}

/* One option at argv[*at]; moves *at over its value. */
static cairn_status read_option(void *options, const cairn_command *command, int argc, char **argv, int *at)
{
    char name[128], where[160];
    const char *text = argv[*at] + 2, *equals = strchr(text, '=');
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - text) : (int)strlen(text), text);
    const cairn_setting *row = cairn_settings_find(command->options, name);
    if (!row) return unknown_option(command, name);
    const char *value = equals ? equals + 1 : NULL;
    if (!value && row->type == CAIRN_SETTING_BOOL) value = "true";
    if (!value && *at + 1 >= argc) return cairn_error_set(CAIRN_E_INVALID, "option '--%s' needs a value", name);
    if (!value) value = argv[++*at];
    snprintf(where, sizeof where, "command line");
    return cairn_settings_set(options, command->options, name, value, where);
}

static cairn_status check_words(const cairn_command *command, int count)
{
    if (count < command->least_words)
        return cairn_error_set(CAIRN_E_INVALID, "something is missing; usage: cairn %s %s", command->name,
                               command->synopsis);
    if (count > command->most_words)
        return cairn_error_set(CAIRN_E_INVALID, "too many arguments; usage: cairn %s %s", command->name,
                               command->synopsis);
    return CAIRN_OK;
}

cairn_status cairn_options_parse(void *options, const char **words, int *word_count, bool *help,
                                 const cairn_command *command, int argc, char **argv)
{
    cairn_status st = CAIRN_OK;
    bool only_words = false;
    *word_count = 0;
    *help = false;
    cairn_settings_defaults(options, command->options);
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) *help = true;
    for (int i = 0; i < argc && !*help; i++) {
        if (!only_words && !strcmp(argv[i], "--")) {
            only_words = true;
        } else if (!only_words && !strncmp(argv[i], "--", 2)) {
            CAIRN_TRY(read_option(options, command, argc, argv, &i));
        } else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "unknown option '%s'; options begin with two hyphens", argv[i]));
        } else if (*word_count == CAIRN_CLI_MOST_WORDS) {
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "more than %d arguments", CAIRN_CLI_MOST_WORDS));
        } else {
            words[(*word_count)++] = argv[i];
        }
    }
    words[*word_count] = NULL;
    if (!*help) CAIRN_TRY(check_words(command, *word_count));
done:
    return st;
}

void cairn_options_help(FILE *file, const cairn_command *command)
{
    fprintf(file, "cairn %s: %s\n\nUsage: cairn %s %s\n", command->name, command->summary, command->name,
            command->synopsis);
    if (command->details) fprintf(file, "\n%s\n", command->details);
    if (command->options->name) fprintf(file, "\nOptions:\n");
    cairn_settings_help(file, command->options, "--");
    fprintf(file, "\nExample:\n%s\n", command->example);
}
