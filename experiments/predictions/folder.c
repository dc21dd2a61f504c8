/* Predictions from files that any program may have written. */
#include "experiments/predictions/files.h"

#include <math.h>
#include <string.h>

enum { MOST_DIMENSION = 4096 };

typedef struct from_files {
    char *folder;
    int dimension;
    int points[CAIRN_PROTOCOL_VIEWS];
} from_files;

static cairn_status get(void *state, cairn_view_id view, const char *image_id, const cairn_image *gray,
                        cairn_keypoints *out, double *seconds)
{
    const from_files *f = state;
    cairn_status st = CAIRN_OK;
    char *path = NULL;
    *out = (cairn_keypoints){0};
    CAIRN_TRY(cairn_predictions__path(&path, f->folder, image_id, gray->h, gray->w, "npz"));
    if (!cairn_file_exists(path))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: no predictions for image %s at %dx%d (height x width)", path,
                                  image_id, gray->h, gray->w));
    CAIRN_TRY(cairn_predictions__read(out, seconds, path, gray->h, gray->w, f->dimension, f->points[view]));
done:
    free(path);
    return st;
}

static void destroy(void *state)
{
    from_files *f = state;
    free(f->folder);
    free(f);
}

static const cJSON *item(const cJSON *json, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* Printable, and short enough for tables. */
static cairn_status copy_text(char *out, size_t size, const cJSON *json, const char *name, bool needed,
                              const char *folder)
{
    const char *text = cJSON_GetStringValue(item(json, name));
    bool good = text ? strlen(text) < size : !item(json, name);
    for (const char *c = text; c && *c; c++) good &= (unsigned char)*c >= ' ' && *c != 127;
    if (!good || (needed && !(text && text[0])))
        return cairn_error_set(CAIRN_E_FORMAT, "%s/predictions.json: \"%s\" must be a text of 1 to %d printable bytes",
                               folder, name, (int)size - 1);
    snprintf(out, size, "%s", text ? text : "");
    return CAIRN_OK;
}

static cairn_status read_role(cairn_role *out, const cJSON *json, const char *folder)
{
    const char *text = cJSON_GetStringValue(item(json, "role"));
    *out = CAIRN_ROLE_CLASSICAL;
    if (!text) return CAIRN_OK;
    for (cairn_role role = 0; role < CAIRN_ROLES; role++) {
        if (strcmp(text, cairn_role_name(role))) continue;
        *out = role;
        return CAIRN_OK;
    }
    return cairn_error_set(CAIRN_E_FORMAT,
                           "%s/predictions.json: \"role\" is none of classical, teacher, untrained-teacher, student, "
                           "untrained-student, chance",
                           folder);
}

static cairn_status read_dimension(int *out, const cJSON *json, const char *folder)
{
    const double value = cJSON_GetNumberValue(item(json, "dimension")); /* NaN where there is none */
    if (!(value >= 0 && value <= MOST_DIMENSION) || value != floor(value))
        return cairn_error_set(
            CAIRN_E_FORMAT, "%s/predictions.json: \"dimension\" must be the length of a descriptor, 0 to %d (0: none)",
            folder, MOST_DIMENSION);
    *out = (int)value;
    return CAIRN_OK;
}

static cairn_status load(cJSON **out, const char *folder)
{
    cairn_status st = cairn_predictions__load_json(out, folder);
    if (st >= 0 && !*out)
        st = cairn_error_set(CAIRN_E_NOTFOUND, "%s: no predictions.json; cairn evaluate export writes one", folder);
    return st;
}

cairn_status cairn_predictions_open(cairn_predictions *out, const char *folder, const cairn_predictions_config *config)
{
    cairn_status st = CAIRN_OK;
    cJSON *there = NULL, *here = NULL;
    from_files *f = calloc(1, sizeof *f);
    *out = (cairn_predictions){0};
    cairn_predictions made = {.state = f, .get = get, .destroy = destroy};
    if (!f || !(f->folder = strdup(folder))) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", folder));
    CAIRN_TRY(load(&there, folder));
    here = cairn_predictions__describe(NULL, config);
    if (!here) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", folder));
    CAIRN_TRY(cairn_predictions__compare(there, here, folder));
    CAIRN_TRY(copy_text(made.name, sizeof made.name, there, "method", true, folder));
    CAIRN_TRY(copy_text(made.weights, sizeof made.weights, there, "weights", false, folder));
    CAIRN_TRY(read_role(&made.role, there, folder));
    CAIRN_TRY(read_dimension(&made.dimension, there, folder));
    f->dimension = made.dimension;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) f->points[v] = config->protocol->view[v].points;
    *out = made;
    f = NULL;
done:
    cJSON_Delete(there);
    cJSON_Delete(here);
    if (f) destroy(f);
    return st;
}

cairn_status cairn_predictions_protocol(char id[64], bool *photos, const char *folder)
{
    cairn_status st = CAIRN_OK;
    char pairs[64];
    cJSON *json = NULL;
    id[0] = 0;
    *photos = false;
    CAIRN_TRY(load(&json, folder));
    CAIRN_TRY(copy_text(id, 64, json, "protocol", true, folder));
    CAIRN_TRY(copy_text(pairs, sizeof pairs, json, "pairs", true, folder));
    *photos = strcmp(pairs, "sequences") != 0;
done:
    cJSON_Delete(json);
    return st;
}
