#include "experiments/run/recipe.h"

#include "data/folders/photo_folder.h"
#include "experiments/run/stage.h"
#include "system/file.h"

#include <ctype.h>
#include <string.h>
#include <yaml.h>

enum { MOST_BYTES = 1 << 20 };

#define ROW_TEXT(field, fallback, help) CAIRN_SETTING_TEXT_ROW(cairn_photos, field, fallback, help)
const cairn_setting cairn_photos_table[] = {
    ROW_TEXT(root, "", "folder of photographs (sub-folders too), of COCO or of KITTI's drives"),
    ROW_TEXT(skip, "", "comma-separated names of photographs to leave out"),
    CAIRN_SETTING_INT_ROW(cairn_photos, height, 120, 16, 4096, "height of a crop, pixels"),
    CAIRN_SETTING_INT_ROW(cairn_photos, width, 160, 16, 4096, "width of a crop, pixels"),
    CAIRN_SETTING_INT_ROW(cairn_photos, limit, 0, 0, 1e9, "most photographs used, 0 for all"),
    CAIRN_SETTING_INT_ROW(cairn_photos, crops, 1, 1, 1000,
                          "crops of each photograph, 1: the whole picture around its centre"),
    CAIRN_SETTING_FLOAT_ROW(cairn_photos, holdout, 0.25, 0, 0.9, "share of the photographs kept for evaluation"),
    CAIRN_SETTING_CHOICE_ROW(cairn_photos, layout, CAIRN_PHOTOS_AUTO, CAIRN_PHOTO_LAYOUTS,
                             "of the folder; kitti: whole drives are kept for evaluation"),
    CAIRN_SETTING_INT_ROW(cairn_photos, camera, 0, 0, 3, "of KITTI: 0 and 1 gray, 2 and 3 colour, left and right"),
    CAIRN_SETTING_INT_ROW(cairn_photos, memory, 2048, 1, 1e7,
                          "MiB for the crops of a stage; where they do not fit they are decoded when they are needed"),
    {0},
};

typedef struct parse {
    yaml_document_t *document;
    const char *label;
    const cairn_stage_kind *const *kinds;
    const char *const *overrides;
    cairn_recipe *recipe;
    bool has_seed;
} parse;

static cairn_status wrong(const parse *p, const yaml_node_t *node, const char *what, const char *detail)
{
    return cairn_error_set(CAIRN_E_INVALID, "%s:%zu: %s%s", p->label, node->start_mark.line + 1, what, detail);
}

static const char *kind_of_node(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE    ? ", not a mapping"
           : node->type == YAML_SEQUENCE_NODE ? ", not a list"
                                              : ", not a single value";
}

/* The text of a scalar, without zero bytes inside. */
static cairn_status scalar_text(const parse *p, const yaml_node_t *node, const char **text, const char *expected)
{
    if (node->type != YAML_SCALAR_NODE) return wrong(p, node, expected, kind_of_node(node));
    *text = (const char *)node->data.scalar.value;
    if (strlen(*text) != node->data.scalar.length) return wrong(p, node, "a text holds a zero byte", "");
    return CAIRN_OK;
}

/* A scalar, or for lists of scalars their texts joined by commas. */
static cairn_status value_text(const parse *p, const yaml_node_t *node, char *text, size_t size)
{
    cairn_status st = CAIRN_OK;
    const char *part = NULL;
    text[0] = 0;
    if (node->type == YAML_SCALAR_NODE) {
        CAIRN_TRY(scalar_text(p, node, &part, ""));
        if (strlen(part) >= size) return wrong(p, node, "a text is longer than 1023 bytes", "");
        strcpy(text, part);
        return CAIRN_OK;
    }
    if (node->type != YAML_SEQUENCE_NODE) return wrong(p, node, "expected a value", kind_of_node(node));
    size_t used = 0;
    for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
        CAIRN_TRY(scalar_text(p, yaml_document_get_node(p->document, *item), &part, "expected a list of values"));
        if (used + strlen(part) + 2 > size) return wrong(p, node, "a list is longer than 1023 bytes", "");
        used += (size_t)sprintf(text + used, "%s%s", used ? "," : "", part);
    }
done:
    return st;
}

