#include "experiments/predictions/files.h"

#include "formats/npz.h"
#include "system/file.h"

#include <math.h>
#include <string.h>

enum { MOST_POINTS = 1000000, MOST_JSON = 1 << 26 };

cairn_status cairn_predictions__path(char **out, const char *folder, const char *image_id, int h, int w,
                                     const char *extension)
{
    char name[CAIRN_PAIR_NAME_BYTES + 64];
    snprintf(name, sizeof name, "%s.%dx%d.%s", image_id, h, w, extension);
    *out = cairn_file_join(folder, name);
    return *out ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a path in %s", folder);
}

static cairn_status read_points(cairn_keypoints *out, const cairn_npz_array *array, const char *path, int h, int w)
{
    const float *values = array->data;
    for (int i = 0; i < out->count; i++) {
        const float x = values[3 * i], y = values[3 * i + 1], score = values[3 * i + 2];
        if (!(x >= -0.5f && x <= (float)w - 0.5f && y >= -0.5f && y <= (float)h - 0.5f) || !isfinite(score))
            return cairn_error_set(CAIRN_E_FORMAT,
                                   "%s: keypoint %d is (%g, %g) with score %g; expected a finite score and a place in "
                                   "the image of %dx%d pixels",
                                   path, i, (double)x, (double)y, (double)score, w, h);
        out->points[i] = (cairn_keypoint){x, y, score};
    }
    return CAIRN_OK;
}

static cairn_status read_descriptors(cairn_keypoints *out, const cairn_npz_array *array, const char *path)
{
    const float *values = array->data;
    const size_t d = (size_t)out->dimension;
    for (int i = 0; i < out->count; i++) {
        const float *from = values + (size_t)i * d;
        float *to = out->descriptors + (size_t)i * d;
        double norm = 0;
        for (size_t k = 0; k < d; k++) norm += (double)from[k] * (double)from[k];
        norm = sqrt(norm);
        if (!isfinite(norm) || !(norm > 0))
            return cairn_error_set(
                CAIRN_E_FORMAT, "%s: descriptor %d has the norm %g; expected finite numbers, not all 0", path, i, norm);
        /* What has unit norm up to rounding stays as it is, bit by bit. */
        const bool unit = fabs(norm - 1) < 1e-3;
        for (size_t k = 0; k < d; k++) to[k] = unit ? from[k] : (float)((double)from[k] / norm);
    }
    return CAIRN_OK;
}

static double read_seconds(const cairn_npz *npz)
{
    const cairn_npz_array *array = cairn_npz_find(npz, "seconds");
    if (!array || array->count != 1 || array->type != CAIRN_NPZ_F64) return NAN;
    const double value = *(const double *)array->data;
    return value >= 0 && isfinite(value) ? value : (double)NAN;
}

cairn_status cairn_predictions__read(cairn_keypoints *out, double *seconds, const char *path, int h, int w,
                                     int dimension, int points)
{
    cairn_status st = CAIRN_OK;
    cairn_npz npz = {0};
    const cairn_npz_array *places, *descriptors;
    *out = (cairn_keypoints){0};
    *seconds = NAN;
    CAIRN_TRY(cairn_npz_read(&npz, path));
    CAIRN_TRY(cairn_npz_require(&places, &npz, "keypoints", CAIRN_NPZ_F32, 2, (const int64_t[]){-1, 3}));
    if (places->shape[0] > MOST_POINTS)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s: %lld keypoints; at most %d are read", path,
                                  (long long)places->shape[0], MOST_POINTS));
    CAIRN_TRY(cairn_keypoints_create(out, (int)places->shape[0], dimension));
    CAIRN_TRY(read_points(out, places, path, h, w));
    if (dimension > 0) {
        const int64_t shape[] = {places->shape[0], dimension};
        CAIRN_TRY(cairn_npz_require(&descriptors, &npz, "descriptors", CAIRN_NPZ_F32, 2, shape));
        CAIRN_TRY(read_descriptors(out, descriptors, path));
    }
    *seconds = read_seconds(&npz);
    CAIRN_TRY(cairn_keypoints_sort(out, points));
done:
    cairn_npz_free(&npz);
    if (st < 0) cairn_keypoints_free(out);
    return st;
}

cairn_status cairn_predictions__write(const char *path, const cairn_keypoints *points, double seconds)
{
    int count = 1;
    char names[3][16] = {"keypoints", "descriptors", "seconds"};
    cairn_npz_array arrays[3] = {
        {.name = names[0], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {points->count, 3}, .data = points->points}};
    _Static_assert(sizeof(cairn_keypoint) == 3 * sizeof(float), "keypoints are written as rows of three numbers");
    if (points->dimension > 0)
        arrays[count++] = (cairn_npz_array){.name = names[1],
                                            .type = CAIRN_NPZ_F32,
                                            .rank = 2,
                                            .shape = {points->count, points->dimension},
                                            .data = points->descriptors};
    if (isfinite(seconds))
        arrays[count++] = (cairn_npz_array){.name = names[2], .type = CAIRN_NPZ_F64, .data = &seconds};
    return cairn_npz_write(path, arrays, count, false);
}

