#include "system/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR 24
#define TERMINAL_SECONDS 0.2
#define FILE_SECONDS 10.0

double cairn_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double cairn_cpu_seconds(void)
{
    struct timespec used; /* getrusage splits user from system time by sampling, too coarse for a run of milliseconds */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

double cairn_thread_cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

/* "0:07", "12:34", "3:05:09", "4d 03:05" */
static void format_time(char *out, size_t size, double seconds)
{
    if (!(seconds >= 0) || seconds > 1e9) {
        snprintf(out, size, "-:--");
        return;
    }
    long s = lround(seconds);
    if (s >= 86400)
        snprintf(out, size, "%ldd %02ld:%02ld", s / 86400, s / 3600 % 24, s / 60 % 60);
    else if (s >= 3600)
        snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

static void draw(cairn_progress *p, double now, int last)
{
    double seconds = now - p->started, work = (double)(p->done - p->first);
    double part = p->total > 0 ? (double)p->done / (double)p->total : 1;
    if (part > 1) part = 1;
    if (part < 0) part = 0;
    char bar[BAR + 1];
    int full = (int)(part * BAR);
    for (int i = 0; i < BAR; i++) bar[i] = i < full ? '#' : '.';
    bar[BAR] = 0;
    double speed = work > 0 && seconds > 0 ? work / seconds : 0;
    char time_text[32], speed_text[32] = "-/s";
    if (last)
        format_time(time_text, sizeof time_text, seconds);
    else
        format_time(time_text, sizeof time_text, speed > 0 ? (double)(p->total - p->done) / speed : -1);
    if (speed >= 100)
        snprintf(speed_text, sizeof speed_text, "%.0f/s", speed);
    else if (speed >= 0.1)
        snprintf(speed_text, sizeof speed_text, "%.1f/s", speed);
    else if (speed > 0)
        snprintf(speed_text, sizeof speed_text, "%.1f s each", 1 / speed);
    fprintf(stderr, "%s%s  [%s] %lld/%lld  %.0f%%  %s  %s %s%s%s%s", p->terminal ? "\r" : "", p->label, bar,
            (long long)p->done, (long long)p->total, floor(100 * part), speed_text, last ? "took" : "ETA", time_text,
            p->note[0] ? "  " : "", p->note, p->terminal ? "\033[K" : "");
    if (last || !p->terminal) fputc('\n', stderr);
    fflush(stderr);
    p->drawn = now;
}

void cairn_progress_start(cairn_progress *p, const char *label, int64_t total, int64_t first)
{
    *p = (cairn_progress){.total = total, .first = first, .done = first};
    snprintf(p->label, sizeof p->label, "%s", label);
    p->started = cairn_seconds();
    p->terminal = isatty(2);
    /* On a terminal the empty bar appears at once; in a log file short work makes one line only, the last. */
    if (p->terminal)
        draw(p, p->started, 0);
    else
        p->drawn = p->started;
}

void cairn_progress_update(cairn_progress *p, int64_t done, const char *note)
{
    p->done = done;
    if (note)
        snprintf(p->note, sizeof p->note, "%s", note);
    else
        p->note[0] = 0;
    double now = cairn_seconds();
    if (now - p->drawn >= (p->terminal ? TERMINAL_SECONDS : FILE_SECONDS)) draw(p, now, 0);
}

void cairn_progress_finish(cairn_progress *p)
{
    draw(p, cairn_seconds(), 1);
}
