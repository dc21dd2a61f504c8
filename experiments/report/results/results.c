#include "experiments/report/results/results.h"

#include "base/log.h"
#include "experiments/report/page/html.h"

#include <math.h>
#include <string.h>

enum { VERSION = 2, MOST_SETS = 64, MOST_PAIRS = 1 << 17, MOST_NUMBERS = 1 << 25 };

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

void cairn_results_free(cairn_results *results)
{
    for (int i = 0; results->sets && i < results->count; i++) {
        cairn_result_set *s = &results->sets[i];
        for (int m = 0; s->methods && m < s->method_count; m++) free(s->methods[m].rows);
        free(s->methods);
        free(s->pairs);
    }
    free(results->sets);
    *results = (cairn_results){0};
}

static void note(cairn_results *r, const char *text, const char *where)
{
    const size_t used = strlen(r->notes);
    snprintf(r->notes + used, sizeof r->notes - used, "%s%s: %s.", used ? " " : "", where, text);
    cairn_warn("report: %s: %s", where, text);
}

int cairn_result_colour(const char *role)
{
    if (!strcmp(role, "teacher")) return 1;
    if (!strcmp(role, "student")) return 2;
    return strcmp(role, "classical") ? 4 : 3;
}

const char *cairn_result_class(const char *role)
{
    static const char *const names[] = {"", "teacher", "student", "classical", "other"};
    return names[cairn_result_colour(role)];
}

const char *cairn_result_noun(const cairn_result_set *set)
{
    return strstr(set->set, "synthetic") ? "images" : "pairs";
}

const char *cairn_result_part(const cairn_result_set *set)
{
    return strstr(set->set, "synthetic") ? "shape" : !strncmp(set->set, "video", 5) ? "interval" : "sequence";
}

void cairn_result_kind_title(char out[48], const cairn_result_set *set, const char *kind)
{
    if (strcmp(kind, "all"))
        snprintf(out, 48, "%.40s", kind);
    else
        snprintf(out, 48, "all %s%s", cairn_result_noun(set), set->blur_apart ? " but blur" : "");
}

int cairn_result_find_method(const cairn_result_set *set, const char *name)
{
    for (int m = 0; m < set->method_count; m++)
        if (!strcmp(set->methods[m].name, name)) return m;
    return -1;
}

bool cairn_result_pair_is(const cairn_result_set *set, int pair, const char *kind)
{
    const cairn_result_pair *p = &set->pairs[pair];
    if (!strcmp(kind, "all")) return p->used && !(set->blur_apart && !strcmp(p->kind, "blur"));
    return p->used && !strcmp(kind, p->kind);
}

int cairn_result_pairs_of(const cairn_result_set *set, const char *kind)
{
    int count = 0;
    for (int i = 0; i < set->pair_count; i++) count += cairn_result_pair_is(set, i, kind);
    return count;
}

int cairn_result_count(const cairn_result_set *set, const char *kind)
{
    const cJSON *pairs = get(set->json, "pairs");
    const bool all = !strcmp(kind, "all");
    double count = cairn_json_number(pairs, all ? "used" : kind);
    if (all && set->blur_apart) count -= cairn_json_number(pairs, "blur");
    return count >= 0 && count < 1e9 ? (int)count : cairn_result_pairs_of(set, kind);
}

double cairn_result_row(const cairn_result_set *set, int method, int pair, int measure)
{
    const cairn_result_method *m = &set->methods[method];
    return m->rows && measure < m->columns ? m->rows[(size_t)pair * (size_t)m->columns + (size_t)measure] : NAN;
}

cairn_result_value cairn_result_of(const cairn_result_set *set, int method, const char *kind, int measure)
{
    const cJSON *value = get(get(get(set->methods[method].json, "summary"), kind), set->measures[measure].id);
    const double count = cairn_json_number(value, "count");
    return (cairn_result_value){cairn_json_number(value, "mean"), cairn_json_number(value, "low"),
                                cairn_json_number(value, "high"), count > 0 && count < 1e9 ? (int)count : 0};
}

static int find_measure(const cairn_result_set *set, const char *id)
{
    for (int k = 0; k < set->measure_count; k++)
        if (!strcmp(set->measures[k].id, id)) return k;
    return -1;
}

