#ifndef CAIRN_CLI_COMMAND_H
#define CAIRN_CLI_COMMAND_H
/* One subcommand of the program; each lives in a file of its name and is listed in main.c. A name of two words
 * ("evaluate score") is a command of its own, which the help of the first word mentions. */
#include "base/settings.h"

#include <stdbool.h>

enum { CAIRN_EXIT_OK = 0, CAIRN_EXIT_FAILURE = 1, CAIRN_EXIT_USAGE = 2, CAIRN_CLI_MOST_WORDS = 4096 };

typedef struct cairn_command {
    const char *name, *summary; /* one line */
    const char *synopsis;       /* behind "cairn NAME" */
    const char *details;        /* a paragraph, or NULL */
    const char *example;        /* lines that can be pasted */
    const cairn_setting *options;
    size_t options_bytes;
    int least_words, most_words; /* words that are no options */
    /* options: a struct of options_bytes, resolved. words: NULL-ended. Returns a status; main reports it.
     * CAIRN_E_INVALID with a message that begins with "command line" means exit code 2, any other failure 1. */
    cairn_status (*run)(const void *options, const char *const *words, int word_count);
} cairn_command;

extern const cairn_command cairn_command_devices, cairn_command_run, cairn_command_train, cairn_command_detect,
    cairn_command_match, cairn_command_evaluate, cairn_command_benchmark, cairn_command_info, cairn_command_report,
    cairn_command_tune, cairn_command_import, cairn_command_synthesize, cairn_command_label,
    cairn_command_evaluate_export, cairn_command_evaluate_score, cairn_command_evaluate_images,
    cairn_command_evaluate_synthetic, cairn_command_evaluate_video, cairn_command_evaluate_agreement,
    cairn_command_heatmap;
#endif
