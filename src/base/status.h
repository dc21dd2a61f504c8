#ifndef CAIRN_BASE_STATUS_H
#define CAIRN_BASE_STATUS_H
/* Results and the one-line error text that goes with them.
 *
 * A function that can fail returns a cairn_status: 0 or a negative code. The layer that meets the failure
 * calls cairn_error_set with one line that says what, where, what was expected and what to do; the layers above
 * pass the code on unchanged. The text is thread-local and valid until the next cairn_error_set of that thread. */
#include <stdio.h>
#include <stdlib.h>

typedef enum cairn_status {
    CAIRN_OK = 0,
    CAIRN_E_FAIL = -1,        /* a failure that no caller can act on */
    CAIRN_E_NOMEM = -2,       /* host or device memory */
    CAIRN_E_INVALID = -3,     /* an argument, option or recipe value */
    CAIRN_E_SHAPE = -4,       /* tensor shapes that do not fit */
    CAIRN_E_IO = -5,          /* reading or writing a file */
    CAIRN_E_FORMAT = -6,      /* a file's content */
    CAIRN_E_NOTFOUND = -7,    /* a file, tensor, device or stage */
    CAIRN_E_UNSUPPORTED = -8, /* valid, but not for this device or build */
    CAIRN_E_DEVICE = -9,      /* Vulkan */
    CAIRN_E_NUMERIC = -10     /* not finite, or no solution */
} cairn_status;

/* Records one line of text (truncated at 1023 bytes) for this thread and returns `code`. */
cairn_status cairn_error_set(cairn_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *cairn_error_message(void);

/* Needs a local `cairn_status st` and one label `done:`. */
#define CAIRN_TRY(expr)                                                                                                \
    do {                                                                                                               \
        if ((st = (expr)) < 0) goto done;                                                                              \
    } while (0)

/* For our own mistakes only: prints the condition and aborts, in every build type. */
#define CAIRN_ASSERT(cond)                                                                                             \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "cairn: internal error: %s (%s:%d)\n", #cond, __FILE__, __LINE__);                         \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)
#endif
