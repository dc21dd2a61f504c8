#ifndef CAIRN_FORMATS_TORCH_PICKLE_H
#define CAIRN_FORMATS_TORCH_PICKLE_H
/* Python's pickle format, restricted: it builds containers, texts and numbers, and writes down which function a file
 * would like to have called, with what. Nothing is looked up and nothing is called, so a file can do no harm.
 * Protocols 2 to 5, as far as PyTorch writes them. */
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cairn_pickle_kind {
    CAIRN_PICKLE_NONE,
    CAIRN_PICKLE_BOOL,
    CAIRN_PICKLE_INT, /* a number beyond 64 bits is CAIRN_PICKLE_BYTES */
    CAIRN_PICKLE_FLOAT,
    CAIRN_PICKLE_TEXT,
    CAIRN_PICKLE_BYTES,
    CAIRN_PICKLE_TUPLE,
    CAIRN_PICKLE_LIST,
    CAIRN_PICKLE_DICT,       /* items: key, value, key, value, ...; collections.OrderedDict is one, too */
    CAIRN_PICKLE_GLOBAL,     /* a class or function, by name */
    CAIRN_PICKLE_CALL,       /* the result of a call, which was not made */
    CAIRN_PICKLE_PERSISTENT, /* a reference to something outside the pickle */
    CAIRN_PICKLE_MARK        /* inside the reader only */
} cairn_pickle_kind;

typedef struct cairn_pickle_value cairn_pickle_value;
struct cairn_pickle_value {
    cairn_pickle_kind kind;
    bool truth;
    int64_t integer;
    double number;
    const char *text; /* TEXT, BYTES; GLOBAL: "module name" in one text. Not ended by zero, borrowed from the bytes, */
    size_t length;    /* but for a GLOBAL, which is owned and ended. */
    cairn_pickle_value **items; /* TUPLE, LIST, DICT; CALL: function, arguments; PERSISTENT: its name */
    size_t count, room;
};

typedef struct cairn_pickle {
    const cairn_pickle_value *root;
    size_t used;    /* bytes of the input up to the end of this pickle */
    void *_private; /* all values */
} cairn_pickle;

/* Reads one pickle from the start of `bytes`, which must outlive it. The bytes are hostile: at most 4 million values
 * and 16 million items; a value may contain itself, so whoever walks the values must bound depth and number of steps.
 * error  CAIRN_E_FORMAT (damaged), CAIRN_E_UNSUPPORTED (an instruction that PyTorch does not write), with `where`
 * owner  the caller frees with cairn_pickle_free */
cairn_status cairn_pickle_parse(cairn_pickle *out, const uint8_t *bytes, size_t size, const char *where);
void cairn_pickle_free(cairn_pickle *pickle); /* accepts an empty one; leaves it empty */

/* True for a TEXT that reads `text`, or a GLOBAL "module name". */
bool cairn_pickle_is(const cairn_pickle_value *value, cairn_pickle_kind kind, const char *text);
#endif