cairn_status cairn_predictions__load_json(cJSON **out, const char *folder)
{
    cairn_status st = CAIRN_OK;
    uint8_t *text = NULL;
    size_t size;
    *out = NULL;
    char *path = cairn_file_join(folder, "predictions.json");
    if (!path) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a path in %s", folder);
    if (!cairn_file_exists(path)) goto done;
    CAIRN_TRY(cairn_file_read(&text, &size, path, MOST_JSON));
    *out = cJSON_ParseWithLength((const char *)text, size);
    if (!cJSON_IsObject(*out)) {
        cJSON_Delete(*out);
        *out = NULL;
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: not a JSON object", path);
    }
done:
    free(text);
    free(path);
    return st;
}

cairn_status cairn_predictions__save_json(const cJSON *json, const char *folder)
{
    cairn_status st = CAIRN_OK;
    char *path = cairn_file_join(folder, "predictions.json"), *text = cJSON_Print(json);
    if (!path || !text)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to describe the predictions in %s", folder));
    CAIRN_TRY(cairn_file_write(path, text, strlen(text)));
done:
    free(path);
    free(text);
    return st;
}

cJSON *cairn_predictions__describe(const cairn_predictions *method, const cairn_predictions_config *config)
{
    cJSON *o = cJSON_CreateObject();
    if (!o) return NULL;
    cJSON_AddNumberToObject(o, "version", 1);
    cJSON_AddStringToObject(o, "method", method ? method->name : "");
    cJSON_AddStringToObject(o, "role", cairn_role_name(method ? method->role : CAIRN_ROLE_CLASSICAL));
    cJSON_AddNumberToObject(o, "dimension", method ? method->dimension : 0);
    cJSON_AddStringToObject(o, "weights", method ? method->weights : "");
    cJSON_AddStringToObject(o, "protocol", config->protocol->id);
    cJSON_AddItemToObject(o, "parameters", cairn_protocol_json(config->protocol));
    cJSON_AddStringToObject(o, "set", config->set);
    cJSON_AddStringToObject(o, "pairs", config->photos ? config->set : "sequences");
    if (config->photos) cJSON_AddNumberToObject(o, "seed", config->seed);
    return o;
}

static void show(char text[160], const cJSON *value)
{
    char *all = value ? cJSON_PrintUnformatted(value) : NULL;
    snprintf(text, 160, "%.150s", all ? all : "nothing");
    free(all);
}

static cairn_status differs(const char *folder, const char *setting, const cJSON *there, const cJSON *here)
{
    char of_there[160], of_here[160];
    show(of_there, there);
    show(of_here, here);
    return cairn_error_set(CAIRN_E_INVALID, "%s: predictions with %s %s, but here it is %s; they are not comparable",
                           folder, setting, of_there, of_here);
}

/* Names the innermost setting that differs. */
static cairn_status compare_objects(const cJSON *there, const cJSON *here, const char *folder, const char *prefix)
{
    const cJSON *mine;
    char name[96];
    cJSON_ArrayForEach(mine, here)
    {
        const cJSON *theirs = cJSON_GetObjectItemCaseSensitive(there, mine->string);
        if (theirs && cJSON_Compare(theirs, mine, true)) continue;
        snprintf(name, sizeof name, "%.40s%s%.40s", prefix, prefix[0] ? "." : "", mine->string);
        if (cJSON_IsObject(theirs) && cJSON_IsObject(mine)) return compare_objects(theirs, mine, folder, name);
        return differs(folder, name, theirs, mine);
    }
    return CAIRN_OK;
}

cairn_status cairn_predictions__compare(const cJSON *there, const cJSON *here, const char *folder)
{
    static const char *const compared[] = {"version", "protocol", "pairs", "seed"};
    cairn_status st = CAIRN_OK;
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        const cJSON *a = cJSON_GetObjectItemCaseSensitive(there, compared[i]);
        const cJSON *b = cJSON_GetObjectItemCaseSensitive(here, compared[i]);
        if (b && !(a && cJSON_Compare(a, b, true))) CAIRN_TRY(differs(folder, compared[i], a, b));
    }
    const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(there, "parameters");
    if (parameters) /* another program need not repeat them */
        CAIRN_TRY(compare_objects(parameters, cJSON_GetObjectItemCaseSensitive(here, "parameters"), folder, ""));
done:
    return st;
}
