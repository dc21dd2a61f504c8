#ifndef CAIRN_TESTS_SUPPORT_TEST_H
#define CAIRN_TESTS_SUPPORT_TEST_H
/* cmocka with the headers it needs, and the checks that every test uses. */
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The call must succeed; its error text is shown otherwise. */
#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        if ((call) < 0) fail_msg("%s: %s", #call, cairn_error_message());                                              \
    } while (0)
/* The call must fail with this status, and its text must contain `text` ("": any). */
#define assert_status(call, status, text) test_expect_status((call), (status), (text), #call)

/* |got - expected| <= tolerance; fails on NaN. */
#define assert_near(got, expected, tolerance)                                                                          \
    do {                                                                                                               \
        double got_ = (got), expected_ = (expected), tolerance_ = (tolerance);                                         \
        if (!(got_ - expected_ <= tolerance_ && expected_ - got_ <= tolerance_))                                       \
            fail_msg("%s is %.9g, expected %.9g within %g", #got, got_, expected_, tolerance_);                        \
    } while (0)

static inline void test_expect_status(cairn_status got, cairn_status expected, const char *text, const char *what)
{
    if (got != expected) fail_msg("%s: status %d, expected %d", what, (int)got, (int)expected);
    if (!strstr(cairn_error_message(), text))
        fail_msg("%s: the message \"%s\" lacks \"%s\"", what, cairn_error_message(), text);
}
#endif
