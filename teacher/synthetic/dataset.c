#include "teacher/synthetic/dataset.h"

#include "formats/npy.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/parallel.h"
#include "system/progress.h"

#include <math.h>
#include <string.h>

enum { STAGE = 0x53484150, SPLITS = 3, PATH_BYTES = 4096 };

static const struct {
    const char *name;
    int part; /* of the training images: one in so many */
} splits[SPLITS] = {{"training", 1}, {"validation", 50}, {"test", 20}};

static const char *const published_names[CAIRN_SHAPE_COUNT] = {
    "draw_lines",   "draw_polygon", "draw_multiple_polygons", "draw_ellipses", "draw_star", "draw_checkerboard",
    "draw_stripes", "draw_cube",    "gaussian_noise",
};

typedef struct item {
    int split, primitive, number;
    double place; /* in the order of work: every part of it has all primitives in their shares */
} item;

typedef struct job {
    const char *folder;
    const cairn_shapes_dataset_options *o;
    item *items;
    double *draw_seconds;    /* [count] */
    int count, there, first; /* to draw, drawn by an earlier run, first of the block */
} job;

static int count_of(const cairn_shapes_dataset_options *o, int split, int primitive)
{
    double count = o->images * cairn_shape_share((cairn_primitive)primitive) / splits[split].part;
    return count < 1 ? 1 : (int)lround(count);
}

/* Folders and file names without extension of an item; number < 0: the folder. */
static void path_of(char path[PATH_BYTES], const job *j, bool image, const item *it)
{
    const char *split = splits[it->split].name, *kind = image ? "images" : "points";
    char name[64] = "";
    if (j->o->layout == CAIRN_SHAPES_LAYOUT_TF) {
        if (it->number >= 0) snprintf(name, sizeof name, "/%d.%s", it->number, image ? "png" : "npy");
        snprintf(path, PATH_BYTES, "%s/%s/%s/%s%s", j->folder, published_names[it->primitive], kind, split, name);
    } else {
        if (it->number >= 0)
            snprintf(name, sizeof name, "/%s-%06d.%s", cairn_shape_name((cairn_primitive)it->primitive), it->number,
                     image ? "png" : "npz");
        snprintf(path, PATH_BYTES, "%s/%s%s", j->folder, split, name);
    }
}

/* float64 [K,2] of (row, column). */
static cairn_status save_npy(const char *path, const cairn_keypoints *corners)
{
    cairn_status st = CAIRN_OK;
    char header[CAIRN_NPY_HEADER_MAX];
    const cairn_npz_array array = {.type = CAIRN_NPZ_F64, .rank = 2, .shape = {corners->count, 2}};
    const size_t start = cairn_npy_make_header(header, &array), bytes = 2 * sizeof(double) * (size_t)corners->count;
    char *file = malloc(start + bytes);
    if (!file) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %s", path);
    memcpy(file, header, start);
    for (int i = 0; i < corners->count; i++) {
        const double place[2] = {corners->points[i].y, corners->points[i].x};
        memcpy(file + start + sizeof place * (size_t)i, place, sizeof place);
    }
    st = cairn_file_write(path, file, start + bytes);
    free(file);
    return st;
}

/* float32 [K,3] of (x, y, 1) and the image's size. */
static cairn_status save_npz(const char *path, const cairn_keypoints *corners, const cairn_shapes_options *shapes)
{
    int32_t size[2] = {shapes->h, shapes->w};
    _Static_assert(sizeof(cairn_keypoint) == 3 * sizeof(float), "points are rows of three floats");
    const cairn_npz_array arrays[2] = {
        {.name = (char[]){"points"},
         .type = CAIRN_NPZ_F32,
         .rank = 2,
         .shape = {corners->count, 3},
         .data = corners->points},
        {.name = (char[]){"size"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {2}, .data = size}};
    return cairn_npz_write(path, arrays, 2, false);
}

static cairn_status make(void *payload, int i)
{
    job *j = payload;
    const item *it = &j->items[j->first + i];
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    cairn_keypoints corners = {0};
    char image[PATH_BYTES], points[PATH_BYTES];
    path_of(image, j, true, it);
    path_of(points, j, false, it);
    cairn_rng rng =
        cairn_rng_stream(j->o->seed, STAGE + (uint32_t)it->split, (uint32_t)it->number, (uint32_t)it->primitive, 0);
    const double start = cairn_thread_cpu_seconds();
    CAIRN_TRY(cairn_shapes_draw(&gray, &corners, &rng, (cairn_primitive)it->primitive, &j->o->shapes));
    j->draw_seconds[j->first + i] = cairn_thread_cpu_seconds() - start;
    if (j->o->layout == CAIRN_SHAPES_LAYOUT_TF)
        CAIRN_TRY(save_npy(points, &corners));
    else
        CAIRN_TRY(save_npz(points, &corners, &j->o->shapes));
    CAIRN_TRY(cairn_image_save_png(&gray, image));
done:
    cairn_image_free(&gray);
    cairn_keypoints_free(&corners);
    return st;
}

static int by_place(const void *left, const void *right)
{
    const item *a = left, *b = right;
    if (a->place != b->place) return a->place < b->place ? -1 : 1;
    return a->primitive < b->primitive ? -1 : a->primitive > b->primitive;
}

static cairn_status list_items(job *j)
{
    int total = 0;
    for (int s = 0; s < SPLITS; s++)
        for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) total += j->o->primitives[p] ? count_of(j->o, s, p) : 0;
    if (total == 0) return cairn_error_set(CAIRN_E_INVALID, "synthetic shapes: no primitive is chosen");
    j->items = malloc((size_t)total * sizeof *j->items);
    j->draw_seconds = calloc((size_t)total, sizeof *j->draw_seconds);
    if (!j->items || !j->draw_seconds)
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of %d images", total);
    for (int s = 0; s < SPLITS; s++)
        for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) {
            const int n = j->o->primitives[p] ? count_of(j->o, s, p) : 0;
            for (int i = 0; i < n; i++) j->items[j->count++] = (item){s, p, i, s + (i + 0.5) / n};
        }
    qsort(j->items, (size_t)j->count, sizeof *j->items, by_place);
    return CAIRN_OK;
}

