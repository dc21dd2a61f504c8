#ifndef CAIRN_MEASUREMENTS_SHEET_H
#define CAIRN_MEASUREMENTS_SHEET_H
/* What a measurement without pairs of images leaves (synthetic shapes, video): summaries of each method in named
 * groups, rows behind them, one entry of evaluation.json, tables for the terminal. */
#include "experiments/evaluation/metrics/metrics.h"
#include "experiments/predictions/predictions.h"

#include <cjson/cJSON.h>

enum { CAIRN_SHEET_MEASURES = 20, CAIRN_SHEET_GROUPS = 12 };

typedef struct cairn_sheet_measure {
    const char *id, *title, *group, *unit;
    const char *brief; /* heading in a terminal, at most 8 characters */
    int better;        /* 1: higher, -1: lower, 0: neither */
    bool headline;
} cairn_sheet_measure;

typedef struct cairn_sheet_row {
    char name[64];
    int group; /* index into groups */
} cairn_sheet_row;

typedef struct cairn_sheet_method {
    char name[64], weights[128];
    cairn_role role;
    int dimension;
    cairn_interval summary[CAIRN_SHEET_GROUPS][CAIRN_SHEET_MEASURES]; /* count 0: does not apply */
    double *rows; /* [rows, measures], NaN: does not apply; owned */
} cairn_sheet_method;

typedef struct cairn_sheet {
    char protocol[64], set[128], device[256], driver[256];
    cJSON *parameters;                   /* owned */
    const cairn_sheet_measure *measures; /* static */
    int measure_count;
    char groups[CAIRN_SHEET_GROUPS][32]; /* [0] is "all" */
    int group_count;
    int items[CAIRN_SHEET_GROUPS]; /* images or pairs of frames in each group */
    cairn_sheet_row *rows;         /* owned */
    int row_count;
    cairn_sheet_method *methods; /* owned */
    int method_count;
} cairn_sheet;

/* Groups (names borrowed for the call), rows and methods filled in, everything else empty; parameters an empty object.
 * All values are NaN, all summaries empty. */
cairn_status cairn_sheet_create(cairn_sheet *out, const char *protocol, const char *set,
                                const cairn_sheet_measure *measures, int measure_count, int row_count,
                                const cairn_predictions *methods, int method_count);
void cairn_sheet_free(cairn_sheet *sheet); /* accepts an empty one */
/* Adds a group; "all" comes first. */
void cairn_sheet_add_group(cairn_sheet *sheet, const char *name);
double *cairn_sheet_value(cairn_sheet *sheet, int method, int row, int measure);
/* Mean (or median) and its interval over the rows of a group (0: all rows) that have a value. */
cairn_status cairn_sheet_summarise(cairn_sheet *sheet, int method, int group, int measure, bool median, int resamples,
                                   uint32_t seed);
/* One entry of "sets" in evaluation.json, version 2 (docs/evaluation.md). NULL: no memory. */
cJSON *cairn_sheet_json(const cairn_sheet *sheet);
/* Writes FOLDER/evaluation.json, by rename. */
cairn_status cairn_sheet_write(const cairn_sheet *sheet, const char *folder);
/* Tables of means with their intervals, one for each group. The caller frees *out. columns: of the terminal.
 * bold: the best in bold */
cairn_status cairn_sheet_table(char **out, const cairn_sheet *sheet, int columns, bool bold);
#endif
