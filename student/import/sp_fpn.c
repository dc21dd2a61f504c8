#include "student/import/sp_fpn.h"

#include "student/network.h"
#include "train/model_import.h"

#include <string.h>

/* A name that only this layout has: torchvision with and without blocks of convolution and normalisation. */
static const char new_mark[] = "fpn.inner_blocks.0.0.weight", old_mark[] = "fpn.inner_blocks.0.weight";

typedef struct job {
    cairn_model_import import;
    bool old;
    cairn_network_spec spec;
} job;

static bool find_prefix(job *j)
{
    j->old = !cairn_import_find_prefix(&j->import.from, new_mark);
    return !j->old || cairn_import_find_prefix(&j->import.from, old_mark);
}

bool cairn_sp_fpn_names_fit(const cairn_weights *weights)
{
    return find_prefix(&(job){.import.from.weights = weights});
}

/* The file's name of one of our parameters: our own, since ours are the source's. */
static void source_name(char out[CAIRN_IMPORT_NAME], const cairn_model_import *import, const char *name)
{
    char blocks[24];
    int level;
    if (((const job *)import)->old && sscanf(name, "fpn.%23[a-z_].%d.0.weight", blocks, &level) == 2)
        snprintf(out, CAIRN_IMPORT_NAME, "fpn.%s.%d.weight", blocks, level);
    else
        snprintf(out, CAIRN_IMPORT_NAME, "%s", name);
}

static void record(cairn_model *m, const cairn_model_import *import)
{
    cairn_network_build(m, &((const job *)import)->spec, cairn_graph_input(m->g, "image", (cairn_shape){1, 32, 32, 1}));
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
    const char *mark = j->old ? old_mark : new_mark;
    const cairn_weight *first = cairn_import_find(&j->import.from, mark);
    const int64_t channels = first && first->rank == 4 ? first->shape[0] : 0;
    if (channels < 8 || channels > 512)
        CAIRN_TRY(cairn_error_set(CAIRN_E_SHAPE,
                                  "%s: tensor '%s%s' is no first convolution of a pyramid (8 to 512 "
                                  "channels)",
                                  j->import.from.weights->path, j->import.from.prefix, mark));
    for (int i = 0; i < KINDS * WIDTHS; i++) {
        j->spec = (cairn_network_spec){.kind = CAIRN_NETWORK_SP_FPN};
        j->spec.sp_fpn = (cairn_sp_fpn_options){
            .width = widths[i / KINDS], .channels = (int)channels, .style = {.large = kinds[i % KINDS].large}};
        memcpy(j->spec.sp_fpn.taps, kinds[i % KINDS].taps, sizeof kinds[0].taps);
        CAIRN_TRY(cairn_model_import_build(&j->import));
        const int count = cairn_model_import_misfits(&j->import);
        if (i == 0 || count < least) least = count, best = j->spec;
        if (least == 0) goto done;
    }
    j->spec = best;
    CAIRN_TRY(cairn_model_import_build(&j->import));
done:
    return st;
}

cairn_status cairn_sp_fpn_import(cairn_import_report *report, const cairn_weights *weights, const char *out)
{
    cairn_status st = CAIRN_OK;
    job j = {.import = {.from.layout = CAIRN_SP_FPN_LAYOUT, .record = record, .source_name = source_name}};
    char model[256];
    *report = (cairn_import_report){0};
    CAIRN_TRY(cairn_import_open(&j.import.from, weights));
    if (!find_prefix(&j))
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOTFOUND, "%s: layout %s needs the tensor '%s', which is not there",
                                  weights->path, CAIRN_SP_FPN_LAYOUT, new_mark));
    CAIRN_TRY(read_options(&j));
    cairn_network_describe(model, sizeof model, &j.spec);
    CAIRN_TRY(cairn_model_import_write(report, &j.import, out, model, NULL));
done:
    cairn_model_import_close(&j.import);
    return st;
}
