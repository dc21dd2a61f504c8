#ifndef CAIRN_CLI_OPTIONS_H
#define CAIRN_CLI_OPTIONS_H
#include "cli/command.h"

/* Reads --key value, --key=value, --flag (BOOL) and --help; everything else, and all behind --, is a word.
 * out    options   command->options_bytes, defaults where nothing is said
 *        words     room for CAIRN_CLI_MOST_WORDS + 1; NULL-ended
 *        help      --help was there: nothing else matters
 * error  CAIRN_E_INVALID: unknown option with the closest known one, wrong value, too few or too many words */
cairn_status cairn_options_parse(void *options, const char **words, int *word_count, bool *help,
                                 const cairn_command *command, int argc, char **argv);
void cairn_options_help(FILE *file, const cairn_command *command);
#endif
