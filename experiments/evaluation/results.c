/* The evaluation as JSON and as a table for the terminal. */
#include "experiments/evaluation/evaluate.h"

#include "system/file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

/* cJSON writes numbers that are not finite as null. */
static cJSON *interval_json(const cairn_interval *value)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "mean", value->mean);
    cJSON_AddNumberToObject(object, "low", value->low);
    cJSON_AddNumberToObject(object, "high", value->high);
    cJSON_AddNumberToObject(object, "count", value->count);
    return object;
}

static int pairs_of_kind(const cairn_evaluation *e, cairn_pair_kind kind)
{
    int count = 0;
    for (int i = 0; i < e->pairs; i++) count += e->pair[i].used && e->pair[i].kind == kind;
    return count;
}

static void add_parameters(cJSON *set, const cairn_evaluation *e)
{
    const cairn_evaluation_options *o = &e->options;
    cJSON *parameters = cJSON_AddObjectToObject(set, "parameters");
    cJSON_AddNumberToObject(parameters, "eps", o->eps);
    cJSON_AddNumberToObject(parameters, "top_k", o->top_k);
    cJSON_AddNumberToObject(parameters, "points", o->points);
    cJSON_AddNumberToObject(parameters, "nms_radius", o->nms_radius);
    cJSON_AddNumberToObject(parameters, "border", o->border);
    cJSON_AddNumberToObject(parameters, "seed", o->seed);
    cJSON_AddNumberToObject(parameters, "resamples", o->resamples);
    cJSON *ransac = cJSON_AddObjectToObject(parameters, "ransac");
    cJSON_AddNumberToObject(ransac, "threshold", o->estimate.threshold);
    cJSON_AddNumberToObject(ransac, "iterations", o->estimate.iterations);
    cJSON_AddNumberToObject(ransac, "confidence", o->estimate.confidence);
}

static cairn_status add_summary(cJSON *parent, const cairn_evaluation *e, int m, const char *name, cairn_pair_kind kind)
{
    cairn_status st = CAIRN_OK;
    cJSON *summary = cJSON_AddObjectToObject(parent, name);
    for (cairn_measure measure = 0; measure < CAIRN_MEASURES; measure++) {
        cairn_interval value;
        CAIRN_TRY(cairn_evaluation_summary(&value, e, m, measure, kind));
        if (value.count > 0) cJSON_AddItemToObject(summary, cairn_measure_name(measure), interval_json(&value));
    }
done:
    return st;
}

static double seconds_per_image(const cairn_evaluation *e, int m)
{
    double sum = 0;
    for (int i = 0; i < e->pairs; i++)
        if (e->pair[i].used) sum += e->method[m].rows[i].seconds;
    return sum / e->used;
}

static cairn_status add_methods(cJSON *set, const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    cJSON *methods = cJSON_AddArrayToObject(set, "methods");
    for (int m = 0; m < e->methods; m++) {
        const cairn_evaluation_method *method = &e->method[m];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(methods, object);
        cJSON_AddStringToObject(object, "name", method->name);
        cJSON_AddStringToObject(object, "role", cairn_role_name(method->role));
        if (method->weights[0]) cJSON_AddStringToObject(object, "weights", method->weights);
        cJSON_AddNumberToObject(object, "dimension", method->dimension);
        cJSON_AddNumberToObject(object, "seconds_per_image", seconds_per_image(e, m));
        if (method->dimension > 0) cJSON_AddNumberToObject(object, "pooled NN precision", method->pooled_precision);
        cJSON *summary = cJSON_AddObjectToObject(object, "summary");
        CAIRN_TRY(add_summary(summary, e, m, "all", CAIRN_PAIR_KINDS));
        for (cairn_pair_kind kind = 0; kind < CAIRN_PAIR_KINDS; kind++) {
            int count = pairs_of_kind(e, kind);
            if (count > 0 && count < e->used) CAIRN_TRY(add_summary(summary, e, m, cairn_pair_kind_name(kind), kind));
        }
    }
done:
    return st;
}

