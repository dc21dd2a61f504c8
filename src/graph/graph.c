#include "graph/internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* Memory that goes with a graph. */
typedef struct owned {
    struct owned *next;
    max_align_t bytes[];
} owned;

struct cairn_graph {
    owned *owned;
    bool is_copy; /* the data of its constants belongs to another graph, which outlives it */
    cairn_tensor *tensors;
    cairn_node *nodes;
    int tensor_count, tensor_room, node_count, node_room;
    cairn_gradient_pair *gradients;
    int gradient_count, gradient_room;
    int forward_nodes; /* 0: not differentiated */
    cairn_status status;
    char mistake[512];
};

cairn_status cairn_graph_create(cairn_graph **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? CAIRN_OK : cairn_error_set(CAIRN_E_NOMEM, "no memory for a graph");
}

void cairn_graph_destroy(cairn_graph **g)
{
    if (!*g) return;
    for (int i = 0; i < (*g)->tensor_count && !(*g)->is_copy; i++) free((*g)->tensors[i].data);
    for (owned *o = (*g)->owned, *next; o; o = next) {
        next = o->next;
        free(o);
    }
    free((*g)->tensors);
    free((*g)->nodes);
    free((*g)->gradients);
    free(*g);
    *g = NULL;
}

cairn_status cairn_graph_status(const cairn_graph *g)
{
    return g->status < 0 ? cairn_error_set(g->status, "%s", g->mistake) : CAIRN_OK;
}

cairn_tid cairn_graph_mistake(cairn_graph *g, const char *op, const char *fmt, ...)
{
    if (g->status < 0) return CAIRN_NONE;
    int used = snprintf(g->mistake, sizeof g->mistake, "%.100s: ", op);
    va_list args;
    va_start(args, fmt);
    vsnprintf(g->mistake + used, sizeof g->mistake - (size_t)used, fmt, args);
    va_end(args);
    g->status = CAIRN_E_SHAPE;
    return CAIRN_NONE;
}

/* Grows *items to hold one more; *room is its capacity. */
static bool reserve(void **items, int *room, int count, size_t size)
{
    if (count < *room) return true;
    int wanted = *room ? *room * 2 : 256;
    void *grown = realloc(*items, (size_t)wanted * size);
    if (!grown) return false;
    *items = grown;
    *room = wanted;
    return true;
}

static cairn_tid add_tensor(cairn_graph *g, cairn_shape shape, cairn_tensor_kind kind, const char *name)
{
    if (g->status < 0) return CAIRN_NONE;
    if (shape.n < 1 || shape.h < 1 || shape.w < 1 || shape.c < 1)
        return cairn_graph_mistake(g, name ? name : "tensor", "shape [%d,%d,%d,%d] has an empty dimension", shape.n,
                                   shape.h, shape.w, shape.c);
    if (cairn_shape_vectors(shape) >= INT32_MAX)
        return cairn_graph_mistake(g, name ? name : "tensor", "[%d,%d,%d,%d] has more elements than 32 bits can index",
                                   shape.n, shape.h, shape.w, shape.c);
    if (!reserve((void **)&g->tensors, &g->tensor_room, g->tensor_count, sizeof *g->tensors)) {
        g->status = CAIRN_E_NOMEM;
        snprintf(g->mistake, sizeof g->mistake, "no memory for a tensor");
        return CAIRN_NONE;
    }
    cairn_tensor *t = &g->tensors[g->tensor_count];
    *t = (cairn_tensor){.shape = shape, .kind = kind, .producer = -1, .joined = CAIRN_NONE, .twin = CAIRN_NONE};
    if (name) snprintf(t->name, sizeof t->name, "%s", name);
    return g->tensor_count++;
}

static cairn_tid add_named(cairn_graph *g, const char *name, cairn_shape shape, cairn_tensor_kind kind)
{
    cairn_tid same = cairn_graph_find(g, name);
    if (same == CAIRN_NONE) {
        if (strlen(name) >= sizeof g->tensors->name)
            return cairn_graph_mistake(g, name, "the name is longer than %zu bytes", sizeof g->tensors->name - 1);
        return add_tensor(g, shape, kind, name);
    }
    cairn_tensor *t = &g->tensors[same];
    if (t->kind != kind || !cairn_shape_equal(t->shape, shape))
        return cairn_graph_mistake(g, name, "asked for as [%d,%d,%d,%d], but it is [%d,%d,%d,%d] or of another kind",
                                   shape.n, shape.h, shape.w, shape.c, t->shape.n, t->shape.h, t->shape.w, t->shape.c);
    return same;
}

