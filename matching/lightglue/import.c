#include "matching/lightglue/import.h"

#include "formats/safetensors.h"
#include "matching/lightglue/lightglue.h"

#include <math.h>
#include <string.h>

enum { NAME = 512, PREFIX = 256, FEW = 16 };

/* One of our layers' tensors: sizes in multiples of the width, or 1 where they are -1. */
typedef struct entry {
    const char *ours, *theirs; /* theirs: behind the layer's own part of the name */
    int rows, columns;         /* columns 0: a normalisation's vectors */
    int part;                  /* of q, k, v; -1: the whole matrix */
} entry;

typedef struct block {
    const char *current, *old; /* names of layer %d */
    const entry *entries;
    int count;
} block;

static const entry self_entries[] = {
    {"self.q", "Wqkv", 1, 1, 0},           {"self.k", "Wqkv", 1, 1, 1},       {"self.v", "Wqkv", 1, 1, 2},
    {"self.out", "out_proj", 1, 1, -1},    {"self.ffn.in", "ffn.0", 2, 2, -1}, {"self.ffn.norm", "ffn.1", 2, 0, -1},
    {"self.ffn.out", "ffn.3", 1, 2, -1},
};
static const entry cross_entries[] = {
    {"cross.qk", "to_qk", 1, 1, -1},      {"cross.v", "to_v", 1, 1, -1},        {"cross.out", "to_out", 1, 1, -1},
    {"cross.ffn.in", "ffn.0", 2, 2, -1}, {"cross.ffn.norm", "ffn.1", 2, 0, -1}, {"cross.ffn.out", "ffn.3", 1, 2, -1},
};
static const entry assignment_entries[] = {
    {"assignment.match", "matchability", -1, 1, -1},
    {"assignment.project", "final_proj", 1, 1, -1},
};
static const entry confidence_entries[] = {{"confidence", "token.0", -1, 1, -1}};
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
static const block blocks[] = {
    {"transformers.%d.self_attn", "self_attn.%d", self_entries, COUNT(self_entries)},
    {"transformers.%d.cross_attn", "cross_attn.%d", cross_entries, COUNT(cross_entries)},
    {"log_assignment.%d", "log_assignment.%d", assignment_entries, COUNT(assignment_entries)},
    {"token_confidence.%d", "token_confidence.%d", confidence_entries, COUNT(confidence_entries)},
};
enum { BLOCKS = COUNT(blocks), CONFIDENCE = BLOCKS - 1, MOST = CAIRN_LIGHTGLUE_LAYERS * 2 * FEW + FEW };

typedef struct job {
    const cairn_weights *weights;
    char prefix[PREFIX];
    bool old;   /* the naming of the published files */
    bool *used; /* [weights->count] */
    cairn_lightglue_options options;
    cairn_safetensor tensors[MOST];
    int count;
} job;

/* ---- names ---- */

/* What stands before the positional encoding's name is the prefix of the file. */
static bool find_prefix(char prefix[PREFIX], const cairn_weights *weights)
{
    static const char ending[] = "posenc.Wr.weight";
    const size_t length = strlen(ending);
    for (int i = 0; i < weights->count; i++) {
        const char *name = weights->tensors[i].name;
        const size_t all = strlen(name);
        if (all < length || all - length >= PREFIX || strcmp(name + all - length, ending)) continue;
        if (all > length && name[all - length - 1] != '.') continue;
        snprintf(prefix, PREFIX, "%.*s", (int)(all - length), name);
        return true;
    }
    return false;
}

bool cairn_lightglue_names_fit(const cairn_weights *weights)
{
    char prefix[PREFIX];
    return find_prefix(prefix, weights);
}

static void layer_name(char name[NAME], const job *j, const block *b, int layer, const char *theirs, const char *field)
{
    char part[64];
    snprintf(part, sizeof part, j->old ? b->old : b->current, layer);
    snprintf(name, NAME, "%s%s.%s.%s", j->prefix, part, theirs, field);
}

static const cairn_weight *look_up(const job *j, const char *name)
{
    return cairn_weights_find(j->weights, name);
}

/* ---- tensors ---- */