static void add_measures(cairn_result_set *set, const cJSON *json)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, get(json, "measures"))
    {
        const char *id = cairn_json_text(item, "id"), *title = cairn_json_text(item, "title");
        if (!id[0] || set->measure_count == CAIRN_RESULT_MEASURES || find_measure(set, id) >= 0) continue;
        cairn_result_measure *m = &set->measures[set->measure_count++];
        snprintf(m->id, sizeof m->id, "%s", id);
        snprintf(m->title, sizeof m->title, "%s", title[0] ? title : id);
        snprintf(m->unit, sizeof m->unit, "%s", cairn_json_text(item, "unit"));
        snprintf(m->group, sizeof m->group, "%s", cairn_json_text(item, "group"));
        const char *better = cairn_json_text(item, "better");
        m->better = !strcmp(better, "higher") ? 1 : !strcmp(better, "lower") ? -1 : 0;
        m->headline = cJSON_IsTrue(get(item, "headline"));
    }
}

static void add_kind(cairn_result_set *set, const char *kind)
{
    if (!kind[0] || set->kind_count == CAIRN_RESULT_KINDS || strlen(kind) >= sizeof set->kinds[0]) return;
    for (int i = 0; i < set->kind_count; i++)
        if (!strcmp(set->kinds[i], kind)) return;
    snprintf(set->kinds[set->kind_count++], sizeof set->kinds[0], "%s", kind);
}

static void add_kinds(cairn_result_set *set, const cJSON *json)
{
    static const char *const order[] = {"all", "illumination", "viewpoint", "blur", "generated"};
    const cJSON *first = get(cJSON_GetArrayItem(get(json, "methods"), 0), "summary"), *kind;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (get(first, order[i])) add_kind(set, order[i]);
    cJSON_ArrayForEach(kind, first)
    {
        if (kind->string) add_kind(set, kind->string);
    }
    /* One kind that is everything needs no table of its own. */
    if (set->kind_count == 2 && cairn_result_count(set, set->kinds[1]) == cairn_result_count(set, "all"))
        set->kind_count = 1;
}

static cairn_status add_pairs(cairn_result_set *set, const cJSON *json)
{
    const cJSON *rows = get(json, "rows"), *row;
    const int count = cJSON_IsArray(rows) ? cJSON_GetArraySize(rows) : 0;
    if (count > MOST_PAIRS) return CAIRN_OK; /* tables stay, what needs single pairs is left out */
    set->pairs = calloc((size_t)count + 1, sizeof *set->pairs);
    if (!set->pairs) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d pairs", count);
    cJSON_ArrayForEach(row, rows)
    {
        cairn_result_pair *p = &set->pairs[set->pair_count++];
        *p = (cairn_result_pair){cairn_json_text(row, "pair"), cairn_json_text(row, "sequence"),
                                 cairn_json_text(row, "kind"), cJSON_IsTrue(get(row, "used"))};
        if (!p->sequence[0]) p->sequence = p->name;
    }
    const int blur = cairn_result_pairs_of(set, "blur");
    set->blur_apart = blur > 0 && blur < cairn_result_pairs_of(set, "all");
    return CAIRN_OK;
}

/* The numbers of one method, in the order of the set's measures. */
static cairn_status read_rows(cairn_result_set *set, cairn_result_method *method, const cJSON *json, int place)
{
    int column_of[CAIRN_RESULT_MEASURES * 2], columns = 0, i = 0;
    const cJSON *item, *row;
    const size_t measures = (size_t)set->measure_count, count = (size_t)set->pair_count * measures;
    if (count == 0 || count > MOST_NUMBERS) return CAIRN_OK;
    method->rows = malloc(count * sizeof *method->rows);
    if (!method->rows) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the rows of %s", method->name);
    method->columns = set->measure_count;
    for (size_t k = 0; k < count; k++) method->rows[k] = NAN;
    cJSON_ArrayForEach(item, get(json, "row_columns"))
    {
        if (columns == CAIRN_RESULT_MEASURES * 2) break;
        column_of[columns++] = cJSON_IsString(item) ? find_measure(set, item->valuestring) : -1;
    }
    cJSON_ArrayForEach(row, get(json, "rows"))
    {
        int column = 0;
        if (i == set->pair_count) break;
        cJSON_ArrayForEach(item, cJSON_GetArrayItem(get(row, "methods"), place))
        {
            if (column == columns) break;
            if (column_of[column] >= 0 && cJSON_IsNumber(item) && isfinite(item->valuedouble))
                method->rows[(size_t)i * measures + (size_t)column_of[column]] = item->valuedouble;
            column++;
        }
        i++;
    }
    return CAIRN_OK;
}

