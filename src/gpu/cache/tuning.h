#ifndef CAIRN_GPU_TUNING_H
#define CAIRN_GPU_TUNING_H
/* What was found to be fastest on this device: a table of texts (a problem) with numbers (the variant that won), kept
 * in a small text file between runs. graph/tune.c asks and fills it; op files see cairn_lower_choose (graph/lower.h)
 * only.
 *
 * Three modes, by cairn_gpu_options.tuning or the variable CAIRN_TUNE:
 *   use      (default) what the file says, else the variant shipped in the source; nothing is timed
 *   measure  (1) problems that the file lacks are timed when a program is built, and kept
 *   off      (0) the shipped variants only
 * Which variant runs decides the order of sums, so the last bits of results depend on the table as they do on the
 * device. A run without `measure` never changes it: same device, seed and file, same bits. CAIRN_TUNING_FILE names the
 * file instead of the cache folder's, to carry it along with a run that must be reproducible.
 *
 * The file is only used as a whole: it must be intact (its last line holds the count and a checksum) and of this
 * device and driver. Any other is ignored with one warning; the one of the cache folder is replaced at the end of the
 * run, a file that was named only when something is measured. */
#include "gpu/gpu.h"

enum { CAIRN_TUNING_KEY_BYTES = 256 };

cairn_tuning_mode cairn_gpu_tuning_mode(const cairn_gpu *gpu); /* USE, MEASURE or OFF; never AUTO */
/* key: one line without '=', at most CAIRN_TUNING_KEY_BYTES with its end. False if nothing is known. */
bool cairn_gpu_tuning_find(const cairn_gpu *gpu, const char *key, uint32_t *variant);
/* Remembers a winner and its time in nanoseconds; it is in the file after cairn_gpu_tuning_save. */
cairn_status cairn_gpu_tuning_put(cairn_gpu *gpu, const char *key, uint32_t variant, double ns);
/* Forgets everything, so that it is measured anew. */
void cairn_gpu_tuning_clear(cairn_gpu *gpu);
/* Writes the table, joined with what another process has written meanwhile, if it has changed. Failing to do so is no
 * error of the program: the next run measures again. */
void cairn_gpu_tuning_save(cairn_gpu *gpu);
int cairn_gpu_tuning_count(const cairn_gpu *gpu);
const char *cairn_gpu_tuning_path(const cairn_gpu *gpu); /* NULL: no file */
/* "defaults", or "N choices, HASH": for logs and benchmarks; the same text means the same variants. */
void cairn_gpu_tuning_describe(const cairn_gpu *gpu, char *text, size_t size);
/* Hash of all shaders of a family ("conv") that this device's class would use. */
uint64_t cairn_gpu_family_hash(const cairn_gpu *gpu, const char *family);
#endif
