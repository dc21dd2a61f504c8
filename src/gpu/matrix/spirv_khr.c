#include "gpu/matrix/spirv_khr.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* SPIR-V specification, section 3; the two extensions' own documents for the matrices. */
enum { MAGIC = 0x07230203, HEADER_WORDS = 5, BOUND = 3, MOST_IDS = 1 << 22, NEW_CONSTANTS = 3 };
enum {
    OP_EXTENSION = 10,
    OP_CAPABILITY = 17,
    OP_TYPE_INT = 21,
    OP_CONSTANT_TRUE = 41,
    OP_CONSTANT_FALSE = 42,
    OP_CONSTANT = 43,
    OP_SPEC_CONSTANT_TRUE = 48,
    OP_SPEC_CONSTANT_FALSE = 49,
    OP_SPEC_CONSTANT_OP = 52,
    OP_DECORATE = 71,
    OP_SELECT = 169,
    OP_TYPE_MATRIX_NV = 5358,
    OP_LOAD_NV = 5359,
    OP_STORE_NV = 5360,
    OP_MULTIPLY_NV = 5361,
    OP_LENGTH_NV = 5362,
    OP_TYPE_MATRIX_KHR = 4456,
    OP_LOAD_KHR = 4457,
    OP_STORE_KHR = 4458,
    OP_MULTIPLY_KHR = 4459
};
enum { CAPABILITY_NV = 5357, CAPABILITY_KHR = 6022, DECORATION_SPEC_ID = 1 };

typedef struct id_facts {
    uint32_t spec_id; /* 0: none (its own ids start at 101) */
    bool is_bool;     /* a constant of type bool */
    bool is_layout;   /* some load or store has it as its column-major operand */
    uint32_t layout;  /* id of the uint constant that says the same: 0 row-major, 1 column-major */
} id_facts;

typedef struct rewriter {
    const uint32_t *words;
    size_t count;
    id_facts *ids;
    uint32_t bound;          /* of the input */
    uint32_t uint_type;      /* id of the 32-bit unsigned type; 0: none */
    uint32_t constants;      /* id of the uint constant 0; 1 and 2 follow */
    uint32_t next;           /* free id */
    bool constants_out;      /* they have been written */
    uint32_t *out;
    size_t out_count, room;
} rewriter;

static cairn_status bad(const char *what)
{
    return cairn_error_set(CAIRN_E_FORMAT, "rewriting SPIR-V: %s", what);
}

static uint32_t op_of(const uint32_t *at)
{
    return at[0] & 0xffff;
}

static uint32_t length_of(const uint32_t *at)
{
    return at[0] >> 16;
}

static cairn_status put(rewriter *r, const uint32_t *words, size_t count)
{
    if (r->out_count + count > r->room) {
        size_t room = 2 * (r->room + count) + 1024;
        uint32_t *grown = realloc(r->out, room * sizeof *grown);
        if (!grown) return cairn_error_set(CAIRN_E_NOMEM, "no memory to rewrite a shader");
        r->out = grown;
        r->room = room;
    }
    memcpy(r->out + r->out_count, words, count * sizeof *words);
    r->out_count += count;
    return CAIRN_OK;
}

static bool is_bool_constant(const uint32_t *at)
{
    uint32_t op = op_of(at);
    return op == OP_CONSTANT_TRUE || op == OP_CONSTANT_FALSE || op == OP_SPEC_CONSTANT_TRUE ||
           op == OP_SPEC_CONSTANT_FALSE || op == OP_SPEC_CONSTANT_OP;
}

/* ---- first pass: lengths, facts about ids, and which bools say how a matrix lies in memory ---- */

static cairn_status note_layout(rewriter *r, uint32_t id)
{
    if (id >= r->bound) return bad("an id beyond the bound");
    if (!r->ids[id].is_bool) return bad("a matrix whose order in memory is no constant");
    if (!r->ids[id].is_layout) r->ids[id].layout = r->next++;
    r->ids[id].is_layout = true;
    return CAIRN_OK;
}

