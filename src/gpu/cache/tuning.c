#include "gpu/cache/tuning.h"

#include "base/hash.h"
#include "base/log.h"
#include "gpu/internal.h"
#include "gpu/shaders.h"
#include "system/file.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_BYTES = 16 << 20, MOST_ENTRIES = 1 << 16 };
static const char magic[] = "cairn tuning 1\n";

typedef struct entry {
    char key[CAIRN_TUNING_KEY_BYTES];
    uint32_t variant;
    double ns;
} entry;

struct gpu_tuning {
    cairn_tuning_mode mode;
    char *path;
    bool named;   /* the user chose the path */
    bool changed; /* the file lacks something, or is to be replaced */
    entry *entries;
    int count, room;
};

static entry *find(const gpu_tuning *t, const char *key)
{
    for (int i = 0; i < t->count; i++)
        if (!strcmp(t->entries[i].key, key)) return &t->entries[i];
    return NULL;
}

static entry *append(gpu_tuning *t, const char *key)
{
    if (t->count == MOST_ENTRIES) return NULL;
    if (t->count == t->room) {
        int wanted = t->room ? 2 * t->room : 64;
        entry *grown = realloc(t->entries, sizeof *grown * (size_t)wanted);
        if (!grown) return NULL;
        t->entries = grown;
        t->room = wanted;
    }
    entry *e = &t->entries[t->count++];
    snprintf(e->key, sizeof e->key, "%s", key);
    return e;
}

/* ---- the file ---- */

/* The lines that say whose file it is. */
static void write_head(char *text, size_t size, const cairn_gpu *gpu)
{
    snprintf(text, size, "%sdevice %s\ndriver %08x %s", magic, gpu->info.uuid, gpu->info.driver_version,
             gpu->info.driver);
    for (char *c = text + sizeof magic - 1; *c; c++)
        if (*c != '\n' && (unsigned char)*c < 32) *c = ' ';
    size_t used = strlen(text);
    if (used + 1 < size) memcpy(text + used, "\n", 2);
}

/* "KEY = VARIANT NS", ended in place. */
static bool read_line(gpu_tuning *t, char *line)
{
    char *equals = strstr(line, " = "), *end;
    if (!equals || equals == line || equals - line >= CAIRN_TUNING_KEY_BYTES) return false;
    *equals = 0;
    if (equals[3] < '0' || equals[3] > '9') return false;
    unsigned long long variant = strtoull(equals + 3, &end, 10);
    if (*end != ' ' || variant > UINT32_MAX || end[1] < '0' || end[1] > '9') return false;
    double ns = strtod(end + 1, &end);
    if (*end || !(ns >= 0)) return false;
    if (find(t, line)) return true; /* what is known already stays */
    entry *e = append(t, line);
    if (!e) return false;
    e->variant = (uint32_t)variant;
    e->ns = ns;
    return true;
}

/* Adds the entries of a file's text; returns NULL, or what is wrong with it. The text is cut up. */
static const char *read_text(gpu_tuning *t, const cairn_gpu *gpu, char *text, size_t size)
{
    char head[1024];
    write_head(head, sizeof head, gpu);
    if (strlen(text) != size || size < sizeof magic || strncmp(text, magic, sizeof magic - 1)) return "is damaged";
    if (text[size - 1] != '\n') return "is truncated";
    text[size - 1] = 0;
    char *last = strrchr(text, '\n');
    unsigned count;
    uint64_t hash;
    int used = 0;
    if (!last || sscanf(last, "\nend %u %16" SCNx64 "%n", &count, &hash, &used) != 2 || last[used])
        return "is truncated";
    if (hash != cairn_hash_bytes(CAIRN_HASH_START, text, (size_t)(last + 1 - text))) return "is damaged";
    last[1] = 0;
    if (strncmp(text, head, strlen(head))) return "is of another device or driver";
    unsigned seen = 0;
    for (char *line = text + strlen(head), *next; *line; line = next, seen++) {
        next = strchr(line, '\n'); /* there is one: the text ends with it */
        *next++ = 0;
        if (!read_line(t, line)) return "is damaged";
    }
    return seen == count ? NULL : "is damaged";
}

static const char *read_file(gpu_tuning *t, const cairn_gpu *gpu)
{
    uint8_t *text = NULL;
    size_t size;
    if (!cairn_file_exists(t->path)) return NULL;
    if (cairn_file_read(&text, &size, t->path, MOST_BYTES) < 0) return "cannot be read";
    const int before = t->count;
    const char *wrong = read_text(t, gpu, (char *)text, size);
    if (wrong) t->count = before;
    free(text);
    return wrong;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->key, ((const entry *)b)->key);
}

static cairn_status write_file(gpu_tuning *t, const cairn_gpu *gpu)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL, head[1024], *folder = strdup(t->path);
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file || !folder) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the tuning file");
        goto done;
    }
    write_head(head, sizeof head, gpu);
    fputs(head, file);
    for (int i = 0; i < t->count; i++)
        fprintf(file, "%s = %u %.0f\n", t->entries[i].key, t->entries[i].variant, t->entries[i].ns);
    fflush(file);
    fprintf(file, "end %d %016" PRIx64 "\n", t->count, cairn_hash_bytes(CAIRN_HASH_START, text, size));
    if (fclose(file)) {
        file = NULL;
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the tuning file");
        goto done;
    }
    file = NULL;
    char *slash = strrchr(folder, '/');
    if (slash && slash > folder) {
        *slash = 0;
        CAIRN_TRY(cairn_file_make_folder(folder));
    }
    CAIRN_TRY(cairn_file_write(t->path, text, size));
done:
    if (file) fclose(file);
    free(text);
    free(folder);
    return st;
}

