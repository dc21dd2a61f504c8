#include "data/image_stream.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { COUNT = 50 };
static atomic_int begun, most_ahead, taken;

/* Image i is (1 + i mod 7) pixels wide and holds i; every tenth fails; later ones may be done sooner. */
static cairn_status make(void *payload, int i, cairn_image *out)
{
    (void)payload;
    const int ahead = atomic_fetch_add(&begun, 1) + 1 - atomic_load(&taken);
    if (ahead > atomic_load(&most_ahead)) atomic_store(&most_ahead, ahead);
    usleep((unsigned)(i * 37 % 5) * 200);
    if (i % 10 == 3) return cairn_error_set(CAIRN_E_FORMAT, "image %d is bad", i);
    cairn_status st = cairn_image_create(out, 1, 1 + i % 7, 1);
    if (st >= 0) out->pixels[0] = (float)i;
    return st;
}

static void check(cairn_image_stream *stream, int i)
{
    char text[32];
    cairn_image image;
    if (i % 10 == 3) {
        snprintf(text, sizeof text, "image %d is bad", i);
        assert_status(cairn_image_stream_next(stream, &image), CAIRN_E_FORMAT, text);
        assert_null(image.pixels);
    } else {
        assert_ok(cairn_image_stream_next(stream, &image));
        assert_int_equal(image.w, 1 + i % 7);
        assert_true(image.pixels[0] == (float)i);
    }
    cairn_image_free(&image);
    atomic_fetch_add(&taken, 1);
}

static void test_order_failures_and_bound(void **state)
{
    (void)state;
    for (int ahead = 1; ahead <= 16; ahead += 5) {
        cairn_image_stream *stream;
        const cairn_image_stream_options o = {COUNT, ahead, make, NULL};
        atomic_store(&begun, 0), atomic_store(&most_ahead, 0), atomic_store(&taken, 0);
        assert_ok(cairn_image_stream_open(&stream, &o));
        for (int i = 0; i < COUNT; i++) check(stream, i);
        assert_int_equal(atomic_load(&begun), COUNT);
        assert_in_range(atomic_load(&most_ahead), 1, ahead + 1); /* the one just taken is counted a little later */
        cairn_image_stream_close(&stream);
        assert_null(stream);
    }
}

static void test_closed_early(void **state)
{
    (void)state;
    cairn_image_stream *stream;
    const cairn_image_stream_options o = {COUNT, 8, make, NULL}, none = {0, 8, make, NULL};
    assert_ok(cairn_image_stream_open(&stream, &o));
    check(stream, 0);
    cairn_image_stream_close(&stream); /* what waits is freed: the sanitizers say */
    assert_ok(cairn_image_stream_open(&stream, &none));
    cairn_image_stream_close(&stream);
    cairn_image_stream_close(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_failures_and_bound),
                                       cmocka_unit_test(test_closed_early)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
