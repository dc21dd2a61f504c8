#include "teacher/import.h"

#include "teacher/superpoint.h"
#include "train/checkpoint.h"
#include "train/model_import.h"

#include <string.h>

enum { LAYERS = 12, DETECTOR_LAYERS = 10, FIELDS = 6, NAME = CAIRN_IMPORT_NAME };

/* Our names of the layers and, for each layout, those of convolution and normalisation. */
static const char *const layers[LAYERS] = {"1a", "1b", "2a", "2b", "3a", "3b", "4a", "4b", "Pa", "Pb", "Da", "Db"};
/* Our names of a layer's tensors: those of the convolution, then those of the normalisation. */
static const char *const fields[FIELDS] = {"weight", "bias", "weight", "bias", "running_mean", "running_var"};
static const char *const numpy_fields[FIELDS] = {"weight", "bias", "bn_gamma", "bn_beta", "bn_mean", "bn_var"};

typedef struct names {
    const char *conv, *bn; /* bn NULL: no normalisation */
} names;

typedef struct layout {
    const char *name;
    const char *const *fields;
    cairn_superpoint_order order;
    double eps, range;
    names of[LAYERS];
    const char *threshold; /* of keypoints, where it is not 0.015 (teacher.md 0) */
} layout;

/* clang-format off */
static const layout layouts[] = {
    {"superpoint-tf", fields, CAIRN_ORDER_RELU_BN, 1e-3, 1, {
        {"backbone.0.0.conv", "backbone.0.0.bn"}, {"backbone.0.1.conv", "backbone.0.1.bn"},
        {"backbone.1.0.conv", "backbone.1.0.bn"}, {"backbone.1.1.conv", "backbone.1.1.bn"},
        {"backbone.2.0.conv", "backbone.2.0.bn"}, {"backbone.2.1.conv", "backbone.2.1.bn"},
        {"backbone.3.0.conv", "backbone.3.0.bn"}, {"backbone.3.1.conv", "backbone.3.1.bn"},
        {"detector.0.conv", "detector.0.bn"}, {"detector.1.conv", "detector.1.bn"},
        {"descriptor.0.conv", "descriptor.0.bn"}, {"descriptor.1.conv", "descriptor.1.bn"}}, "0.005"},
    {"superpoint-bn", fields, CAIRN_ORDER_RELU_BN, 1e-3, 1, {
        {"backbone.block1_1.0", "backbone.block1_1.2"}, {"backbone.block1_2.0", "backbone.block1_2.2"},
        {"backbone.block2_1.0", "backbone.block2_1.2"}, {"backbone.block2_2.0", "backbone.block2_2.2"},
        {"backbone.block3_1.0", "backbone.block3_1.2"}, {"backbone.block3_2.0", "backbone.block3_2.2"},
        {"backbone.block4_1.0", "backbone.block4_1.2"}, {"backbone.block4_2.0", "backbone.block4_2.2"},
        {"detector_head.convPa", "detector_head.bnPa"}, {"detector_head.convPb", "detector_head.bnPb"},
        {"descriptor_head.convDa", "descriptor_head.bnDa"}, {"descriptor_head.convDb", "descriptor_head.bnDb"}}, NULL},
    {"pytorch-superpoint", fields, CAIRN_ORDER_BN_RELU, 1e-5, 1, {
        {"inc.conv.conv.0", "inc.conv.conv.1"}, {"inc.conv.conv.3", "inc.conv.conv.4"},
        {"down1.mpconv.1.conv.0", "down1.mpconv.1.conv.1"}, {"down1.mpconv.1.conv.3", "down1.mpconv.1.conv.4"},
        {"down2.mpconv.1.conv.0", "down2.mpconv.1.conv.1"}, {"down2.mpconv.1.conv.3", "down2.mpconv.1.conv.4"},
        {"down3.mpconv.1.conv.0", "down3.mpconv.1.conv.1"}, {"down3.mpconv.1.conv.3", "down3.mpconv.1.conv.4"},
        {"convPa", "bnPa"}, {"convPb", "bnPb"}, {"convDa", "bnDa"}, {"convDb", "bnDb"}}, NULL},
    {"magicpoint-tf", numpy_fields, CAIRN_ORDER_RELU_BN, 1e-3, 255, {
        {"conv1a", "conv1a"}, {"conv1b", "conv1b"}, {"conv2a", "conv2a"}, {"conv2b", "conv2b"},
        {"conv3a", "conv3a"}, {"conv3b", "conv3b"}, {"conv4a", "conv4a"}, {"conv4b", "conv4b"},
        {"convPa", "convPa"}, {"convPb", "convPb"}, {"convDa", "convDa"}, {"convDb", "convDb"}}, NULL},
    {"cairn", fields, CAIRN_ORDER_BN_RELU, 1e-3, 1, {
        {"conv1a", "bn1a"}, {"conv1b", "bn1b"}, {"conv2a", "bn2a"}, {"conv2b", "bn2b"},
        {"conv3a", "bn3a"}, {"conv3b", "bn3b"}, {"conv4a", "bn4a"}, {"conv4b", "bn4b"},
        {"convPa", "bnPa"}, {"convPb", "bnPb"}, {"convDa", "bnDa"}, {"convDb", "bnDb"}}, NULL},
    {"cairn-relu-bn", fields, CAIRN_ORDER_RELU_BN, 1e-3, 1, {
        {"conv1a", "bn1a"}, {"conv1b", "bn1b"}, {"conv2a", "bn2a"}, {"conv2b", "bn2b"},
        {"conv3a", "bn3a"}, {"conv3b", "bn3b"}, {"conv4a", "bn4a"}, {"conv4b", "bn4b"},
        {"convPa", "bnPa"}, {"convPb", "bnPb"}, {"convDa", "bnDa"}, {"convDb", "bnDb"}}, NULL},
    {"superpoint", fields, CAIRN_ORDER_NONE, 1e-3, 1, {
        {"conv1a", NULL}, {"conv1b", NULL}, {"conv2a", NULL}, {"conv2b", NULL},
        {"conv3a", NULL}, {"conv3b", NULL}, {"conv4a", NULL}, {"conv4b", NULL},
        {"convPa", NULL}, {"convPb", NULL}, {"convDa", NULL}, {"convDb", NULL}}, NULL},
};
/* clang-format on */
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

