#include "experiments/benchmarks/networks.h"

#include <string.h>

static const struct {
    const char *name, *description; /* as in a checkpoint's metadata */
} networks[] = {
    {"superpoint", "superpoint width=1 descriptor=256 order=bn-relu"},
    {"magicpoint", "superpoint width=1 descriptor=0 order=bn-relu"},
    {"sp-fpn", "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small"},
    {"drop-in", "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=256 separable=1 backbone=small"},
    {"drop-in-b", "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=256 separable=0 backbone=small"},
    {"drop-in-c", "drop-in width=1 channels=128 taps=1,3,8,11 descriptor=256 separable=1 backbone=small"},
    {"drop-in-d", "drop-in width=1 channels=64 taps=3,6,12,15 descriptor=256 separable=1 backbone=large"},
};
enum { NETWORKS = sizeof networks / sizeof *networks };

const char *const cairn_benchmark_models[] = {"superpoint", "magicpoint", "sp-fpn",    "drop-in",
                                              "drop-in-b",  "drop-in-c",  "drop-in-d", NULL};

cairn_status cairn_benchmark_network(cairn_network_spec *out, const char *model, double multiplier)
{
    cairn_status st = CAIRN_OK;
    int i = 0;
    while (i < NETWORKS && strcmp(networks[i].name, model)) i++;
    if (i == NETWORKS) return cairn_error_set(CAIRN_E_NOTFOUND, "no benchmark has a network '%s'", model);
    CAIRN_TRY(cairn_network_parse(out, networks[i].description, model));
    out->sp_fpn.width = out->superpoint.width = multiplier;
    if (out->superpoint.descriptor)
        out->superpoint.descriptor = cairn_superpoint_channels(out->superpoint.descriptor, multiplier);
done:
    return st;
}

static double node_macs(const cairn_graph *g, const cairn_node *node)
{
    const cairn_shape s = cairn_graph_shape(g, node->outputs[0]);
    if (!strcmp(node->op->name, "conv2d") || !strcmp(node->op->name, "depthwise2d"))
        return (double)s.n * s.h * s.w * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[1]));
    if (!strcmp(node->op->name, "squeeze_excite")) /* two matrices of one size, once for each image */
        return 2.0 * s.n * (double)cairn_shape_count(cairn_graph_shape(g, node->inputs[1]));
    return 0;
}

cairn_status cairn_network_cost(const cairn_network_spec *spec, int n, int h, int w, double *macs, int64_t *parameters)
{
    cairn_status st = CAIRN_OK;
    cairn_graph *g = NULL;
    cairn_model m = {0};
    *macs = 0;
    CAIRN_TRY(cairn_graph_create(&g));
    cairn_model_init(&m, g, true); /* in training no convolution is replaced by others */
    cairn_network_build(&m, spec, cairn_graph_input(g, "image", (cairn_shape){n, h, w, 1}));
    CAIRN_TRY(cairn_graph_status(g));
    for (int i = 0; i < cairn_graph_node_count(g); i++) *macs += node_macs(g, cairn_graph_node(g, i));
    if (parameters) *parameters = cairn_model_parameter_count(&m);
done:
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
    return st;
}
