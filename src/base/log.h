#ifndef CAIRN_BASE_LOG_H
#define CAIRN_BASE_LOG_H
/* Messages for people, on standard error. Library code reports failures by status; it logs only what a person
 * should see even when everything succeeds. */
typedef enum cairn_log_level { CAIRN_LOG_DEBUG, CAIRN_LOG_INFO, CAIRN_LOG_WARN, CAIRN_LOG_ERROR } cairn_log_level;

/* Messages below `level` are dropped. Default: CAIRN_LOG_INFO, or the level named in the variable CAIRN_LOG
 * (debug, info, warn, error). */
void cairn_log_set_level(cairn_log_level level);
/* One line, newline added; erases a progress bar that stands on the line. Any thread. */
void cairn_log(cairn_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define cairn_debug(...) cairn_log(CAIRN_LOG_DEBUG, __VA_ARGS__)
#define cairn_info(...) cairn_log(CAIRN_LOG_INFO, __VA_ARGS__)
#define cairn_warn(...) cairn_log(CAIRN_LOG_WARN, __VA_ARGS__)
#endif