/* Calls `visit` for each pair of a mapping; keys are texts and unique. */
static cairn_status each_pair(parse *p, const yaml_node_t *map,
                              cairn_status (*visit)(parse *p, void *context, const char *key, yaml_node_t *value),
                              void *context)
{
    cairn_status st = CAIRN_OK;
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
        yaml_node_t *key_node = yaml_document_get_node(p->document, pair->key);
        const char *key = NULL;
        CAIRN_TRY(scalar_text(p, key_node, &key, "expected a key"));
        for (yaml_node_pair_t *earlier = map->data.mapping.pairs.start; earlier < pair; earlier++) {
            const yaml_node_t *other = yaml_document_get_node(p->document, earlier->key);
            if (!strcmp((const char *)other->data.scalar.value, key))
                return wrong(p, key_node, "this key is there twice: ", key);
        }
        CAIRN_TRY(visit(p, context, key, yaml_document_get_node(p->document, pair->value)));
    }
done:
    return st;
}

/* Names become folders. */
static cairn_status copy_name(const parse *p, const yaml_node_t *node, char out[CAIRN_RECIPE_NAME_BYTES])
{
    const char *text = NULL;
    cairn_status st = scalar_text(p, node, &text, "expected a name");
    if (st < 0) return st;
    const size_t length = strlen(text);
    bool good = length > 0 && length < CAIRN_RECIPE_NAME_BYTES && isalnum((unsigned char)text[0]);
    for (size_t i = 0; i < length; i++) good = good && (isalnum((unsigned char)text[i]) || strchr("-_", text[i]));
    if (!good)
        return wrong(p, node, "a name has 1 to 63 letters, digits, '-' and '_', and begins with a letter or digit: ",
                     length < 80 ? text : "");
    strcpy(out, text);
    return CAIRN_OK;
}

static cairn_status set_seed(parse *p, const char *text, const char *where)
{
    static const cairn_setting row[] = {{"seed", CAIRN_SETTING_INT, 0, 0, 0, 4294967295.0, NULL, NULL, ""}, {0}};
    int64_t seed = 0;
    cairn_status st = cairn_settings_set(&seed, row, "seed", text, where);
    if (st < 0) return st;
    p->recipe->seed = (uint32_t)seed;
    p->has_seed = true;
    return CAIRN_OK;
}

typedef struct section {
    void *settings;
    const cairn_setting *table;
    bool is_stage;
} section;

static cairn_status visit_setting(parse *p, void *context, const char *key, yaml_node_t *value)
{
    const section *s = context;
    char text[1024], where[600];
    if (s->is_stage && (!strcmp(key, "name") || !strcmp(key, "kind"))) return CAIRN_OK;
    cairn_status st = value_text(p, value, text, sizeof text);
    if (st < 0) return st;
    snprintf(where, sizeof where, "%s:%zu", p->label, value->start_mark.line + 1);
    return cairn_settings_set(s->settings, s->table, key, text, where);
}

static yaml_node_t *find_key(const parse *p, const yaml_node_t *map, const char *wanted)
{
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(p->document, pair->key);
        if (key->type == YAML_SCALAR_NODE && !strcmp((const char *)key->data.scalar.value, wanted))
            return yaml_document_get_node(p->document, pair->value);
    }
    return NULL;
}

static cairn_status find_kind(const parse *p, const yaml_node_t *node, const cairn_stage_kind **kind)
{
    const char *names[128] = {0}, *text = NULL;
    int count = 0;
    char list[512] = "";
    cairn_status st = scalar_text(p, node, &text, "expected a kind of stage");
    if (st < 0) return st;
    for (const cairn_stage_kind *const *k = p->kinds; *k && count < 127; k++) {
        if (!strcmp((*k)->name, text)) {
            *kind = *k;
            return CAIRN_OK;
        }
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", (*k)->name);
        names[count++] = (*k)->name;
    }
    const char *closest = cairn_closest_name(text, names);
    if (closest)
        return cairn_error_set(CAIRN_E_INVALID, "%s:%zu: unknown kind '%s'; did you mean '%s'?", p->label,
                               node->start_mark.line + 1, text, closest);
    return cairn_error_set(CAIRN_E_INVALID, "%s:%zu: unknown kind '%s'; known: %s", p->label, node->start_mark.line + 1,
                           text, list);
}

