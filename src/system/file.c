#include "system/file.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

cairn_status cairn_file_read(uint8_t **out, size_t *size, const char *path, size_t most)
{
    *out = NULL;
    *size = 0;
    cairn_status st = CAIRN_OK;
    uint8_t *data = NULL;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* O_NONBLOCK: a named pipe must not hang us */
    if (fd < 0)
        return cairn_error_set(errno == ENOENT || errno == ENOTDIR ? CAIRN_E_NOTFOUND : CAIRN_E_IO,
                               "cannot open %s: %s", path, strerror(errno));
    if (fstat(fd, &info) < 0) CAIRN_TRY(cairn_error_set(CAIRN_E_IO, "cannot read %s: %s", path, strerror(errno)));
    if (S_ISDIR(info.st_mode)) CAIRN_TRY(cairn_error_set(CAIRN_E_IO, "%s is a folder, expected a file", path));
    if (!S_ISREG(info.st_mode)) CAIRN_TRY(cairn_error_set(CAIRN_E_IO, "%s is not a regular file", path));
    if ((uintmax_t)info.st_size > most)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s has %jd bytes, more than the %zu that are accepted here", path,
                                  (intmax_t)info.st_size, most));
    size_t want = (size_t)info.st_size, got = 0;
    data = malloc(want + 1);
    if (!data) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the %zu bytes of %s", want, path));
    while (got < want) {
        ssize_t n = read(fd, data + got, want - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) CAIRN_TRY(cairn_error_set(CAIRN_E_IO, "cannot read %s: %s", path, strerror(errno)));
        if (n == 0) break; /* truncated by somebody while we read: the parser decides */
        got += (size_t)n;
    }
    data[got] = 0;
    *out = data;
    *size = got;
    data = NULL;
done:
    free(data);
    close(fd);
    return st;
}

cairn_status cairn_file_hash(uint64_t *hash, const char *path)
{
    uint8_t *bytes;
    size_t size;
    *hash = CAIRN_HASH_START;
    const cairn_status st = cairn_file_read(&bytes, &size, path, (size_t)1 << 32);
    if (st < 0) return st;
    *hash = cairn_hash_bytes(*hash, bytes, size);
    free(bytes);
    return CAIRN_OK;
}

static cairn_status write_all(const char *path, const char *temporary, const uint8_t *data, size_t size)
{
    int fd = open(temporary, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return cairn_error_set(CAIRN_E_IO, "cannot write %s: %s", path, strerror(errno));
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, data + at, size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            int why = n < 0 ? errno : ENOSPC;
            close(fd);
            return cairn_error_set(CAIRN_E_IO, "cannot write %s: %s after %zu of %zu bytes", path, strerror(why), at,
                                   size);
        }
        at += (size_t)n;
    }
    if (close(fd) < 0) return cairn_error_set(CAIRN_E_IO, "cannot write %s: %s", path, strerror(errno));
    return CAIRN_OK;
}

cairn_status cairn_file_write(const char *path, const void *data, size_t size)
{
    char *temporary = NULL;
    cairn_status st = cairn_file_temporary(&temporary, path);
    if (st == CAIRN_OK) st = write_all(path, temporary, data, size);
    if (st == CAIRN_OK)
        st = cairn_file_commit(temporary, path);
    else
        cairn_file_discard(temporary);
    free(temporary);
    return st;
}

/* The folder part of `path` with its slash, or nothing. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

cairn_status cairn_file_temporary(char **temporary, const char *path)
{
    static atomic_uint counter;
    *temporary = NULL;
    size_t folder = folder_length(path), length = strlen(path) + 48;
    if (!path[folder]) return cairn_error_set(CAIRN_E_INVALID, "cannot write '%s': it names no file", path);
    if (cairn_file_is_folder(path)) return cairn_error_set(CAIRN_E_IO, "cannot write %s: it is a folder", path);
    char *name = malloc(length);
    if (!name) return cairn_error_set(CAIRN_E_NOMEM, "no memory to write %s", path);
    for (int tries = 0; tries < 1000; tries++) {
        snprintf(name, length, "%.*s.%s.%ld-%u.tmp", (int)folder, path, path + folder, (long)getpid(),
                 atomic_fetch_add(&counter, 1));
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            close(fd);
            *temporary = name;
            return CAIRN_OK;
        }
        if (errno != EEXIST) break;
    }
    int why = errno;
    free(name);
    return cairn_error_set(CAIRN_E_IO, "cannot write %s: %s", path, strerror(why));
}

static int sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int bad = fsync(fd), why = errno;
    if (close(fd) < 0 && !bad) return -1;
    errno = why;
    return bad && why != EINVAL && why != EROFS ? -1 : 0; /* EINVAL: this file system has no fsync */
}

cairn_status cairn_file_commit(const char *temporary, const char *path)
{
    if (sync_file(temporary) < 0 || rename(temporary, path) < 0) {
        int why = errno;
        cairn_file_discard(temporary);
        return cairn_error_set(CAIRN_E_IO, "cannot write %s: %s", path, strerror(why));
    }
    /* The rename itself survives a power cut only when the folder is synced too. A failure here loses nothing that
     * was whole before, so it is no error. */
    size_t length = folder_length(path);
    char *folder = length ? strndup(path, length) : strdup(".");
    if (folder) sync_file(folder);
    free(folder);
    return CAIRN_OK;
}

void cairn_file_discard(const char *temporary)
{
    if (temporary) unlink(temporary);
}

cairn_status cairn_file_make_folder(const char *path)
{
    if (!*path) return cairn_error_set(CAIRN_E_INVALID, "cannot make a folder with an empty name");
    char *part = strdup(path);
    if (!part) return cairn_error_set(CAIRN_E_NOMEM, "no memory to make the folder %s", path);
    cairn_status st = CAIRN_OK;
    for (char *p = part + 1; st == CAIRN_OK; p++) {
        if (*p && *p != '/') continue;
        char was = *p;
        *p = 0;
        if (mkdir(part, 0777) < 0 && !(errno == EEXIST && cairn_file_is_folder(part))) {
            int why = errno == EEXIST ? ENOTDIR : errno;
            if (!cairn_file_is_folder(part)) /* EROFS or EACCES for a folder that is there already */
                st = cairn_error_set(CAIRN_E_IO, "cannot make the folder %s: %s", part, strerror(why));
        }
        *p = was;
        if (!was) break;
    }
    free(part);
    return st;
}

bool cairn_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool cairn_file_same(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool cairn_file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *cairn_file_join(const char *folder, const char *name)
{
    size_t a = strlen(folder), b = strlen(name);
    int slash = a && folder[a - 1] != '/';
    char *out = malloc(a + b + 2);
    if (!out) return NULL;
    memcpy(out, folder, a);
    if (slash) out[a] = '/';
    memcpy(out + a + slash, name, b + 1);
    return out;
}

char *cairn_file_stem(const char *path)
{
    const char *name = path + folder_length(path), *dot = strrchr(name, '.');
    return strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}
