/* cairn import: a public checkpoint becomes one of ours. */
#include "cli/command.h"
#include "cli/print.h"
#include "matching/lightglue/import.h"
#include "system/file.h"
#include "student/import/mobilenet.h"
#include "student/import/sp_fpn.h"
#include "teacher/import.h"

#include <string.h>

typedef struct import_options {
    char layout[CAIRN_SETTING_TEXT_BYTES], out[CAIRN_SETTING_TEXT_BYTES];
} import_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(import_options, layout, "auto", "whose names the file has; auto: the ones that fit"),
    CAIRN_SETTING_TEXT_ROW(import_options, out, "", "checkpoint (safetensors) to write"),
    {0},
};

static cairn_status check_layout(const char *layout)
{
    enum { MOST = 32 };
    static const char *const others[] = {"auto", CAIRN_LIGHTGLUE_LAYOUT, CAIRN_SP_FPN_LAYOUT, NULL};
    const char *const *const lists[] = {others, cairn_import_layouts, cairn_mobilenet_layouts};
    const char *names[MOST + 1] = {0};
    int count = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; lists[k][i]; i++) {
            if (!strcmp(layout, lists[k][i])) return CAIRN_OK;
            CAIRN_ASSERT(count < MOST);
            names[count++] = lists[k][i];
        }
    const char *closest = cairn_closest_name(layout, names);
    return closest ? cairn_error_set(CAIRN_E_INVALID, "command line: there is no layout '%s'; did you mean '%s'?",
                                     layout, closest)
                   : cairn_error_set(CAIRN_E_INVALID, "command line: there is no layout '%s'; see cairn import --help",
                                     layout);
}

/* A detector's layout, that of a matcher, of a student or of a student's backbone. */
static cairn_status import(cairn_import_report *report, const cairn_weights *weights, const import_options *o)
{
    const bool choose = !strcmp(o->layout, "auto");
    if (!strcmp(o->layout, CAIRN_SP_FPN_LAYOUT) || (choose && cairn_sp_fpn_names_fit(weights)))
        return cairn_sp_fpn_import(report, weights, o->out);
    if (cairn_mobilenet_import_takes(weights, choose ? NULL : o->layout))
        return cairn_mobilenet_import(report, weights, choose ? NULL : o->layout, o->out);
    if (strcmp(o->layout, CAIRN_LIGHTGLUE_LAYOUT) && !(choose && cairn_lightglue_names_fit(weights)))
        return cairn_import(report, weights, choose ? NULL : o->layout, o->out);
    return cairn_lightglue_import(report, weights, o->out);
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)word_count;
    const import_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_weights weights = {0};
    cairn_import_report report = {0};
    enum { SHOWN = 20 };
    if (!o->out[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out FILE.safetensors is missing"));
    if (cairn_file_same(words[0], o->out))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out is the file that is imported"));
    CAIRN_TRY(check_layout(o->layout));
    CAIRN_TRY(cairn_weights_read(&weights, words[0]));
    CAIRN_TRY(import(&report, &weights, o));
    printf("%s: %d of %d tensors as layout %s -> %s\nmodel: %s\n", words[0], report.taken, weights.count, report.layout,
           o->out, report.model);
    if (report.left) printf("%d tensors of the file have no place in it:\n", report.left);
    for (int i = 0; i < report.left && i < SHOWN; i++) {
        fputs("  ", stdout);
        cairn_cli_print_text(report.left_names[i], false);
        putchar('\n');
    }
    if (report.left > SHOWN) printf("  and %d more\n", report.left - SHOWN);
done:
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
    return st;
}

const cairn_command cairn_command_import = {
    .name = "import",
    .summary = "take over the weights of a public checkpoint",
    .synopsis = "FILE --out FILE.safetensors [--layout NAME]",
    .details =
        "FILE is a checkpoint of PyTorch (.pth, .pt, .pth.tar; both containers; read without Python, nothing in it is\n"
        "executed), a NumPy .npz or a safetensors file. Shapes are checked, tensors without a place are listed.\n\n"
        "Layouts:\n"
        "  superpoint          conv1a.weight ... convDb.bias: superpoint_v1.pth\n"
        "  superpoint-tf       backbone.0.0.conv.weight ...: superpoint_v6_from_tf.pth; keypoints from 0.005 on\n"
        "  superpoint-bn       backbone.block1_1.0.weight ...: superpoint_bn.pth\n"
        "  pytorch-superpoint  inc.conv.conv.0.weight ...: that project's *_checkpoint.pth.tar\n"
        "  magicpoint-tf       conv1a.weight, conv1a.bn_gamma ...: for pixels of 0..255, as .npz\n"
        "  cairn, cairn-relu-bn  conv1a.weight, bn1a.weight ...: ours, by order of layers\n"
        "  superpoint-lightglue  posenc.Wr.weight, self_attn.0.Wqkv.weight ... or transformers.0.self_attn.Wqkv.weight\n"
        "                      ...: LightGlue, for any detector whose points are positions only\n"
        "  mobilenetv3-tv      features.1.block.0.0.weight ...: torchvision; for a student's backbone, like the next\n"
        "  mobilenetv3-dl      features.1.conv.0.weight ...: d-li14/mobilenetv3.pytorch\n"
        "  mobilenetv3-tf      stem.weight, block0.dw.weight ...: Keras with BatchNorm folded, as .npz\n"
        "  mobilenetv3-timm    conv_stem.weight, blocks.1.0.conv_pw.weight ...: timm, but for its tf_ models\n"
        "  sp-fpn              rgb.weight, backbone.0.0.weight, fpn.inner_blocks.0.0.weight ...: the source of student\n"
        "                      sp-fpn; biases of its pyramid, which its instance norms remove, are left out",
    .example = "  cairn import superpoint_v1.pth --out superpoint.safetensors\n"
               "  cairn detect --model superpoint.safetensors photo.jpg",
    .options = table,
    .options_bytes = sizeof(import_options),
    .least_words = 1,
    .most_words = 1,
    .run = run,
};
