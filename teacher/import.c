#include "teacher/import.h"

#include "teacher/superpoint.h"
#include "train/checkpoint.h"

#include "formats/safetensors.h"

#include <math.h>
#include <string.h>

enum { LAYERS = 12, DETECTOR_LAYERS = 10, FIELDS = 6, NAME = 512 };

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
    const cairn_weights *weights;
    const layout *layout;
    char prefix[NAME / 2];
    bool *used; /* [weights->count] */
    cairn_superpoint_options options;
} job;

/* ---- names ---- */

static void source_name(char name[NAME], const job *j, int layer, int field)
{
    const names *of = &j->layout->of[layer];
    snprintf(name, NAME, "%.255s%.64s.%.64s", j->prefix, field < 2 ? of->conv : of->bn, j->layout->fields[field]);
}

/* Looks for a name's ending: what stands before it is the prefix of the file. */
static bool find_prefix(job *j)
{
    char ending[NAME];
    j->prefix[0] = 0;
    source_name(ending, j, 0, 0);
    const size_t length = strlen(ending);
    for (int i = 0; i < j->weights->count; i++) {
        const char *name = j->weights->tensors[i].name;
        const size_t all = strlen(name);
        if (all < length || all - length >= NAME / 2 || strcmp(name + all - length, ending)) continue;
        if (all > length && name[all - length - 1] != '.') continue;
        snprintf(j->prefix, sizeof j->prefix, "%.*s", (int)(all - length), name);
        return true;
    }
    return false;
}

/* Share of the detector's tensors that the file names. */
static double fit(job *j)
{
    int found = 0, all = 0;
    char name[NAME];
    if (!find_prefix(j)) return 0;
    for (int layer = 0; layer < DETECTOR_LAYERS; layer++)
        for (int field = 0; field < (j->layout->of[layer].bn ? FIELDS : 2); field++, all++) {
            source_name(name, j, layer, field);
            found += cairn_weights_find(j->weights, name) != NULL;
        }
    return (double)found / all;
}

/* The wanted layout, or the one that misses least; of two the earlier one of the table, which asks for more. */
static cairn_status choose_layout(job *j, const char *wanted)
{
    double best = 0;
    const layout *chosen = NULL;
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
                               j->weights->path, j->weights->count ? j->weights->tensors[0].name : "none");
    j->layout = chosen;
    find_prefix(j); /* without one the first tensor is missed, by name */
    return CAIRN_OK;
}

/* ---- tensors ---- */

static cairn_status require(const cairn_weight **out, job *j, int layer, int field)
{
    char name[NAME];
    source_name(name, j, layer, field);
    *out = cairn_weights_find(j->weights, name);
    if (!*out)
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: layout %s needs the tensor '%.200s', which is not there",
                               j->weights->path, j->layout->name, name);
    for (size_t i = 0; i < (*out)->count; i++)
        if (!isfinite((*out)->data[i]))
            return cairn_error_set(CAIRN_E_NUMERIC, "%s: tensor '%.200s' holds numbers that are not finite",
                                   j->weights->path, name);
    j->used[*out - j->weights->tensors] = true;
    return CAIRN_OK;
}

static void shape_text(char *text, size_t size, int rank, const int64_t *shape)
{
    size_t n = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && n + 24 < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%lld", i ? "," : "", (long long)shape[i]);
    snprintf(text + n, size - n, "]");
}

static cairn_status check_shape(const job *j, const cairn_weight *w, int rank, const int64_t *shape)
{
    char is[200], expected[200];
    bool same = w->rank == rank;
    for (int i = 0; same && i < rank; i++) same = w->shape[i] == shape[i];
    if (same) return CAIRN_OK;
    shape_text(is, sizeof is, w->rank, w->shape);
    shape_text(expected, sizeof expected, rank, shape);
    return cairn_error_set(CAIRN_E_SHAPE, "%s: tensor '%.200s' has the shape %s, expected %s", j->weights->path,
                           w->name, is, expected);
}

/* Channels that come out of a layer, and its kernel's size. */
static void layer_shape(const job *j, int layer, int *in, int *out, int *kernel)
{
    static const int channels[LAYERS] = {64, 64, 64, 64, 128, 128, 128, 128, 256, 65, 256, 0};
    static const int before[LAYERS] = {-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 7, 10};
    const double width = j->options.width;
    *kernel = layer == 9 || layer == 11 ? 1 : 3;
    *out = layer == 9 ? 65 : layer == 11 ? j->options.descriptor : cairn_superpoint_channels(channels[layer], width);
    *in = layer == 0 ? 1 : cairn_superpoint_channels(channels[before[layer]], width);
}

