#include "experiments/stages/photos.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "data/image_cache.h"
#include "experiments/run/photo_parts.h"
#include "system/parallel.h"
#include "system/progress.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

typedef struct crop {
    cairn_image image; /* where all crops are in memory; empty: its photograph could not be used */
    char *key;
    int photo, number; /* the number-th crop of files[photo] */
} crop;

struct cairn_stage_photos {
    crop *crops;
    int count, h, w, per_photo;
    uint32_t seed;
    cairn_photo_folder folder;
    const cairn_photo_file **files;
    int file_count;
    cairn_image_cache *cache; /* NULL: all crops are in memory */
    bool *unusable;           /* [file_count] */
    char first_problem[1024];
    int problems;
    pthread_mutex_t lock;
    cairn_progress bar;
    int decoded;
};

/* Mean absolute difference of neighbouring pixels: near zero on sky and out-of-focus background. */
static double texture(const cairn_image *image)
{
    double sum = 0;
    for (int y = 0; y < image->h; y++)
        for (int x = 1; x < image->w; x++) {
            const float *p = image->pixels + (size_t)y * (size_t)image->w + (size_t)x;
            sum += fabs((double)p[0] - (double)p[-1]);
        }
    return sum / ((double)image->h * (image->w - 1));
}

/* A window of the crop's shape, its sides 20 to 70 % of the largest that fits but no smaller than the crop where the
 * photograph allows it; the first one with texture, else the one with most. */
static cairn_status cut(cairn_image *out, const cairn_image *photo, cairn_rng *rng, int h, int w)
{
    enum { TRIES = 8 };
    const double enough = 0.015;
    cairn_status st = CAIRN_OK;
    double fit = fmin((double)photo->h / h, (double)photo->w / w), best = -1;
    for (int i = 0; i < TRIES && best < enough; i++) {
        cairn_image window = {0}, resized = {0};
        double scale = fmin(fit, fmax(1.0, fit * cairn_rng_between(rng, 0.2, 0.7)));
        int ch = (int)fmin(photo->h, round(h * scale)), cw = (int)fmin(photo->w, round(w * scale));
        int y0 = cairn_rng_integer(rng, 0, photo->h - ch), x0 = cairn_rng_integer(rng, 0, photo->w - cw);
        CAIRN_TRY(cairn_image_crop(&window, photo, y0, x0, ch, cw));
        st = cairn_image_resize(&resized, &window, h, w);
        cairn_image_free(&window);
        if (st < 0) goto done;
        double found = texture(&resized);
        if (found > best) {
            cairn_image_free(out);
            *out = resized;
            best = found;
        } else {
            cairn_image_free(&resized);
        }
    }
done:
    return st;
}

/* Drawn by the photograph's name, not by its place in the list: another photograph in the folder changes no crop. */
static cairn_status make_crop(const cairn_stage_photos *p, const crop *c, const cairn_image *photo, cairn_image *out)
{
    enum { STREAM = 0x63726f70 }; /* "crop" */
    const uint64_t name = cairn_hash_text(CAIRN_HASH_START, p->files[c->photo]->stem);
    if (p->per_photo == 1) return cairn_image_resize_crop(out, photo, p->h, p->w, NULL, NULL, NULL);
    cairn_rng rng = cairn_rng_stream(p->seed, STREAM, (uint32_t)name, (uint32_t)c->number, (uint32_t)(name >> 32));
    return cut(out, photo, &rng, p->h, p->w);
}

static cairn_status load_photo(const cairn_stage_photos *p, int i, cairn_image *photo)
{
    cairn_status st = cairn_image_load(photo, p->files[i]->path, 1);
    if (st >= 0 && (photo->h < p->h / 2 || photo->w < p->w / 2))
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: %dx%d pixels are too few for crops of %dx%d", p->files[i]->path,
                             photo->w, photo->h, p->w, p->h);
    return st;
}

/* Counts a photograph once, however often it is asked for; the lock is held. */
static void note_problem(cairn_stage_photos *p, int photo)
{
    if (p->unusable[photo]) return;
    p->unusable[photo] = true;
    if (!p->problems++) snprintf(p->first_problem, sizeof p->first_problem, "%s", cairn_error_message());
}