int cairn_evaluation_comparisons(int (*pairs)[2], int room, const cairn_evaluation *e)
{
    int count = 0, teacher = cairn_evaluation_find(e, CAIRN_ROLE_TEACHER);
    int student = cairn_evaluation_find(e, CAIRN_ROLE_STUDENT);
    int first = cairn_evaluation_find(e, CAIRN_ROLE_UNTRAINED_TEACHER);
    int other = cairn_evaluation_find(e, CAIRN_ROLE_UNTRAINED_STUDENT);
    const int wanted[][2] = {
        {teacher, first >= 0 ? first : other}, {student, other >= 0 ? other : first}, {student, teacher}};
    for (int i = 0; i < 3 && count < room; i++) {
        if (wanted[i][0] < 0 || wanted[i][1] < 0) continue;
        pairs[count][0] = wanted[i][0];
        pairs[count++][1] = wanted[i][1];
    }
    for (int m = 0; m < e->methods && teacher >= 0 && count < room; m++) {
        if (e->method[m].role != CAIRN_ROLE_CLASSICAL) continue;
        pairs[count][0] = teacher;
        pairs[count++][1] = m;
    }
    return count;
}

enum { MOST_COMPARISONS = 16 };

static cairn_status add_comparisons(cJSON *set, const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    int chosen[MOST_COMPARISONS][2], count = cairn_evaluation_comparisons(chosen, MOST_COMPARISONS, e);
    cJSON *array = cJSON_AddArrayToObject(set, "comparisons");
    for (int i = 0; i < count; i++) {
        for (cairn_measure measure = 0; measure <= CAIRN_MEASURE_HOMOGRAPHY_5; measure++) {
            cairn_interval value;
            CAIRN_TRY(cairn_evaluation_compare(&value, e, chosen[i][0], chosen[i][1], measure));
            if (value.count == 0) continue;
            cJSON *object = interval_json(&value);
            cJSON_AddItemToArray(array, object);
            cJSON_AddStringToObject(object, "method", e->method[chosen[i][0]].name);
            cJSON_AddStringToObject(object, "baseline", e->method[chosen[i][1]].name);
            cJSON_AddStringToObject(object, "measure", cairn_measure_name(measure));
        }
    }
done:
    return st;
}

static void add_rows(cJSON *set, const cairn_evaluation *e)
{
    static const char *const columns[] = {
        "repeatability",       "localisation", "matching score", "NN precision", "corner error",
        "corner error shared", "points",       "matches",        "inliers",      "seconds"};
    cJSON_AddItemToObject(set, "row_columns", cJSON_CreateStringArray(columns, 10));
    cJSON *rows = cJSON_AddArrayToObject(set, "rows");
    for (int i = 0; i < e->pairs; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(rows, row);
        cJSON_AddStringToObject(row, "pair", e->pair[i].name);
        cJSON_AddBoolToObject(row, "used", e->pair[i].used);
        if (!e->pair[i].used) continue;
        cJSON_AddStringToObject(row, "kind", cairn_pair_kind_name(e->pair[i].kind));
        cJSON *methods = cJSON_AddArrayToObject(row, "methods");
        for (int m = 0; m < e->methods; m++) {
            const cairn_pair_row *r = &e->method[m].rows[i];
            const double values[] = {
                r->repeatability,       r->localisation, r->matching_score, r->precision, r->corner_error,
                r->corner_error_shared, r->points,       r->matches,        r->inliers,   r->seconds};
            cJSON_AddItemToArray(methods, cJSON_CreateDoubleArray(values, 10));
        }
    }
}

static cairn_status add_set(cJSON *sets, const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    cJSON *set = cJSON_CreateObject();
    cJSON_AddItemToArray(sets, set);
    cJSON_AddStringToObject(set, "protocol", e->protocol);
    cJSON_AddStringToObject(set, "set", e->set);
    cJSON_AddNumberToObject(set, "height", e->h);
    cJSON_AddNumberToObject(set, "width", e->w);
    cJSON *pairs = cJSON_AddObjectToObject(set, "pairs");
    cJSON_AddNumberToObject(pairs, "used", e->used);
    cJSON_AddNumberToObject(pairs, "skipped", e->skipped);
    for (cairn_pair_kind kind = 0; kind < CAIRN_PAIR_KINDS; kind++)
        if (pairs_of_kind(e, kind) > 0)
            cJSON_AddNumberToObject(pairs, cairn_pair_kind_name(kind), pairs_of_kind(e, kind));
    add_parameters(set, e);
    CAIRN_TRY(add_methods(set, e));
    CAIRN_TRY(add_comparisons(set, e));
    add_rows(set, e);
done:
    return st;
}

cairn_status cairn_evaluation_write(const cairn_evaluation *const *sets, int count, const char *folder)
{
    cairn_status st = CAIRN_OK;
    char *path = cairn_file_join(folder, "evaluation.json"), *text = NULL;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "version", 1);
    cJSON *array = cJSON_AddArrayToObject(root, "sets");
    for (int i = 0; i < count; i++) CAIRN_TRY(add_set(array, sets[i]));
    text = cJSON_Print(root);
    if (!path || !text) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for the results of %d evaluations", count);
        goto done;
    }
    CAIRN_TRY(cairn_file_make_folder(folder));
    CAIRN_TRY(cairn_file_write(path, text, strlen(text)));
