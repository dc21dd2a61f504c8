#include "student/import/mobilenet.h"

#include "train/checkpoint.h"
#include "train/model_import.h"

#include <string.h>

enum { TV, DL, TF, TIMM, LAYOUTS };
enum { NAME = CAIRN_IMPORT_NAME };

const char *const cairn_mobilenet_layouts[LAYOUTS + 1] = {"mobilenetv3-tv", "mobilenetv3-dl", "mobilenetv3-tf",
                                                          "mobilenetv3-timm"};
/* A name that only this layout has, and one that only its Large has. */
static const char *const marks[LAYOUTS] = {"features.1.block.0.0.weight", "features.1.conv.0.weight",
                                           "block1.expand.weight", "blocks.0.0.conv_dw.weight"};
static const char *const large_marks[LAYOUTS] = {"features.16.0.weight", "features.15.conv.0.weight",
                                                 "block14.expand.weight", "blocks.6.0.conv.weight"};
static const char *const hidden_names[LAYOUTS][2] = {{"classifier.0.weight", "classifier.0.weight"},
                                                     {"classifier.0.weight", "classifier.0.weight"},
                                                     {"head1024.weight", "head1280.weight"},
                                                     {"conv_head.weight", "conv_head.weight"}};
static const char *const class_names[LAYOUTS] = {"classifier.3.weight", "classifier.3.weight", "logits.weight",
                                                 "classifier.weight"};

typedef struct job {
    cairn_model_import import;
    int layout;
    cairn_classifier_options options;
} job;

/* ---- names ---- */

static bool find_prefix(job *j)
{
    return cairn_import_find_prefix(&j->import.from, marks[j->layout]);
}

/* Parts of a block in the order of torchvision's numbers. */
enum { EXPAND, DEPTHWISE, SQUEEZE, PROJECT };

static int part_of(bool expands, bool squeezes, int number)
{
    static const int parts[] = {EXPAND, DEPTHWISE, SQUEEZE, PROJECT};
    for (int i = 0; i < 4; i++) {
        if ((i == EXPAND && !expands) || (i == SQUEEZE && !squeezes)) continue;
        if (number-- == 0) return parts[i];
    }
    return PROJECT;
}

/* What a parameter of ours is, taken apart. */
typedef struct place {
    int feature;       /* -1: classifier */
    int number;        /* of the part in its block, or of the layer in the classifier */
    int part;          /* EXPAND .. PROJECT; -1: no block */
    bool second;       /* the normalisation, or fc2 */
    const char *field; /* "weight", "running_var" ... */
} place;

static place place_of(const job *j, const char *name)
{
    place p = {.feature = -1, .part = -1, .field = strrchr(name, '.') + 1};
    char layer[8] = "";
    bool expands, squeezes;
    if (sscanf(name, "features.%d.block.%d.%7[^.]", &p.feature, &p.number, layer) == 3) {
        cairn_mobilenet_parts(&j->options.style, j->options.width, p.feature, &expands, &squeezes);
        p.part = part_of(expands, squeezes, p.number);
        p.second = !strcmp(layer, "1") || !strcmp(layer, "fc2");
        p.number = expands; /* which is all that remains to be known of it */
    } else if (sscanf(name, "features.%d.%7[^.]", &p.feature, layer) == 2) {
        p.second = !strcmp(layer, "1");
    } else {
        p.feature = -1;
        sscanf(name, "classifier.%d", &p.number);
    }
    return p;
}

static void dl_name(char out[NAME], const char *name, const place *p, bool last)
{
    static const int expanded[] = {0, 3, 5, 7}, plain[] = {0, 0, 3, 4};
    if (last)
        snprintf(out, NAME, "conv.%d.%s", p->second, p->field);
    else if (p->part == SQUEEZE)
        snprintf(out, NAME, "features.%d.conv.%d.fc.%d.%s", p->feature, (p->number ? expanded : plain)[SQUEEZE],
                 p->second ? 2 : 0, p->field);
    else if (p->part >= 0)
        snprintf(out, NAME, "features.%d.conv.%d.%s", p->feature, (p->number ? expanded : plain)[p->part] + p->second,
                 p->field);
    else
        snprintf(out, NAME, "%s", name);
}

/* "" where the folded file has nothing: the normalisation's weight, mean and variance. */
static void tf_name(char out[NAME], const place *p, bool last, const cairn_mobilenet_style *style)
{
    static const char *const parts[] = {"expand", "dw", "", "project"};
    const bool norm = p->feature >= 0 && p->part != SQUEEZE && p->second;
    out[0] = 0;
    if (norm && strcmp(p->field, "bias") != 0) return;
    if (p->feature < 0)
        snprintf(out, NAME, "%s.%s", p->number ? "logits" : style->large ? "head1280" : "head1024", p->field);
    else if (last)
        snprintf(out, NAME, "%s.%s", style->large ? "head960" : "head576", p->field);
    else if (p->feature == 0)
        snprintf(out, NAME, "stem.%s", p->field);
    else if (p->part == SQUEEZE)
        snprintf(out, NAME, "block%d.se_%s.%s", p->feature - 1, p->second ? "expand" : "reduce", p->field);
    else
        snprintf(out, NAME, "block%d.%s.%s", p->feature - 1, parts[p->part], p->field);
}

