#include "experiments/stages/matching/pairs.h"

#include "experiments/stages/common.h"
#include "formats/npz.h"
#include "system/file.h"
#include "system/interrupt.h"
#include "system/progress.h"
#include "teacher/augment.h"

#include <math.h>
#include <string.h>

enum { CELL = 8 };

void cairn_view_pair_free(cairn_view_pair *pair)
{
    cairn_keypoints_free(&pair->points[0]);
    cairn_keypoints_free(&pair->points[1]);
    *pair = (cairn_view_pair){0};
}

static cairn_status path_of(char **path, const char *folder, int i)
{
    char name[32];
    snprintf(name, sizeof name, "%06d.npz", i);
    *path = cairn_file_join(folder, name);
    return *path ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a path");
}

/* ---- making ---- */

typedef struct maker {
    const cairn_stage *stage;
    cairn_network *network;
    cairn_stage_photos *photos;
    const cairn_view_pair_options *o;
    float *heatmap, *descriptors;
} maker;

/* The best points of a heatmap; where there are fewer than asked for, points anywhere. */
static cairn_status choose_points(cairn_keypoints *out, const maker *m, cairn_rng *rng)
{
    cairn_status st = CAIRN_OK;
    const cairn_view_pair_options *o = m->o;
    cairn_keypoints found = {0};
    CAIRN_TRY(cairn_keypoints_from_heatmap(&found, m->heatmap, o->h, o->w, 0, o->radius, o->border, o->points));
    CAIRN_TRY(cairn_keypoints_create(out, o->points, 0));
    if (found.count) memcpy(out->points, found.points, sizeof *found.points * (size_t)found.count);
    for (int i = found.count; i < o->points; i++) {
        out->points[i].x = (float)cairn_rng_between(rng, o->border, o->w - 1 - o->border);
        out->points[i].y = (float)cairn_rng_between(rng, o->border, o->h - 1 - o->border);
    }
    CAIRN_TRY(cairn_keypoints_sample(out, m->descriptors, cairn_network_cells(o->h), cairn_network_cells(o->w),
                                     cairn_network_dimension(m->network), CELL));
done:
    cairn_keypoints_free(&found);
    return st;
}

/* One view's points, and the photograph's pixels of the view's. */
static cairn_status make_view(cairn_keypoints *out, cairn_homography *to_photo, const maker *m,
                              const cairn_image *photo, cairn_rng *rng)
{
    cairn_status st = CAIRN_OK;
    const cairn_view_pair_options *o = m->o;
    cairn_image view = {0};
    const cairn_photometric_options light = cairn_photometric_preset(CAIRN_AUGMENT_SUPERPOINT);
    CAIRN_TRY(cairn_view_sample(to_photo, rng, photo->h, photo->w, o->h, o->w, &o->view));
    CAIRN_TRY(cairn_homography_warp(&view, NULL, photo, to_photo, o->h, o->w));
    if (o->photometric) CAIRN_TRY(cairn_augment_photometric(&view, rng, &light));
    CAIRN_TRY(cairn_network_run(m->network, view.pixels, 1, o->h, o->w, m->heatmap, m->descriptors));
    CAIRN_TRY(choose_points(out, m, rng));
done:
    cairn_image_free(&view);
    return st;
}

static cairn_status write_pair(const cairn_view_pair *pair, const char *path)
{
    static char names[5][16] = {"points0", "points1", "descriptors0", "descriptors1", "a_to_b"};
    cairn_npz_array arrays[5];
    for (int i = 0; i < 2; i++) {
        const cairn_keypoints *k = &pair->points[i];
        arrays[i] = (cairn_npz_array){.name = names[i], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {k->count, 3},
                                      .data = k->points};
        arrays[2 + i] = (cairn_npz_array){.name = names[2 + i], .type = CAIRN_NPZ_F32, .rank = 2,
                                          .shape = {k->count, k->dimension}, .data = k->descriptors};
    }
    cairn_homography h = pair->a_to_b;
    arrays[4] = (cairn_npz_array){.name = names[4], .type = CAIRN_NPZ_F64, .rank = 2, .shape = {3, 3}, .data = h.m};
    return cairn_npz_write(path, arrays, 5, false);
}

/* The photo of pair i, or the next one that can be used. */
static cairn_status read_photo(cairn_image *out, const maker *m, int i)
{
    const int count = cairn_stage_photos_count(m->photos);
    for (int k = 0; k < count; k++) {
        const cairn_status st = cairn_stage_photos_read(out, m->photos, (int)(((int64_t)i + k) % count));
        if (st >= 0 || st == CAIRN_E_NOMEM) return st;
    }
    return cairn_error_set(CAIRN_E_NOTFOUND, "%s: none of the %d photographs can be used", m->stage->photos->root,
                           count);
}