/* The same numbers, times apart: the same method, measured twice. */
static bool same_numbers(const cairn_result_set *set, const cJSON *a, const cJSON *b)
{
    if (strcmp(cairn_json_text(a, "weights"), cairn_json_text(b, "weights"))) return false;
    for (int k = 0; k < set->measure_count; k++) {
        const char *id = set->measures[k].id;
        if (!strcmp(set->measures[k].group, "time")) continue;
        const cJSON *x = get(get(get(a, "summary"), "all"), id), *y = get(get(get(b, "summary"), "all"), id);
        if ((x || y) && !cJSON_Compare(x, y, true)) return false;
    }
    return true;
}

/* Names of two runs meet: each says where it comes from. */
static void tell_apart(cairn_result_set *set, cairn_result_method *new)
{
    char name[128];
    snprintf(name, sizeof name, "%s", new->name);
    const int other = cairn_result_find_method(set, name);
    if (other < 0) return;
    snprintf(new->name, sizeof new->name, "%.60s (%.60s)", name, new->origin);
    for (int i = 2; cairn_result_find_method(set, new->name) >= 0 && i < CAIRN_RESULT_METHODS; i++)
        snprintf(new->name, sizeof new->name, "%.60s (%.50s %d)", name, new->origin, i);
    cairn_result_method *old = &set->methods[other];
    if (strcmp(old->origin, new->origin)) snprintf(old->name, sizeof old->name, "%.60s (%.60s)", name, old->origin);
}

static cairn_status add_methods(cairn_result_set *set, const cJSON *json, const char *origin, const char *folder)
{
    cairn_status st = CAIRN_OK;
    const cJSON *item;
    int place = -1;
    cJSON_ArrayForEach(item, get(json, "methods"))
    {
        bool known = false;
        place++;
        const char *name = cairn_json_text(item, "name");
        if (!name[0] || !cJSON_IsObject(get(item, "summary")) || set->method_count == CAIRN_RESULT_METHODS) continue;
        for (int m = 0; m < set->method_count && !known; m++)
            known = !strcmp(cairn_json_text(set->methods[m].json, "name"), name) &&
                    same_numbers(set, set->methods[m].json, item);
        if (known) continue;
        cairn_result_method new = {.origin = origin, .json = item, .set = json, .folder = folder};
        snprintf(new.name, sizeof new.name, "%s", name);
        snprintf(new.role, sizeof new.role, "%s", cairn_json_text(item, "role"));
        snprintf(new.weights, sizeof new.weights, "%s", cairn_json_text(item, "weights"));
        tell_apart(set, &new);
        CAIRN_TRY(read_rows(set, &new, json, place));
        set->methods[set->method_count++] = new;
    }
done:
    return st;
}

static bool same_pairs(const cairn_result_set *set, const cJSON *json)
{
    const cJSON *row;
    int i = 0;
    cJSON_ArrayForEach(row, get(json, "rows"))
    {
        if (i == set->pair_count || strcmp(set->pairs[i].name, cairn_json_text(row, "pair")) ||
            set->pairs[i].used != cJSON_IsTrue(get(row, "used")))
            return false;
        i++;
    }
    return i == set->pair_count;
}

