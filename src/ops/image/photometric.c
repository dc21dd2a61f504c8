#include "ops/image/photometric.h"

#include "graph/lower.h"
#include "reference/image/photometric.h"

static float *put_word(float *out, uint32_t word)
{
    out[0] = (float)(word >> 16); /* 16 bits each: exact in any format of 32 bits, and no NaN */
    out[1] = (float)(word & 0xffff);
    return out + 2;
}

void cairn_photometric_encode(float out[CAIRN_PHOTOMETRIC_FLOATS], const cairn_photometric_row *row)
{
    const float numbers[20 - CAIRN_PHOTOMETRIC_COUNT] = {
        row->add, row->factor, row->centre, row->tau, (float)row->shade_radius, row->shade_scale, row->shade_norm,
        (float)row->motion_radius, (float)row->motion_x, (float)row->motion_y, row->motion_scale, row->motion_norm,
        row->deviation, 0};
    const uint32_t words[] = {row->key[0], row->key[1], row->counter[0], row->counter[1], row->counter[2],
                              row->speckle_word, row->noise_word, row->black_below, row->white_below, 0};
    for (int i = 0; i < CAIRN_PHOTOMETRIC_COUNT; i++) *out++ = (float)row->order[i];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) *out++ = numbers[i];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) out = put_word(out, words[i]);
}

/* Tensors of a lowering: scratch is packed, four pixels a vec4. */
typedef struct passes {
    cairn_lowering *l;
    const cairn_node *node;
    uint32_t n, h, w, blocks;
    cairn_slot noise, speckle, shade, row_sums, sums;
} passes;

static cairn_status draw_random(const passes *p)
{
    cairn_kernel_call call = {
        .kernel = "photometric/random",
        .slots = {p->node->inputs[2], p->noise, p->speckle},
        .slot_count = 3,
        .written = 6,
        .push = {p->h, p->w, p->blocks},
        .push_count = 3,
        .threads = {p->h * p->blocks, p->n},
    };
    return cairn_lower_call(p->l, &call);
}

static cairn_status blur_masks(const passes *p, cairn_slot along_rows)
{
    const cairn_slot masks = p->node->inputs[1], rows = p->node->inputs[2];
    const cairn_photometric_attributes *a = cairn_node_attributes(p->node);
    const uint32_t groups = (uint32_t)cairn_shape_groups(cairn_lower_shape(p->l, masks));
    cairn_kernel_call first = {
        .kernel = "photometric/shade_rows",
        .slots = {masks, rows, along_rows},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {p->h, p->w, p->blocks, groups, (uint32_t)a->channel},
        .push_count = 5,
        .threads = {p->h * p->blocks, p->n},
    };
    cairn_kernel_call second = {
        .kernel = "photometric/shade_columns",
        .slots = {along_rows, rows, p->shade},
        .slot_count = 3,
        .written = 1u << 2,
        .push = {p->h, p->blocks},
        .push_count = 2,
        .threads = {(p->h + 3) / 4 * p->blocks, p->n},
    };
    const cairn_status st = cairn_lower_call(p->l, &first);
    return st < 0 ? st : cairn_lower_call(p->l, &second);
}

static cairn_status apply(const passes *p, uint32_t pass, cairn_slot source, cairn_slot out)
{
    const cairn_slot rows = p->node->inputs[2];
    const uint32_t groups = pass ? 1 : (uint32_t)cairn_shape_groups(cairn_lower_shape(p->l, source));
    cairn_kernel_call call = {
        .kernel = "photometric/apply",
        .constants = {pass},
        .constant_count = 1,
        .slots = {source, rows, p->noise, p->speckle, p->shade, pass ? p->sums : rows, out},
        .slot_count = 7,
        .written = 1u << 6,
        .push = {p->h, p->w, p->blocks, groups},
        .push_count = 4,
        .threads = {p->h * p->blocks, p->n},
    };
    return cairn_lower_call(p->l, &call);
}