static cairn_status read_stage(parse *p, const yaml_node_t *node)
{
    cairn_status st = CAIRN_OK;
    cairn_recipe *r = p->recipe;
    if (node->type != YAML_MAPPING_NODE)
        return wrong(p, node, "expected a stage with name and kind", kind_of_node(node));
    if (r->stage_count == CAIRN_RECIPE_MOST_STAGES) return wrong(p, node, "a recipe has at most 64 stages", "");
    const yaml_node_t *name = find_key(p, node, "name"), *kind = find_key(p, node, "kind");
    if (!name) return wrong(p, node, "the stage has no name; add 'name: ...'", "");
    if (!kind) return wrong(p, node, "the stage has no kind; add 'kind: ...'", "");
    cairn_recipe_stage *stage = &r->stages[r->stage_count];
    CAIRN_TRY(copy_name(p, name, stage->name));
    if (cairn_recipe_find_stage(r, stage->name) >= 0)
        return wrong(p, name, "two stages have the same name: ", stage->name);
    if (!strcmp(stage->name, "photos")) return wrong(p, name, "a stage cannot be called ", stage->name);
    CAIRN_TRY(find_kind(p, kind, &stage->kind));
    stage->line = (int)node->start_mark.line + 1;
    stage->settings = calloc(1, stage->kind->settings_bytes ? stage->kind->settings_bytes : 1);
    if (!stage->settings) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    r->stage_count++;
    cairn_settings_defaults(stage->settings, stage->kind->settings);
    section s = {stage->settings, stage->kind->settings, true};
    CAIRN_TRY(each_pair(p, node, visit_setting, &s));
done:
    return st;
}

static cairn_status visit_top(parse *p, void *context, const char *key, yaml_node_t *value)
{
    static const char *const known[] = {"name", "seed", "photos", "stages", NULL};
    (void)context;
    cairn_status st = CAIRN_OK;
    char text[1024], where[600];
    if (!strcmp(key, "name")) return copy_name(p, value, p->recipe->name);
    if (!strcmp(key, "seed")) {
        CAIRN_TRY(value_text(p, value, text, sizeof text));
        snprintf(where, sizeof where, "%s:%zu", p->label, value->start_mark.line + 1);
        return set_seed(p, text, where);
    }
    if (!strcmp(key, "photos")) {
        if (value->type != YAML_MAPPING_NODE) return wrong(p, value, "expected photos: {root: DIR, ...}", "");
        section s = {&p->recipe->photos, cairn_photos_table, false};
        return each_pair(p, value, visit_setting, &s);
    }
    if (!strcmp(key, "stages")) {
        if (value->type != YAML_SEQUENCE_NODE) return wrong(p, value, "expected a list of stages", kind_of_node(value));
        for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++)
            CAIRN_TRY(read_stage(p, yaml_document_get_node(p->document, *i)));
        return CAIRN_OK;
    }
    const char *closest = cairn_closest_name(key, known);
    snprintf(text, sizeof text, "unknown key '%.64s'; %s%s%s", key,
             closest ? "did you mean '" : "known: ", closest ? closest : "name, seed, photos, stages",
             closest ? "'?" : "");
    return wrong(p, value, text, "");
done:
    return st;
}

/* "stage.key=value", "photos.key=value" or "seed=value". */
static cairn_status apply_override(parse *p, const char *override)
{
    static const char where[] = "command line";
    cairn_recipe *r = p->recipe;
    char target[160];
    const char *equals = strchr(override, '=');
    if (!equals || equals - override >= (long)sizeof target)
        return cairn_error_set(CAIRN_E_INVALID, "%s: expected stage.key=value, not '%.80s'", where, override);
    snprintf(target, sizeof target, "%.*s", (int)(equals - override), override);
    if (!strcmp(target, "seed")) return set_seed(p, equals + 1, where);
    char *dot = strchr(target, '.');
    if (!dot) return cairn_error_set(CAIRN_E_INVALID, "%s: expected stage.key=value, not '%.80s'", where, override);
    *dot = 0;
    if (!strcmp(target, "photos"))
        return cairn_settings_set(&r->photos, cairn_photos_table, dot + 1, equals + 1, where);
    const int index = cairn_recipe_find_stage(r, target);
    if (index >= 0)
        return cairn_settings_set(r->stages[index].settings, r->stages[index].kind->settings, dot + 1, equals + 1,
                                  where);
    const char *names[CAIRN_RECIPE_MOST_STAGES + 2] = {0};
    for (int i = 0; i < r->stage_count; i++) names[i] = r->stages[i].name;
    names[r->stage_count] = "photos";
    const char *closest = cairn_closest_name(target, names);
    return cairn_error_set(CAIRN_E_INVALID, "%s: the recipe has no stage '%s'%s%s%s", where, target,
                           closest ? "; did you mean '" : "", closest ? closest : "", closest ? "'?" : "");
}

