#ifndef CAIRN_SYSTEM_PROGRESS_H
#define CAIRN_SYSTEM_PROGRESS_H
#include <stdint.h>
/* A progress bar with an estimate of the time left, on standard error: redrawn in place on a terminal at most five
 * times a second, one line about every ten seconds elsewhere. Costs nothing when updated often. Not thread-safe. */
typedef struct cairn_progress {
    char label[64];
    int64_t total, first, done;
    double started, drawn;
    int terminal;
    char note[96];
} cairn_progress;

/* `first` is where resumed work starts; it does not count for the speed. */
void cairn_progress_start(cairn_progress *p, const char *label, int64_t total, int64_t first);
/* `note` is shown behind the bar (a loss, a count); NULL for none. */
void cairn_progress_update(cairn_progress *p, int64_t done, const char *note);
/* Draws the last state with the whole time taken and ends the line. */
void cairn_progress_finish(cairn_progress *p);
double cairn_seconds(void);     /* monotonic clock */
double cairn_cpu_seconds(void); /* of this process so far, all threads, user and system */
double cairn_thread_cpu_seconds(void); /* of the calling thread so far */
#endif
