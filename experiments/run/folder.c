#include "experiments/run/folder.h"

#include "system/file.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { MOST_JSON_BYTES = 1 << 20 };

/* A small file of the folder, or NULL. */
static char *read_small(const char *folder, const char *name)
{
    uint8_t *text = NULL;
    size_t size = 0;
    char *path = cairn_file_join(folder, name);
    if (path && cairn_file_exists(path) && cairn_file_read(&text, &size, path, MOST_JSON_BYTES) < 0) text = NULL;
    free(path);
    return (char *)text;
}

bool cairn_stage_folder_done(const char *folder, const char *fingerprint)
{
    char *text = read_small(folder, "stage.json");
    if (!text) return false;
    cJSON *root = cJSON_Parse(text);
    const cJSON *saved = cJSON_GetObjectItemCaseSensitive(root, "fingerprint");
    const bool done = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "done")) && cJSON_IsString(saved) &&
                      !strcmp(saved->valuestring, fingerprint);
    cJSON_Delete(root);
    free(text);
    return done;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

/* What a killed run was writing (cairn_file_temporary): nobody else writes here, the run is locked. */
static int remove_temporary(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    const size_t length = strlen(path);
    if (type == FTW_F && path[where->base] == '.' && length > 4 && !strcmp(path + length - 4, ".tmp")) remove(path);
    return 0;
}

void cairn_run_folder_tidy(const char *folder)
{
    nftw(folder, remove_temporary, 16, FTW_PHYS);
}

static bool is_ours(const char *folder)
{
    static const char *const marks[] = {"fingerprint", "stage.json"};
    if (!rmdir(folder)) return true; /* it was empty */
    for (int i = 0; i < 2; i++) {
        char *path = cairn_file_join(folder, marks[i]);
        const bool there = path && cairn_file_exists(path);
        free(path);
        if (there) return true;
    }
    return false;
}

/* First to another name in one step: a kill in between cannot leave half a stage under its name. */
static cairn_status remove_folder(const char *folder)
{
    char stale[4096];
    if (snprintf(stale, sizeof stale, "%s.stale", folder) >= (int)sizeof stale)
        return cairn_error_set(CAIRN_E_IO, "%s: the path is too long", folder);
    if (cairn_file_is_folder(stale)) nftw(stale, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    if (!cairn_file_is_folder(folder)) return CAIRN_OK;
    if (rename(folder, stale) || nftw(stale, remove_entry, 16, FTW_DEPTH | FTW_PHYS))
        return cairn_error_set(CAIRN_E_IO, "%s: cannot remove the stale stage: %s", folder, strerror(errno));
    return CAIRN_OK;
}

cairn_status cairn_stage_folder_begin(const char *folder, const char *fingerprint, bool fresh)
{
    cairn_status st = CAIRN_OK;
    char *path = cairn_file_join(folder, "fingerprint"), *saved = read_small(folder, "fingerprint");
    if (!path) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    if (saved && !strcmp(saved, fingerprint) && !fresh) {
        cairn_run_folder_tidy(folder);
        goto done;
    }
    if ((cairn_file_exists(folder) || cairn_file_is_folder(folder)) && !is_ours(folder))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "%s: is not the folder of a stage; move it away or choose another "
                                  "--out",
                                  folder));
    CAIRN_TRY(remove_folder(folder));
    CAIRN_TRY(cairn_file_make_folder(folder));
    CAIRN_TRY(cairn_file_write(path, fingerprint, strlen(fingerprint)));
done:
    free(saved);
    free(path);
    return st;
}

cairn_status cairn_run_folder_lock(int *lock, const char *folder)
{
    char *path = cairn_file_join(folder, ".lock");
    *lock = -1;
    if (!path) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    free(path);
    if (file < 0) return cairn_error_set(CAIRN_E_IO, "%s: cannot write here: %s", folder, strerror(errno));
    if (flock(file, LOCK_EX | LOCK_NB)) {
        close(file);
        return cairn_error_set(CAIRN_E_FAIL, "%s: another cairn is at work in this run; wait or choose another --out",
                               folder);
    }
    *lock = file;
    return CAIRN_OK;
}

void cairn_run_folder_unlock(int lock)
{
    if (lock >= 0) close(lock);
}
