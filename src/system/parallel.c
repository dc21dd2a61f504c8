#include "system/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

typedef struct job {
    cairn_status (*body)(void *, int);
    void *payload;
    int count;
    atomic_int next;
    pthread_mutex_t lock;
    int failed; /* smallest failed index, or count */
    cairn_status status;
    char message[1024];
} job;

static void *work(void *argument)
{
    job *j = argument;
    for (int i; (i = atomic_fetch_add(&j->next, 1)) < j->count;) {
        cairn_status st = j->body(j->payload, i);
        if (st >= 0) continue;
        pthread_mutex_lock(&j->lock);
        if (i < j->failed) {
            j->failed = i;
            j->status = st;
            snprintf(j->message, sizeof j->message, "%s", cairn_error_message());
        }
        pthread_mutex_unlock(&j->lock);
    }
    return NULL;
}

int cairn_cores(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

cairn_status cairn_parallel_for(int count, int threads, cairn_status (*body)(void *payload, int i), void *payload)
{
    enum { MOST = 64 };
    if (threads <= 0) threads = cairn_cores();
    if (threads > count) threads = count;
    if (threads > MOST) threads = MOST;
    job j = {.body = body, .payload = payload, .count = count, .failed = count};
    pthread_mutex_init(&j.lock, NULL);
    pthread_t handles[MOST];
    int started = 0;
    for (; started < threads - 1; started++) /* a thread that cannot be started only costs speed */
        if (pthread_create(&handles[started], NULL, work, &j)) break;
    work(&j);
    for (int i = 0; i < started; i++) pthread_join(handles[i], NULL);
    pthread_mutex_destroy(&j.lock);
    return j.failed < count ? cairn_error_set(j.status, "%s", j.message) : CAIRN_OK;
}
