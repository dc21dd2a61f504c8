#include "student/lateral.h"

#include "ops/conv/conv.h"
#include "ops/image/resize.h"
#include "ops/image/stack.h"
#include "ops/layout/layout.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/product/matrix.h"
#include "ops/reduce/reduce.h"

/* The variance of A x by channel: the diagonal of A^T cov(x) A. One factor without its mean is enough. */
static cairn_tid variance_behind(cairn_graph *g, cairn_tid x, cairn_tid mean, cairn_tid weight)
{
    const cairn_conv_options pointwise = {.kernel = 1};
    cairn_shape s = cairn_graph_shape(g, x);
    cairn_tid share = cairn_op_scale(g, cairn_op_sub(g, x, mean), (float)(1.0 / ((double)s.h * s.w)));
    cairn_tid covariance = cairn_op_conv2d_grad_weight(g, x, share, &pointwise); /* the sum of products over pixels */
    cairn_tid half = cairn_op_matmul(g, covariance, weight, false, false);
    return cairn_op_reduce_sum(g, cairn_op_mul(g, half, weight), CAIRN_AXIS_W);
}

cairn_lateral cairn_lateral_create(cairn_graph *g, cairn_tid feature, cairn_tid weight, cairn_tid variance, float eps)
{
    cairn_tid spread;
    cairn_lateral l = {.feature = feature, .mean = cairn_op_moments(g, feature, false, &spread)};
    if (variance == CAIRN_NONE) variance = variance_behind(g, feature, l.mean, weight);
    l.weight = cairn_op_div(g, weight, cairn_op_sqrt(g, cairn_op_affine(g, variance, 1, eps)));
    return l;
}

static bool doubles(cairn_shape small, cairn_shape large)
{
    return large.n == 1 && small.n == 1 && large.h == 2 * small.h && large.w == 2 * small.w;
}

bool cairn_lateral_pays(const cairn_graph *g, cairn_tid fine, cairn_tid middle, cairn_tid coarse)
{
    cairn_shape f = cairn_graph_shape(g, fine), m = cairn_graph_shape(g, middle), c = cairn_graph_shape(g, coarse);
    return doubles(m, f) && doubles(c, m) && f.c % 4 == 0 && 3 * (f.c + m.c) <= c.c;
}

cairn_tid cairn_lateral_convolve(cairn_graph *g, const cairn_lateral *fine, const cairn_lateral *middle,
                                 cairn_tid coarse, cairn_tid weight)
{
    const cairn_conv_options window = {.kernel = 3};
    cairn_shape size = cairn_graph_shape(g, fine->feature), w = cairn_graph_shape(g, weight);
    cairn_tid x = cairn_op_stack_centred(g, fine->feature, fine->mean, middle->feature, middle->mean);
    cairn_tid inner = cairn_op_concat(g, fine->weight, middle->weight, CAIRN_AXIS_W);
    cairn_shape rows = cairn_graph_shape(g, inner);
    inner = cairn_op_broadcast(g, inner, (cairn_shape){w.n, 1, rows.w, rows.c});
    cairn_tid y = cairn_op_conv2d(g, x, cairn_op_matmul(g, inner, weight, false, false), CAIRN_NONE, &window);
    cairn_tid blocks = cairn_op_resize(g, coarse, size.h, size.w, CAIRN_RESIZE_NEAREST); /* fused with what follows */
    return cairn_op_add(g, y, cairn_op_conv2d(g, blocks, weight, CAIRN_NONE, &window));
}
