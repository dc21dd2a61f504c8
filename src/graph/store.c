#include "graph/internal.h"

#include <string.h>

typedef struct slot {
    char name[96];
    cairn_shape shape;
    cairn_gpu_buffer *buffer; /* shared by the slots added together */
    uint64_t offset;
    bool bound; /* recorded in a program: it cannot be moved any more */
} slot;

struct cairn_store {
    cairn_gpu *gpu;
    slot *slots;
    int count, room;
    cairn_gpu_buffer **buffers;
    int buffer_count;
    uint64_t version;
};

cairn_status cairn_store_create(cairn_store **out, cairn_gpu *gpu)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a store");
    (*out)->gpu = gpu;
    return CAIRN_OK;
}

void cairn_store_destroy(cairn_store **store)
{
    if (!*store) return;
    for (int i = 0; i < (*store)->buffer_count; i++) cairn_gpu_buffer_destroy(&(*store)->buffers[i]);
    free((*store)->buffers);
    free((*store)->slots);
    free(*store);
    *store = NULL;
}

int cairn_store_count(const cairn_store *store)
{
    return store->count;
}

const char *cairn_store_name(const cairn_store *store, int index)
{
    return store->slots[index].name;
}

cairn_shape cairn_store_shape(const cairn_store *store, int index)
{
    return store->slots[index].shape;
}

int cairn_store_find(const cairn_store *store, const char *name)
{
    for (int i = 0; i < store->count; i++)
        if (!strcmp(store->slots[i].name, name)) return i;
    return -1;
}

static cairn_status append(cairn_store *store, const cairn_tensor *t)
{
    if (store->count == store->room) {
        int wanted = store->room ? 2 * store->room : 128;
        slot *grown = realloc(store->slots, sizeof *grown * (size_t)wanted);
        if (!grown) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d stored tensors", wanted);
        store->slots = grown;
        store->room = wanted;
    }
    slot *s = &store->slots[store->count++];
    *s = (slot){.shape = t->shape};
    memcpy(s->name, t->name, sizeof s->name);
    return CAIRN_OK;
}

/* Adds the slots that are missing, without memory. */
static cairn_status add_slots(cairn_store *store, const cairn_graph *g)
{
    cairn_status st = CAIRN_OK;
    for (cairn_tid i = 0; i < cairn_graph_tensor_count(g) && st >= 0; i++) {
        const cairn_tensor *t = cairn_graph_tensor(g, i);
        if (t->kind != CAIRN_TENSOR_STORED) continue;
        int have = cairn_store_find(store, t->name);
        if (have < 0) {
            st = append(store, t);
        } else if (!cairn_shape_equal(store->slots[have].shape, t->shape)) {
            cairn_shape a = store->slots[have].shape, b = t->shape;
            st = cairn_error_set(CAIRN_E_SHAPE, "%s is stored as [%d,%d,%d,%d]; the graph wants [%d,%d,%d,%d]", t->name,
                                 a.n, a.h, a.w, a.c, b.n, b.h, b.w, b.c);
        }
    }
    return st;
}

/* One buffer for the slots from `before` on that are not part of another. */
static cairn_status place_slots(cairn_store *store, const cairn_graph *g, int before)
{
    cairn_status st = CAIRN_OK;
    uint64_t bytes = 0, alignment = cairn_gpu_get_info(store->gpu)->alignment;
    cairn_gpu_buffer *buffer = NULL;
    for (int i = before; i < store->count; i++) {
        slot *s = &store->slots[i];
        if (cairn_graph_tensor(g, cairn_graph_find(g, s->name))->joined != CAIRN_NONE) continue;
        s->offset = bytes;
        bytes += ((uint64_t)cairn_shape_vectors(s->shape) * 16 + alignment - 1) / alignment * alignment;
    }
    if (!bytes) return CAIRN_OK;
    cairn_gpu_buffer **grown = realloc(store->buffers, sizeof *grown * (size_t)(store->buffer_count + 1));
    if (!grown) return cairn_error_set(CAIRN_E_NOMEM, "no memory for stored tensors");
    store->buffers = grown;
    CAIRN_TRY(cairn_gpu_buffer_create(&buffer, store->gpu, bytes, "stored tensors"));
    store->buffers[store->buffer_count++] = buffer;
    for (int i = before; i < store->count; i++)
        if (cairn_graph_tensor(g, cairn_graph_find(g, store->slots[i].name))->joined == CAIRN_NONE)
            store->slots[i].buffer = buffer;
done:
    return st;
}