cairn_tid cairn_graph_input(cairn_graph *g, const char *name, cairn_shape shape)
{
    return add_named(g, name, shape, CAIRN_TENSOR_INPUT);
}

cairn_tid cairn_graph_stored(cairn_graph *g, const char *name, cairn_shape shape)
{
    return add_named(g, name, shape, CAIRN_TENSOR_STORED);
}

cairn_tid cairn_graph_constant(cairn_graph *g, cairn_shape shape, float value)
{
    for (int i = 0; i < g->tensor_count; i++) {
        const cairn_tensor *t = &g->tensors[i];
        if (t->kind == CAIRN_TENSOR_CONSTANT && !t->data && cairn_shape_equal(t->shape, shape) &&
            !memcmp(&t->value, &value, sizeof value))
            return i;
    }
    cairn_tid t = add_tensor(g, shape, CAIRN_TENSOR_CONSTANT, NULL);
    if (t != CAIRN_NONE) g->tensors[t].value = value;
    return t;
}

cairn_tid cairn_graph_constant_data(cairn_graph *g, cairn_shape shape, const float *values)
{
    cairn_tid t = add_tensor(g, shape, CAIRN_TENSOR_CONSTANT, NULL);
    if (t == CAIRN_NONE) return t;
    size_t bytes = sizeof *values * (size_t)cairn_shape_count(shape);
    g->tensors[t].data = malloc(bytes);
    if (!g->tensors[t].data) return cairn_graph_mistake(g, "constant", "no memory for %zu bytes", bytes);
    memcpy(g->tensors[t].data, values, bytes);
    return t;
}

/* Whether tensor number i of a join may be a part of it. */
static bool may_join(cairn_graph *g, const cairn_tid *members, int i)
{
    if (members[i] == CAIRN_NONE) return cairn_graph_mistake(g, "join", "member %d is missing", i), false;
    const cairn_tensor *t = &g->tensors[members[i]], *first = &g->tensors[members[0]];
    if (t->kind != first->kind || (t->kind != CAIRN_TENSOR_STORED && t->kind != CAIRN_TENSOR_VALUE))
        return cairn_graph_mistake(g, "join", "%s is neither stored nor computed, or not as the first one", t->name),
               false;
    bool again = t->joined != CAIRN_NONE || t->is_join;
    for (int k = 0; k < i && !again; k++) again = members[k] == members[i];
    if (again) cairn_graph_mistake(g, "join", "%s is part of a join already", t->name);
    return !again;
}

cairn_tid cairn_graph_join(cairn_graph *g, const char *name, const cairn_tid *members, int count)
{
    if (g->status < 0) return CAIRN_NONE;
    CAIRN_ASSERT(count > 0);
    int64_t vectors = 0;
    for (int i = 0; i < count; i++) {
        if (!may_join(g, members, i)) return CAIRN_NONE;
        int64_t own = cairn_shape_vectors(g->tensors[members[i]].shape);
        vectors += (own + CAIRN_JOIN_VECTORS - 1) / CAIRN_JOIN_VECTORS * CAIRN_JOIN_VECTORS;
    }
    if (vectors >= INT32_MAX) return cairn_graph_mistake(g, "join", "%lld vectors are too many", (long long)vectors);
    cairn_tensor_kind kind = g->tensors[members[0]].kind;
    CAIRN_ASSERT((kind == CAIRN_TENSOR_STORED) == (name != NULL));
    cairn_shape shape = {1, 1, (int32_t)vectors, 4};
    cairn_tid whole = name ? add_named(g, name, shape, kind) : add_tensor(g, shape, kind, NULL);
    if (whole == CAIRN_NONE) return whole;
    g->tensors[whole].is_join = true;
    if (!name) snprintf(g->tensors[whole].name, sizeof g->tensors->name, "join#%d", whole);
    vectors = 0;
    for (int i = 0; i < count; i++) {
        cairn_tensor *t = &g->tensors[members[i]];
        t->joined = whole;
        t->joined_at = (int32_t)vectors;
        int64_t own = cairn_shape_vectors(t->shape);
        vectors += (own + CAIRN_JOIN_VECTORS - 1) / CAIRN_JOIN_VECTORS * CAIRN_JOIN_VECTORS;
    }
    return whole;
}

