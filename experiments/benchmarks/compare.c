#include "experiments/benchmarks/compare.h"

#include "base/log.h"
#include "system/file.h"
#include "system/interrupt.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORDS = 64, MOST_ROUNDS = 100, MOST_OUTPUT = 1 << 16 };
enum { OURS, PEERS, SIDES };

const cairn_compare_case cairn_compare_cpu[] = {
    {"superpoint", 1, 120, 160, 8}, {"magicpoint", 1, 120, 160, 8}, {"sp-fpn", 1, 120, 160, 8},
    {"superpoint", 0, 480, 640, 1}, {"magicpoint", 0, 480, 640, 1}, {"sp-fpn", 0, 480, 640, 1}, {0}};
const cairn_compare_case cairn_compare_gpu[] = {
    {"superpoint", 1, 240, 320, 32}, {"magicpoint", 1, 240, 320, 32}, {"sp-fpn", 1, 240, 320, 32},
    {"superpoint", 0, 480, 640, 1},  {"superpoint", 0, 480, 640, 16}, {"sp-fpn", 0, 480, 640, 1},
    {"sp-fpn", 0, 480, 640, 16},     {0}};
const cairn_compare_case cairn_compare_cost[] = {
    {"superpoint", 0, 480, 640, 1},   {"sp-fpn", 0, 480, 640, 1},      {"drop-in", 0, 480, 640, 1},
    {"drop-in-b", 0, 480, 640, 1},    {"drop-in-c", 0, 480, 640, 1},   {"drop-in-d", 0, 480, 640, 1},
    {"superpoint", 0, 1088, 1920, 1}, {"sp-fpn", 0, 1088, 1920, 1},    {"drop-in", 0, 1088, 1920, 1},
    {"drop-in-b", 0, 1088, 1920, 1},  {"drop-in-c", 0, 1088, 1920, 1}, {"drop-in-d", 0, 1088, 1920, 1}, {0}};

/* ---- one run of one side ---- */

typedef struct command {
    char *words[MOST_WORDS + 1];
    int count;
    char *owned; /* what the user's words point into */
    char numbers[6][16];
} command;

static void add(command *c, const char *word)
{
    CAIRN_ASSERT(c->count < MOST_WORDS);
    c->words[c->count++] = (char *)(uintptr_t)word; /* execvp changes nothing */
    c->words[c->count] = NULL;
}

static cairn_status add_user_words(command *c, const char *text)
{
    char *rest, *copy = c->owned = strdup(text);
    if (!copy) return cairn_error_set(CAIRN_E_NOMEM, "no memory for options");
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (c->count == MOST_WORDS) return cairn_error_set(CAIRN_E_INVALID, "more than %d options", MOST_WORDS);
        add(c, word);
    }
    return CAIRN_OK;
}

static cairn_status make_command(command *c, const cairn_compare_options *o, const cairn_compare_case *work, int side)
{
    const char *const names[] = {"--height", "--width", "--batch", "--runs", "--warmup", "--threads"};
    const int values[] = {work->height, work->width, work->batch, o->runs, o->warmup, o->threads};
    *c = (command){0};
    if (side == OURS)
        add(c, o->program), add(c, "benchmark"), add(c, "model");
    else
        add(c, o->python), add(c, o->peer);
    add(c, "--model"), add(c, work->model);
    add(c, "--mode"), add(c, work->train ? "train" : "infer");
    for (int i = 0; i < (side == OURS ? 5 : 6); i++) {
        snprintf(c->numbers[i], sizeof c->numbers[i], "%d", values[i]);
        add(c, names[i]), add(c, c->numbers[i]);
    }
    return add_user_words(c, side == OURS ? o->our_words : o->peer_words);
}

static void start_child(const command *c, int out, int threads, int side)
{
    char text[32];
    snprintf(text, sizeof text, "LP_NUM_THREADS=%d", threads); /* lavapipe's; others have no such thing */
    if (side == OURS && threads) putenv(text);
    if (side == OURS) putenv((char *)(uintptr_t) "CAIRN_LOG=error");
    dup2(out, 1);
    execvp(c->words[0], c->words);
    _exit(127);
}

/* The last line that looks like an object, or NULL. */
static cJSON *last_object(char *text)
{
    cJSON *found = NULL;
    for (char *line = text, *end; line && !found; line = end) {
        end = strchr(line, '\n');
        if (end) *end++ = 0;
        if (line[0] == '{' && !(end && strchr(end, '{'))) found = cJSON_Parse(line);
    }
    return found;
}

static cairn_status read_all(int file, char *text)
{
    size_t size = 0;
    for (;;) {
        const ssize_t n = read(file, text + size, MOST_OUTPUT - 1 - size);
        if (n < 0) return cairn_error_set(CAIRN_E_IO, "cannot read what a benchmark prints");
        if (n == 0 || size + (size_t)n == MOST_OUTPUT - 1) {
            text[size + (size_t)n] = 0;
            return CAIRN_OK;
        }
        size += (size_t)n;
    }
}