static cairn_status require(const cairn_weight **out, job *j, const char *name, int rank, const int64_t *shape)
{
    *out = look_up(j, name);
    if (!*out)
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: LightGlue of %d layers needs the tensor '%.200s', which is not "
                               "there", j->weights->path, j->options.layers, name);
    bool same = (*out)->rank == rank;
    for (int i = 0; same && i < rank; i++) same = (*out)->shape[i] == shape[i];
    if (!same)
        return cairn_error_set(CAIRN_E_SHAPE, "%s: tensor '%.200s' has the shape [%lld,%lld] (rank %d), expected "
                               "[%lld,%lld] (rank %d)", j->weights->path, name,
                               (*out)->rank > 0 ? (long long)(*out)->shape[0] : 1,
                               (*out)->rank > 1 ? (long long)(*out)->shape[1] : 1, (*out)->rank, (long long)shape[0],
                               rank > 1 ? (long long)shape[1] : 1, rank);
    for (size_t i = 0; i < (*out)->count; i++)
        if (!isfinite((*out)->data[i]))
            return cairn_error_set(CAIRN_E_NUMERIC, "%s: tensor '%.200s' holds numbers that are not finite",
                                   j->weights->path, name);
    j->used[*out - j->weights->tensors] = true;
    return CAIRN_OK;
}

/* Room for a tensor of ours. */
static cairn_status add(float **out, job *j, const char *name, int rank, int64_t rows, int64_t columns)
{
    CAIRN_ASSERT(j->count < MOST);
    cairn_safetensor *t = &j->tensors[j->count++];
    *t = (cairn_safetensor){.name = strdup(name), .rank = rank, .shape = {rows, columns}};
    *out = t->data = malloc(sizeof(float) * (size_t)(rows * (rank > 1 ? columns : 1)));
    if (t->name && t->data) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", j->weights->path);
}

static cairn_status take(job *j, const char *theirs, const char *ours, int rank, int64_t rows, int64_t columns)
{
    cairn_status st = CAIRN_OK;
    const cairn_weight *from;
    float *to;
    CAIRN_TRY(require(&from, j, theirs, rank, (const int64_t[]){rows, columns}));
    CAIRN_TRY(add(&to, j, ours, rank, rows, columns));
    memcpy(to, from->data, sizeof *to * from->count);
done:
    return st;
}

/* Row h*3*D + 3*d + part of theirs is row h*D + d of our part's matrix, D channels of a head. */
static cairn_status take_part(job *j, const char *theirs, const char *ours, int rank, int part)
{
    cairn_status st = CAIRN_OK;
    const int64_t width = j->options.width, row = rank > 1 ? width : 1;
    const cairn_weight *from;
    float *to;
    CAIRN_TRY(require(&from, j, theirs, rank, (const int64_t[]){3 * width, width}));
    CAIRN_TRY(add(&to, j, ours, rank, width, width));
    for (int64_t i = 0; i < width; i++)
        memcpy(to + i * row, from->data + (3 * i + part) * row, sizeof *to * (size_t)row);
done:
    return st;
}

static cairn_status take_entry(job *j, const block *b, int layer, const entry *e)
{
    static const char *const fields[2] = {"weight", "bias"};
    cairn_status st = CAIRN_OK;
    const int width = j->options.width, rows = e->rows < 0 ? 1 : e->rows * width;
    for (int field = 0; field < 2; field++) {
        char theirs[NAME], ours[96];
        const int rank = field == 0 && e->columns ? 2 : 1;
        layer_name(theirs, j, b, layer, e->theirs, fields[field]);
        snprintf(ours, sizeof ours, "layers.%d.%s.%s", layer, e->ours, fields[field]);
        if (e->part >= 0)
            CAIRN_TRY(take_part(j, theirs, ours, rank, e->part));
        else
            CAIRN_TRY(take(j, theirs, ours, rank, rows, (int64_t)e->columns * width));
    }
done:
    return st;
}

/* ---- the network ---- */

static int64_t dimension(const cairn_weight *w, int axis)
{
    return w && w->rank == 2 && w->shape[axis] >= 1 && w->shape[axis] <= 1 << 20 ? w->shape[axis] : 0;
}