/* Width and descriptor, as the file's shapes tell. */
static cairn_status read_options(job *j)
{
    const cairn_weight *first = NULL;
    char name[NAME];
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(require(&first, j, 0, 0));
    const int64_t channels = first->rank == 4 ? first->shape[0] : 0;
    if (channels < 4 || channels > 128 || channels % 4)
        CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE, "%s: tensor '%.200s' is no first convolution of SuperPoint",
                                  j->weights->path, first->name));
    j->options = (cairn_superpoint_options){.width = (double)channels / 64, .order = j->layout->order};
    source_name(name, j, LAYERS - 1, 0);
    const cairn_weight *last = cairn_weights_find(j->weights, name);
    if (last && last->rank == 4 && last->shape[0] >= 1 && last->shape[0] <= 1024)
        j->options.descriptor = (int)last->shape[0];
    else if (last)
        CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE, "%s: tensor '%.200s' is no head for descriptors", j->weights->path,
                                  last->name));
done:
    return st;
}

static cairn_status take(cairn_safetensor *to, job *j, int layer, int field)
{
    cairn_status st = CAIRN_OK;
    const cairn_weight *from = NULL;
    int in, out, kernel;
    char name[32];
    CAIRN_TRY(require(&from, j, layer, field));
    layer_shape(j, layer, &in, &out, &kernel);
    const int64_t shape[4] = {out, in, kernel, kernel};
    CAIRN_TRY(check_shape(j, from, field == 0 ? 4 : 1, shape));
    snprintf(name, sizeof name, "%s%s.%s", field < 2 ? "conv" : "bn", layers[layer], fields[field]);
    *to = (cairn_safetensor){.name = strdup(name), .rank = from->rank, .data = malloc(from->count * sizeof(float) + 1)};
    if (!to->name || !to->data) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", j->weights->path));
    memcpy(to->shape, from->shape, sizeof *from->shape * (size_t)from->rank);
    /* Ours: pixels in 0..1, epsilon of 1e-3. */
    const double factor = layer == 0 && field == 0 ? j->layout->range : 1;
    const double added = field == 5 ? j->layout->eps - CAIRN_SUPERPOINT_EPS : 0;
    for (size_t i = 0; i < from->count; i++) to->data[i] = (float)(from->data[i] * factor + added);
done:
    return st;
}

static cairn_status take_all(cairn_safetensor *to, int *count, job *j)
{
    cairn_status st = CAIRN_OK;
    const int used = j->options.descriptor > 0 ? LAYERS : DETECTOR_LAYERS;
    for (int layer = 0; layer < used; layer++)
        for (int field = 0; field < (j->layout->of[layer].bn ? FIELDS : 2); field++)
            CAIRN_TRY(take(&to[(*count)++], j, layer, field));
done:
    return st;
}

static char *editable(const char *text)
{
    return (char *)(uintptr_t)text; /* the writer only reads it */
}

cairn_status cairn_import(cairn_import_report *report, const cairn_weights *weights, const char *wanted,
                          const char *out)
{
    cairn_status st = CAIRN_OK;
    job j = {.weights = weights, .used = calloc((size_t)weights->count + 1, sizeof *j.used)};
    cairn_safetensor tensors[LAYERS * FIELDS] = {{0}};
    int count = 0;
    *report = (cairn_import_report){0};
    if (!j.used) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", weights->path));
    CAIRN_TRY(choose_layout(&j, wanted));
    CAIRN_TRY(read_options(&j));
    CAIRN_TRY(take_all(tensors, &count, &j));
    CAIRN_TRY(cairn_import_report_left(report, weights, j.used));
    report->layout = j.layout->name;
    report->taken = count;
    cairn_superpoint_describe(report->model, sizeof report->model, &j.options);
    const char *file = strrchr(weights->path, '/') ? strrchr(weights->path, '/') + 1 : weights->path;
    const cairn_safetensors_pair metadata[] = {{editable("format"), editable("cairn")},
                                               {editable("model"), report->model},
                                               {editable("imported_from"), editable(file)},
                                               {editable("layout"), editable(j.layout->name)},
                                               {editable("threshold"), editable(j.layout->threshold)}};
    CAIRN_TRY(cairn_safetensors_write(out, tensors, count, metadata, j.layout->threshold ? 5 : 4));
done:
    for (int i = 0; i < count; i++) {
        free(tensors[i].name);
        free(tensors[i].data);
    }
    free(j.used);
    if (st < 0) cairn_import_report_free(report);
    return st;
}
