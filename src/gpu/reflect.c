#include "gpu/reflect.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The few instructions, decorations and enumerants of SPIR-V that matter here (SPIR-V specification, section 3). */
enum { MAGIC = 0x07230203, HEADER_WORDS = 5, MOST_IDS = 1 << 22, MOST_DEPTH = 8 };
enum {
    OP_EXECUTION_MODE = 16,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_TYPE_VECTOR = 23,
    OP_TYPE_MATRIX = 24,
    OP_TYPE_IMAGE = 25,
    OP_TYPE_SAMPLED_IMAGE = 27,
    OP_TYPE_ARRAY = 28,
    OP_TYPE_STRUCT = 30,
    OP_TYPE_POINTER = 32,
    OP_CONSTANT = 43,
    OP_CONSTANT_COMPOSITE = 44,
    OP_SPEC_CONSTANT = 50,
    OP_SPEC_CONSTANT_COMPOSITE = 51,
    OP_SPEC_CONSTANT_OP = 52,
    OP_VARIABLE = 59,
    OP_DECORATE = 71,
    OP_MEMBER_DECORATE = 72,
    OP_I_ADD = 128,
    OP_I_SUB = 130,
    OP_I_MUL = 132,
    OP_U_DIV = 134,
    OP_S_DIV = 135,
    OP_EXECUTION_MODE_ID = 331
};
enum { MODE_LOCAL_SIZE = 17, MODE_LOCAL_SIZE_ID = 38 };
enum {
    DECORATION_SPEC_ID = 1,
    DECORATION_ARRAY_STRIDE = 6,
    DECORATION_BUILT_IN = 11,
    DECORATION_BINDING = 33,
    DECORATION_SET = 34,
    DECORATION_OFFSET = 35
};
enum { BUILT_IN_WORKGROUP_SIZE = 25, DIM_BUFFER = 5, FORMAT_UNKNOWN = 0 };
enum { CLASS_UNIFORM_CONSTANT = 0, CLASS_WORKGROUP = 4, CLASS_PUSH_CONSTANT = 9, CLASS_STORAGE_BUFFER = 12 };

typedef struct id_facts {
    const uint32_t *at; /* the instruction that defines the id; NULL: not one of the above */
    uint32_t op, words;
    uint32_t binding, set, spec_id, array_stride, last_offset;
    bool has_binding, has_spec_id, workgroup_size;
} id_facts;

typedef struct module {
    const char *name;
    id_facts *ids;
    uint32_t bound;
    const uint32_t *constants;
    int constant_count;
} module;

static cairn_status bad(const module *m, const char *what)
{
    return cairn_error_set(CAIRN_E_FORMAT, "shader '%s': %s", m->name, what);
}

static const id_facts *facts(const module *m, uint32_t id)
{
    static const id_facts none = {0};
    return id < m->bound ? &m->ids[id] : &none;
}

static void note_decoration(module *m, const uint32_t *at, uint32_t words)
{
    if (words < 4 || at[1] >= m->bound) return;
    id_facts *f = &m->ids[at[1]];
    switch (at[2]) {
    case DECORATION_SPEC_ID:
        f->spec_id = at[3], f->has_spec_id = true;
        break;
    case DECORATION_ARRAY_STRIDE:
        f->array_stride = at[3];
        break;
    case DECORATION_BINDING:
        f->binding = at[3], f->has_binding = true;
        break;
    case DECORATION_SET:
        f->set = at[3];
        break;
    case DECORATION_BUILT_IN:
        f->workgroup_size = at[3] == BUILT_IN_WORKGROUP_SIZE;
        break;
    default:
        break;
    }
}

/* Where in an instruction its result id stands, and how many words it has at least; 0: not of interest. */
static int result_position(uint32_t op, uint32_t words)
{
    switch (op) {
    case OP_TYPE_INT:
    case OP_TYPE_FLOAT:
    case OP_TYPE_SAMPLED_IMAGE:
        return words >= 3 ? 1 : 0;
    case OP_TYPE_VECTOR:
    case OP_TYPE_MATRIX:
    case OP_TYPE_ARRAY:
    case OP_TYPE_POINTER:
        return words >= 4 ? 1 : 0;
    case OP_TYPE_IMAGE:
        return words >= 9 ? 1 : 0;
    case OP_TYPE_STRUCT:
        return words >= 2 ? 1 : 0;
    case OP_CONSTANT:
    case OP_SPEC_CONSTANT:
    case OP_VARIABLE:
        return words >= 4 ? 2 : 0;
    case OP_CONSTANT_COMPOSITE:
    case OP_SPEC_CONSTANT_COMPOSITE:
        return words >= 3 ? 2 : 0;
    case OP_SPEC_CONSTANT_OP:
        return words >= 6 ? 2 : 0;
    default:
        return 0;
    }
}

