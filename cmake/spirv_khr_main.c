/* Part of the build: reads a SPIR-V file with NV cooperative matrices, writes its words, or with --khr those of the KHR
 * form, as a list that C can include. Usage: spirv_words [--khr] IN.spv OUT.inc */
#include "gpu/matrix/spirv_khr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t *read_words(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    uint32_t *words = NULL;
    long bytes = -1;
    if (!file) return NULL;
    if (!fseek(file, 0, SEEK_END)) bytes = ftell(file);
    if (bytes > 0 && bytes % 4 == 0 && !fseek(file, 0, SEEK_SET)) words = malloc((size_t)bytes);
    *count = (size_t)bytes / 4;
    if (words && fread(words, 4, *count, file) != *count) free(words), words = NULL;
    fclose(file);
    return words;
}

int main(int argc, char **argv)
{
    int khr = argc == 4 && !strcmp(argv[1], "--khr"), failed = 1;
    uint32_t *words = NULL, *out = NULL;
    size_t count = 0;
    FILE *file = NULL;
    if (argc != 3 && !khr) {
        fprintf(stderr, "usage: %s [--khr] IN.spv OUT.inc\n", argv[0]);
        return 2;
    }
    words = read_words(argv[argc - 2], &count);
    if (!words) {
        fprintf(stderr, "%s: cannot read it as SPIR-V\n", argv[argc - 2]);
        goto done;
    }
    if (khr) {
        size_t out_count;
        if (cairn_spirv_to_khr(&out, &out_count, words, count) < 0) {
            fprintf(stderr, "%s: %s\n", argv[2], cairn_error_message());
            goto done;
        }
        free(words);
        words = out, count = out_count;
    }
    file = fopen(argv[argc - 1], "w");
    if (!file) {
        fprintf(stderr, "%s: cannot write it\n", argv[argc - 1]);
        goto done;
    }
    for (size_t i = 0; i < count; i++) fprintf(file, "0x%08x,%s", words[i], i % 8 == 7 ? "\n" : "");
    failed = ferror(file);
done:
    if (file && fclose(file)) failed = 1;
    free(words);
    return failed;
}