void cairn_graph_output(cairn_graph *g, cairn_tid tensor, const char *name)
{
    if (tensor == CAIRN_NONE) return;
    cairn_tensor *t = &g->tensors[tensor];
    if (t->kind == CAIRN_TENSOR_VALUE) snprintf(t->name, sizeof t->name, "%s", name);
    t->is_output = true;
}

const cairn_tensor *cairn_graph_tensor(const cairn_graph *g, cairn_tid t)
{
    CAIRN_ASSERT(t >= 0 && t < g->tensor_count);
    return &g->tensors[t];
}

cairn_shape cairn_graph_shape(const cairn_graph *g, cairn_tid t)
{
    return t == CAIRN_NONE ? CAIRN_SCALAR : cairn_graph_tensor(g, t)->shape;
}

cairn_tid cairn_graph_find(const cairn_graph *g, const char *name)
{
    for (int i = 0; i < g->tensor_count; i++)
        if (g->tensors[i].name[0] && !strcmp(g->tensors[i].name, name)) return i;
    return CAIRN_NONE;
}

int cairn_graph_tensor_count(const cairn_graph *g)
{
    return g->tensor_count;
}

int cairn_graph_node_count(const cairn_graph *g)
{
    return g->node_count;
}

const cairn_node *cairn_graph_node(const cairn_graph *g, int index)
{
    CAIRN_ASSERT(index >= 0 && index < g->node_count);
    return &g->nodes[index];
}

int cairn_graph__forward_nodes(const cairn_graph *g)
{
    return g->forward_nodes ? g->forward_nodes : g->node_count;
}

void cairn_graph__end_forward(cairn_graph *g)
{
    if (!g->forward_nodes) g->forward_nodes = g->node_count;
}

void cairn_graph__note_gradient(cairn_graph *g, cairn_tid of, cairn_tid gradient)
{
    if (g->status < 0 || gradient == CAIRN_NONE) return;
    if (!reserve((void **)&g->gradients, &g->gradient_room, g->gradient_count, sizeof *g->gradients)) {
        cairn_graph_mistake(g, "differentiate", "no memory for %d gradients", g->gradient_count);
        return;
    }
    g->gradients[g->gradient_count++] = (cairn_gradient_pair){of, gradient};
}

int cairn_graph__gradients(const cairn_graph *g, const cairn_gradient_pair **pairs)
{
    *pairs = g->gradients;
    return g->gradient_count;
}

cairn_tid cairn_graph_append(cairn_graph *g, const cairn_op *op, const cairn_tid *inputs, int input_count, int required,
                             const cairn_shape *output_shapes, int output_count, cairn_tid *outputs,
                             const void *attributes, int size)
{
    CAIRN_ASSERT(input_count <= CAIRN_MAX_INPUTS && output_count <= CAIRN_MAX_OUTPUTS && size <= CAIRN_ATTRIBUTE_BYTES);
    for (int i = 0; i < output_count && outputs; i++) outputs[i] = CAIRN_NONE;
    if (g->status < 0) return CAIRN_NONE;
    for (int i = 0; i < required; i++)
        if (inputs[i] == CAIRN_NONE) return cairn_graph_mistake(g, op->name, "input %d is missing", i);
    for (int i = 0; i < input_count; i++)
        if ((op->updates >> i & 1) && g->tensors[inputs[i]].kind != CAIRN_TENSOR_STORED)
            return cairn_graph_mistake(g, op->name, "input %d is updated in place and must be a stored tensor", i);
    if (!reserve((void **)&g->nodes, &g->node_room, g->node_count, sizeof *g->nodes)) {
        g->status = CAIRN_E_NOMEM;
        snprintf(g->mistake, sizeof g->mistake, "no memory for a node");
        return CAIRN_NONE;
    }
    cairn_node node = {.op = op, .input_count = input_count, .output_count = output_count};
    for (int i = 0; i < CAIRN_MAX_INPUTS; i++) node.inputs[i] = i < input_count ? inputs[i] : CAIRN_NONE;
    for (int i = 0; i < CAIRN_MAX_OUTPUTS; i++) node.outputs[i] = CAIRN_NONE;
    if (size) memcpy(node.attributes, attributes, (size_t)size);
    for (int i = 0; i < output_count; i++) {
        node.outputs[i] = add_tensor(g, output_shapes[i], CAIRN_TENSOR_VALUE, NULL);
        if (node.outputs[i] == CAIRN_NONE) return CAIRN_NONE;
        cairn_tensor *t = &g->tensors[node.outputs[i]];
        t->producer = g->node_count;
        snprintf(t->name, sizeof t->name, "%.64s#%d.%d", op->name, g->node_count, i);
        if (outputs) outputs[i] = node.outputs[i];
    }
    g->nodes[g->node_count++] = node;
    return output_count ? node.outputs[0] : CAIRN_NONE;
}

