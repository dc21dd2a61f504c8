#ifndef CAIRN_REPORT_TABLES_H
#define CAIRN_REPORT_TABLES_H
/* Private to the report: an evaluation.json as sentences, charts and tables. Any JSON is accepted; what is missing or
 * of another type is left out. */
#include <cjson/cJSON.h>
#include <stdio.h>

/* What the training was worth: a sentence for each comparison of a learned method, for each set. Returns how many. */
int cairn_tables_verdicts(FILE *page, const cJSON *evaluation);
/* A chart and tables for each set. Returns the number of sets. */
int cairn_tables_results(FILE *page, const cJSON *evaluation);
#endif