/* Layers, heads, width and descriptor, as names and shapes tell. */
static cairn_status read_options(job *j)
{
    cairn_lightglue_options *o = &j->options;
    char name[NAME];
    const char *file = j->weights->path;
    if (!find_prefix(j->prefix, j->weights))
        return cairn_error_set(CAIRN_E_FORMAT, "%s: no tensor is named posenc.Wr.weight; this is no LightGlue", file);
    layer_name(name, j, &blocks[0], 0, "Wqkv", "weight");
    j->old = !look_up(j, name);
    layer_name(name, j, &blocks[0], 0, "Wqkv", "weight");
    const cairn_weight *qkv = look_up(j, name);
    if (!dimension(qkv, 1))
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: there is no matrix '%.200s'", file, name);
    for (o->layers = 0; o->layers <= CAIRN_LIGHTGLUE_LAYERS; o->layers++) {
        layer_name(name, j, &blocks[0], o->layers, "Wqkv", "weight");
        if (!look_up(j, name)) break;
    }
    snprintf(name, NAME, "%sposenc.Wr.weight", j->prefix);
    const cairn_weight *positions = look_up(j, name);
    if (dimension(positions, 1) > 2)
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "%s: its positions have %lld numbers (scale and orientation); only (x, y) is known here",
                               file, (long long)dimension(positions, 1));
    o->width = (int)dimension(qkv, 1);
    const int64_t head = 2 * dimension(positions, 0);
    if (!head || o->width % head)
        return cairn_error_set(CAIRN_E_SHAPE, "%s: '%.200s' does not fit a width of %d", file, name, o->width);
    o->heads = (int)(o->width / head);
    snprintf(name, NAME, "%sinput_proj.weight", j->prefix);
    const cairn_weight *projection = look_up(j, name);
    o->descriptor = projection ? (int)dimension(projection, 1) : o->width;
    if (projection && o->descriptor == o->width)
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "%s: '%.200s' takes descriptors that are as wide as the states, "
                               "which go without a projection here", file, name);
    return cairn_lightglue_check(o, file);
}

static cairn_status take_all(job *j)
{
    cairn_status st = CAIRN_OK;
    char name[NAME];
    const cairn_lightglue_options *o = &j->options;
    snprintf(name, NAME, "%sposenc.Wr.weight", j->prefix);
    CAIRN_TRY(take(j, name, "posenc.weight", 2, o->width / o->heads / 2, 2));
    if (o->descriptor != o->width) {
        snprintf(name, NAME, "%sinput_proj.weight", j->prefix);
        CAIRN_TRY(take(j, name, "input_proj.weight", 2, o->width, o->descriptor));
        snprintf(name, NAME, "%sinput_proj.bias", j->prefix);
        CAIRN_TRY(take(j, name, "input_proj.bias", 1, o->width, 1));
    }
    for (int layer = 0; layer < o->layers; layer++)
        for (int b = 0; b < BLOCKS; b++)
            for (int e = 0; e < blocks[b].count && (b != CONFIDENCE || layer + 1 < o->layers); e++)
                CAIRN_TRY(take_entry(j, &blocks[b], layer, &blocks[b].entries[e]));
done:
    return st;
}

static char *editable(const char *text)
{
    return (char *)(uintptr_t)text; /* the writer only reads it */
}

cairn_status cairn_lightglue_import(cairn_import_report *report, const cairn_weights *weights, const char *out)
{
    cairn_status st = CAIRN_OK;
    *report = (cairn_import_report){.layout = CAIRN_LIGHTGLUE_LAYOUT};
    job *j = calloc(1, sizeof *j);
    if (!j) return cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", weights->path);
    j->weights = weights;
    j->used = calloc((size_t)weights->count + 1, sizeof *j->used);
    if (!j->used) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", weights->path));
    CAIRN_TRY(read_options(j));
    CAIRN_TRY(take_all(j));
    for (int i = 0; i < j->weights->count; i++) report->taken += j->used[i];
    CAIRN_TRY(cairn_import_report_left(report, j->weights, j->used));
    cairn_lightglue_describe(report->model, sizeof report->model, &j->options);
    const char *slash = strrchr(weights->path, '/');
    const cairn_safetensors_pair metadata[] = {
        {editable("format"), editable("cairn")},
        {editable("model"), report->model},
        {editable("imported_from"), editable(slash ? slash + 1 : weights->path)},
        {editable("layout"), editable(CAIRN_LIGHTGLUE_LAYOUT)}};
    CAIRN_TRY(cairn_safetensors_write(out, j->tensors, j->count, metadata, COUNT(metadata)));
done:
    for (int i = 0; i < j->count; i++) {
        free(j->tensors[i].name);
        free(j->tensors[i].data);
    }
    free(j->used);
    free(j);
    if (st < 0) cairn_import_report_free(report);
    return st;
}
