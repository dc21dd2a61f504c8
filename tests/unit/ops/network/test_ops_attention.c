/* Attention against its reference: sizes around the blocks' edges, heads, masks, queries without keys. */
#include "ops/attention/attention.h"
#include "support/device/op_case.h"

enum { NO_MASK, KEYS = 1, QUERIES = 2, NO_KEY_AT_ALL = 4 };

typedef struct data {
    int b, n, m, heads, d, masks;
    float scale;
} data;

static cairn_tid mask(op_case *c, int b, int count, bool wanted, bool empty)
{
    if (!wanted) return CAIRN_NONE;
    cairn_tid t = op_case_input_integers(c, (cairn_shape){b, 1, 1, count}, 0, 1);
    float *v = op_case_values(c, t);
    for (int i = 0; i < count && empty; i++) v[i] = 0; /* of the first batch element */
    return t;
}

static void attention(op_case *c, cairn_graph *g)
{
    const data *p = op_case_data(c);
    cairn_tid q = op_case_input(c, (cairn_shape){p->b, 1, p->n, p->heads * p->d}, -2, 2);
    cairn_tid k = op_case_input(c, (cairn_shape){p->b, 1, p->m, p->heads * p->d}, -2, 2);
    cairn_tid v = op_case_input(c, (cairn_shape){p->b, 1, p->m, p->heads * p->d}, -1, 1);
    cairn_tid keys = mask(c, p->b, p->m, p->masks & KEYS, p->masks & NO_KEY_AT_ALL);
    cairn_tid queries = mask(c, p->b, p->n, p->masks & QUERIES, false);
    cairn_attention_options o = {p->heads, p->scale};
    op_case_output(c, cairn_op_attention(g, q, k, v, keys, queries, &o));
    if (p->scale > 1) op_case_half_limit(c, 0); /* the exponential of scores in fp16 is too coarse */
}

/* Queries, keys and values from one tensor: its gradient is the sum of three. */
static void self_attention(op_case *c, cairn_graph *g)
{
    const data *p = op_case_data(c);
    cairn_tid x = op_case_input(c, (cairn_shape){p->b, 1, p->n, p->heads * p->d}, -1, 1);
    cairn_attention_options o = {p->heads, p->scale};
    op_case_output(c, cairn_op_attention(g, x, x, x, CAIRN_NONE, CAIRN_NONE, &o));
}

#define CASE(name, build, ...) {name, build, &(const data){__VA_ARGS__}, false, 0, 0}
static const op_case_spec cases[] = {
    CASE("one query, one key", attention, 1, 1, 1, 1, 4, NO_MASK, 0),
    CASE("three queries, five keys", attention, 2, 3, 5, 1, 4, NO_MASK, 0),
    CASE("three heads of 8", attention, 1, 9, 7, 3, 8, NO_MASK, 0.5f),
    CASE("five heads of 12", attention, 2, 17, 33, 5, 12, NO_MASK, 0),
    CASE("edges of the blocks, 31 and 63", attention, 1, 31, 63, 2, 8, NO_MASK, 0),
    CASE("edges of the blocks, 32 and 64", attention, 2, 32, 64, 2, 36, NO_MASK, 0),
    CASE("edges of the blocks, 65 and 33", attention, 1, 65, 33, 4, 12, NO_MASK, 0),
    CASE("key mask", attention, 3, 13, 37, 2, 8, KEYS, 0),
    CASE("query mask", attention, 2, 21, 18, 2, 8, QUERIES, 0),
    CASE("both masks", attention, 2, 45, 50, 1, 36, KEYS | QUERIES, 0),
    CASE("no key for one batch element", attention, 2, 9, 10, 2, 8, KEYS | NO_KEY_AT_ALL, 0),
    CASE("heads of 64", attention, 1, 70, 66, 4, 64, KEYS, 0),
    CASE("a head of 128", attention, 1, 18, 40, 1, 128, KEYS | QUERIES, 0),
    CASE("large scores", attention, 1, 19, 23, 1, 8, NO_MASK, 8),
    CASE("from one tensor", self_attention, 2, 23, 0, 2, 8, NO_MASK, 0),
};

static void refuses(const char *text, cairn_shape q, cairn_shape k, cairn_shape mask_shape, int heads)
{
    cairn_graph *g = NULL;
    assert_ok(cairn_graph_create(&g));
    cairn_tid tq = cairn_graph_input(g, "q", q), tk = cairn_graph_input(g, "k", k);
    cairn_tid m = mask_shape.n ? cairn_graph_input(g, "mask", mask_shape) : CAIRN_NONE;
    cairn_op_attention(g, tq, tk, tk, m, CAIRN_NONE, &(cairn_attention_options){heads, 0});
    op_case_refused(&g, text);
}

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    refuses("do not fit", (cairn_shape){1, 1, 5, 8}, (cairn_shape){1, 1, 5, 12}, (cairn_shape){0}, 1);
    refuses("10 channels in 2 heads", (cairn_shape){1, 1, 5, 10}, (cairn_shape){1, 1, 5, 10}, (cairn_shape){0}, 2);
    refuses("key mask [1,1,1,5]", (cairn_shape){1, 1, 5, 8}, (cairn_shape){1, 1, 6, 8}, (cairn_shape){1, 1, 1, 5}, 2);
}

int main(void)
{
    const struct CMUnitTest more[] = {cmocka_unit_test(refuses_wrong_shapes)};
    return op_case_main("attention", cases, sizeof cases / sizeof *cases, more, 1);
}
