#include "data/image_stream.h"

#include "system/parallel.h"

#include <pthread.h>
#include <stdbool.h>

enum { MOST_THREADS = 16, MOST_AHEAD = 1024 };

typedef struct slot {
    cairn_image image;
    cairn_status status;
    char message[1024];
    bool ready;
} slot;

struct cairn_image_stream {
    cairn_image_stream_options o;
    slot *slots; /* [ahead]; image i is in slot i mod ahead */
    int begun, taken; /* images that a thread has begun, that the caller has got */
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t ready, room;
    pthread_t threads[MOST_THREADS];
    int thread_count;
};

static void load(const cairn_image_stream_options *o, int i, slot *s)
{
    s->image = (cairn_image){0};
    s->status = o->load(o->payload, i, &s->image);
    s->message[0] = 0;
    if (s->status < 0) snprintf(s->message, sizeof s->message, "%s", cairn_error_message());
}

static void *work(void *argument)
{
    cairn_image_stream *s = argument;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->stop && s->begun < s->o.count && s->begun >= s->taken + s->o.ahead)
            pthread_cond_wait(&s->room, &s->lock);
        if (s->stop || s->begun >= s->o.count) break;
        const int i = s->begun++;
        slot *own = &s->slots[i % s->o.ahead];
        pthread_mutex_unlock(&s->lock);
        load(&s->o, i, own);
        pthread_mutex_lock(&s->lock);
        own->ready = true;
        pthread_cond_broadcast(&s->ready);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

cairn_status cairn_image_stream_open(cairn_image_stream **out, const cairn_image_stream_options *options)
{
    *out = NULL;
    CAIRN_ASSERT(options->count >= 0 && options->ahead >= 1 && options->ahead <= MOST_AHEAD);
    cairn_image_stream *s = calloc(1, sizeof *s);
    if (s) s->slots = calloc((size_t)options->ahead, sizeof *s->slots);
    if (!s || !s->slots) {
        free(s);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory to decode %d images ahead", options->ahead);
    }
    s->o = *options;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ready, NULL);
    pthread_cond_init(&s->room, NULL);
    int threads = cairn_cores();
    if (threads > options->ahead) threads = options->ahead;
    if (threads > options->count) threads = options->count;
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    for (; s->thread_count < threads; s->thread_count++) /* without any, the caller decodes */
        if (pthread_create(&s->threads[s->thread_count], NULL, work, s)) break;
    *out = s;
    return CAIRN_OK;
}

void cairn_image_stream_close(cairn_image_stream **stream)
{
    cairn_image_stream *s = *stream;
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->room);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->thread_count; i++) pthread_join(s->threads[i], NULL);
    for (int i = 0; i < s->o.ahead; i++)
        if (s->slots[i].ready) cairn_image_free(&s->slots[i].image);
    pthread_cond_destroy(&s->ready);
    pthread_cond_destroy(&s->room);
    pthread_mutex_destroy(&s->lock);
    free(s->slots);
    free(s);
    *stream = NULL;
}

cairn_status cairn_image_stream_next(cairn_image_stream *s, cairn_image *out)
{
    *out = (cairn_image){0};
    CAIRN_ASSERT(s->taken < s->o.count);
    slot *own = &s->slots[s->taken % s->o.ahead];
    pthread_mutex_lock(&s->lock);
    if (!s->thread_count) {
        load(&s->o, s->taken, own);
        own->ready = true;
    }
    while (!own->ready) pthread_cond_wait(&s->ready, &s->lock);
    own->ready = false;
    *out = own->image;
    own->image = (cairn_image){0};
    const cairn_status st = own->status;
    if (st < 0) cairn_error_set(st, "%s", own->message);
    s->taken++;
    pthread_cond_broadcast(&s->room);
    pthread_mutex_unlock(&s->lock);
    return st;
}
