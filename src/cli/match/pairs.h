#ifndef CAIRN_CLI_MATCH_PAIRS_H
#define CAIRN_CLI_MATCH_PAIRS_H
/* Which images `cairn match` compares. */
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct cairn_match_pair {
    char *a, *b; /* paths */
} cairn_match_pair;

typedef struct cairn_match_pairs {
    cairn_match_pair *pairs;
    size_t count;
    uint64_t hash; /* of the paths as they were given */
} cairn_match_pairs;

typedef enum cairn_match_order {
    CAIRN_MATCH_CONSECUTIVE, /* first with second, second with third, ... */
    CAIRN_MATCH_TO_FIRST,    /* first with each other */
    CAIRN_MATCH_ALL          /* each with each later one */
} cairn_match_order;
#define CAIRN_MATCH_ORDERS "consecutive,first,all" /* of cairn_match_order */

/* Images and folders of images, in the order given; a folder's in natural order (frame2 before frame10).
 * error  CAIRN_E_INVALID with "command line" in front for fewer than two images, CAIRN_E_NOTFOUND */
cairn_status cairn_match_pairs_of(cairn_match_pairs *out, const char *const *words, cairn_match_order order);
/* A text file with two paths on each line, between them spaces or, where paths hold spaces, one tab. Paths are relative
 * to the file's folder. Empty lines and lines that begin with # are left out.
 * error  CAIRN_E_FORMAT, CAIRN_E_NOTFOUND with file and line */
cairn_status cairn_match_pairs_read(cairn_match_pairs *out, const char *path);
void cairn_match_pairs_free(cairn_match_pairs *pairs);
#endif