static bool list_holds(const char *list, const char *name)
{
    char entry[CAIRN_RECIPE_NAME_BYTES];
    while (cairn_stage_next_name(entry, &list))
        if (!strcmp(entry, name)) return true;
    return false;
}

/* Inputs must name earlier stages of a kind that is accepted. */
static cairn_status check_input(parse *p, int index, const cairn_stage_input *input)
{
    cairn_recipe *r = p->recipe;
    cairn_recipe_stage *stage = &r->stages[index];
    const cairn_setting *row = cairn_settings_find(stage->kind->settings, input->setting);
    CAIRN_ASSERT(row && row->type == CAIRN_SETTING_TEXT);
    const char *list = (const char *)stage->settings + row->offset;
    char name[CAIRN_RECIPE_NAME_BYTES];
    int count = 0;
    while (cairn_stage_next_name(name, &list)) {
        const int other = cairn_recipe_find_stage(r, name);
        if (other < 0 || other >= index)
            return cairn_error_set(CAIRN_E_INVALID, "%s:%d: stage %s: %s names '%s', which is not an earlier stage",
                                   p->label, stage->line, stage->name, input->setting, name);
        if (input->kinds && !list_holds(input->kinds, r->stages[other].kind->name))
            return cairn_error_set(CAIRN_E_INVALID, "%s:%d: stage %s: %s expects a stage of kind %s, but '%s' is %s",
                                   p->label, stage->line, stage->name, input->setting, input->kinds, name,
                                   r->stages[other].kind->name);
        stage->needs |= UINT64_C(1) << other;
        count++;
    }
    if (!count && !input->optional)
        return cairn_error_set(CAIRN_E_INVALID, "%s:%d: stage %s: %s is missing; name an earlier stage%s%s", p->label,
                               stage->line, stage->name, input->setting, input->kinds ? " of kind " : "",
                               input->kinds ? input->kinds : "");
    if (count > 1 && !input->many)
        return cairn_error_set(CAIRN_E_INVALID, "%s:%d: stage %s: %s takes one stage, not %d", p->label, stage->line,
                               stage->name, input->setting, count);
    return CAIRN_OK;
}

static cairn_status check_whole(parse *p)
{
    cairn_status st = CAIRN_OK;
    cairn_recipe *r = p->recipe;
    if (!r->name[0]) return cairn_error_set(CAIRN_E_INVALID, "%s: the recipe has no name; add 'name: ...'", p->label);
    if (!p->has_seed) return cairn_error_set(CAIRN_E_INVALID, "%s: the recipe has no seed; add 'seed: 7'", p->label);
    if (!r->stage_count) return cairn_error_set(CAIRN_E_INVALID, "%s: the recipe has no stages", p->label);
    for (int i = 0; i < r->stage_count; i++) {
        const cairn_recipe_stage *stage = &r->stages[i];
        for (const cairn_stage_input *input = stage->kind->inputs; input && input->setting; input++)
            CAIRN_TRY(check_input(p, i, input));
        if (stage->kind->uses_photos && !r->photos.root[0])
            return cairn_error_set(CAIRN_E_INVALID,
                                   "%s:%d: stage %s needs photographs; add 'photos: {root: DIR}' or "
                                   "photos.root=DIR on the command line",
                                   p->label, stage->line, stage->name);
        char where[700];
        snprintf(where, sizeof where, "%s:%d: stage %s", p->label, stage->line, stage->name);
        if (stage->kind->check) CAIRN_TRY(stage->kind->check(stage->settings, where));
    }
done:
    return st;
}

