#ifndef CAIRN_REPORT_SECTIONS_H
#define CAIRN_REPORT_SECTIONS_H
/* Private to the report: the results as parts of the page. */
#include "experiments/report/results/results.h"

/* Sentences: what the trainings were worth, and who leads each set. Returns how many. */
int cairn_section_summary(FILE *page, const cairn_results *results);

/* Charts and tables of every set, for all pairs and for each kind. Adds the tables' texts to data.tables:
 * {id: {"csv": ..., "md": ..., "tex": ...}}. */
cairn_status cairn_section_results(FILE *page, const cairn_results *results, cJSON *data);
/* Every table of every set as three files in a folder, which is made. */
cairn_status cairn_results_save_tables(const cairn_results *results, const char *folder);

/* The table by sequence of a set, with what the script needs for its filter and scatter plot. Adds to data.sets:
 * {"id", "measures": [{"id", "title", "unit", "digits"}], "methods": [name], "sequences": [{"name", "kind", "pairs"}],
 * "values": [sequence][method][measure] means over the sequence's pairs or null}. */
cairn_status cairn_section_sequences(FILE *page, const cairn_result_set *set, cJSON *data);

/* The pictures of worst, median and best pairs of each method. budget: bytes of pictures that the page may still take.
 */
cairn_status cairn_section_gallery(FILE *page, const cairn_result_set *set, size_t *budget, int *left_out);

/* A figure with a PNG or JPEG file of at most 16 MiB embedded; class and attributes go into <figure ...>. False, with a
 * warning in the log, if it is no such file or larger than the budget. caption may be "" (the file's name then). */
bool cairn_picture_write(FILE *page, const char *path, const char *attributes, const char *caption, size_t *budget);
#endif