/* Drops what an earlier run has drawn, so that the time left is that of the others. */
static void skip_drawn(job *j)
{
    char path[PATH_BYTES];
    int left = 0;
    for (int i = 0; i < j->count; i++) {
        path_of(path, j, true, &j->items[i]);
        if (!cairn_file_exists(path)) j->items[left++] = j->items[i];
    }
    j->there = j->count - left;
    j->count = left;
}

static cairn_status make_folders(const job *j)
{
    cairn_status st = CAIRN_OK;
    char path[PATH_BYTES];
    for (int s = 0; s < SPLITS; s++)
        for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) {
            if (!j->o->primitives[p]) continue;
            for (int image = 0; image < 2; image++) {
                path_of(path, j, image, &(item){s, p, -1, 0});
                CAIRN_TRY(cairn_file_make_folder(path));
            }
        }
done:
    return st;
}

/* Compares folder/synthetic.json with the options, or writes it. The number of images may grow. */
static cairn_status describe(const job *j)
{
    const cairn_shapes_options *s = &j->o->shapes;
    cairn_status st = CAIRN_OK;
    char path[PATH_BYTES], how[256], text[320];
    uint8_t *there = NULL;
    size_t size = 0;
    int images = 0;
    snprintf(path, sizeof path, "%s/synthetic.json", j->folder);
    const int length = snprintf(how, sizeof how,
                                "{\"version\": 1, \"layout\": \"%s\", \"seed\": %lu, \"height\": %d, \"width\": %d,\n "
                                "\"canvas_height\": %d, \"literal_labels\": %s, \"images\": ",
                                j->o->layout == CAIRN_SHAPES_LAYOUT_TF ? "tf" : "pairs", (unsigned long)j->o->seed,
                                s->h, s->w, s->canvas_height, s->literal_labels ? "true" : "false");
    snprintf(text, sizeof text, "%s%d}\n", how, j->o->images);
    if (cairn_file_exists(path)) {
        CAIRN_TRY(cairn_file_read(&there, &size, path, 4096));
        if (strncmp((const char *)there, how, (size_t)length) ||
            sscanf((const char *)there + length, "%d}", &images) != 1 || images > j->o->images) {
            st = cairn_error_set(CAIRN_E_INVALID,
                                 "%s: the images here were drawn with other options, or are more; see that file, or "
                                 "choose another folder",
                                 path);
            goto done;
        }
    }
    if (images != j->o->images) CAIRN_TRY(cairn_file_write(path, text, strlen(text)));
done:
    free(there);
    return st;
}

static cairn_status make_all(job *j)
{
    cairn_status st = CAIRN_OK;
    cairn_progress bar;
    const int block = 16 * cairn_cores(), total = j->there + j->count;
    if (j->o->progress) cairn_progress_start(&bar, "synthesize", total, j->there);
    for (j->first = 0; j->first < j->count; j->first += block) {
        const int count = j->count - j->first < block ? j->count - j->first : block;
        if (cairn_interrupted()) st = cairn_interrupted_status();
        if (st >= 0) st = cairn_parallel_for(count, 0, make, j);
        if (st < 0) break;
        if (j->o->progress) cairn_progress_update(&bar, j->there + j->first + count, NULL);
    }
    if (j->o->progress) cairn_progress_finish(&bar);
    return st;
}

cairn_status cairn_shapes_dataset_write(cairn_shapes_dataset_report *report, const char *folder,
                                        const cairn_shapes_dataset_options *o)
{
    cairn_status st = CAIRN_OK;
    job j = {.folder = folder, .o = o};
    const double start = cairn_seconds(), cpu = cairn_cpu_seconds();
    *report = (cairn_shapes_dataset_report){0};
    if (o->images < 1 || o->images > 1000000 || (unsigned)o->layout >= CAIRN_SHAPES_LAYOUTS)
        return cairn_error_set(CAIRN_E_INVALID, "synthetic shapes: 1 to 1000000 images of a primitive, not %d",
                               o->images);
    if (strlen(folder) > PATH_BYTES - 256)
        return cairn_error_set(CAIRN_E_INVALID, "synthetic shapes: the folder's name is too long");
    CAIRN_TRY(cairn_shapes_check(&o->shapes));
    CAIRN_TRY(list_items(&j));
    CAIRN_TRY(cairn_file_make_folder(folder));
    CAIRN_TRY(describe(&j));
    CAIRN_TRY(make_folders(&j));
    skip_drawn(&j);
    CAIRN_TRY(make_all(&j));
    report->made = j.count;
    report->there = j.there;
    report->seconds = cairn_seconds() - start;
    report->cpu_seconds = cairn_cpu_seconds() - cpu;
    for (int i = 0; i < j.count; i++) report->draw_seconds += j.draw_seconds[i];
done:
    free(j.items);
    free(j.draw_seconds);
    return st;
}