const char *const cairn_import_layouts[LAYOUTS + 1] = {
    "superpoint-tf", "superpoint-bn", "pytorch-superpoint", "magicpoint-tf", "cairn", "cairn-relu-bn", "superpoint"};

typedef struct job {
    cairn_model_import import;
    const layout *layout;
    cairn_superpoint_options options;
} job;

/* ---- names ---- */

static void field_name(char name[NAME], const layout *l, int layer, int field)
{
    const names *of = &l->of[layer];
    snprintf(name, NAME, "%.64s.%.64s", field < 2 ? of->conv : of->bn, l->fields[field]);
}

/* The layer and the field of one of our parameters: "conv1a.weight", "bn1a.running_mean". */
static void source_name(char name[NAME], const cairn_model_import *import, const char *ours)
{
    char own[NAME];
    name[0] = 0;
    for (int layer = 0; layer < LAYERS; layer++) {
        for (int field = 0; field < FIELDS; field++) {
            snprintf(own, sizeof own, "%s%s.%s", field < 2 ? "conv" : "bn", layers[layer], fields[field]);
            if (!strcmp(ours, own)) field_name(name, ((const job *)import)->layout, layer, field);
        }
    }
}

static bool find_prefix(job *j)
{
    char ending[NAME];
    field_name(ending, j->layout, 0, 0);
    return cairn_import_find_prefix(&j->import.from, ending);
}

/* Share of the detector's tensors that the file names. */
static double fit(job *j)
{
    int found = 0, all = 0;
    char name[NAME];
    if (!find_prefix(j)) return 0;
    for (int layer = 0; layer < DETECTOR_LAYERS; layer++)
        for (int field = 0; field < (j->layout->of[layer].bn ? FIELDS : 2); field++, all++) {
            field_name(name, j->layout, layer, field);
            found += cairn_import_find(&j->import.from, name) != NULL;
        }
    return (double)found / all;
}