static cairn_status note(rewriter *r, const uint32_t *at)
{
    uint32_t op = op_of(at), length = length_of(at);
    if (op == OP_TYPE_INT && length == 4 && at[2] == 32 && at[3] == 0) r->uint_type = at[1];
    if (op == OP_DECORATE && length == 4 && at[2] == DECORATION_SPEC_ID && at[1] < r->bound)
        r->ids[at[1]].spec_id = at[3];
    if (is_bool_constant(at) && length >= 3 && at[2] < r->bound) r->ids[at[2]].is_bool = true; /* or so we believe */
    if (op == OP_LENGTH_NV || (op == OP_SPEC_CONSTANT_OP && length >= 4 && at[3] == OP_LENGTH_NV))
        return bad("the length of a matrix, which differs between the extensions");
    if (op == OP_TYPE_MATRIX_NV && length != 6) return bad("a matrix type of a wrong length");
    if (op == OP_MULTIPLY_NV && length != 6) return bad("a product of a wrong length");
    if ((op == OP_LOAD_NV || op == OP_STORE_NV) && length < (op == OP_LOAD_NV ? 6u : 5u))
        return bad("a load or store of a wrong length");
    if (op == OP_LOAD_NV) return note_layout(r, at[5]);
    if (op == OP_STORE_NV) return note_layout(r, at[4]);
    return CAIRN_OK;
}

static cairn_status survey(rewriter *r)
{
    cairn_status st = CAIRN_OK;
    for (size_t i = HEADER_WORDS; i < r->count; i += length_of(r->words + i)) {
        uint32_t length = length_of(r->words + i);
        if (length == 0 || length > r->count - i) return bad("an instruction is longer than the module");
        CAIRN_TRY(note(r, r->words + i));
    }
done:
    return st;
}

/* ---- second pass ---- */

static cairn_status put_layout(rewriter *r, uint32_t bool_id)
{
    uint32_t select[] = {7u << 16 | OP_SPEC_CONSTANT_OP, r->uint_type, r->ids[bool_id].layout, OP_SELECT, bool_id,
                         r->constants + 1, r->constants};
    return put(r, select, 7);
}

/* The constants right after the type that they have, and what waited for them. */
static cairn_status put_constants(rewriter *r, const uint32_t *end)
{
    cairn_status st = CAIRN_OK;
    for (uint32_t k = 0; k < NEW_CONSTANTS; k++) {
        uint32_t constant[] = {4u << 16 | OP_CONSTANT, r->uint_type, r->constants + k, k};
        CAIRN_TRY(put(r, constant, 4));
    }
    r->constants_out = true;
    for (const uint32_t *at = r->words + HEADER_WORDS; at <= end; at += length_of(at))
        if (is_bool_constant(at) && length_of(at) >= 3 && at[2] < r->bound && r->ids[at[2]].is_layout)
            CAIRN_TRY(put_layout(r, at[2]));
done:
    return st;
}

static cairn_status put_type(rewriter *r, const uint32_t *at)
{
    if (!r->constants_out) return bad("a matrix type before the type of unsigned integers");
    if (at[4] >= r->bound || at[5] >= r->bound) return bad("an id beyond the bound");
    uint32_t rows = r->ids[at[4]].spec_id, columns = r->ids[at[5]].spec_id;
    if (rows < CAIRN_SPIRV_A_ROWS || rows > CAIRN_SPIRV_C_ROWS || (rows - CAIRN_SPIRV_A_ROWS) % 2 ||
        columns != rows + 1)
        return bad("a matrix type without the constants that tell its use");
    uint32_t type[] = {7u << 16 | OP_TYPE_MATRIX_KHR, at[1], at[2], at[3], at[4], at[5],
                       r->constants + (rows - CAIRN_SPIRV_A_ROWS) / 2};
    return put(r, type, 7);
}