/* timm numbers blocks within stages, and normalisations within blocks. */
static void timm_name(char out[NAME], const place *p, bool large)
{
    static const int stages[2][8] = {{1, 2, 3, 2, 3, 1}, {1, 2, 3, 4, 2, 3, 1}};
    static const char *const expanded[][2] = {{"conv_pw", "bn1"}, {"conv_dw", "bn2"},
                                              {"se.conv_reduce", "se.conv_expand"}, {"conv_pwl", "bn3"}};
    static const char *const plain[][2] = {{"", ""}, {"conv_dw", "bn1"},
                                           {"se.conv_reduce", "se.conv_expand"}, {"conv_pw", "bn2"}};
    if (p->feature < 0) {
        snprintf(out, NAME, "%s.%s", p->number ? "classifier" : "conv_head", p->field);
    } else if (p->feature == 0) {
        snprintf(out, NAME, "%s.%s", p->second ? "bn1" : "conv_stem", p->field);
    } else {
        int stage = 0, block = p->feature - 1;
        for (; block >= stages[large][stage] && stages[large][stage + 1]; stage++) block -= stages[large][stage];
        const char *part = p->part < 0 ? (p->second ? "bn1" : "conv")
                                       : (p->number ? expanded : plain)[p->part][p->second];
        snprintf(out, NAME, "blocks.%d.%d.%s.%s", stage, block, part, p->field);
    }
}

/* The file's name of one of our parameters. */
static void source_name(char out[NAME], const cairn_model_import *import, const char *name)
{
    const job *j = (const job *)import;
    const place p = place_of(j, name);
    const bool last = p.feature == cairn_mobilenet_feature_count(&j->options.style) - 1;
    if (j->layout == DL)
        dl_name(out, name, &p, last);
    else if (j->layout == TF)
        tf_name(out, &p, last, &j->options.style);
    else if (j->layout == TIMM)
        timm_name(out, &p, j->options.style.large);
    else
        snprintf(out, NAME, "%s", name);
}

/* ---- shapes ---- */

static void record(cairn_model *m, const cairn_model_import *import)
{
    cairn_classifier(m, cairn_graph_input(m->g, "rgb", (cairn_shape){1, 32, 32, 3}), &((const job *)import)->options);
}

/* Rows of a matrix or kernel; `otherwise` where there is none. */
static int rows_of(const job *j, const char *name, int otherwise)
{
    const cairn_weight *w = cairn_import_find(&j->import.from, name);
    return w && w->rank >= 2 && w->shape[0] >= 1 && w->shape[0] <= 65536 ? (int)w->shape[0] : otherwise;
}

/* The width is the one whose shapes the file has; channels are rounded to 8, so that it cannot be computed. */
static cairn_status read_options(job *j)
{
    static const double widths[] = {1, 0.75, 0.5, 0.35, 0.25, 1.25, 1.5, 1.75, 2};
    static const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    cairn_status st = CAIRN_OK;
    cairn_classifier_options *o = &j->options;
    int least = 0;
    double best = 1;
    const bool large = cairn_import_find(&j->import.from, large_marks[j->layout]) != NULL;
    o->style = (cairn_mobilenet_style){.large = large,
                                       .se_before_act = j->layout == DL,
                                       .same_padding = j->layout == TF,
                                       .by_ratio = j->layout == DL || j->layout == TIMM,
                                       .bn_eps = j->layout == DL || j->layout == TIMM ? 1e-5f : 1e-3f};
    o->hidden = rows_of(j, hidden_names[j->layout][large], large ? 1280 : 1024);
    if (o->hidden > 8192) o->hidden = 8192; /* will not fit, which is said then */
    o->classes = rows_of(j, class_names[j->layout], 1000);
    for (int i = 0; i < 3; i++) {
        o->mean[i] = j->layout == TF ? 0.5 : mean[i];
        o->std[i] = j->layout == TF ? 0.5 : std[i];
    }
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        o->width = widths[i];
        CAIRN_TRY(cairn_model_import_build(&j->import));
        const int count = cairn_model_import_misfits(&j->import);
        if (i == 0 || count < least) least = count, best = widths[i];
        if (least == 0) break;
    }
    o->width = best;
    CAIRN_TRY(cairn_model_import_build(&j->import));
done:
    return st;
}

/* ---- tensors ---- */

/* What a folded file leaves out of a normalisation. */
static float folded_value(const job *j, const char *field)
{
    if (!strcmp(field, "running_var")) return 1 - cairn_mobilenet_eps(&j->options.style);
    return !strcmp(field, "weight") ? 1.0f : 0.0f;
}

