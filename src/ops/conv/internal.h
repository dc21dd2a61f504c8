#ifndef CAIRN_OPS_CONV_INTERNAL_H
#define CAIRN_OPS_CONV_INTERNAL_H
/* Shared by the conv and depthwise op files; private to them. */
#include "graph/lower.h"
#include "ops/conv/conv.h"
#include "ops/product/epilogue.h"

/* What every conv and depthwise node's attributes begin with. */
typedef struct cairn_conv__window {
    int32_t kernel, stride, pad; /* as resolved: pad >= 0 */
    int32_t behind;              /* kernels know it from the sizes */
} cairn_conv__window;

/* The attributes of all of them begin with the window; forward nodes and input gradients have an epilogue behind it. */
typedef struct cairn_conv__attributes {
    cairn_conv__window window;
    cairn_epilogue epilogue;
    float normed;     /* conv2d, by fusion: the eps of a normalisation of the input first, by inputs 4 and 5; 0: none */
    int32_t spread;   /* conv2d, by fusion: channels that a 1x1 convolution, inputs 6 and 7, makes of the only one; 0 */
    int32_t enlarged; /* conv2d, by fusion: the factor by which the input is enlarged (nearest neighbour); 0: none */
} cairn_conv__attributes;
enum { CAIRN_CONV_RESIDUAL = 3, CAIRN_CONV_MEAN = 4, CAIRN_CONV_VARIANCE = 5,
       CAIRN_CONV_SPREAD = 6, CAIRN_CONV_GRAD_RESIDUAL = 2 }; /* inputs */
static inline const cairn_conv__attributes *cairn_conv__attributes_of(const cairn_node *node)
{
    return cairn_node_attributes(node);
}
static inline const cairn_epilogue *cairn_conv__epilogue(const cairn_node *node)
{
    return &cairn_conv__attributes_of(node)->epilogue;
}
/* cairn_op's absorb of conv2d and depthwise2d. */
bool cairn_conv__absorb(cairn_node *node, const cairn_graph *g, const cairn_node *next);


/* Resolves and checks options. False after recording a mistake of `op`. */
bool cairn_conv__window_from(cairn_graph *g, const char *op, const cairn_conv_options *options,
                             cairn_conv__window *window);
/* Output size along one axis; <= 0 if the kernel does not fit. */
static inline int cairn_conv__extent(int size, const cairn_conv__window *w)
{
    int span = size + 2 * w->pad + w->behind - w->kernel;
    return span < 0 ? 0 : span / w->stride + 1;
}
static inline int cairn_conv__ceil_div(int64_t a, int64_t b)
{
    return (int)((a + b - 1) / b);
}
/* y[i] = sum over p of part[p][i], in order. */
cairn_status cairn_conv__sum_parts(cairn_lowering *l, cairn_slot part, cairn_slot y, int64_t vectors, int parts);

