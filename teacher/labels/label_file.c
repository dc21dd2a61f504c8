#include "teacher/labels/label_file.h"

#include "formats/npz.h"

#include <math.h>
#include <string.h>

cairn_status cairn_label_file_write(const char *path, const cairn_label_info *info, const cairn_keypoints *points)
{
    int32_t size[2] = {info->h, info->w}, views = info->views;
    float threshold = info->threshold;
    uint8_t fingerprint[8];
    memcpy(fingerprint, &info->checkpoint, sizeof fingerprint);
    _Static_assert(sizeof(cairn_keypoint) == 3 * sizeof(float), "keypoints are written as rows of three floats");
    cairn_npz_array arrays[5] = {
        {.name = (char[]){"points"},
         .type = CAIRN_NPZ_F32,
         .rank = 2,
         .shape = {points->count, 3},
         .data = points->points},
        {.name = (char[]){"size"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {2}, .data = size},
        {.name = (char[]){"views"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {1}, .data = &views},
        {.name = (char[]){"threshold"}, .type = CAIRN_NPZ_F32, .rank = 1, .shape = {1}, .data = &threshold},
        {.name = (char[]){"checkpoint"}, .type = CAIRN_NPZ_U8, .rank = 1, .shape = {8}, .data = fingerprint},
    };
    return cairn_npz_write(path, arrays, 5, false);
}

static cairn_status read_info(const cairn_npz *npz, cairn_label_info *info)
{
    cairn_status st = CAIRN_OK;
    const cairn_npz_array *a;
    CAIRN_TRY(cairn_npz_require(&a, npz, "size", CAIRN_NPZ_I32, 1, (int64_t[]){2}));
    info->h = ((const int32_t *)a->data)[0];
    info->w = ((const int32_t *)a->data)[1];
    CAIRN_TRY(cairn_npz_require(&a, npz, "views", CAIRN_NPZ_I32, 1, (int64_t[]){1}));
    info->views = *(const int32_t *)a->data;
    CAIRN_TRY(cairn_npz_require(&a, npz, "threshold", CAIRN_NPZ_F32, 1, (int64_t[]){1}));
    info->threshold = *(const float *)a->data;
    CAIRN_TRY(cairn_npz_require(&a, npz, "checkpoint", CAIRN_NPZ_U8, 1, (int64_t[]){8}));
    memcpy(&info->checkpoint, a->data, sizeof info->checkpoint);
done:
    return st;
}

cairn_status cairn_label_file_read(const char *path, int h, int w, cairn_label_info *info, cairn_keypoints *points)
{
    cairn_status st = CAIRN_OK;
    cairn_npz npz = {0};
    const cairn_npz_array *a;
    *points = (cairn_keypoints){0};
    CAIRN_TRY(cairn_npz_read(&npz, path));
    CAIRN_TRY(read_info(&npz, info));
    if (info->h != h || info->w != w) {
        st = cairn_error_set(CAIRN_E_SHAPE,
                             "%s: labels of a %dx%d image; training uses %dx%d: run the adaptation again at that size",
                             path, info->w, info->h, w, h);
        goto done;
    }
    CAIRN_TRY(cairn_npz_require(&a, &npz, "points", CAIRN_NPZ_F32, 2, (int64_t[]){-1, 3}));
    if (a->shape[0] > (int64_t)h * w) {
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: %lld points in %d pixels", path, (long long)a->shape[0], h * w);
        goto done;
    }
    CAIRN_TRY(cairn_keypoints_create(points, (int)a->shape[0], 0));
    for (int i = 0; i < points->count; i++) {
        cairn_keypoint p;
        memcpy(&p, (const float *)a->data + 3 * (size_t)i, sizeof p);
        if (!(p.x >= 0 && p.x <= (float)w - 1 && p.y >= 0 && p.y <= (float)h - 1 && isfinite(p.score))) {
            st = cairn_error_set(CAIRN_E_FORMAT, "%s: point %d (%g, %g) lies outside the image of %dx%d", path, i,
                                 (double)p.x, (double)p.y, w, h);
            goto done;
        }
        points->points[i] = p;
    }
done:
    if (st < 0) cairn_keypoints_free(points);
    cairn_npz_free(&npz);
    return st;
}
