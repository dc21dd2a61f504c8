#include "matching/lightglue/import.h"

#include "matching/lightglue/lightglue.h"

#include <string.h>

enum { NAME = 128, FEW = 16 };

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
    cairn_import_source from;
    bool old; /* the naming of the published files */
    cairn_lightglue_options options;
    cairn_safetensor tensors[MOST];
    int count;
} job;

/* ---- names ---- */

static const char positions_name[] = "posenc.Wr.weight"; /* what stands before it is the prefix */

bool cairn_lightglue_names_fit(const cairn_weights *weights)
{
    return cairn_import_find_prefix(&(cairn_import_source){.weights = weights}, positions_name);
}

static void layer_name(char name[NAME], const job *j, const block *b, int layer, const char *theirs, const char *field)
{
    char part[64];
    snprintf(part, sizeof part, j->old ? b->old : b->current, layer);
    snprintf(name, NAME, "%s.%s.%s", part, theirs, field);
}

/* ---- tensors ---- */

/* Room for a tensor of ours. */
static cairn_status add(float **out, job *j, const char *name, int rank, int64_t rows, int64_t columns)
{
    CAIRN_ASSERT(j->count < MOST);
    cairn_safetensor *t = &j->tensors[j->count++];
    const cairn_status st = cairn_import_room(t, name, rank, (const int64_t[]){rows, columns});
    *out = t->data;
    return st;
}

static cairn_status take(job *j, const char *theirs, const char *ours, int rank, int64_t rows, int64_t columns)
{
    cairn_status st = CAIRN_OK;
    const cairn_weight *from;
    float *to;
    CAIRN_TRY(cairn_import_require(&from, &j->from, theirs, rank, (const int64_t[]){rows, columns}));
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
    CAIRN_TRY(cairn_import_require(&from, &j->from, theirs, rank, (const int64_t[]){3 * width, width}));
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
    const cairn_import_source *from = &j->from;
    char name[NAME];
    const char *file = from->weights->path;
    if (!cairn_import_find_prefix(&j->from, positions_name))
        return cairn_error_set(CAIRN_E_FORMAT, "%s: no tensor is named %s; this is no LightGlue", file, positions_name);
    layer_name(name, j, &blocks[0], 0, "Wqkv", "weight");
    j->old = !cairn_import_find(from, name);
    layer_name(name, j, &blocks[0], 0, "Wqkv", "weight");
    const cairn_weight *qkv = cairn_import_find(from, name);
    if (!dimension(qkv, 1))
        return cairn_error_set(CAIRN_E_NOTFOUND, "%s: there is no matrix '%.99s%s'", file, from->prefix, name);
    for (o->layers = 0; o->layers <= CAIRN_LIGHTGLUE_LAYERS; o->layers++) {
        layer_name(name, j, &blocks[0], o->layers, "Wqkv", "weight");
        if (!cairn_import_find(from, name)) break;
    }
    const cairn_weight *positions = cairn_import_find(from, positions_name);
    if (dimension(positions, 1) > 2)
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "%s: its positions have %lld numbers (scale and orientation); only (x, y) is known here",
                               file, (long long)dimension(positions, 1));
    o->width = (int)dimension(qkv, 1);
    const int64_t head = 2 * dimension(positions, 0);
    if (!head || o->width % head)
        return cairn_error_set(CAIRN_E_SHAPE, "%s: '%.200s' does not fit a width of %d", file, positions->name,
                               o->width);
    o->heads = (int)(o->width / head);
    const cairn_weight *projection = cairn_import_find(from, "input_proj.weight");
    o->descriptor = projection ? (int)dimension(projection, 1) : o->width;
    if (projection && o->descriptor == o->width)
        return cairn_error_set(CAIRN_E_UNSUPPORTED, "%s: '%.200s' takes descriptors that are as wide as the states, "
                               "which go without a projection here", file, projection->name);
    return cairn_lightglue_check(o, file);
}

static cairn_status take_all(job *j)
{
    cairn_status st = CAIRN_OK;
    const cairn_lightglue_options *o = &j->options;
    CAIRN_TRY(take(j, positions_name, "posenc.weight", 2, o->width / o->heads / 2, 2));
    if (o->descriptor != o->width) {
        CAIRN_TRY(take(j, "input_proj.weight", "input_proj.weight", 2, o->width, o->descriptor));
        CAIRN_TRY(take(j, "input_proj.bias", "input_proj.bias", 1, o->width, 1));
    }
    for (int layer = 0; layer < o->layers; layer++)
        for (int b = 0; b < BLOCKS; b++)
            for (int e = 0; e < blocks[b].count && (b != CONFIDENCE || layer + 1 < o->layers); e++)
                CAIRN_TRY(take_entry(j, &blocks[b], layer, &blocks[b].entries[e]));
done:
    return st;
}

cairn_status cairn_lightglue_import(cairn_import_report *report, const cairn_weights *weights, const char *out)
{
    cairn_status st = CAIRN_OK;
    char model[256];
    *report = (cairn_import_report){0};
    job *j = calloc(1, sizeof *j);
    if (!j) return cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", weights->path);
    j->from.layout = CAIRN_LIGHTGLUE_LAYOUT;
    CAIRN_TRY(cairn_import_open(&j->from, weights));
    CAIRN_TRY(read_options(j));
    CAIRN_TRY(take_all(j));
    cairn_lightglue_describe(model, sizeof model, &j->options);
    CAIRN_TRY(cairn_import_write(report, out, j->tensors, j->count, &j->from, model, NULL));
done:
    cairn_import_free_tensors(j->tensors, j->count);
    cairn_import_close(&j->from);
    free(j);
    if (st < 0) cairn_import_report_free(report);
    return st;
}