static cairn_status run_side(cJSON **line, const cairn_compare_options *o, const cairn_compare_case *work, int side)
{
    cairn_status st;
    command c;
    int ends[2] = {-1, -1}, status = 0;
    char *text = malloc(MOST_OUTPUT);
    *line = NULL;
    CAIRN_TRY(make_command(&c, o, work, side));
    if (!text || pipe(ends)) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to start a benchmark"));
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) start_child(&c, ends[1], o->threads, side);
    close(ends[1]);
    if (child < 0) CAIRN_TRY(cairn_error_set(CAIRN_E_FAIL, "cannot start a benchmark"));
    st = read_all(ends[0], text);
    waitpid(child, &status, 0);
    CAIRN_TRY(st);
    if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "'%s' cannot be started", c.words[0]));
    if (status)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FAIL, "'%s %s' ended with %s %d on %s, %s", c.words[0], c.words[1],
                                  WIFEXITED(status) ? "code" : "signal",
                                  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), work->model,
                                  work->train ? "train" : "infer"));
    *line = last_object(text);
    if (!(cJSON_GetNumberValue(cJSON_GetObjectItem(*line, "ms_median")) > 0))
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "'%s %s' printed no line with ms_median, but '%.60s'", c.words[0],
                                  c.words[1], text));
done:
    if (ends[0] >= 0) close(ends[0]);
    free(c.owned);
    free(text);
    if (st < 0) cJSON_Delete(*line), *line = NULL;
    return st;
}

/* ---- rounds and results ---- */

typedef struct result {
    double ms[SIDES][MOST_ROUNDS], ratios[MOST_ROUNDS];
    cJSON *last[SIDES];
} result;

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, int count)
{
    double sorted[MOST_ROUNDS];
    memcpy(sorted, values, sizeof *sorted * (size_t)count);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    return count % 2 ? sorted[count / 2] : 0.5 * (sorted[count / 2 - 1] + sorted[count / 2]);
}

static double rounded(double value)
{
    return round(value * 1e3) / 1e3;
}

static cJSON *new_line(const cairn_compare_case *work)
{
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "model", work->model);
    cJSON_AddStringToObject(line, "mode", work->train ? "train" : "infer");
    cJSON_AddNumberToObject(line, "height", work->height);
    cJSON_AddNumberToObject(line, "width", work->width);
    cJSON_AddNumberToObject(line, "batch", work->batch);
    return line;
}

/* Prints and deletes it. */
static cairn_status print_line(FILE *out, cJSON *line)
{
    char *text = line ? cJSON_PrintUnformatted(line) : NULL;
    cJSON_Delete(line);
    if (!text) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a line of JSON");
    const int written = fprintf(out, "%s\n", text);
    cJSON_free(text);
    if (written < 0 || fflush(out)) return cairn_error_set(CAIRN_E_IO, "cannot write the comparison");
    return CAIRN_OK;
}

static cairn_status one_round(result *r, const cairn_compare_options *o, const cairn_compare_case *work, int round)
{
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < SIDES; i++) {
        const int side = (i + round) % SIDES;
        cJSON_Delete(r->last[side]);
        CAIRN_TRY(run_side(&r->last[side], o, work, side));
        r->ms[side][round] = cJSON_GetNumberValue(cJSON_GetObjectItem(r->last[side], "ms_median"));
    }
    r->ratios[round] = r->ms[PEERS][round] / r->ms[OURS][round];
    cairn_info("%s %s %dx%d batch %d, round %d of %d: %.1f ms, peer %.1f ms, ratio %.3f", work->model,
               work->train ? "train" : "infer", work->height, work->width, work->batch, round + 1, o->rounds,
               r->ms[OURS][round], r->ms[PEERS][round], r->ratios[round]);
    if (!o->lines) goto done;
    cJSON *line = new_line(work);
    cJSON_AddNumberToObject(line, "round", round + 1);
    cJSON_AddNumberToObject(line, "cairn_ms", rounded(r->ms[OURS][round]));
    cJSON_AddNumberToObject(line, "peer_ms", rounded(r->ms[PEERS][round]));
    cJSON_AddNumberToObject(line, "ratio", rounded(r->ratios[round]));
    cJSON_AddItemToObject(line, "cairn", cJSON_Duplicate(r->last[OURS], true));
    cJSON_AddItemToObject(line, "peer", cJSON_Duplicate(r->last[PEERS], true));
    CAIRN_TRY(print_line(o->lines, line));
done:
    return st;
}

static const char *text_of(const cJSON *line, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(line, key));
    return text ? text : "unknown";
}

