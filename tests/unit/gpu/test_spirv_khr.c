/* The rewriting of NV matrices to KHR ones: every embedded shader, by a walker of its own since no validator here knows
 * the KHR extension, and modules that somebody damaged. */
#include "base/rng.h"
#include "gpu/shaders.h"
#include "gpu/matrix/spirv_khr.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 5, BOUND = 3 };
enum {
    OP_EXTENSION = 10, OP_MEMORY_MODEL = 14, OP_CAPABILITY = 17, OP_TYPE_INT = 21, OP_TYPE_FLOAT = 22,
    OP_TYPE_POINTER = 32, OP_CONSTANT = 43, OP_SPEC_CONSTANT = 50, OP_SPEC_CONSTANT_OP = 52, OP_DECORATE = 71,
    OP_TYPE_KHR = 4456, OP_LOAD_KHR = 4457, OP_STORE_KHR = 4458, OP_MULTIPLY_KHR = 4459
};
enum { KHR = 6022, NV = 5357, MEMORY_MODEL = 5345, SUBGROUP = 3, SPEC_ID = 1 };
enum { USE_A, USE_B, USE_C };

typedef struct fact {
    uint32_t op, type, value, spec_id; /* value: of a constant; component of a matrix type; width of a number */
    uint32_t use;                      /* of a matrix type */
    bool defined;
} fact;

typedef struct walk {
    const char *name;
    fact *ids;
    uint32_t bound;
    bool khr, model, extension, vulkan_model;
    int types[3], loads, stores, products;
} walk;

static fact *get(walk *w, uint32_t id)
{
    if (id == 0 || id >= w->bound || !w->ids[id].defined)
        fail_msg("%s: id %u is used before it is defined", w->name, id);
    return &w->ids[id];
}

static fact *define(walk *w, uint32_t id, uint32_t op)
{
    if (id == 0 || id >= w->bound) fail_msg("%s: id %u is beyond the bound %u", w->name, id, w->bound);
    if (w->ids[id].defined) fail_msg("%s: id %u is defined twice", w->name, id);
    w->ids[id].defined = true;
    w->ids[id].op = op;
    return &w->ids[id];
}

static void need(const walk *w, bool holds, const char *what)
{
    if (!holds) fail_msg("%s: %s", w->name, what);
}

static bool is_unsigned(walk *w, uint32_t type)
{
    fact *f = get(w, type);
    return f->op == OP_TYPE_INT && f->value == 32;
}

static uint32_t plain_constant(walk *w, uint32_t id)
{
    fact *f = get(w, id);
    need(w, f->op == OP_CONSTANT && is_unsigned(w, f->type), "an operand that must be an unsigned constant is none");
    return f->value;
}

static void check_type(walk *w, const uint32_t *at, uint32_t n)
{
    static const uint32_t rows[3] = {CAIRN_SPIRV_A_ROWS, CAIRN_SPIRV_B_ROWS, CAIRN_SPIRV_C_ROWS};
    need(w, n == 7, "a matrix type has not seven words");
    uint32_t use = plain_constant(w, at[6]);
    need(w, use <= USE_C && plain_constant(w, at[3]) == SUBGROUP, "a matrix type's use or scope is wrong");
    need(w, get(w, at[4])->op == OP_SPEC_CONSTANT && get(w, at[4])->spec_id == rows[use] &&
                get(w, at[5])->op == OP_SPEC_CONSTANT && get(w, at[5])->spec_id == rows[use] + 1,
         "a matrix type's use and sizes do not belong together");
    need(w, get(w, at[2])->op == OP_TYPE_FLOAT && get(w, at[2])->value == (use == USE_C ? 32u : 16u),
         "a matrix type's numbers are of a wrong width");
    fact *f = define(w, at[1], OP_TYPE_KHR);
    f->use = use;
    w->types[use]++;
}

static void check_layout(walk *w, uint32_t id, uint32_t stride)
{
    fact *f = get(w, id);
    need(w, (f->op == OP_CONSTANT || f->op == OP_SPEC_CONSTANT_OP) && is_unsigned(w, f->type),
         "a matrix's layout is no unsigned constant");
    need(w, f->op != OP_CONSTANT || f->value <= 1, "a matrix's layout is neither by rows nor by columns");
    fact *s = get(w, stride);
    need(w, get(w, s->type)->op == OP_TYPE_INT, "a matrix's stride is no integer");
}

static uint32_t use_of(walk *w, uint32_t value)
{
    fact *type = get(w, get(w, value)->type);
    need(w, type->op == OP_TYPE_KHR, "a matrix operand is of no matrix type");
    return type->use;
}

