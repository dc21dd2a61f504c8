/* Matched masks as files. */
#include "matching/masks.h"

#include "formats/npz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, MOST_POINTS = 1 << 20 };

cairn_status cairn_masks_write(const char *path, const cairn_masked_pair *pair, const cairn_mask_info *info)
{
    char names[11][12] = {"points_a", "points_b", "scores", "lost_a", "lost_b", "homography",
                          "size",     "teacher",  "seeds",  "image",  "options"};
    char version_name[] = "version";
    int32_t size[2] = {pair->h, pair->w}, version = VERSION;
    int64_t seeds[3] = {info->seed, info->stream, info->pair};
    uint8_t teacher[8];
    cairn_masked_pair p = *pair; /* the writer's arrays are not const */
    cairn_mask_info i = *info;
    for (int k = 0; k < 8; k++) teacher[k] = (uint8_t)(info->teacher >> (8 * k));
    const cairn_npz_array arrays[] = {
        {.name = names[0], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {p.a.count, 3}, .data = p.a.points},
        {.name = names[1], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {p.b.count, 3}, .data = p.b.points},
        {.name = names[2], .type = CAIRN_NPZ_F32, .rank = 1, .shape = {p.a.count}, .data = p.scores},
        {.name = names[3], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {p.lost_a.count, 3}, .data = p.lost_a.points},
        {.name = names[4], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {p.lost_b.count, 3}, .data = p.lost_b.points},
        {.name = names[5], .type = CAIRN_NPZ_F64, .rank = 2, .shape = {3, 3}, .data = p.to_warped.m},
        {.name = names[6], .type = CAIRN_NPZ_I32, .rank = 1, .shape = {2}, .data = size},
        {.name = names[7], .type = CAIRN_NPZ_U8, .rank = 1, .shape = {8}, .data = teacher},
        {.name = names[8], .type = CAIRN_NPZ_I64, .rank = 1, .shape = {3}, .data = seeds},
        {.name = names[9], .type = CAIRN_NPZ_U8, .rank = 1, .shape = {(int64_t)strlen(i.image)}, .data = i.image},
        {.name = names[10], .type = CAIRN_NPZ_U8, .rank = 1, .shape = {(int64_t)strlen(i.options)}, .data = i.options},
        {.name = version_name, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {1}, .data = &version},
    };
    _Static_assert(sizeof(cairn_keypoint) == 12, "a row of points is x, y, score");
    return cairn_npz_write(path, arrays, sizeof arrays / sizeof *arrays, false);
}

/* Points [n,3] (n any where it is negative), inside the image. */
static cairn_status read_points(cairn_keypoints *out, const cairn_npz *npz, const char *name, int64_t n, int h, int w)
{
    cairn_status st = CAIRN_OK;
    const cairn_npz_array *array;
    CAIRN_TRY(cairn_npz_require(&array, npz, name, CAIRN_NPZ_F32, 2, (int64_t[]){n, 3}));
    if (array->shape[0] > MOST_POINTS)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: %s has %lld points, more than %d", npz->path, name,
                                  (long long)array->shape[0], MOST_POINTS));
    CAIRN_TRY(cairn_keypoints_create(out, (int)array->shape[0], 0));
    memcpy(out->points, array->data, (size_t)out->count * sizeof *out->points);
    for (int i = 0; i < out->count; i++) {
        const cairn_keypoint p = out->points[i];
        if (p.x >= 0 && p.y >= 0 && p.x <= (float)(w - 1) && p.y <= (float)(h - 1) && isfinite(p.score)) continue;
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT,
                                  "%s: point %d of %s is (%g, %g) with score %g, outside the image of "
                                  "%dx%d or not a number",
                                  npz->path, i, name, (double)p.x, (double)p.y, (double)p.score, w, h));
    }
done:
    return st;
}

static cairn_status read_text(char *out, size_t room, const cairn_npz *npz, const char *name)
{
    const cairn_npz_array *array;
    cairn_status st = cairn_npz_require(&array, npz, name, CAIRN_NPZ_U8, 1, (int64_t[]){-1});
    if (st < 0) return st;
    bool fine = array->count < room;
    for (size_t i = 0; fine && i < array->count; i++) {
        const uint8_t c = ((const uint8_t *)array->data)[i];
        fine = c >= 32 && c != 127; /* a photograph's name may be UTF-8 */
        out[i] = (char)c;
    }
    if (!fine) return cairn_error_set(CAIRN_E_FORMAT, "%s: %s is no text below %zu bytes", npz->path, name, room);
    out[array->count] = 0;
    return CAIRN_OK;
}

