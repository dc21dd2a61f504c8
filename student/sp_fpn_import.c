#include "student/sp_fpn_import.h"

#include "student/import_tensor.h"
#include "student/network.h"

#include <string.h>

enum { NAME = 160, PREFIX = 64 }; /* PREFIX as in cairn_import_prefix */

/* A name that only this layout has: torchvision with and without blocks of convolution and normalisation. */
static const char new_mark[] = "fpn.inner_blocks.0.0.weight", old_mark[] = "fpn.inner_blocks.0.weight";

typedef struct job {
    const cairn_weights *weights;
    bool old;
    char prefix[PREFIX];
    cairn_network_spec spec;
    cairn_model model; /* the network whose parameters are wanted */
    bool *used;        /* [weights->count] */
} job;

static bool find_prefix(job *j)
{
    j->old = !cairn_import_prefix(j->prefix, j->weights, new_mark);
    return !j->old || cairn_import_prefix(j->prefix, j->weights, old_mark);
}

bool cairn_sp_fpn_names_fit(const cairn_weights *weights)
{
    return find_prefix(&(job){.weights = weights});
}

/* The file's name of one of our parameters: our own, since ours are the source's. */
static void source_name(char out[NAME], const job *j, const char *name)
{
    char blocks[24];
    int level;
    if (j->old && sscanf(name, "fpn.%23[a-z_].%d.0.weight", blocks, &level) == 2)
        snprintf(out, NAME, "fpn.%s.%d.weight", blocks, level);
    else
        snprintf(out, NAME, "%s", name);
}

static const cairn_weight *find(const job *j, const char *name)
{
    char source[NAME], whole[NAME + PREFIX];
    source_name(source, j, name);
    snprintf(whole, sizeof whole, "%s%s", j->prefix, source);
    return cairn_weights_find(j->weights, whole);
}

/* ---- options ---- */

static cairn_status build(job *j)
{
    cairn_status st = CAIRN_OK;
    cairn_graph *g = NULL;
    CAIRN_TRY(cairn_graph_create(&g));
    cairn_model_uninit(&j->model);
    cairn_model_init(&j->model, g, false);
    cairn_network_build(&j->model, &j->spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1}));
    CAIRN_TRY(cairn_graph_status(g));
done:
    cairn_graph_destroy(&g);
    return st;
}

/* Parameters that the file lacks or has in another shape. */
static int misfits(const job *j)
{
    int count = 0;
    for (int i = 0; i < j->model.count; i++) {
        const cairn_weight *w = find(j, j->model.parameters[i].name);
        count += !(w && cairn_import_fits(&j->model.parameters[i], w));
    }
    return count;
}

/* Tries taps and widths until all shapes fit; else what fits best, whose first misfit is then named. */
static cairn_status read_options(job *j)
{
    static const struct {
        bool large;
        int taps[4];
    } kinds[] = {{false, {1, 2, 4, 12}},
                 {false, {1, 3, 8, 12}},
                 {false, {1, 3, 8, 11}},
                 {true, {3, 6, 12, 16}},
                 {true, {3, 6, 12, 15}}};
    static const double widths[] = {1, 0.75, 0.5, 0.35, 0.25, 1.25, 1.5, 1.75, 2};
    enum { KINDS = sizeof kinds / sizeof *kinds, WIDTHS = sizeof widths / sizeof *widths };
    cairn_status st = CAIRN_OK;
    cairn_network_spec best = {0};
    int least = 0;
    const cairn_weight *first = find(j, new_mark);
    const int64_t channels = first && first->rank == 4 ? first->shape[0] : 0;
    if (channels < 8 || channels > 512)
        CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE,
                                  "%s: tensor '%s%s' is no first convolution of a pyramid (8 to 512 "
                                  "channels)",
                                  j->weights->path, j->prefix, j->old ? old_mark : new_mark));
    for (int i = 0; i < KINDS * WIDTHS; i++) {
        j->spec = (cairn_network_spec){.kind = CAIRN_NETWORK_SP_FPN};
        j->spec.sp_fpn = (cairn_sp_fpn_options){
            .width = widths[i / KINDS], .channels = (int)channels, .style = {.large = kinds[i % KINDS].large}};
        memcpy(j->spec.sp_fpn.taps, kinds[i % KINDS].taps, sizeof kinds[0].taps);
        CAIRN_TRY(build(j));
        const int count = misfits(j);
        if (i == 0 || count < least) least = count, best = j->spec;
        if (least == 0) goto done;
    }
    j->spec = best;
    CAIRN_TRY(build(j));
done:
    return st;
}

/* ---- tensors ---- */

static cairn_status take(cairn_safetensor *to, job *j, const cairn_parameter *p)
{
    cairn_status st = CAIRN_OK;
    const cairn_weight *from;
    char name[NAME];
    CAIRN_TRY(cairn_import_room(to, p));
    source_name(name, j, p->name);
    CAIRN_TRY(cairn_import_require(&from, j->weights, CAIRN_SP_FPN_LAYOUT, j->prefix, name, p));
    j->used[from - j->weights->tensors] = true;
    memcpy(to->data, from->data, from->count * sizeof *to->data);
done:
    return st;
}

cairn_status cairn_sp_fpn_import(cairn_import_report *report, const cairn_weights *weights, const char *out)
{
    cairn_status st = CAIRN_OK;
    job j = {.weights = weights, .used = calloc((size_t)weights->count + 1, sizeof *j.used)};
    cairn_safetensor *tensors = NULL;
    int count = 0;
    char model[256];
    *report = (cairn_import_report){0};
    if (!j.used) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", weights->path));
    if (!find_prefix(&j))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: layout %s needs the tensor '%s', which is not there",
                                  weights->path, CAIRN_SP_FPN_LAYOUT, new_mark));
    CAIRN_TRY(read_options(&j));
    tensors = calloc((size_t)j.model.count + 1, sizeof *tensors);
    if (!tensors) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to import %s", weights->path));
    for (int i = 0; i < j.model.count; i++) CAIRN_TRY(take(&tensors[count++], &j, &j.model.parameters[i]));
    cairn_network_describe(model, sizeof model, &j.spec);
    CAIRN_TRY(cairn_import_write(report, out, tensors, count, weights, j.used, CAIRN_SP_FPN_LAYOUT, model));
done:
    for (int i = 0; tensors && i < count; i++) {
        free(tensors[i].name);
        free(tensors[i].data);
    }
    free(tensors);
    free(j.used);
    cairn_model_uninit(&j.model);
    if (st < 0) cairn_import_report_free(report);
    return st;
}