static void check_matrix_op(walk *w, const uint32_t *at, uint32_t n, uint32_t op)
{
    if (op == OP_LOAD_KHR) {
        need(w, n >= 7, "a load is too short");
        need(w, get(w, at[1])->op == OP_TYPE_KHR, "a load gives no matrix");
        get(w, at[3]);
        check_layout(w, at[4], at[5]);
        define(w, at[2], op)->type = at[1];
        w->loads++;
    } else if (op == OP_STORE_KHR) {
        need(w, n >= 6, "a store is too short");
        get(w, at[1]);
        need(w, use_of(w, at[2]) == USE_C, "what is stored is no sum");
        check_layout(w, at[3], at[4]);
        w->stores++;
    } else if (op == OP_MULTIPLY_KHR) {
        need(w, n == 6, "a product has not six words");
        need(w, use_of(w, at[3]) == USE_A && use_of(w, at[4]) == USE_B && use_of(w, at[5]) == USE_C &&
                    get(w, at[1])->op == OP_TYPE_KHR && get(w, at[1])->use == USE_C,
             "a product's operands are in the wrong places");
        define(w, at[2], op)->type = at[1];
        w->products++;
    }
}

/* Instructions without a result, or with one in the first place; all others have a type and then a result. */
static int result_place(uint32_t op)
{
    static const uint16_t none[] = {0,  3,  4,  5,  6,  8,   10,  14, 15, 16, 17, 62, 63, 64, 71, 72, 224, 225, 228,
                                    246, 247, 249, 250, 251, 252, 253, 254, 255, 317, 330, 331, 332, 39, 56, 99};
    static const uint16_t first[] = {11, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 248};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (op == none[i]) return 0;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (op == first[i]) return 1;
    return 2;
}

static void note(walk *w, const uint32_t *at, uint32_t n, uint32_t op)
{
    need(w, op < 5358 || op > 5362, "an instruction of the NV extension is left");
    if (op == OP_CAPABILITY) {
        need(w, at[1] != NV, "the capability of the NV extension is left");
        w->khr |= at[1] == KHR, w->model |= at[1] == MEMORY_MODEL;
    } else if (op == OP_EXTENSION) {
        need(w, strcmp((const char *)(at + 1), "SPV_NV_cooperative_matrix") != 0, "the NV extension is left");
        w->extension |= !strcmp((const char *)(at + 1), "SPV_KHR_cooperative_matrix");
    } else if (op == OP_MEMORY_MODEL) {
        w->vulkan_model = at[2] == 3;
    } else if (op == OP_DECORATE && at[2] == SPEC_ID) {
        need(w, at[1] < w->bound, "a decoration of an id beyond the bound");
        w->ids[at[1]].spec_id = at[3];
    } else if (op == OP_TYPE_KHR) {
        check_type(w, at, n);
    } else if (op >= OP_LOAD_KHR && op <= OP_MULTIPLY_KHR) {
        check_matrix_op(w, at, n, op);
    } else if (result_place(op)) {
        int place = result_place(op);
        need(w, n > (uint32_t)place, "an instruction is too short");
        fact *f = define(w, at[place], op);
        if (place == 2) f->type = at[1];
        if (op == OP_TYPE_INT || op == OP_TYPE_FLOAT) f->value = at[2];
        if (op == OP_CONSTANT || op == OP_SPEC_CONSTANT) f->value = at[3];
        if (op == OP_SPEC_CONSTANT_OP) need(w, n >= 5 && get(w, at[1]), "a constant of a wrong length");
    }
}

static void walk_module(const char *name, const uint32_t *words, size_t count, walk *w)
{
    *w = (walk){.name = name, .bound = words[BOUND]};
    w->ids = calloc(w->bound, sizeof *w->ids);
    assert_non_null(w->ids);
    for (size_t i = HEADER; i < count;) {
        uint32_t n = words[i] >> 16;
        need(w, n > 0 && n <= count - i, "an instruction's length is wrong");
        note(w, words + i, n, words[i] & 0xffff);
        i += n;
    }
    free(w->ids);
    w->ids = NULL;
}

static void test_spirv_khr__embedded_shaders_are_well_formed(void **state)
{
    (void)state;
    int seen = 0;
    for (const cairn_shader *s = cairn_shader_table; s->name; s++) {
        if (s->form != CAIRN_MATRIX_KHR) continue;
        walk w;
        walk_module(s->name, s->words, s->count, &w);
        assert_true(w.khr && w.model && w.extension && w.vulkan_model);
        for (int use = 0; use < 3; use++) assert_int_equal(w.types[use], 1);
        assert_true(w.loads >= 2 && w.stores >= 1 && w.products >= 1);
        seen++;
    }
    assert_true(seen >= 3);
}

static const cairn_shader *nv_shader(const char *name)
{
    for (const cairn_shader *s = cairn_shader_table; s->name; s++)
        if (s->form == CAIRN_MATRIX_NV && !strcmp(s->name, name)) return s;
    fail_msg("no shader %s", name);
    return NULL;
}

