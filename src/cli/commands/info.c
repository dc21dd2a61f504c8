/* cairn info: what a checkpoint holds. */
#include "cli/command.h"
#include "cli/print.h"
#include "formats/safetensors.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct info_options {
    bool tensors, metadata;
} info_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_BOOL_ROW(info_options, tensors, 1, "list every tensor"),
    CAIRN_SETTING_BOOL_ROW(info_options, metadata, 0, "print long metadata in full"),
    {0},
};

static void print_metadata(const cairn_safetensors *file, bool full)
{
    for (int i = 0; i < file->metadata_count; i++) {
        const char *value = file->metadata[i].value;
        const size_t length = strlen(value);
        cairn_cli_print_text(file->metadata[i].key, false);
        fputs(": ", stdout);
        if (length > 160 && !full) {
            printf("%zu bytes (--metadata prints them)\n", length);
            continue;
        }
        cairn_cli_print_text(value, full);
        putchar('\n');
    }
}

/* The optimiser's moments and running statistics are not parameters. */
static bool is_parameter(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strncmp(name, "adam_", 5) && (!dot || (strcmp(dot, ".running_mean") && strcmp(dot, ".running_var")));
}

static void print_tensor(const cairn_safetensor *t)
{
    double sum = 0, squares = 0;
    size_t wrong = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (!isfinite(t->data[i])) {
            wrong++;
            continue;
        }
        sum += t->data[i];
        squares += (double)t->data[i] * t->data[i];
    }
    const double n = t->count > wrong ? (double)(t->count - wrong) : 1, mean = sum / n;
    fputs("  ", stdout);
    cairn_cli_print_text(t->name, false);
    fputs(" [", stdout);
    for (int i = 0; i < t->rank; i++) printf("%s%lld", i ? "," : "", (long long)t->shape[i]);
    printf("] mean %.4g deviation %.4g", mean, sqrt(fmax(squares / n - mean * mean, 0)));
    if (wrong) printf(", %zu values not finite", wrong);
    putchar('\n');
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)word_count;
    const info_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_safetensors file = {0};
    size_t parameters = 0, others = 0;
    CAIRN_TRY(cairn_safetensors_read(&file, words[0]));
    for (int i = 0; i < file.count; i++)
        *(is_parameter(file.tensors[i].name) ? &parameters : &others) += file.tensors[i].count;
    printf("%s: %d tensors, %zu parameters, %zu other values\n", words[0], file.count, parameters, others);
    print_metadata(&file, o->metadata);
    for (int i = 0; i < file.count && o->tensors; i++) print_tensor(&file.tensors[i]);
done:
    cairn_safetensors_free(&file);
    return st;
}

const cairn_command cairn_command_info = {
    .name = "info",
    .summary = "say what a checkpoint holds",
    .synopsis = "FILE",
    .details =
        "Metadata, tensors with shape, mean and standard deviation, and the number of parameters (without running\n"
        "statistics and the optimiser's moments).",
    .example = "  cairn info runs/demo/teacher/model.safetensors",
    .options = table,
    .options_bytes = sizeof(info_options),
    .least_words = 1,
    .most_words = 1,
    .run = run,
};