static cairn_status make_pair(const maker *m, int i, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_view_pair pair = {0};
    cairn_image photo = {0};
    cairn_homography to_photo[2], from_photo;
    CAIRN_TRY(read_photo(&photo, m, i));
    for (int k = 0; k < 2; k++) {
        cairn_rng rng = cairn_rng_stream(m->stage->seed, m->stage->stream, (uint32_t)i,
                                         (uint32_t)(2 * m->o->held_back + k), CAIRN_PURPOSE_WARP);
        CAIRN_TRY(make_view(&pair.points[k], &to_photo[k], m, &photo, &rng));
    }
    CAIRN_TRY(cairn_homography_invert(&from_photo, &to_photo[1]));
    pair.a_to_b = cairn_homography_multiply(&from_photo, &to_photo[0]);
    CAIRN_TRY(write_pair(&pair, path));
done:
    cairn_view_pair_free(&pair);
    cairn_image_free(&photo);
    return st;
}

int cairn_stage_pairs_there(const char *folder, int count)
{
    int there = 0;
    for (bool exists = true; exists && there < count; there += exists) {
        char *path = NULL;
        if (path_of(&path, folder, there) < 0) return -1;
        exists = cairn_file_exists(path);
        free(path);
    }
    return there;
}

static cairn_status make_missing(const maker *m, int count, const char *folder)
{
    cairn_status st = CAIRN_OK;
    cairn_progress bar;
    char *path = NULL;
    const int there = cairn_stage_pairs_there(folder, count);
    if (there < 0) return CAIRN_E_NOMEM;
    cairn_progress_start(&bar, m->o->held_back ? "held-back pairs" : "pairs", count, there);
    for (int i = there; i < count && st >= 0; i++) {
        st = path_of(&path, folder, i);
        if (st >= 0 && !cairn_file_exists(path)) st = make_pair(m, i, path);
        free(path);
        path = NULL;
        cairn_progress_update(&bar, i + 1, NULL);
        if (st >= 0 && cairn_interrupted()) st = cairn_interrupted_status();
    }
    cairn_progress_finish(&bar);
    return st;
}

cairn_status cairn_stage_make_pairs(const cairn_stage *stage, cairn_network *network, cairn_stage_photos *photos,
                                    const cairn_view_pair_options *o, int count, const char *folder)
{
    cairn_status st = CAIRN_OK;
    const size_t cells = (size_t)cairn_network_cells(o->h) * (size_t)cairn_network_cells(o->w);
    maker m = {.stage = stage, .network = network, .photos = photos, .o = o,
               .heatmap = malloc(sizeof(float) * (size_t)o->h * (size_t)o->w),
               .descriptors = malloc(sizeof(float) * cells * (size_t)cairn_network_dimension(network))};
    if (!m.heatmap || !m.descriptors) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for views"));
    CAIRN_TRY(cairn_file_make_folder(folder));
    CAIRN_TRY(make_missing(&m, count, folder));
done:
    free(m.heatmap);
    free(m.descriptors);
    return st;
}

/* ---- reading ---- */

cairn_status cairn_stage_read_pair(cairn_view_pair *out, const char *folder, int i, int points, int dimension)
{
    cairn_status st = CAIRN_OK;
    cairn_npz npz = {0};
    char *path = NULL;
    const cairn_npz_array *a;
    static const char *const names[2] = {"points0", "points1"}, *const rows[2] = {"descriptors0", "descriptors1"};
    *out = (cairn_view_pair){0};
    CAIRN_TRY(path_of(&path, folder, i));
    CAIRN_TRY(cairn_npz_read(&npz, path));
    for (int k = 0; k < 2; k++) {
        CAIRN_TRY(cairn_keypoints_create(&out->points[k], points, dimension));
        CAIRN_TRY(cairn_npz_require(&a, &npz, names[k], CAIRN_NPZ_F32, 2, (const int64_t[]){points, 3}));
        memcpy(out->points[k].points, a->data, sizeof(float) * a->count);
        CAIRN_TRY(cairn_npz_require(&a, &npz, rows[k], CAIRN_NPZ_F32, 2, (const int64_t[]){points, dimension}));
        memcpy(out->points[k].descriptors, a->data, sizeof(float) * a->count);
    }
    CAIRN_TRY(cairn_npz_require(&a, &npz, "a_to_b", CAIRN_NPZ_F64, 2, (const int64_t[]){3, 3}));
    memcpy(out->a_to_b.m, a->data, sizeof out->a_to_b.m);
done:
    if (st < 0) cairn_view_pair_free(out);
    cairn_npz_free(&npz);
    free(path);
    return st;
}