static cairn_status collect(module *m, const uint32_t *words, size_t count, const uint32_t **local)
{
    for (size_t i = HEADER_WORDS; i < count;) {
        const uint32_t *at = words + i;
        uint32_t n = at[0] >> 16, op = at[0] & 0xffff;
        if (n == 0 || n > count - i) return bad(m, "an instruction is longer than the module");
        int position = result_position(op, n);
        if (position && at[position] < m->bound) {
            id_facts *f = &m->ids[at[position]];
            f->at = at;
            f->op = op;
            f->words = n;
        } else if (op == OP_DECORATE) {
            note_decoration(m, at, n);
        } else if (op == OP_MEMBER_DECORATE && n >= 5 && at[3] == DECORATION_OFFSET && at[1] < m->bound) {
            if (at[4] > m->ids[at[1]].last_offset) m->ids[at[1]].last_offset = at[4];
        } else if ((op == OP_EXECUTION_MODE && n >= 6 && at[2] == MODE_LOCAL_SIZE) ||
                   (op == OP_EXECUTION_MODE_ID && n >= 6 && at[2] == MODE_LOCAL_SIZE_ID)) {
            *local = at;
        }
        i += n;
    }
    return CAIRN_OK;
}

/* Value of a scalar constant; 0 if it cannot be told. */
static uint32_t constant_value(const module *m, uint32_t id, int depth)
{
    const id_facts *f = facts(m, id);
    if (f->op == OP_SPEC_CONSTANT && f->has_spec_id && f->spec_id < (uint32_t)m->constant_count)
        return m->constants[f->spec_id];
    if (f->op == OP_CONSTANT || f->op == OP_SPEC_CONSTANT) return f->at[3];
    if (f->op != OP_SPEC_CONSTANT_OP || depth > MOST_DEPTH) return 0;
    uint32_t a = constant_value(m, f->at[4], depth + 1), b = constant_value(m, f->at[5], depth + 1);
    switch (f->at[3]) {
    case OP_I_ADD:
        return a + b;
    case OP_I_SUB:
        return a - b;
    case OP_I_MUL:
        return a * b;
    case OP_U_DIV:
    case OP_S_DIV:
        return b ? a / b : 0; /* sizes are positive */
    default:
        return 0;
    }
}

/* Bytes of a type, by its explicit layout where it has one, else packed; 0 if it cannot be told. */
static uint32_t type_bytes(const module *m, uint32_t id, int depth)
{
    const id_facts *f = facts(m, id);
    if (depth > MOST_DEPTH) return 0;
    switch (f->op) {
    case OP_TYPE_INT:
    case OP_TYPE_FLOAT:
        return f->at[2] / 8;
    case OP_TYPE_VECTOR:
    case OP_TYPE_MATRIX:
        return type_bytes(m, f->at[2], depth + 1) * f->at[3];
    case OP_TYPE_ARRAY:
        return (f->array_stride ? f->array_stride : type_bytes(m, f->at[2], depth + 1)) *
               constant_value(m, f->at[3], 0);
    case OP_TYPE_STRUCT:
        return f->words < 3 ? 0 : f->last_offset + type_bytes(m, f->at[f->words - 1], depth + 1);
    default:
        return 0;
    }
}

static gpu_binding binding_kind(const module *m, uint32_t storage_class, uint32_t type_id)
{
    const id_facts *type = facts(m, type_id);
    if (storage_class == CLASS_STORAGE_BUFFER && type->op == OP_TYPE_STRUCT) return GPU_BINDING_STORAGE;
    if (storage_class != CLASS_UNIFORM_CONSTANT) return GPU_BINDING_NONE;
    if (type->op == OP_TYPE_SAMPLED_IMAGE) type = facts(m, type->at[2]);
    if (type->op != OP_TYPE_IMAGE || type->at[3] != DIM_BUFFER) return GPU_BINDING_NONE;
    return type->at[7] == 1 ? GPU_BINDING_TEXEL : type->at[7] == 2 ? GPU_BINDING_TEXEL_STORE : GPU_BINDING_NONE;
}