static cairn_status read_info(cairn_mask_info *info, const cairn_npz *npz)
{
    cairn_status st = CAIRN_OK;
    const cairn_npz_array *teacher, *seeds;
    *info = (cairn_mask_info){0};
    CAIRN_TRY(cairn_npz_require(&teacher, npz, "teacher", CAIRN_NPZ_U8, 1, (int64_t[]){8}));
    CAIRN_TRY(cairn_npz_require(&seeds, npz, "seeds", CAIRN_NPZ_I64, 1, (int64_t[]){3}));
    CAIRN_TRY(read_text(info->image, sizeof info->image, npz, "image"));
    CAIRN_TRY(read_text(info->options, sizeof info->options, npz, "options"));
    for (int k = 0; k < 8; k++) info->teacher |= (uint64_t)((const uint8_t *)teacher->data)[k] << (8 * k);
    const int64_t *s = seeds->data;
    if (s[0] < 0 || s[0] > UINT32_MAX || s[1] < 0 || s[1] > UINT32_MAX || s[2] < 0 || s[2] > INT32_MAX)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: seeds out of range", npz->path));
    info->seed = (uint32_t)s[0];
    info->stream = (uint32_t)s[1];
    info->pair = (int)s[2];
done:
    return st;
}

static cairn_status read_pair(cairn_masked_pair *out, const cairn_npz *npz, int h, int w)
{
    cairn_status st = CAIRN_OK;
    const cairn_npz_array *size, *version, *matrix, *scores;
    cairn_homography back;
    CAIRN_TRY(cairn_npz_require(&version, npz, "version", CAIRN_NPZ_I32, 1, (int64_t[]){1}));
    if (*(const int32_t *)version->data != VERSION)
        CAIRN_TRY(cairn_error_set(CAIRN_E_UNSUPPORTED, "%s: version %d of matched masks; this program reads %d",
                                  npz->path, *(const int32_t *)version->data, VERSION));
    CAIRN_TRY(cairn_npz_require(&size, npz, "size", CAIRN_NPZ_I32, 1, (int64_t[]){2}));
    const int32_t *s = size->data;
    if (s[0] != h || s[1] != w)
        CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE, "%s: masks of images of %dx%d, but %dx%d are wanted: make them again",
                                  npz->path, s[1], s[0], w, h));
    CAIRN_TRY(cairn_npz_require(&matrix, npz, "homography", CAIRN_NPZ_F64, 2, (int64_t[]){3, 3}));
    memcpy(out->to_warped.m, matrix->data, sizeof out->to_warped.m);
    for (int i = 0; i < 9; i++)
        if (!isfinite(out->to_warped.m[i]) || cairn_homography_invert(&back, &out->to_warped) < 0)
            CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: a homography that cannot be inverted", npz->path));
    CAIRN_TRY(read_points(&out->a, npz, "points_a", -1, h, w));
    CAIRN_TRY(read_points(&out->b, npz, "points_b", out->a.count, h, w));
    CAIRN_TRY(read_points(&out->lost_a, npz, "lost_a", -1, h, w));
    CAIRN_TRY(read_points(&out->lost_b, npz, "lost_b", -1, h, w));
    CAIRN_TRY(cairn_npz_require(&scores, npz, "scores", CAIRN_NPZ_F32, 1, (int64_t[]){out->a.count}));
    out->scores = malloc(((size_t)out->a.count + 1) * sizeof *out->scores);
    if (!out->scores) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    memcpy(out->scores, scores->data, (size_t)out->a.count * sizeof *out->scores);
    for (int i = 0; i < out->a.count; i++)
        if (!(out->scores[i] >= 0 && out->scores[i] <= 1))
            CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: score %d is %g, not in 0..1", npz->path, i,
                                      (double)out->scores[i]));
done:
    return st;
}

cairn_status cairn_masks_read(cairn_masked_pair *out, cairn_mask_info *info, const char *path, int h, int w)
{
    cairn_status st = CAIRN_OK;
    cairn_npz npz = {0};
    *out = (cairn_masked_pair){.h = h, .w = w};
    CAIRN_TRY(cairn_npz_read(&npz, path));
    CAIRN_TRY(read_pair(out, &npz, h, w));
    if (info) CAIRN_TRY(read_info(info, &npz));
done:
    cairn_npz_free(&npz);
    if (st < 0) cairn_masked_pair_free(out);
    return st;
}