static void test_spirv_khr__layouts_follow_constants(void **state)
{
    (void)state;
    const cairn_shader *s = nv_shader("matrix/matmul"); /* whose order in memory is a specialization constant */
    uint32_t *words;
    size_t count;
    walk w;
    assert_ok(cairn_spirv_to_khr(&words, &count, s->words, s->count));
    walk_module("matrix/matmul", words, count, &w);
    int selects = 0;
    for (size_t i = HEADER; i < count; i += words[i] >> 16)
        selects += (words[i] & 0xffff) == OP_SPEC_CONSTANT_OP && words[i + 3] == 169;
    assert_true(selects >= 2);
    free(words);
}

static void test_spirv_khr__leaves_other_modules_alone(void **state)
{
    (void)state;
    const cairn_shader *s = cairn_shader_table;
    while (s->name && s->kernel_class != CAIRN_CLASS_SIMT) s++;
    assert_non_null(s->name);
    uint32_t *words;
    size_t count;
    assert_ok(cairn_spirv_to_khr(&words, &count, s->words, s->count));
    assert_true(count >= s->count && count <= s->count + 12); /* three constants */
    free(words);
}

static void expect_refused(uint32_t *words, size_t count, const char *text)
{
    uint32_t *out;
    size_t out_count;
    assert_status(cairn_spirv_to_khr(&out, &out_count, words, count), CAIRN_E_FORMAT, text);
    assert_null(out);
}

/* The first instruction with this opcode. */
static uint32_t *find(uint32_t *words, size_t count, uint32_t op)
{
    for (size_t i = HEADER; i < count; i += words[i] >> 16)
        if ((words[i] & 0xffff) == op) return words + i;
    fail_msg("no instruction %u", op);
    return NULL;
}

static void test_spirv_khr__refuses_what_it_cannot_rewrite(void **state)
{
    (void)state;
    const cairn_shader *s = nv_shader("conv/conv2d");
    uint32_t *words = malloc(s->count * sizeof *words), *at;
    assert_non_null(words);
#define FRESH() memcpy(words, s->words, s->count * sizeof *words)
    FRESH(), words[0] = 7;
    expect_refused(words, s->count, "no module");
    FRESH(), words[BOUND] = UINT32_MAX;
    expect_refused(words, s->count, "no module");
    expect_refused(words, 4, "no module");
    FRESH(), words[s->count - 1] |= 5u << 16;
    expect_refused(words, s->count, "longer than the module");
    FRESH(), words[HEADER] = 0;
    expect_refused(words, s->count, "longer than the module");
    FRESH(), at = find(words, s->count, 5358), at[4] = at[5];
    expect_refused(words, s->count, "that tell its use");
    FRESH(), at = find(words, s->count, 5359), at[5] = words[BOUND];
    expect_refused(words, s->count, "beyond the bound");
    FRESH(), at = find(words, s->count, 5359), at[5] = at[3];
    expect_refused(words, s->count, "is no constant");
    FRESH(), at = find(words, s->count, 5361), at[0] = (at[0] & 0xffff0000u) | 5362;
    expect_refused(words, s->count, "the length of a matrix");
    free(words);
}

/* Whatever the words are: an answer, and no access beyond them (the sanitizers' build looks). */
static void test_spirv_khr__survives_damage(void **state)
{
    (void)state;
    const cairn_shader *s = nv_shader("matrix/matmul");
    cairn_rng rng = cairn_rng_stream(7, 0, 0, 0, 0);
    for (int round = 0; round < 3000; round++) {
        size_t count = (size_t)cairn_rng_integer(&rng, 0, (int)s->count);
        uint32_t *words = malloc(count * sizeof *words + 1), *out;
        assert_non_null(words);
        memcpy(words, s->words, count * sizeof *words);
        for (int k = 0; count > 0 && k < 4; k++)
            words[cairn_rng_integer(&rng, 0, (int)count - 1)] = (uint32_t)cairn_rng_integer(&rng, 0, 1 << 20);
        size_t out_count;
        if (cairn_spirv_to_khr(&out, &out_count, words, count) >= 0) assert_true(out_count >= count);
        free(out);
        free(words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spirv_khr__embedded_shaders_are_well_formed),
        cmocka_unit_test(test_spirv_khr__layouts_follow_constants),
        cmocka_unit_test(test_spirv_khr__leaves_other_modules_alone),
        cmocka_unit_test(test_spirv_khr__refuses_what_it_cannot_rewrite),
        cmocka_unit_test(test_spirv_khr__survives_damage),
    };
    return cmocka_run_group_tests_name("spirv_khr", tests, NULL, NULL);
}