/* ---- life ---- */

static cairn_status choose_mode(cairn_tuning_mode *mode, cairn_tuning_mode wanted)
{
    const char *variable = getenv("CAIRN_TUNE");
    *mode = wanted == CAIRN_TUNING_AUTO ? CAIRN_TUNING_USE : wanted;
    if (wanted != CAIRN_TUNING_AUTO || !variable || !variable[0]) return CAIRN_OK;
    if (!strcmp(variable, "1"))
        *mode = CAIRN_TUNING_MEASURE;
    else if (!strcmp(variable, "0"))
        *mode = CAIRN_TUNING_OFF;
    else
        return cairn_error_set(CAIRN_E_INVALID, "CAIRN_TUNE is '%.40s', expected 1 (measure what is unknown) or 0 "
                                                "(shipped choices only)", variable);
    return CAIRN_OK;
}

cairn_status cairn_gpu__tuning_create(cairn_gpu *gpu, const cairn_gpu_options *options)
{
    cairn_status st;
    char name[64];
    const char *file = getenv("CAIRN_TUNING_FILE"), *wrong;
    gpu_tuning *t = gpu->tuning = calloc(1, sizeof *t);
    if (!t) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the tuning table");
    CAIRN_TRY(choose_mode(&t->mode, options->tuning));
    if (t->mode == CAIRN_TUNING_OFF) goto done;
    if (options->tuning_file) file = options->tuning_file;
    t->named = file && file[0];
    snprintf(name, sizeof name, "tuning-%s.txt", gpu->info.uuid);
    t->path = t->named ? strdup(file) : cairn_gpu_cache_file(options->cache_folder, name);
    if (t->path && (wrong = read_file(t, gpu))) {
        cairn_warn("tuning: '%s' %s: ignored", t->path, wrong);
        t->changed = !t->named;
    }
done:
    return st;
}

void cairn_gpu__tuning_destroy(cairn_gpu *gpu)
{
    if (!gpu->tuning) return;
    cairn_gpu_tuning_save(gpu);
    free(gpu->tuning->entries);
    free(gpu->tuning->path);
    free(gpu->tuning);
    gpu->tuning = NULL;
}

void cairn_gpu_tuning_save(cairn_gpu *gpu)
{
    gpu_tuning *t = gpu->tuning;
    if (!t->changed || !t->path) return;
    char message[1024]; /* a caller that cleans up after an error still wants to print that error */
    snprintf(message, sizeof message, "%s", cairn_error_message());
    read_file(t, gpu);
    qsort(t->entries, (size_t)t->count, sizeof *t->entries, by_key);
    if (write_file(t, gpu) < 0) cairn_warn("tuning: not kept: %s", cairn_error_message());
    t->changed = false;
    cairn_error_set(CAIRN_OK, "%s", message);
}

/* ---- use ---- */

cairn_tuning_mode cairn_gpu_tuning_mode(const cairn_gpu *gpu)
{
    return gpu->tuning->mode;
}

bool cairn_gpu_tuning_find(const cairn_gpu *gpu, const char *key, uint32_t *variant)
{
    const entry *e = find(gpu->tuning, key);
    if (e) *variant = e->variant;
    return e != NULL;
}

cairn_status cairn_gpu_tuning_put(cairn_gpu *gpu, const char *key, uint32_t variant, double ns)
{
    CAIRN_ASSERT(key[0] && strlen(key) < CAIRN_TUNING_KEY_BYTES && !strpbrk(key, "=\n"));
    entry *e = find(gpu->tuning, key);
    if (!e) e = append(gpu->tuning, key);
    if (!e) return cairn_error_set(CAIRN_E_NOMEM, "no room for another tuned choice");
    e->variant = variant;
    e->ns = ns;
    gpu->tuning->changed = true;
    return CAIRN_OK;
}

void cairn_gpu_tuning_clear(cairn_gpu *gpu)
{
    gpu_tuning *t = gpu->tuning;
    if (t->count) t->changed = true;
    t->count = 0;
    if (t->path && t->changed && write_file(t, gpu) < 0) cairn_warn("tuning: %s", cairn_error_message());
}

int cairn_gpu_tuning_count(const cairn_gpu *gpu)
{
    return gpu->tuning->count;
}

const char *cairn_gpu_tuning_path(const cairn_gpu *gpu)
{
    return gpu->tuning->path;
}

void cairn_gpu_tuning_describe(const cairn_gpu *gpu, char *text, size_t size)
{
    const gpu_tuning *t = gpu->tuning;
    uint64_t hash = 0; /* whatever the order */
    for (int i = 0; i < t->count; i++) {
        uint64_t h = cairn_hash_text(CAIRN_HASH_START, t->entries[i].key);
        hash += cairn_hash_bytes(h, &t->entries[i].variant, sizeof t->entries[i].variant);
    }
    if (t->count)
        snprintf(text, size, "%d choices, %016" PRIx64, t->count, hash);
    else
        snprintf(text, size, "defaults");
}

uint64_t cairn_gpu_family_hash(const cairn_gpu *gpu, const char *family)
{
    uint64_t h = CAIRN_HASH_START;
    size_t n = strlen(family);
    for (const cairn_shader *s = cairn_shader_table; s->name; s++) {
        bool used = s->kernel_class == gpu->info.kernel_class ||
                    (gpu->info.kernel_class == CAIRN_CLASS_MATRIX && s->kernel_class == CAIRN_CLASS_SIMT);
        if (strncmp(s->name, family, n) || s->name[n] != '/' || !used) continue;
        h = cairn_hash_text(h, s->name);
        h = cairn_hash_bytes(h, s->words, s->count * sizeof *s->words);
    }
    return h;
}