static void tell_problems(const cairn_stage_photos *p)
{
    if (p->problems)
        cairn_warn("%d of %d photographs are left out; the first: %s", p->problems, p->file_count, p->first_problem);
}

/* All crops of photograph i. One that cannot be used is counted and left out; running out of memory is not. */
static cairn_status decode(void *payload, int i)
{
    cairn_stage_photos *p = payload;
    cairn_image photo = {0};
    cairn_status st = load_photo(p, i, &photo);
    for (int k = 0; k < p->per_photo && st >= 0; k++) {
        crop *c = &p->crops[i * p->per_photo + k];
        st = make_crop(p, c, &photo, &c->image);
    }
    cairn_image_free(&photo);
    pthread_mutex_lock(&p->lock);
    if (st < 0 && st != CAIRN_E_NOMEM) note_problem(p, i);
    cairn_progress_update(&p->bar, ++p->decoded, NULL);
    pthread_mutex_unlock(&p->lock);
    return st == CAIRN_E_NOMEM ? st : CAIRN_OK;
}

/* One crop, for the cache. */
static cairn_status make_one(void *payload, int i, cairn_image *out)
{
    const cairn_stage_photos *p = payload;
    cairn_image photo = {0};
    cairn_status st = load_photo(p, p->crops[i].photo, &photo);
    if (st >= 0) st = make_crop(p, &p->crops[i], &photo, out);
    cairn_image_free(&photo);
    if (st < 0) cairn_image_free(out);
    return st;
}

static void free_crop(crop *c)
{
    cairn_image_free(&c->image);
    free(c->key);
}

static void drop_empty(cairn_stage_photos *p)
{
    int kept = 0;
    for (int i = 0; i < p->count; i++)
        if (p->crops[i].image.pixels)
            p->crops[kept++] = p->crops[i];
        else
            free_crop(&p->crops[i]);
    p->count = kept;
}

static cairn_status name_crops(cairn_stage_photos *p)
{
    for (int i = 0; i < p->count; i++) {
        crop *c = &p->crops[i];
        char key[160];
        c->photo = i / p->per_photo;
        c->number = i % p->per_photo;
        snprintf(key, sizeof key, p->per_photo > 1 ? "%.120s-%03d" : "%.120s", p->files[c->photo]->stem, c->number);
        for (char *t = key; *t; t++)
            if (*t == '/' || (unsigned char)*t < 32) *t = '_';
        c->key = strdup(key);
        if (!c->key) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the names of %d crops", p->count);
    }
    return CAIRN_OK;
}

static cairn_status list_crops(cairn_stage_photos *p, bool held_back)
{
    const cairn_photo_folder *folder = &p->folder;
    p->files = calloc(folder->count + 1, sizeof *p->files);
    if (!p->files) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu photographs", folder->count);
    for (size_t i = 0; i < folder->count; i++)
        if (folder->files[i].held_back == held_back) p->files[p->file_count++] = &folder->files[i];
    if ((int64_t)p->file_count * p->per_photo > INT32_MAX)
        return cairn_error_set(CAIRN_E_INVALID, "%d crops of each of %d photographs are too many; lower photos.crops",
                               p->per_photo, p->file_count);
    p->count = p->file_count * p->per_photo;
    p->crops = calloc((size_t)p->count + 1, sizeof *p->crops);
    p->unusable = calloc((size_t)p->file_count + 1, sizeof *p->unusable);
    if (!p->crops || !p->unusable) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d crops", p->count);
    return name_crops(p);
}

static cairn_status fill(cairn_stage_photos *p, const cairn_photos *s, bool held_back)
{
    cairn_status st = CAIRN_OK;
    const cairn_image_cache_options cached = {.count = p->count,
                                              .bytes = (size_t)p->h * (size_t)p->w * sizeof(float),
                                              .memory = (uint64_t)s->memory << 20,
                                              .make = make_one,
                                              .payload = p};
    if (p->count && (uint64_t)p->count * cached.bytes > cached.memory) {
        cairn_info("%d %s crops do not fit into photos.memory, %lld MiB: they are decoded when they are needed",
                   p->count, held_back ? "held-back" : "training", (long long)s->memory);
        return cairn_image_cache_create(&p->cache, &cached);
    }
    cairn_progress_start(&p->bar, held_back ? "held-back photos" : "photos", p->file_count, 0);
    st = cairn_parallel_for(p->file_count, 0, decode, p);
    cairn_progress_finish(&p->bar);
    if (st < 0) return st;
    drop_empty(p);
    tell_problems(p);
    if (!p->count)
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: no usable photograph %s%s", s->root,
                               held_back ? "is held back for evaluation" : "to train on",
                               cairn_photos_why_none(&p->folder, s, held_back));
    return CAIRN_OK;
}

