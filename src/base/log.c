#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cairn_log_level threshold = CAIRN_LOG_INFO;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *const names[] = {"debug", "info", "warn", "error"};

static void read_environment(void)
{
    const char *value = getenv("CAIRN_LOG");
    for (int i = 0; value && i < 4; i++)
        if (!strcmp(value, names[i])) threshold = (cairn_log_level)i;
}

void cairn_log_set_level(cairn_log_level level)
{
    pthread_once(&once, read_environment);
    threshold = level;
}

void cairn_log(cairn_log_level level, const char *fmt, ...)
{
    pthread_once(&once, read_environment);
    if (level < threshold) return;
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    const char *prefix = level == CAIRN_LOG_WARN ? "warning: " : level == CAIRN_LOG_ERROR ? "error: " : "";
    fprintf(stderr, "%s%s%s\n", isatty(2) ? "\r\033[K" : "", prefix, text);
    fflush(stderr);
    pthread_mutex_unlock(&lock);
}
