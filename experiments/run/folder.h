#ifndef CAIRN_EXPERIMENTS_RUN_FOLDER_H
#define CAIRN_EXPERIMENTS_RUN_FOLDER_H
/* The folders of a run: which are done, which may be resumed, which must go. */
#include "base/status.h"

#include <stdbool.h>

enum { CAIRN_FINGERPRINT_BYTES = 17 };

/* Whether stage.json in `folder` says done with this fingerprint. A damaged file counts as not done. */
bool cairn_stage_folder_done(const char *folder, const char *fingerprint);
/* Makes `folder` ready for a stage: keeps what lies there if its file `fingerprint` is equal (and not `fresh`), else
 * removes it; then writes that file.
 * error  CAIRN_E_INVALID if the folder holds something that no run has put there: it is left alone */
cairn_status cairn_stage_folder_begin(const char *folder, const char *fingerprint, bool fresh);
/* One process at a time works in a run folder.
 * error  CAIRN_E_FAIL if another one does */
cairn_status cairn_run_folder_lock(int *lock, const char *folder);
void cairn_run_folder_unlock(int lock); /* -1: nothing */
/* Removes what a killed process was writing below `folder` (cairn_file_temporary). Only under the lock. */
void cairn_run_folder_tidy(const char *folder);
#endif