/* A storage buffer may be declared a second time, under the same binding, for tensors in fp16 (tensor.glsl). */
static cairn_status note_binding(gpu_reflection *out, const module *m, uint32_t binding, gpu_binding kind,
                                 uint32_t type_id)
{
    uint32_t bit = 1u << binding;
    if (out->bindings[binding] != GPU_BINDING_NONE) {
        if (kind != GPU_BINDING_STORAGE || out->bindings[binding] != kind || out->half_able & bit)
            return bad(m, "one binding number is used twice");
        out->half_able |= bit;
        return CAIRN_OK;
    }
    const id_facts *image = facts(m, type_id);
    if (kind == GPU_BINDING_TEXEL || (kind == GPU_BINDING_TEXEL_STORE && image->at[8] == FORMAT_UNKNOWN))
        out->half_able |= bit;
    out->bindings[binding] = kind;
    return CAIRN_OK;
}

static cairn_status read_variable(gpu_reflection *out, const module *m, const id_facts *f)
{
    const id_facts *pointer = facts(m, f->at[1]);
    if (pointer->op != OP_TYPE_POINTER) return CAIRN_OK;
    uint32_t storage_class = f->at[3], type = pointer->at[3];
    if (storage_class == CLASS_PUSH_CONSTANT) {
        out->push_bytes = type_bytes(m, type, 0);
        return out->push_bytes ? CAIRN_OK : bad(m, "a push block of unknown size");
    }
    if (storage_class == CLASS_WORKGROUP) out->shared_bytes += type_bytes(m, type, 0);
    if (!f->has_binding) return CAIRN_OK;
    gpu_binding kind = binding_kind(m, storage_class, type);
    if (kind == GPU_BINDING_NONE) return bad(m, "a binding that is neither a storage buffer nor a texel buffer");
    if (f->set != 0 || f->binding >= GPU_REFLECT_BINDINGS) return bad(m, "a binding outside set 0, 0..11");
    if ((int)f->binding >= out->binding_count) out->binding_count = (int)f->binding + 1;
    return note_binding(out, m, f->binding, kind, type);
}

static cairn_status read_facts(gpu_reflection *out, const module *m, const uint32_t *local)
{
    cairn_status st;
    bool ids = local && (local[0] & 0xffff) == OP_EXECUTION_MODE_ID;
    for (int i = 0; local && i < 3; i++) out->local[i] = ids ? constant_value(m, local[3 + i], 0) : local[3 + i];
    for (uint32_t id = 0; id < m->bound; id++) {
        const id_facts *f = &m->ids[id];
        if (f->op == OP_VARIABLE) CAIRN_TRY(read_variable(out, m, f));
        bool composite = f->op == OP_CONSTANT_COMPOSITE || f->op == OP_SPEC_CONSTANT_COMPOSITE;
        if (f->workgroup_size && composite && f->words >= 6) /* overrides the execution mode */
            for (int i = 0; i < 3; i++) out->local[i] = constant_value(m, f->at[3 + i], 0);
    }
    for (int i = 0; i < GPU_REFLECT_BINDINGS; i++) /* what the shader does not touch may hold anything */
        if (out->bindings[i] == GPU_BINDING_NONE) out->half_able |= 1u << i;
    st = out->local[0] && out->local[1] && out->local[2] ? CAIRN_OK : bad(m, "no workgroup size: not a compute shader");
done:
    return st;
}

cairn_status cairn_gpu__reflect(gpu_reflection *out, const char *name, const uint32_t *words, size_t count,
                                const uint32_t *constants, int constant_count)
{
    cairn_status st;
    const uint32_t *local = NULL;
    *out = (gpu_reflection){0};
    module m = {.name = name, .constants = constants, .constant_count = constant_count};
    if (count < HEADER_WORDS || words[0] != MAGIC || words[3] == 0 || words[3] > MOST_IDS) return bad(&m, "not SPIR-V");
    m.bound = words[3];
    m.ids = calloc(m.bound, sizeof *m.ids);
    if (!m.ids) return cairn_error_set(CAIRN_E_NOMEM, "no memory to read the shader '%s'", name);
    CAIRN_TRY(collect(&m, words, count, &local));
    CAIRN_TRY(read_facts(out, &m, local));
done:
    free(m.ids);
    return st;
}