static cairn_status new_set(cairn_results *r, const cJSON *json, cairn_result_set **out)
{
    char slug[72];
    cairn_result_set *set = &r->sets[r->count];
    snprintf(set->protocol, sizeof set->protocol, "%s", cairn_json_text(json, "protocol"));
    snprintf(set->set, sizeof set->set, "%s", cairn_json_text(json, "set"));
    snprintf(set->device, sizeof set->device, "%s", cairn_json_text(json, "device"));
    snprintf(set->driver, sizeof set->driver, "%s", cairn_json_text(json, "driver"));
    set->json = json;
    snprintf(set->id, sizeof set->id, "%.48s-%.20s", set->set, set->protocol);
    cairn_html_slug(slug, sizeof slug, set->id);
    snprintf(set->id, sizeof set->id, "%s", slug[0] ? slug : "results");
    for (int i = 0, number = 2; i < r->count; i++) {
        if (strcmp(r->sets[i].id, set->id)) continue;
        snprintf(set->id, sizeof set->id, "%s-%d", slug, number++);
        i = -1; /* look again */
    }
    set->methods = calloc(CAIRN_RESULT_METHODS, sizeof *set->methods);
    if (!set->methods) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the results of %s", set->set);
    r->count++;
    add_measures(set, json);
    *out = set;
    const cairn_status st = add_pairs(set, json);
    if (st >= 0) add_kinds(set, json);
    return st;
}

/* Equal, but for members of inner objects that only one of them has: numbers of methods that the other had not. */
static bool same_parameters(const cJSON *a, const cJSON *b)
{
    const cJSON *item, *inner;
    if (!cJSON_IsObject(a) || !cJSON_IsObject(b)) return !a && !b;
    if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b)) return false;
    cJSON_ArrayForEach(item, a)
    {
        const cJSON *other = item->string ? get(b, item->string) : NULL;
        if (!cJSON_IsObject(item) || !cJSON_IsObject(other)) {
            if (!cJSON_Compare(item, other, true)) return false;
            continue;
        }
        cJSON_ArrayForEach(inner, item)
        {
            const cJSON *same = inner->string ? get(other, inner->string) : NULL;
            if (same && !cJSON_Compare(inner, same, true)) return false;
        }
    }
    return true;
}

static cairn_status add_set(cairn_results *r, const cJSON *json, const char *origin, const char *folder)
{
    cairn_status st = CAIRN_OK;
    cairn_result_set *set = NULL;
    bool like = false;
    const cJSON *parameters = get(json, "parameters");
    for (int i = 0; i < r->count && !set; i++) {
        cairn_result_set *other = &r->sets[i];
        if (strcmp(other->protocol, cairn_json_text(json, "protocol")) ||
            strcmp(other->set, cairn_json_text(json, "set")))
            continue;
        like = true;
        if (same_parameters(parameters, get(other->json, "parameters")) && same_pairs(other, json)) set = other;
    }
    if (set)
        add_measures(set, json);
    else
        CAIRN_TRY(new_set(r, json, &set));
    set->apart = set->apart || (like && set->json == json);
    CAIRN_TRY(add_methods(set, json, origin, folder));
done:
    return st;
}

static cairn_status add_file(cairn_results *r, const cairn_run_files *run, const cairn_run_stage *stage, bool many)
{
    cairn_status st = CAIRN_OK;
    char where[300];
    const cJSON *json;
    const double version = cairn_json_number(stage->evaluation, "version");
    snprintf(where, sizeof where, "%.120s/%.120s", run->name, stage->name);
    if (version == 1) {
        note(r, "its evaluation.json is of version 1, too old for this page; run the evaluation again", where);
        return CAIRN_OK;
    }
    if (version != VERSION) {
        note(r, "its evaluation.json is of no version that this page knows", where);
        return CAIRN_OK;
    }
    cJSON_ArrayForEach(json, get(stage->evaluation, "sets"))
    {
        if (!cJSON_IsObject(json) || cJSON_GetArraySize(get(json, "methods")) < 1 || r->count == MOST_SETS) {
            note(r, "one of its results is not complete and is left out", where);
            continue;
        }
        CAIRN_TRY(add_set(r, json, many ? run->name : stage->name, stage->folder));
    }
done:
    return st;
}

cairn_status cairn_results_read(cairn_results *out, const cairn_run_files *runs, int count)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_results){0};
    out->sets = calloc(MOST_SETS, sizeof *out->sets);
    if (!out->sets) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the results");
    for (int r = 0; r < count; r++)
        for (int i = 0; i < runs[r].count; i++)
            if (runs[r].stages[i].evaluation) CAIRN_TRY(add_file(out, &runs[r], &runs[r].stages[i], count > 1));
done:
    if (st < 0) cairn_results_free(out);
    return st;
}