static cairn_status read_document(parse *p)
{
    cairn_status st = CAIRN_OK;
    yaml_node_t *root = yaml_document_get_root_node(p->document);
    if (!root) return cairn_error_set(CAIRN_E_FORMAT, "%s: the recipe is empty", p->label);
    if (root->type != YAML_MAPPING_NODE)
        return wrong(p, root, "expected a recipe with name, seed and stages", kind_of_node(root));
    CAIRN_TRY(each_pair(p, root, visit_top, NULL));
    for (const char *const *o = p->overrides; o && *o; o++) CAIRN_TRY(apply_override(p, *o));
    CAIRN_TRY(check_whole(p));
done:
    return st;
}

cairn_status cairn_recipe_parse(cairn_recipe **out, const char *text, size_t size, const char *label,
                                const cairn_stage_kind *const *kinds, const char *const *overrides)
{
    cairn_status st = CAIRN_OK;
    yaml_parser_t parser;
    yaml_document_t document;
    bool has_document = false;
    cairn_recipe *recipe = NULL;
    *out = NULL;
    if (!yaml_parser_initialize(&parser)) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    recipe = calloc(1, sizeof *recipe);
    if (!recipe || !(recipe->label = strdup(label))) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, &document))
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s:%zu: not valid YAML: %s", label, parser.problem_mark.line + 1,
                                  parser.problem ? parser.problem : "unreadable"));
    has_document = true;
    cairn_settings_defaults(&recipe->photos, cairn_photos_table);
    parse p = {&document, label, kinds, overrides, recipe, false};
    CAIRN_TRY(read_document(&p));
    *out = recipe;
    recipe = NULL;
done:
    if (has_document) yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    cairn_recipe_destroy(&recipe);
    return st;
}

static cairn_status unknown_recipe(const char *name)
{
    char list[512] = "";
    for (const cairn_bundled_recipe *b = cairn_bundled_recipes; b->name; b++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", b->name);
    }
    return cairn_error_set(CAIRN_E_NOTFOUND, "%s: no such recipe; give the path of a YAML file or one of: %s", name,
                           list[0] ? list : "(none bundled)");
}

cairn_status cairn_recipe_load(cairn_recipe **out, const char *name, const cairn_stage_kind *const *kinds,
                               const char *const *overrides)
{
    cairn_status st = CAIRN_OK;
    uint8_t *text = NULL;
    size_t size = 0;
    *out = NULL;
    if (!strchr(name, '/') && !strchr(name, '.'))
        for (const cairn_bundled_recipe *b = cairn_bundled_recipes; b->name; b++) {
            char label[128];
            if (strcmp(b->name, name)) continue;
            snprintf(label, sizeof label, "%s.yaml", name);
            return cairn_recipe_parse(out, b->text, strlen(b->text), label, kinds, overrides);
        }
    if (!cairn_file_exists(name)) return unknown_recipe(name);
    CAIRN_TRY(cairn_file_read(&text, &size, name, MOST_BYTES));
    CAIRN_TRY(cairn_recipe_parse(out, (const char *)text, size, name, kinds, overrides));
done:
    free(text);
    return st;
}

void cairn_recipe_destroy(cairn_recipe **recipe)
{
    if (!*recipe) return;
    for (int i = 0; i < (*recipe)->stage_count; i++) free((*recipe)->stages[i].settings);
    free((*recipe)->label);
    free(*recipe);
    *recipe = NULL;
}

int cairn_recipe_find_stage(const cairn_recipe *recipe, const char *name)
{
    for (int i = 0; i < recipe->stage_count; i++)
        if (!strcmp(recipe->stages[i].name, name)) return i;
    return -1;
}

cairn_status cairn_recipe_print(char **text, const cairn_recipe *recipe)
{
    size_t size = 0;
    *text = NULL;
    FILE *file = open_memstream(text, &size);
    if (!file) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    fprintf(file, "name: '%s'\nseed: %u\nphotos:\n", recipe->name, recipe->seed);
    cairn_settings_write(file, cairn_photos_table, &recipe->photos, 2);
    fprintf(file, "stages:\n");
    for (int i = 0; i < recipe->stage_count; i++) {
        const cairn_recipe_stage *stage = &recipe->stages[i];
        fprintf(file, "  - name: '%s'\n    kind: %s\n", stage->name, stage->kind->name);
        cairn_settings_write(file, stage->kind->settings, stage->settings, 4);
    }
    const bool failed = ferror(file) != 0;
    return fclose(file) || failed ? cairn_error_set(CAIRN_E_NOMEM, "out of memory") : CAIRN_OK;
}