/* NV: ..., stride, column-major, memory operands. KHR: ..., layout, stride, memory operands. */
static cairn_status put_access(rewriter *r, const uint32_t *at, uint32_t op, uint32_t fixed)
{
    cairn_status st = CAIRN_OK;
    uint32_t head[6] = {length_of(at) << 16 | op};
    for (uint32_t i = 1; i < fixed; i++) head[i] = at[i];
    head[fixed] = r->ids[at[fixed + 1]].layout;
    head[fixed + 1] = at[fixed];
    CAIRN_TRY(put(r, head, fixed + 2));
    CAIRN_TRY(put(r, at + fixed + 2, length_of(at) - fixed - 2));
done:
    return st;
}

static cairn_status put_extension(rewriter *r, const uint32_t *at)
{
    static const char nv[] = "SPV_NV_cooperative_matrix", khr[] = "SPV_KHR_cooperative_matrix";
    enum { WORDS = (sizeof khr + 3) / 4 };
    uint32_t extension[1 + WORDS] = {(1u + WORDS) << 16 | OP_EXTENSION};
    size_t bytes = (length_of(at) - 1) * sizeof *at;
    if (bytes < sizeof nv || memcmp(at + 1, nv, sizeof nv)) return put(r, at, length_of(at));
    memcpy(extension + 1, khr, sizeof khr);
    return put(r, extension, 1 + WORDS);
}

static cairn_status rewrite(rewriter *r, const uint32_t *at)
{
    cairn_status st = CAIRN_OK;
    uint32_t op = op_of(at), length = length_of(at);
    switch (op) {
    case OP_CAPABILITY:
        if (length == 2 && at[1] == CAPABILITY_NV)
            return put(r, (const uint32_t[]){2u << 16 | OP_CAPABILITY, CAPABILITY_KHR}, 2);
        break;
    case OP_EXTENSION:
        return put_extension(r, at);
    case OP_TYPE_MATRIX_NV:
        return put_type(r, at);
    case OP_LOAD_NV:
        return put_access(r, at, OP_LOAD_KHR, 4);
    case OP_STORE_NV:
        return put_access(r, at, OP_STORE_KHR, 3);
    case OP_MULTIPLY_NV:
        CAIRN_TRY(put(r, (const uint32_t[]){length << 16 | OP_MULTIPLY_KHR}, 1));
        return put(r, at + 1, length - 1);
    default:
        break;
    }
    CAIRN_TRY(put(r, at, length));
    if (op == OP_TYPE_INT && length == 4 && !r->constants_out && at[1] == r->uint_type) return put_constants(r, at);
    if (r->constants_out && is_bool_constant(at) && length >= 3 && at[2] < r->bound && r->ids[at[2]].is_layout)
        return put_layout(r, at[2]);
done:
    return st;
}

cairn_status cairn_spirv_to_khr(uint32_t **out, size_t *out_count, const uint32_t *words, size_t count)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    *out_count = 0;
    rewriter r = {.words = words, .count = count};
    if (count < HEADER_WORDS || words[0] != MAGIC || words[BOUND] == 0 || words[BOUND] > MOST_IDS)
        return bad("these words are no module");
    r.bound = words[BOUND];
    r.constants = r.bound;
    r.next = r.bound + NEW_CONSTANTS;
    r.ids = calloc(r.bound, sizeof *r.ids);
    if (!r.ids) return cairn_error_set(CAIRN_E_NOMEM, "no memory to rewrite a shader");
    CAIRN_TRY(survey(&r));
    CAIRN_TRY(put(&r, words, HEADER_WORDS));
    for (size_t i = HEADER_WORDS; i < count; i += length_of(words + i)) CAIRN_TRY(rewrite(&r, words + i));
    r.out[BOUND] = r.next;
    *out = r.out;
    *out_count = r.out_count;
    r.out = NULL;
done:
    free(r.ids);
    free(r.out);
    return st;
}