static void fill_left_out(const cairn_model_import *import, const char *ours, float *values, size_t count)
{
    char name[NAME];
    source_name(name, import, ours);
    for (size_t i = 0; i < count && !name[0]; i++)
        values[i] = folded_value((const job *)import, strrchr(ours, '.') + 1);
}

static int layout_of(const cairn_weights *weights, const char *layout)
{
    for (int i = 0; i < LAYOUTS; i++) {
        job j = {.import.from.weights = weights, .layout = i};
        if (layout ? !strcmp(layout, cairn_mobilenet_layouts[i]) : find_prefix(&j)) return i;
    }
    return LAYOUTS;
}

bool cairn_mobilenet_import_takes(const cairn_weights *weights, const char *layout)
{
    return layout_of(weights, layout) < LAYOUTS;
}

cairn_status cairn_mobilenet_import(cairn_import_report *report, const cairn_weights *weights, const char *layout,
                                    const char *out)
{
    cairn_status st = CAIRN_OK;
    job j = {.import = {.record = record, .source_name = source_name, .adapt = fill_left_out},
             .layout = layout_of(weights, layout)};
    char model[256];
    *report = (cairn_import_report){0};
    if (j.layout == LAYOUTS) return cairn_error_set(CAIRN_E_FORMAT, "%s: is no MobileNetV3 known here", weights->path);
    j.import.from.layout = cairn_mobilenet_layouts[j.layout];
    CAIRN_TRY(cairn_import_open(&j.import.from, weights));
    find_prefix(&j); /* without one the first tensor is missed, by name */
    CAIRN_TRY(read_options(&j));
    cairn_classifier_describe(model, sizeof model, &j.options);
    CAIRN_TRY(cairn_model_import_write(report, &j.import, out, model, NULL));
done:
    cairn_model_import_close(&j.import);
    return st;
}

/* ---- a student's start ---- */

cairn_status cairn_mobilenet_read_options(cairn_classifier_options *out, const char *path)
{
    char *text = NULL;
    cairn_status st = cairn_checkpoint_metadata(&text, path, "model");
    if (st >= 0 && !cairn_classifier_parse(out, text))
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: the model is '%.80s'; expected a MobileNetV3 that cairn import wrote",
                             path, text);
    free(text);
    return st;
}

/* Gray to three channels, in the range that the backbone knows. */
static cairn_status start_rgb(cairn_store *store, const cairn_classifier_options *o)
{
    cairn_status st = CAIRN_OK;
    float weight[3], bias[3];
    const int at[] = {cairn_store_find(store, "rgb.weight"), cairn_store_find(store, "rgb.bias")};
    CAIRN_ASSERT(at[0] >= 0 && at[1] >= 0);
    for (int i = 0; i < 3; i++) {
        weight[i] = (float)(1 / o->std[i]);
        bias[i] = (float)(-o->mean[i] / o->std[i]);
    }
    CAIRN_TRY(cairn_store_write(store, at[0], weight));
    CAIRN_TRY(cairn_store_write(store, at[1], bias));
done:
    return st;
}

/* One parameter of the backbone; with store NULL it is only checked. */
static cairn_status start_parameter(cairn_store *store, const cairn_parameter *p, const cairn_safetensors *file)
{
    static const char ours[] = "backbone.";
    cairn_status st = CAIRN_OK;
    char name[NAME];
    if (strncmp(p->name, ours, sizeof ours - 1) != 0) return CAIRN_OK;
    snprintf(name, sizeof name, "features.%s", p->name + sizeof ours - 1);
    const cairn_safetensor *t = cairn_safetensors_find(file, name);
    int64_t shape[4];
    const int rank = cairn_parameter_file_shape(p, shape);
    const bool same = t && t->rank == rank && !memcmp(t->shape, shape, sizeof *shape * (size_t)rank);
    if (!same)
        return cairn_error_set(CAIRN_E_FORMAT, "%s: %s %s; its width or kind is not this student's backbone's",
                               file->path, t ? "another shape has" : "there is no", name);
    if (!store) return CAIRN_OK;
    float *device = malloc(t->count * sizeof *device);
    if (!device) return cairn_error_set(CAIRN_E_NOMEM, "no memory to load %s", name);
    cairn_parameter_to_device(p, t->data, device);
    st = cairn_store_write(store, cairn_store_find(store, p->name), device);
    free(device);
    return st;
}

cairn_status cairn_mobilenet_start(const cairn_model *model, cairn_store *store, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_safetensors file = {0};
    cairn_classifier_options options;
    CAIRN_TRY(cairn_mobilenet_read_options(&options, path));
    CAIRN_TRY(cairn_safetensors_read(&file, path));
    for (int i = 0; i < model->count; i++) CAIRN_TRY(start_parameter(NULL, &model->parameters[i], &file));
    for (int i = 0; i < model->count; i++) CAIRN_TRY(start_parameter(store, &model->parameters[i], &file));
    CAIRN_TRY(start_rgb(store, &options));
done:
    cairn_safetensors_free(&file);
    return st;
}
