#include "data/image_cache.h"

#include "system/parallel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ABSENT = -1, IN_WORK = -2 }; /* else: the slot of an image */
enum { MOST_THREADS = 16, MOST_EXPECTED = 1024 };

typedef struct slot {
    cairn_image image;
    int owner;   /* number of the image */
    int readers; /* copying it now */
} slot;

struct cairn_image_cache {
    cairn_image_cache_options o;
    pthread_mutex_t lock;
    pthread_cond_t made_one, expect_more;
    int *place; /* [count] */
    slot *slots;
    int most, kept; /* slots */
    int ring, next; /* the last `ring` slots are used again and again; the next one */
    int64_t made;
    int expected[MOST_EXPECTED], expected_count, expected_at;
    pthread_t threads[MOST_THREADS];
    int thread_count;
    bool closing;
};

cairn_status cairn_image_cache_create(cairn_image_cache **out, const cairn_image_cache_options *options)
{
    CAIRN_ASSERT(options->count > 0 && options->bytes > 0);
    *out = NULL;
    cairn_image_cache *c = calloc(1, sizeof *c);
    if (!c) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a cache of images");
    const uint64_t most = options->memory / options->bytes;
    c->o = *options;
    c->most = most < 1 ? 1 : most > (uint64_t)options->count ? options->count : (int)most;
    c->ring = c->most < 256 ? (c->most + 1) / 2 : c->most / 4;
    c->next = c->most - c->ring;
    c->place = malloc((size_t)options->count * sizeof *c->place);
    c->slots = calloc((size_t)c->most, sizeof *c->slots);
    if (!c->place || !c->slots) {
        free(c->place);
        free(c->slots);
        free(c);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a cache of %d images", options->count);
    }
    for (int i = 0; i < options->count; i++) c->place[i] = ABSENT;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->made_one, NULL);
    pthread_cond_init(&c->expect_more, NULL);
    *out = c;
    return CAIRN_OK;
}

void cairn_image_cache_destroy(cairn_image_cache **cache)
{
    cairn_image_cache *c = *cache;
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_broadcast(&c->expect_more);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->thread_count; i++) pthread_join(c->threads[i], NULL);
    for (int i = 0; i < c->kept; i++) cairn_image_free(&c->slots[i].image);
    pthread_cond_destroy(&c->made_one);
    pthread_cond_destroy(&c->expect_more);
    pthread_mutex_destroy(&c->lock);
    free(c->place);
    free(c->slots);
    free(c);
    *cache = NULL;
}

/* A slot for a new image, or ABSENT while all that may be used again are being read. */
static int find_slot(cairn_image_cache *c)
{
    if (c->kept < c->most) return c->kept++;
    for (int i = 0; i < c->ring; i++) {
        const int s = c->next;
        c->next = s + 1 < c->most ? s + 1 : c->most - c->ring;
        if (c->slots[s].readers) continue;
        c->place[c->slots[s].owner] = ABSENT;
        cairn_image_free(&c->slots[s].image);
        return s;
    }
    return ABSENT;
}

/* Makes image i, whose place says IN_WORK, and puts it into a slot; the lock is held, except while it is made. Where
 * there is no slot the image goes to *loose. */
static cairn_status make(cairn_image_cache *c, int i, cairn_image *loose)
{
    cairn_image image = {0};
    pthread_mutex_unlock(&c->lock);
    const cairn_status st = c->o.make(c->o.payload, i, &image);
    pthread_mutex_lock(&c->lock);
    c->made++;
    c->place[i] = ABSENT;
    const int s = st < 0 ? ABSENT : find_slot(c);
    if (s >= 0) {
        c->slots[s] = (slot){.image = image, .owner = i};
        c->place[i] = s;
    } else if (st >= 0) {
        *loose = image;
    }
    pthread_cond_broadcast(&c->made_one);
    return st;
}

cairn_status cairn_image_cache_read(cairn_image *out, cairn_image_cache *c, int i)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_image){0};
    CAIRN_ASSERT(i >= 0 && i < c->o.count);
    pthread_mutex_lock(&c->lock);
    while (c->place[i] == IN_WORK) pthread_cond_wait(&c->made_one, &c->lock);
    if (c->place[i] == ABSENT) {
        c->place[i] = IN_WORK;
        st = make(c, i, out);
    }
    if (st >= 0 && !out->pixels) {
        slot *s = &c->slots[c->place[i]];
        s->readers++;
        pthread_mutex_unlock(&c->lock);
        st = cairn_image_copy(out, &s->image);
        pthread_mutex_lock(&c->lock);
        s->readers--;
    }
    pthread_mutex_unlock(&c->lock);
    return st;
}

/* What fails here is tried again, and told, by the reader. */
static void *make_ahead(void *cache)
{
    cairn_image_cache *c = cache;
    pthread_mutex_lock(&c->lock);
    while (!c->closing) {
        if (c->expected_at == c->expected_count) {
            pthread_cond_wait(&c->expect_more, &c->lock);
            continue;
        }
        const int i = c->expected[c->expected_at++];
        if (c->place[i] != ABSENT) continue;
        cairn_image loose = {0};
        c->place[i] = IN_WORK;
        make(c, i, &loose);
        cairn_image_free(&loose);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

void cairn_image_cache_expect(cairn_image_cache *c, const int *images, int count)
{
    /* More would be overwritten before it is read. */
    const int room = c->ring / 2 < MOST_EXPECTED ? c->ring / 2 : MOST_EXPECTED;
    if (count > room) count = room;
    pthread_mutex_lock(&c->lock);
    const int wanted = cairn_cores() < MOST_THREADS ? cairn_cores() : MOST_THREADS;
    if (!c->thread_count && count > 0) /* a thread that cannot be started only costs speed */
        while (c->thread_count < wanted && !pthread_create(&c->threads[c->thread_count], NULL, make_ahead, c))
            c->thread_count++;
    if (count > 0) memcpy(c->expected, images, (size_t)count * sizeof *images);
    c->expected_count = count;
    c->expected_at = 0;
    pthread_cond_broadcast(&c->expect_more);
    pthread_mutex_unlock(&c->lock);
}

cairn_image_cache_counts cairn_image_cache_count(cairn_image_cache *c)
{
    pthread_mutex_lock(&c->lock);
    const cairn_image_cache_counts counts = {c->made, c->kept, c->most};
    pthread_mutex_unlock(&c->lock);
    return counts;
}