cairn_status cairn_stage_photos_open(cairn_stage_photos **out, const cairn_stage *stage, bool held_back)
{
    return cairn_stage_photos_open_sized(out, stage, held_back, (int)stage->photos->height, (int)stage->photos->width);
}

cairn_status cairn_stage_photos_open_sized(cairn_stage_photos **out, const cairn_stage *stage, bool held_back, int h,
                                           int w)
{
    cairn_status st = CAIRN_OK;
    const cairn_photos *s = stage->photos;
    *out = NULL;
    cairn_stage_photos *p = calloc(1, sizeof *p);
    if (!p) return cairn_error_set(CAIRN_E_NOMEM, "no memory for photographs");
    pthread_mutex_init(&p->lock, NULL);
    p->h = h;
    p->w = w;
    p->per_photo = (int)s->crops;
    p->seed = stage->seed;
    if (p->h % 8 || p->w % 8) {
        st = cairn_error_set(CAIRN_E_INVALID, "photographs of %dx%d pixels: height and width must be multiples of 8",
                             p->w, p->h);
        goto done;
    }
    CAIRN_TRY(cairn_photos_list(&p->folder, s));
    CAIRN_TRY(list_crops(p, held_back));
    CAIRN_TRY(fill(p, s, held_back));
    *out = p;
    p = NULL;
done:
    cairn_stage_photos_close(&p);
    return st;
}

void cairn_stage_photos_close(cairn_stage_photos **photos)
{
    cairn_stage_photos *p = *photos;
    if (!p) return;
    if (p->cache) tell_problems(p);
    cairn_image_cache_destroy(&p->cache);
    for (int i = 0; p->crops && i < p->count; i++) free_crop(&p->crops[i]);
    cairn_photo_folder_free(&p->folder);
    pthread_mutex_destroy(&p->lock);
    free(p->crops);
    free(p->files);
    free(p->unusable);
    free(p);
    *photos = NULL;
}

int cairn_stage_photos_count(const cairn_stage_photos *photos)
{
    return photos->count;
}

void cairn_stage_photos_size(const cairn_stage_photos *photos, int *h, int *w)
{
    *h = photos->h;
    *w = photos->w;
}

bool cairn_stage_photos_all_there(const cairn_stage_photos *photos)
{
    return !photos->cache;
}

cairn_status cairn_stage_photos_read(cairn_image *out, cairn_stage_photos *p, int i)
{
    if (!p->cache) return cairn_image_copy(out, &p->crops[i].image);
    const cairn_status st = cairn_image_cache_read(out, p->cache, i);
    if (st >= 0 || st == CAIRN_E_NOMEM) return st;
    pthread_mutex_lock(&p->lock);
    if (!p->problems) cairn_warn("a photograph cannot be used, others take its place: %s", cairn_error_message());
    note_problem(p, p->crops[i].photo);
    pthread_mutex_unlock(&p->lock);
    return st;
}

void cairn_stage_photos_expect(cairn_stage_photos *p, const int *crops, int count)
{
    if (p->cache) cairn_image_cache_expect(p->cache, crops, count);
}

void cairn_stage_photos_expect_after(cairn_stage_photos *p, int i)
{
    enum { AHEAD = 32 };
    int next[AHEAD], count = 0;
    while (count < AHEAD && i + 1 + count < p->count) {
        next[count] = i + 1 + count;
        count++;
    }
    cairn_stage_photos_expect(p, next, count);
}

uint32_t cairn_stage_photos_draw(const cairn_stage_photos *photos, int i)
{
    return photos->files[photos->crops[i].photo]->draw;
}

const char *cairn_stage_photos_key(const cairn_stage_photos *photos, int i)
{
    return photos->crops[i].key;
}
