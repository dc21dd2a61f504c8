/* The cache of images: a bound on what is kept, the same bits in any case, and images made ahead. */
#include "data/image_cache.h"
#include "system/parallel.h"

#include "support/test.h"

#include <stdlib.h>
#include <time.h>

enum { SIDE = 4, BYTES = SIDE * SIDE * sizeof(float) };

typedef struct maker {
    cairn_image_cache *cache;
    int fails; /* this image cannot be made; -1: none */
} maker;

static cairn_status make(void *payload, int i, cairn_image *out)
{
    maker *m = payload;
    if (i == m->fails) return cairn_error_set(CAIRN_E_FORMAT, "image %d is damaged", i);
    assert_ok(cairn_image_create(out, SIDE, SIDE, 1));
    for (int k = 0; k < SIDE * SIDE; k++) out->pixels[k] = (float)(i * 100 + k);
    return CAIRN_OK;
}

static void open_cache(maker *m, int count, int room)
{
    const cairn_image_cache_options o = {count, BYTES, (uint64_t)room * BYTES, make, m};
    m->fails = -1;
    assert_ok(cairn_image_cache_create(&m->cache, &o));
}

static cairn_status read_and_check(void *payload, int i)
{
    maker *m = payload;
    cairn_image image;
    const int wanted = i * 7 % 20;
    cairn_status st = cairn_image_cache_read(&image, m->cache, wanted);
    if (st < 0) return st;
    for (int k = 0; k < SIDE * SIDE; k++)
        if (image.pixels[k] != (float)(wanted * 100 + k))
            st = cairn_error_set(CAIRN_E_FAIL, "image %d differs", wanted);
    cairn_image_free(&image);
    return st;
}

static void read_all(maker *m, int count)
{
    for (int i = 0; i < count; i++) {
        cairn_image image;
        assert_ok(cairn_image_cache_read(&image, m->cache, i));
        assert_true(image.pixels[3] == (float)(i * 100 + 3));
        cairn_image_free(&image);
    }
}

static void test_read__keeps_no_more_than_the_memory(void **state)
{
    (void)state;
    static const int rooms[] = {0, 1, 2, 5, 19, 20, 100};
    for (int r = 0; r < 7; r++) {
        maker m = {0};
        open_cache(&m, 20, rooms[r]);
        const int most = rooms[r] < 1 ? 1 : rooms[r] > 20 ? 20 : rooms[r];
        for (int pass = 0; pass < 3; pass++) read_all(&m, 20);
        const cairn_image_cache_counts c = cairn_image_cache_count(m.cache);
        assert_int_equal(c.most, most);
        assert_int_equal(c.kept, most);
        if (most == 20) assert_int_equal(c.made, 20);
        /* The part that is never given up is made once, the others in each pass. */
        const int stays = most - (most + 1) / 2;
        if (most < 19) assert_int_equal(c.made, 20 + 2 * (20 - stays));
        cairn_image_cache_destroy(&m.cache);
        assert_null(m.cache);
    }
}

static void test_read__is_the_same_from_many_threads(void **state)
{
    (void)state;
    static const int rooms[] = {1, 3, 10};
    for (int r = 0; r < 3; r++) {
        maker m = {0};
        open_cache(&m, 20, rooms[r]);
        for (int round = 0; round < 20; round++) {
            int ahead[20];
            for (int i = 0; i < 20; i++) ahead[i] = (i * 7 + round) % 20;
            cairn_image_cache_expect(m.cache, ahead, 20);
            assert_ok(cairn_parallel_for(200, 8, read_and_check, &m));
        }
        assert_true(cairn_image_cache_count(m.cache).kept <= rooms[r]);
        cairn_image_cache_destroy(&m.cache);
    }
}

static void test_read__tells_each_time_that_an_image_fails(void **state)
{
    (void)state;
    maker m = {0};
    cairn_image image;
    open_cache(&m, 5, 3);
    m.fails = 2;
    cairn_image_cache_expect(m.cache, (const int[]){2}, 1);
    for (int i = 0; i < 3; i++) {
        assert_status(cairn_image_cache_read(&image, m.cache, 2), CAIRN_E_FORMAT, "image 2 is damaged");
        assert_null(image.pixels);
    }
    m.fails = -1; /* the file was repaired */
    assert_ok(cairn_image_cache_read(&image, m.cache, 2));
    cairn_image_free(&image);
    cairn_image_cache_destroy(&m.cache);
    cairn_image_cache_destroy(&m.cache);
}

static void test_expect__makes_ahead_what_there_is_room_for(void **state)
{
    (void)state;
    maker m = {0};
    int ahead[20];
    open_cache(&m, 1000, 20); /* a ring of 10: 5 of them are made ahead */
    for (int i = 0; i < 20; i++) ahead[i] = 500 + i;
    cairn_image_cache_expect(m.cache, ahead, 20);
    for (int i = 0; i < 2000 && cairn_image_cache_count(m.cache).made < 5; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    assert_int_equal(cairn_image_cache_count(m.cache).made, 5);
    for (int i = 500; i < 505; i++) {
        cairn_image image;
        assert_ok(cairn_image_cache_read(&image, m.cache, i));
        cairn_image_free(&image);
    }
    assert_int_equal(cairn_image_cache_count(m.cache).made, 5);
    cairn_image_cache_destroy(&m.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read__keeps_no_more_than_the_memory),
        cmocka_unit_test(test_read__is_the_same_from_many_threads),
        cmocka_unit_test(test_read__tells_each_time_that_an_image_fails),
        cmocka_unit_test(test_expect__makes_ahead_what_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