/* Points the members of joins into the memory of the whole; what they held moves along. */
static cairn_status place_members(cairn_store *store, const cairn_graph *g)
{
    cairn_status st = CAIRN_OK;
    for (cairn_tid i = 0; i < cairn_graph_tensor_count(g); i++) {
        const cairn_tensor *t = cairn_graph_tensor(g, i);
        if (t->kind != CAIRN_TENSOR_STORED || t->joined == CAIRN_NONE) continue;
        slot *s = &store->slots[cairn_store_find(store, t->name)];
        const slot *whole = &store->slots[cairn_store_find(store, cairn_graph_tensor(g, t->joined)->name)];
        cairn_gpu_view to = {whole->buffer, whole->offset + 16 * (uint64_t)t->joined_at,
                             16 * (uint64_t)cairn_shape_vectors(s->shape)};
        if (s->buffer == to.buffer && s->offset == to.offset) continue;
        if (s->bound)
            return cairn_error_set(CAIRN_E_UNSUPPORTED,
                                   "%s cannot become a part of %s: a program reads it where it is; create the program "
                                   "that joins them first", s->name, whole->name);
        if (s->buffer) {
            void *content = malloc(to.bytes);
            if (!content) return cairn_error_set(CAIRN_E_NOMEM, "no memory to move %s", s->name);
            st = cairn_gpu_read((cairn_gpu_view){s->buffer, s->offset, to.bytes}, content);
            if (st >= 0) st = cairn_gpu_write(to, content);
            free(content);
            CAIRN_TRY(st);
        }
        s->buffer = to.buffer;
        s->offset = to.offset;
    }
done:
    return st;
}

cairn_status cairn_store_add_graph(cairn_store *store, const cairn_graph *g)
{
    cairn_status st = CAIRN_OK;
    int before = store->count;
    CAIRN_TRY(add_slots(store, g));
    CAIRN_TRY(place_slots(store, g, before));
    CAIRN_TRY(place_members(store, g));
done:
    if (st < 0) store->count = before;
    return st;
}

void cairn_store__bind(cairn_store *store, int index)
{
    store->slots[index].bound = true;
}

cairn_gpu_view cairn_store_view(const cairn_store *store, int index)
{
    const slot *s = &store->slots[index];
    return (cairn_gpu_view){s->buffer, s->offset, (uint64_t)cairn_shape_vectors(s->shape) * 16};
}

uint64_t cairn_store__version(const cairn_store *store)
{
    return store->version;
}

void cairn_store__changed(cairn_store *store)
{
    store->version++;
}

cairn_status cairn_store_write(cairn_store *store, int index, const float *values)
{
    cairn_store__changed(store);
    cairn_gpu_view view = cairn_store_view(store, index);
    float *storage = malloc(view.bytes);
    if (!storage) return cairn_error_set(CAIRN_E_NOMEM, "no memory to write %s", store->slots[index].name);
    cairn_pad__pack(storage, values, store->slots[index].shape);
    cairn_status st = cairn_gpu_write(view, storage);
    free(storage);
    return st;
}

cairn_status cairn_store_read(cairn_store *store, int index, float *values)
{
    cairn_gpu_view view = cairn_store_view(store, index);
    float *storage = malloc(view.bytes);
    if (!storage) return cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", store->slots[index].name);
    cairn_status st = cairn_gpu_read(view, storage);
    if (st >= 0) cairn_pad__unpack(values, storage, store->slots[index].shape);
    free(storage);
    return st;
}