cairn_status cairn_graph__copy(cairn_graph **out, const cairn_graph *g)
{
    cairn_graph *copy = calloc(1, sizeof *copy);
    *out = NULL;
    if (copy) { /* field by field: what is a pointer must not be shared */
        copy->is_copy = true;
        copy->status = g->status;
        copy->tensor_count = g->tensor_count;
        copy->node_count = g->node_count;
        copy->tensor_room = g->tensor_count + 1;
        copy->node_room = g->node_count + 1;
        copy->tensors = malloc(sizeof *copy->tensors * (size_t)copy->tensor_room);
        copy->nodes = malloc(sizeof *copy->nodes * (size_t)copy->node_room);
        copy->forward_nodes = g->forward_nodes;
        copy->gradient_count = g->gradient_count;
        copy->gradient_room = g->gradient_count + 1;
        copy->gradients = malloc(sizeof *copy->gradients * (size_t)copy->gradient_room);
    }
    if (!copy || !copy->tensors || !copy->nodes || !copy->gradients) {
        cairn_graph_destroy(&copy);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory to copy a graph");
    }
    if (g->tensor_count) memcpy(copy->tensors, g->tensors, sizeof *g->tensors * (size_t)g->tensor_count);
    if (g->node_count) memcpy(copy->nodes, g->nodes, sizeof *g->nodes * (size_t)g->node_count);
    if (g->gradient_count) memcpy(copy->gradients, g->gradients, sizeof *g->gradients * (size_t)g->gradient_count);
    *out = copy;
    return CAIRN_OK;
}

void *cairn_graph__own(cairn_graph *g, size_t size)
{
    owned *o = calloc(1, sizeof *o + size);
    if (!o) return NULL;
    o->next = g->owned;
    g->owned = o;
    return o->bytes;
}

void cairn_graph__replace(cairn_graph *g, int index, const cairn_node *node)
{
    CAIRN_ASSERT(index >= 0 && index < g->node_count);
    g->nodes[index] = *node;
    for (int k = 0; k < node->output_count; k++) g->tensors[node->outputs[k]].producer = index;
}

cairn_tid cairn_graph__add_twin(cairn_graph *g, cairn_tid of)
{
    char name[sizeof g->tensors->name];
    snprintf(name, sizeof name, "%.80s again", g->tensors[of].name);
    cairn_tid t = add_tensor(g, g->tensors[of].shape, CAIRN_TENSOR_VALUE, name);
    if (t != CAIRN_NONE) g->tensors[t].twin = of;
    return t;
}

bool cairn_node_again(cairn_node *node)
{
    (void)node;
    return true;
}

cairn_status cairn_graph__set_nodes(cairn_graph *g, const cairn_node *nodes, int count)
{
    cairn_node *list = malloc(sizeof *list * ((size_t)count + 1));
    if (!list) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d nodes", count);
    memcpy(list, nodes, sizeof *list * (size_t)count);
    free(g->nodes);
    g->nodes = list;
    g->node_count = count;
    g->node_room = count + 1;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < list[i].output_count; k++) g->tensors[list[i].outputs[k]].producer = i;
    return CAIRN_OK;
}

void cairn_graph__want_moments(cairn_graph *g, cairn_tid t)
{
    g->tensors[t].moments_wanted = true;
}

cairn_tid cairn_graph__add_value(cairn_graph *g, cairn_shape shape, const char *name)
{
    return add_tensor(g, shape, CAIRN_TENSOR_VALUE, name);
}
