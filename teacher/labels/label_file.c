#include "teacher/labels/label_file.h"

#include "formats/npz.h"

#include <math.h>
#include <string.h>

cairn_status cairn_label_file_write(const char *path, const cairn_label_info *info, const cairn_keypoints *points)
{
    int32_t size[2] = {info->h, info->w}, views = info->views, version = CAIRN_LABEL_VERSION;
    float threshold = info->threshold;
    char options[CAIRN_LABEL_OPTIONS_BYTES];
    snprintf(options, sizeof options, "%s", info->options);
    uint8_t fingerprint[8];
    memcpy(fingerprint, &info->checkpoint, sizeof fingerprint);
    _Static_assert(sizeof(cairn_keypoint) == 3 * sizeof(float), "keypoints are written as rows of three floats");
    cairn_npz_array arrays[7] = {
        {.name = (char[]){"points"},
         .type = CAIRN_NPZ_F32,
         .rank = 2,
         .shape = {points->count, 3},
         .data = points->points},
        {.name = (char[]){"size"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {2}, .data = size},
        {.name = (char[]){"views"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {1}, .data = &views},
        {.name = (char[]){"threshold"}, .type = CAIRN_NPZ_F32, .rank = 1, .shape = {1}, .data = &threshold},
        {.name = (char[]){"checkpoint"}, .type = CAIRN_NPZ_U8, .rank = 1, .shape = {8}, .data = fingerprint},
        {.name = (char[]){"version"}, .type = CAIRN_NPZ_I32, .rank = 1, .shape = {1}, .data = &version},
        {.name = (char[]){"options"},
         .type = CAIRN_NPZ_U8,
         .rank = 1,
         .shape = {(int64_t)strlen(options)},
         .data = options},
    };
    return cairn_npz_write(path, arrays, 7, false);
}

/* The part that version 1 does not have. */
static cairn_status read_options(const cairn_npz *npz, cairn_label_info *info)
{
    cairn_status st = CAIRN_OK;
    const cairn_npz_array *a;
    info->options[0] = 0;
    if (!cairn_npz_find(npz, "version")) return CAIRN_OK;
    CAIRN_TRY(cairn_npz_require(&a, npz, "version", CAIRN_NPZ_I32, 1, (int64_t[]){1}));
    const int version = *(const int32_t *)a->data;
    if (version < 1)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: version %d of a label file", npz->path, version);
    if (version > CAIRN_LABEL_VERSION)
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "%s: labels of format version %d; this program knows versions up to %d", npz->path,
                               version, CAIRN_LABEL_VERSION);
    if (version == 1) return CAIRN_OK;
    CAIRN_TRY(cairn_npz_require(&a, npz, "options", CAIRN_NPZ_U8, 1, (int64_t[]){-1}));
    bool fine = a->count < sizeof info->options;
    for (size_t i = 0; fine && i < a->count; i++) fine = ((const uint8_t *)a->data)[i] - 32u < 95u;
    if (!fine)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: 'options' is not a line of at most %zu characters", npz->path,
                               sizeof info->options - 1);
    memcpy(info->options, a->data, a->count);
    info->options[a->count] = 0;
done:
    return st;
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
    CAIRN_TRY(read_options(npz, info));
done:
    return st;
}

cairn_status cairn_label_file_read(const char *path, int h, int w, cairn_label_info *info, cairn_keypoints *points)
{
    cairn_status st = CAIRN_OK;
    cairn_npz npz = {0};
    const cairn_npz_array *a;
    *points = (cairn_keypoints){0};
    *info = (cairn_label_info){0};
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