static cairn_status add_rows(const passes *p, cairn_slot x, uint32_t count, uint32_t terms, cairn_slot y)
{
    cairn_kernel_call call = {
        .kernel = "photometric/row_sum",
        .slots = {x, y},
        .slot_count = 2,
        .written = 2,
        .push = {count, terms},
        .push_count = 2,
    };
    cairn_lower_linear(&call, count);
    return cairn_lower_call(p->l, &call);
}

static cairn_status photometric_lower(cairn_lowering *l, const cairn_node *node)
{
    cairn_status st = CAIRN_OK;
    const cairn_shape s = cairn_lower_shape(l, node->outputs[0]);
    passes p = {.l = l, .node = node, .n = (uint32_t)s.n, .h = (uint32_t)s.h, .w = (uint32_t)s.w};
    p.blocks = (p.w + 3) / 4;
    const int64_t packed = (int64_t)p.n * p.h * p.blocks;
    p.noise = cairn_lower_scratch(l, packed);
    p.speckle = cairn_lower_scratch(l, packed);
    p.shade = cairn_lower_scratch(l, packed);
    p.row_sums = cairn_lower_scratch(l, (int64_t)p.n * p.h);
    p.sums = cairn_lower_scratch(l, p.n);
    cairn_slot even = cairn_lower_scratch(l, packed), odd = cairn_lower_scratch(l, packed);
    CAIRN_TRY(draw_random(&p));
    CAIRN_TRY(blur_masks(&p, odd));
    CAIRN_TRY(apply(&p, 0, node->inputs[0], even));
    CAIRN_TRY(add_rows(&p, even, p.n * p.h, p.blocks, p.row_sums));
    CAIRN_TRY(add_rows(&p, p.row_sums, p.n, p.h, p.sums));
    CAIRN_TRY(apply(&p, 1, even, odd));
    CAIRN_TRY(add_rows(&p, odd, p.n * p.h, p.blocks, p.row_sums));
    CAIRN_TRY(add_rows(&p, p.row_sums, p.n, p.h, p.sums));
    CAIRN_TRY(apply(&p, 2, odd, node->outputs[0]));
done:
    return st;
}

/* Two passes of a blur of about 125 weights, and the random numbers. */
static double photometric_operations(const cairn_node *node, const cairn_graph *g)
{
    return 800.0 * (double)cairn_shape_count(cairn_graph_shape(g, node->outputs[0]));
}

static const cairn_op photometric_op = {.name = "photometric",
                                        .lower = photometric_lower,
                                        .reference = cairn_reference_photometric,
                                        .operations = photometric_operations};

cairn_tid cairn_op_photometric(cairn_graph *g, cairn_tid x, cairn_tid masks, int channel, cairn_tid rows)
{
    const cairn_shape s = cairn_graph_shape(g, x), m = cairn_graph_shape(g, masks), r = cairn_graph_shape(g, rows);
    const cairn_tid inputs[3] = {x, masks, rows};
    if (x == CAIRN_NONE || masks == CAIRN_NONE || rows == CAIRN_NONE) return CAIRN_NONE;
    if (m.n != s.n || m.h != s.h || m.w != s.w || channel < 0 || channel >= m.c ||
        !cairn_shape_equal(r, (cairn_shape){s.n, 1, 1, CAIRN_PHOTOMETRIC_FLOATS}))
        return cairn_graph_mistake(g, photometric_op.name,
                                   "images [%d,%d,%d,%d], channel %d of masks [%d,%d,%d,%d] and rows [%d,%d,%d,%d] do "
                                   "not fit", s.n, s.h, s.w, s.c, channel, m.n, m.h, m.w, m.c, r.n, r.h, r.w, r.c);
    if (s.h < 16 || s.w < 16 || (int64_t)s.h * s.w > 1 << 23)
        return cairn_graph_mistake(g, photometric_op.name, "images of %dx%d; 16x16 to 2^23 pixels are possible", s.w,
                                   s.h);
    const cairn_shape out = {s.n, s.h, s.w, 1};
    const cairn_photometric_attributes a = {.channel = channel};
    return cairn_graph_append(g, &photometric_op, inputs, 3, 3, &out, 1, NULL, &a, sizeof a);
}
