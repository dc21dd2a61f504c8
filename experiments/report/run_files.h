#ifndef CAIRN_REPORT_RUN_FILES_H
#define CAIRN_REPORT_RUN_FILES_H
/* Private to the report: what lies in a run folder. */
#include "system/file.h"

#include <cjson/cJSON.h>

typedef struct cairn_run_stage {
    char name[128];
    char *folder;
    cJSON *stage, *captions, *evaluation; /* NULL where missing or damaged */
    char *metrics;                        /* path of metrics.jsonl, or NULL */
    cairn_file_list pictures;
    size_t order; /* place in the recipe's text */
} cairn_run_stage;

typedef struct cairn_run_files {
    char name[128]; /* the folder's own */
    char *recipe;   /* text, or NULL */
    cairn_run_stage *stages;
    int count;
} cairn_run_files;

/* The sub-folders that hold at least one of the files that the report shows, in the order of the recipe, those it does
 * not name last; and the folder itself, where it holds an evaluation.json (`cairn evaluate --out`). Files that cannot
 * be read are left out with a warning in the log. error  CAIRN_E_NOTFOUND if there is no such folder */
cairn_status cairn_run_files_read(cairn_run_files *out, const char *folder);
void cairn_run_files_free(cairn_run_files *files);
#endif
