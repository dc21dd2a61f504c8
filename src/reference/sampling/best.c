#include "reference/sampling/best.h"

static const double none = -3e38f; /* a float, as on the device */

static void offer(double best[3], double v, double index)
{
    if (v > best[0]) {
        best[1] = best[0];
        best[0] = v;
        best[2] = index;
    } else if (v > best[1]) {
        best[1] = v;
    }
}

void cairn_reference_best_channels(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                   double *const *outputs)
{
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    for (int64_t line = 0; line < (int64_t)s.n * s.w; line++) {
        double *y = outputs[0] + 3 * line;
        y[0] = y[1] = none, y[2] = -1;
        for (int c = 0; c < s.c && c < inputs[1][line / s.w] - 0.5; c++) offer(y, inputs[0][line * s.c + c], c);
    }
}

void cairn_reference_best_rows(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                               double *const *outputs)
{
    const cairn_best_rows_attributes *a = cairn_node_attributes(node);
    cairn_shape s = cairn_graph_shape(g, node->inputs[0]);
    const bool has_before = node->input_count > 2 && node->inputs[2] != CAIRN_NONE;
    for (int b = 0; b < s.n; b++) {
        for (int c = 0; c < s.c; c++) {
            const int64_t at = (int64_t)b * s.c + c;
            double *y = outputs[0] + 3 * at;
            for (int k = 0; k < 3; k++) y[k] = has_before ? inputs[2][3 * at + k] : k < 2 ? none : -1;
            for (int r = 0; r < s.w && a->offset + r < inputs[1][b] - 0.5; r++)
                offer(y, inputs[0][((int64_t)b * s.w + r) * s.c + c], a->offset + r);
        }
    }
}
