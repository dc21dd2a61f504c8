#include "student/finest_level.h"

#include "ops/conv/conv.h"
#include "ops/image/resize.h"
#include "ops/layout/layout.h"
#include "ops/norm/norm.h"
#include "ops/pointwise/pointwise.h"
#include "ops/product/matrix.h"
#include "ops/reduce/reduce.h"

static bool doubles(cairn_shape small, cairn_shape large)
{
    return large.n == 1 && small.n == 1 && large.h == 2 * small.h && large.w == 2 * small.w;
}

bool cairn_finest_level_fits(const cairn_graph *g, cairn_tid fine, cairn_tid middle, cairn_tid coarse)
{
    cairn_shape f = cairn_graph_shape(g, fine), m = cairn_graph_shape(g, middle), c = cairn_graph_shape(g, coarse);
    return doubles(m, f) && doubles(c, m) && 2 * (f.c + m.c) <= c.c;
}

/* Minus its mean over the image: zeros around it are then the zeros around the normalised map. */
static cairn_tid centred(cairn_graph *g, cairn_tid x)
{
    cairn_tid variance, mean = cairn_op_moments(g, x, false, &variance);
    return cairn_op_sub(g, x, mean);
}

/* The variance of `weight` x by channel, x centred: the diagonal of A^T cov(x) A. */
static cairn_tid variance_behind(cairn_graph *g, cairn_tid x, cairn_tid weight)
{
    const cairn_conv_options pointwise = {.kernel = 1};
    cairn_shape s = cairn_graph_shape(g, x);
    cairn_tid share = cairn_op_scale(g, x, (float)(1.0 / ((double)s.h * s.w)));
    cairn_tid covariance = cairn_op_conv2d_grad_weight(g, x, share, &pointwise); /* the sum of products over pixels */
    cairn_tid half = cairn_op_matmul(g, covariance, weight, false, false);
    return cairn_op_reduce_sum(g, cairn_op_mul(g, half, weight), CAIRN_AXIS_W);
}

/* The weight with what comes out normalised. */
static cairn_tid normalised(cairn_graph *g, cairn_tid weight, cairn_tid variance, float eps)
{
    return cairn_op_div(g, weight, cairn_op_sqrt(g, cairn_op_affine(g, variance, 1, eps)));
}

cairn_tid cairn_finest_level_convolve(cairn_graph *g, const cairn_finest_level *l)
{
    const cairn_conv_options window = {.kernel = 3};
    cairn_shape size = cairn_graph_shape(g, l->fine), w = cairn_graph_shape(g, l->weight);
    cairn_tid fine = centred(g, l->fine), middle = centred(g, l->middle);
    cairn_tid x = cairn_op_concat(
        g, fine, cairn_op_resize(g, middle, size.h, size.w, CAIRN_RESIZE_NEAREST), CAIRN_AXIS_C);
    cairn_tid from_fine = normalised(g, l->fine_weight, variance_behind(g, fine, l->fine_weight), l->eps);
    cairn_tid from_middle = normalised(g, l->middle_weight, l->middle_variance, l->eps);
    cairn_tid lateral = cairn_op_concat(g, from_fine, from_middle, CAIRN_AXIS_W);
    cairn_shape rows = cairn_graph_shape(g, lateral);
    lateral = cairn_op_broadcast(g, lateral, (cairn_shape){w.n, 1, rows.w, rows.c});
    cairn_tid y = cairn_op_conv2d(g, x, cairn_op_matmul(g, lateral, l->weight, false, false), CAIRN_NONE, &window);
    cairn_tid blocks = cairn_op_resize(g, l->coarse, size.h, size.w, CAIRN_RESIZE_NEAREST); /* fused with what follows */
    return cairn_op_add(g, y, cairn_op_conv2d(g, blocks, l->weight, CAIRN_NONE, &window));
}