static void print_side(FILE *out, const char *who, const cJSON *line)
{
    const char *amp = text_of(line, "amp");
    const cJSON *threads = cJSON_GetObjectItem(line, "threads");
    fprintf(out, "- %s: %s on %s", who, text_of(line, "engine"), text_of(line, "device"));
    if (cJSON_HasObjectItem(line, "driver"))
        fprintf(out, ", driver %s, kernels %s, tuning: %s", text_of(line, "driver"), text_of(line, "kernels"),
                text_of(line, "tuning"));
    fprintf(out, ", precision %s", strcmp(amp, "off") ? amp : "fp32");
    if (cJSON_IsNumber(threads)) fprintf(out, ", %d threads", threads->valueint);
    if (cJSON_IsTrue(cJSON_GetObjectItem(line, "channels_last"))) fprintf(out, ", channels last");
    if (cJSON_IsTrue(cJSON_GetObjectItem(line, "compile"))) fprintf(out, ", compiled");
    fputs("\n", out);
}

/* The number of a side's line, or NAN. */
static double number_of(const cJSON *line, const char *key)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItem(line, key));
}

/* Two networks of one name with other sizes are not the same work. */
static void check_parameters(const result *r, const cairn_compare_case *work)
{
    const double ours = number_of(r->last[OURS], "parameters"), theirs = number_of(r->last[PEERS], "parameters");
    if (isnan(ours) || isnan(theirs) || ours == theirs) return;
    cairn_warn("%s has %.0f parameters here and %.0f in the peer: their times are of different networks", work->model,
               ours, theirs);
}

static cairn_status print_case(const result *r, const cairn_compare_options *o, const cairn_compare_case *work,
                               bool first)
{
    cairn_status st = CAIRN_OK;
    const double ours = median(r->ms[OURS], o->rounds), peers = median(r->ms[PEERS], o->rounds);
    const double ratio = median(r->ratios, o->rounds);
    check_parameters(r, work);
    if (o->table && first) {
        print_side(o->table, "Cairn", r->last[OURS]);
        print_side(o->table, "peer", r->last[PEERS]);
        fprintf(o->table,
                "\nMilliseconds of a step: medians of %d rounds, each the median of %d steps. Ratio: the peer's time "
                "over Cairn's, by round. GMAC: of the "
                "network's definition, forward. Planned: activations and scratch of Cairn's program.\n\n"
                "| model | mode | images | parameters | GMAC | planned, MB | Cairn, ms | peer, ms | ratio by round | median |\n"
                "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
                o->rounds, o->runs);
    }
    if (o->table) {
        fprintf(o->table, "| %s | %s | %dx%d, batch %d | %.0f | %.3f | %.1f | %.1f | %.1f |", work->model,
                work->train ? "train" : "infer", work->height, work->width, work->batch,
                number_of(r->last[OURS], "parameters"), number_of(r->last[OURS], "gmac"),
                number_of(r->last[OURS], "planned_mb"), ours, peers);
        for (int i = 0; i < o->rounds; i++) fprintf(o->table, "%s %.2f", i ? "," : "", r->ratios[i]);
        fprintf(o->table, " | %.2f |\n", ratio);
        if (fflush(o->table)) CAIRN_TRY(cairn_error_set(CAIRN_E_IO, "cannot write the comparison"));
    }
    if (!o->lines) goto done;
    cJSON *line = new_line(work);
    cJSON_AddNumberToObject(line, "rounds", o->rounds);
    cJSON_AddNumberToObject(line, "cairn_ms", rounded(ours));
    cJSON_AddNumberToObject(line, "peer_ms", rounded(peers));
    cJSON_AddNumberToObject(line, "ratio", rounded(ratio));
    cJSON *ratios = cJSON_AddArrayToObject(line, "ratios");
    for (int i = 0; i < o->rounds; i++) cJSON_AddItemToArray(ratios, cJSON_CreateNumber(rounded(r->ratios[i])));
    CAIRN_TRY(print_line(o->lines, line));
done:
    return st;
}

cairn_status cairn_benchmark_compare(const cairn_compare_options *o)
{
    cairn_status st = CAIRN_OK;
    CAIRN_ASSERT(o->rounds >= 1 && o->rounds <= MOST_ROUNDS);
    if (!cairn_file_exists(o->peer))
        return cairn_error_set(CAIRN_E_NOTFOUND, "there is no script '%s'; --peer names it", o->peer);
    result *r = calloc(1, sizeof *r);
    if (!r) return cairn_error_set(CAIRN_E_NOMEM, "no memory for results");
    for (const cairn_compare_case *work = o->cases; work->model; work++) {
        for (int round = 0; round < o->rounds; round++) CAIRN_TRY(one_round(r, o, work, round));
        CAIRN_TRY(print_case(r, o, work, work == o->cases));
    }
done:
    for (int side = 0; side < SIDES; side++) cJSON_Delete(r->last[side]);
    free(r);
    return st;
}