done:
    cJSON_Delete(root);
    free(text);
    free(path);
    return st;
}

static void print_cell(FILE *file, const cairn_interval *value, bool interval)
{
    if (value->count == 0)
        fprintf(file, interval ? "  %20s" : "  %6s", "-");
    else if (interval)
        fprintf(file, "  %.3f [%.3f, %.3f]", value->mean, value->low, value->high);
    else
        fprintf(file, "  %6.3f", value->mean);
}

static cairn_status print_rows(FILE *file, const cairn_evaluation *e, cairn_pair_kind kind)
{
    static const cairn_measure shown[] = {
        CAIRN_MEASURE_REPEATABILITY, CAIRN_MEASURE_LOCALISATION, CAIRN_MEASURE_MATCHING_SCORE, CAIRN_MEASURE_PRECISION,
        CAIRN_MEASURE_HOMOGRAPHY_1,  CAIRN_MEASURE_HOMOGRAPHY_3, CAIRN_MEASURE_HOMOGRAPHY_5};
    cairn_status st = CAIRN_OK;
    for (int m = 0; m < e->methods; m++) {
        cairn_interval value;
        fprintf(file, "  %-22.22s", e->method[m].name);
        for (size_t k = 0; k < sizeof shown / sizeof *shown; k++) {
            CAIRN_TRY(cairn_evaluation_summary(&value, e, m, shown[k], kind));
            print_cell(file, &value, k == 0);
        }
        CAIRN_TRY(cairn_evaluation_summary(&value, e, m, CAIRN_MEASURE_POINTS, kind));
        fprintf(file, "  %6.0f\n", value.mean);
    }
done:
    return st;
}

static cairn_status print_comparisons(FILE *file, const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    int chosen[MOST_COMPARISONS][2], count = cairn_evaluation_comparisons(chosen, MOST_COMPARISONS, e);
    for (int i = 0; i < count; i++) {
        cairn_interval value;
        CAIRN_TRY(cairn_evaluation_compare(&value, e, chosen[i][0], chosen[i][1], CAIRN_MEASURE_REPEATABILITY));
        if (value.count == 0) continue;
        const char *verdict = value.low > 0 ? "better" : value.high < 0 ? "worse" : "no clear difference";
        fprintf(file, "  repeatability of %s against %s: %+.3f [%+.3f, %+.3f], %s\n", e->method[chosen[i][0]].name,
                e->method[chosen[i][1]].name, value.mean, value.low, value.high, verdict);
    }
done:
    return st;
}

static cairn_status print_table(FILE *file, const cairn_evaluation *e)
{
    cairn_status st = CAIRN_OK;
    fprintf(file, "%s: %d pairs of %dx%d", e->set, e->used, e->w, e->h);
    if (e->skipped) fprintf(file, " (%d left out)", e->skipped);
    fprintf(file, "; protocol %s: %d points, %g px, suppression %d, 95 %% intervals in brackets\n", e->protocol,
            e->options.top_k, e->options.eps, e->options.nms_radius);
    for (cairn_pair_kind kind = 0; kind <= CAIRN_PAIR_KINDS; kind++) {
        int pairs = kind == CAIRN_PAIR_KINDS ? e->used : pairs_of_kind(e, kind);
        if (pairs == 0 || (kind < CAIRN_PAIR_KINDS && pairs == e->used)) continue;
        char title[64];
        snprintf(title, sizeof title, "%s (%d)", kind == CAIRN_PAIR_KINDS ? "all" : cairn_pair_kind_name(kind), pairs);
        fprintf(file, "  %-22s  %-20s  %6s  %6s  %6s  %6s  %6s  %6s  %6s\n", title, "repeatability", "MLE px", "mscore",
                "NN AP", "hom@1", "hom@3", "hom@5", "points");
        CAIRN_TRY(print_rows(file, e, kind));
    }
    CAIRN_TRY(print_comparisons(file, e));
done:
    return st;
}

cairn_status cairn_evaluation_table(char **out, const cairn_evaluation *evaluation)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    FILE *file = open_memstream(&text, &size);
    if (!file) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a table");
    st = print_table(file, evaluation);
    if (fclose(file) != 0 && st >= 0) st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a table");
    if (st < 0)
        free(text);
    else
        *out = text;
    return st;
}
