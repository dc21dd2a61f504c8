#ifndef CAIRN_TESTS_SUPPORT_HOSTILE_H
#define CAIRN_TESTS_SUPPORT_HOSTILE_H
/* Seeded damage to files that come from outside: changed bits, bytes and lengths, cuts, doubled and moved pieces. A
 * reader may refuse or accept, but never crash, loop, or leave its output half filled; a refusal names the file and an
 * accepted file obeys the reader's promises. Build with CAIRN_SANITIZE to see reads beyond the end too: every input lies
 * in a block of exactly its size. CAIRN_FUZZ_ROUNDS multiplies the number of cases. */
#include "formats/import.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test_sample {
    uint8_t *bytes; /* owned */
    size_t size;
} test_sample;

/* Reads the damaged bytes; `path` is the name to give in messages, and where a reader that takes a path only may put
 * them (test_put). Returns whether accepted. */
typedef bool (*test_reader)(const uint8_t *bytes, size_t size, const char *path);

/* Fails the running test unless the status is an error whose message is one line that names `path`. */
void test_refused(cairn_status st, const char *path);
/* What lies in a file, below a MiB; the caller frees. */
test_sample test_take(const char *path);
/* Reads `cases` damaged versions of the sample, and the whole one first, which must be accepted, so that the damage is
 * to something that was good. purpose: of the random numbers. name: of the file, in the scratch folder. Frees the
 * sample. */
void test_attack(test_sample sample, test_reader read, int cases, uint32_t purpose, const char *name);
/* Imports the file at `path`. What is imported says what it is, by a text that is `known`; what is refused leaves no
 * file. */
cairn_status test_import(const char *path,
                         cairn_status (*import)(cairn_import_report *report, const cairn_weights *weights,
                                                const char *out),
                         bool (*known)(const char *model));
#endif