/* The wanted layout, or the one that misses least; of two the earlier one of the table, which asks for more. */
static cairn_status choose_layout(job *j, const char *wanted)
{
    double best = 0;
    const layout *chosen = NULL;
    const cairn_weights *weights = j->import.from.weights;
    for (int i = 0; i < LAYOUTS; i++) {
        if (wanted && strcmp(wanted, layouts[i].name)) continue;
        j->layout = &layouts[i];
        const double share = fit(j);
        if (share <= best && !wanted) continue;
        best = share;
        chosen = j->layout;
    }
    if (!chosen && wanted)
        return cairn_error_set(CAIRN_E_INVALID, "there is no layout '%s'; see cairn import --help", wanted);
    if (!chosen)
        return cairn_error_set(CAIRN_E_FORMAT,
                               "%s: no layout that is known here names its tensors (the first is '%.100s')",
                               weights->path, weights->count ? weights->tensors[0].name : "none");
    j->layout = chosen;
    j->import.from.layout = chosen->name;
    find_prefix(j); /* without one the first tensor is missed, by name */
    return CAIRN_OK;
}

/* ---- tensors ---- */

static void record(cairn_model *m, const cairn_model_import *import)
{
    cairn_superpoint(m, cairn_graph_input(m->g, "image", (cairn_shape){1, 8, 8, 1}), &((const job *)import)->options);
}

/* What a checkpoint of ours says about its normalisation. */
static void read_own_norm(job *j)
{
    char *text = NULL;
    cairn_superpoint_options own;
    if (strncmp(j->layout->name, "cairn", 5)) return;
    if (cairn_checkpoint_metadata(&text, j->import.from.weights->path, "model") < 0) return; /* none of our files */
    if (cairn_superpoint_parse(&own, text)) {
        j->options.eps = own.eps;
        j->options.momentum = own.momentum;
    }
    free(text);
}

/* Width and descriptor, as the file's shapes tell. */
static cairn_status read_options(job *j)
{
    char name[NAME];
    field_name(name, j->layout, 0, 0);
    const cairn_weight *first = cairn_import_find(&j->import.from, name);
    const int64_t channels = !first ? 64 : first->rank == 4 ? first->shape[0] : 0; /* none: it is missed later */
    if (channels < 4 || channels > 128 || channels % 4)
        return cairn_error_set(CAIRN_E_SHAPE, "%s: tensor '%.200s' is no first convolution of SuperPoint",
                               j->import.from.weights->path, first->name);
    j->options = (cairn_superpoint_options){.width = (double)channels / 64, .order = j->layout->order};
    read_own_norm(j);
    field_name(name, j->layout, LAYERS - 1, 0);
    const cairn_weight *last = cairn_import_find(&j->import.from, name);
    if (last && last->rank == 4 && last->shape[0] >= 1 && last->shape[0] <= 1024)
        j->options.descriptor = (int)last->shape[0];
    else if (last)
        return cairn_error_set(CAIRN_E_SHAPE, "%s: tensor '%.200s' is no head for descriptors",
                               j->import.from.weights->path, last->name);
    return cairn_model_import_build(&j->import);
}

/* Ours: pixels in 0..1, epsilon of 1e-3. */
static void adapt(const cairn_model_import *import, const char *ours, float *values, size_t count)
{
    const layout *l = ((const job *)import)->layout;
    const double factor = !strcmp(ours, "conv1a.weight") ? l->range : 1;
    const double added = !strcmp(strrchr(ours, '.'), ".running_var") ? l->eps - CAIRN_SUPERPOINT_EPS : 0;
    for (size_t i = 0; i < count; i++) values[i] = (float)(values[i] * factor + added);
}

cairn_status cairn_import(cairn_import_report *report, const cairn_weights *weights, const char *wanted,
                          const char *out)
{
    cairn_status st = CAIRN_OK;
    job j = {.import = {.record = record, .source_name = source_name, .adapt = adapt}};
    char model[256];
    *report = (cairn_import_report){0};
    CAIRN_TRY(cairn_import_open(&j.import.from, weights));
    CAIRN_TRY(choose_layout(&j, wanted));
    CAIRN_TRY(read_options(&j));
    cairn_superpoint_describe(model, sizeof model, &j.options);
    CAIRN_TRY(cairn_model_import_write(report, &j.import, out, model, j.layout->threshold));
done:
    cairn_model_import_close(&j.import);
    return st;
}
