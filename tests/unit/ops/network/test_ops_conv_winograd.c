/* Convolutions 3x3 by Winograd's algorithm against the double-precision reference: both sizes of tiles, by force and by
 * the shapes that choose them. Sums of transformed values round more than plain sums: 1e-11 still holds. */
#include "ops/conv/conv.h"
#include "support/device/op_case.h"

#include <stdlib.h>

typedef struct conv_data {
    const char *algorithm; /* of CAIRN_CONV; NULL: by shape */
    cairn_shape x;
    int co, pad;
    bool bias;
} conv_data;

static void build(op_case *c, cairn_graph *g)
{
    const conv_data *d = op_case_data(c);
    cairn_conv_options options = {.kernel = 3, .pad = d->pad};
    if (d->algorithm)
        setenv("CAIRN_CONV", d->algorithm, 1);
    else
        unsetenv("CAIRN_CONV");
    cairn_tid x = op_case_input(c, d->x, -1, 1);
    cairn_tid weight = op_case_input(c, cairn_conv2d_weight_shape(3, d->x.c, d->co), -1, 1);
    cairn_tid bias = d->bias ? op_case_input(c, (cairn_shape){1, 1, 1, d->co}, -1, 1) : CAIRN_NONE;
    op_case_output(c, cairn_op_conv2d(g, x, weight, bias, &options));
}

#define CASE(label, algorithm, n, h, w, ci, co, p, b)                                                                  \
    {                                                                                                                  \
        label, build, &(const conv_data) { algorithm, {n, h, w, ci}, co, p, b }, false, 0, 0                           \
    }
#define BOTH(label, ...) CASE(label ", tiles of 2", "winograd2", __VA_ARGS__), CASE(label, "winograd4", __VA_ARGS__)

static const op_case_spec cases[] = {
    BOTH("one pixel, 1 to 1", 1, 1, 1, 1, 1, 0, true),
    BOTH("two pixels, 5 to 4", 1, 1, 2, 5, 4, 0, false),
    BOTH("3x3, 3 to 8, batch 3", 3, 3, 3, 3, 8, 0, true),
    BOTH("5x9, 17 to 1", 1, 5, 9, 17, 1, 0, true),
    BOTH("7x5, 8 to 17, batch 3", 3, 7, 5, 8, 17, 0, true),
    BOTH("9x9, 5 to 36, no bias", 1, 9, 9, 5, 36, 0, false),
    BOTH("4x17, 65 to 12", 1, 4, 17, 65, 12, 0, true),
    BOTH("no padding", 1, 6, 7, 4, 8, CAIRN_PAD_NONE, true),
    BOTH("padding 2", 1, 3, 5, 3, 4, 2, true),
    BOTH("more than a slab of tiles", 3, 19, 21, 4, 5, 0, true),
    BOTH("more than a chunk of slabs", 1, 33, 63, 64, 20, 0, false),
    CASE("weight gradient by workers, tiles of 2", "winograd2", 1, 61, 107, 5, 3, 0, false),
    CASE("weight gradient by workers", "winograd4", 2, 113, 109, 33, 38, 0, false),
    CASE("more channels than a slab's loops may have", "winograd4", 1, 4, 5, 516, 513, 0, false),
    CASE("as chosen, 16 to 16", NULL, 1, 12, 16, 16, 16, 0, true),
    CASE("as chosen, 32 to 8", NULL, 1, 6, 6, 32, 8, 0, true),
};

int main(void)
{
    return op_case_main("conv_winograd", cases, sizeof cases / sizeof *cases, NULL, 0);
}