/* One forward kernel: what it reads and writes, and their shapes. */
typedef struct cairn_conv__forward {
    cairn_slot x, weight, bias, y;
    cairn_shape sx, sy;
    cairn_conv__window window;
    cairn_epilogue epilogue; /* the call is finished by cairn_epilogue_call(&call, &f->epilogue, f->residual, f->x) */
    cairn_slot residual;
    /* weight is the one of the convolution of whose input this makes the gradient: [K*K,1,CO,CI] with y's channels CO,
     * and taps the other way round. Class texel; cairn_conv__turn_weight makes a plain weight of it. */
    bool weight_turned;
    int enlarged; /* as in the attributes; sx is the shape before */
    int spread;   /* likewise */
    cairn_slot spread_weight, spread_bias; /* [1,1,1,spread]; the latter may be CAIRN_NONE */
} cairn_conv__forward;
/* Input channels of the weight. */
static inline int cairn_conv__in_channels(const cairn_conv__forward *f)
{
    return f->spread ? f->spread : f->sx.c;
}
/* Whether a kernel makes the channels itself; if not, they go through scratch. */
bool cairn_conv__takes_spread(const cairn_lowering *l, const cairn_conv__forward *f);
/* Whether the convolution of an enlarged image can be had in one dispatch; if not, it is enlarged into scratch. */
bool cairn_conv__takes_enlarged(const cairn_lowering *l, const cairn_conv__forward *f);
cairn_status cairn_conv__turn_weight(cairn_lowering *l, cairn_conv__forward *f);
/* For the partial moments of y, `chunks` of them, if a reader wants them; else CAIRN_NONE. Of f only y counts. */
cairn_slot cairn_conv__leave_moments(cairn_lowering *l, const cairn_conv__forward *f, int64_t chunks);
/* Finishes a call behind cairn_epilogue_call: binds them, MOMENTS_OUTPUT(slot_count), and sets constant 20. */
void cairn_conv__bind_moments(cairn_kernel_call *call, const cairn_conv__forward *f, cairn_slot moments);
cairn_status cairn_conv__forward_texel(cairn_lowering *l, const cairn_conv__forward *f);
cairn_status cairn_conv__forward_simt(cairn_lowering *l, const cairn_conv__forward *f);
/* Class texel has up to three ways, numbered so for the tuner; the latter two for kernel 3 at stride 1. CAIRN_CONV
 * (direct, winograd2, winograd4) forces one, for tests. */
/* Rounds of loops in one worker: lavapipe ends all loops of an invocation, silently, after 65,535 together. */
enum { CAIRN_CONV__MOST_LOOPS = 50000 };
enum { CAIRN_CONV__DIRECT = 0, CAIRN_CONV__WINOGRAD2 = 2, CAIRN_CONV__WINOGRAD4 = 4 };
/* The one that is forced (direct if its cost is infinite), else the one remembered for this device, else the cheapest
 * by costs[] (direct, 2, 4). */
cairn_status cairn_conv__choose(cairn_lowering *l, cairn_choice choice, const double costs[3]);
/* By Winograd's F(size x size, 3x3), size 2 or 4. */
cairn_status cairn_conv__forward_winograd(cairn_lowering *l, const cairn_conv__forward *f, int size);
/* Its estimated cost, in cycles of one core; infinite if it cannot be had. */
double cairn_conv__winograd_cost(const cairn_conv__forward *f, int size);
/* The gradient of the input at stride 2: x is dy, weight the turned one, y is dx; the window is the forward pass's. */
cairn_status cairn_conv__grad_input_strided_simt(cairn_lowering *l, const cairn_conv__forward *f);

/* One weight gradient. */
typedef struct cairn_conv__grad_weight {
    cairn_slot x, dy, dw;
    cairn_shape sx, sy;
    cairn_conv__window window;
    int in_groups, out_groups, pixels;
    int64_t vectors; /* of dw */
} cairn_conv__grad_weight;
cairn_status cairn_conv__grad_weight_winograd(cairn_lowering *l, const cairn_conv__grad_weight *g, int size);
double cairn_conv__winograd_weight_cost(const cairn_conv__grad_weight *g, int size);
cairn_status cairn_conv__grad_weight_simt(cairn_lowering *l, const cairn_conv__grad_weight *g);
/* Binds x, dy and dw, or scratch for `parts` partial sums of it, to the call, and adds the second pass if parts > 1. */
cairn_status cairn_conv__reduce_with(cairn_lowering *l, const cairn_conv__grad_weight *g, cairn_kernel_call *call,
                                     int parts);

cairn_status cairn_conv__lower_forward(cairn_lowering *l, const cairn_node *node);
cairn_status cairn_conv__lower_grad_input(cairn_lowering *l, const cairn_node *node);
cairn_status cairn_conv__lower_grad_weight(cairn_lowering *l, const cairn_node *node);
cairn_status cairn_conv__lower_grad_bias(cairn_lowering *l, const cairn_node *node);
#endif
