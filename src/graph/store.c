#include "graph/internal.h"

#include <string.h>

typedef struct slot {
    char name[96];
    cairn_shape shape;
    cairn_gpu_buffer *buffer; /* shared by the slots added together; owned by the first of them */
    uint64_t offset;
    bool owner;
} slot;

struct cairn_store {
    cairn_gpu *gpu;
    slot *slots;
    int count, room;
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
    for (int i = 0; i < (*store)->count; i++)
        if ((*store)->slots[i].owner) cairn_gpu_buffer_destroy(&(*store)->slots[i].buffer);
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

static cairn_status append(cairn_store *store, const cairn_tensor *t, uint64_t *bytes, uint64_t alignment)
{
    if (store->count == store->room) {
        int wanted = store->room ? 2 * store->room : 128;
        slot *grown = realloc(store->slots, sizeof *grown * (size_t)wanted);
        if (!grown) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d stored tensors", wanted);
        store->slots = grown;
        store->room = wanted;
    }
    slot *s = &store->slots[store->count++];
    *s = (slot){.shape = t->shape, .offset = *bytes};
    memcpy(s->name, t->name, sizeof s->name);
    *bytes += ((uint64_t)cairn_shape_vectors(t->shape) * 16 + alignment - 1) / alignment * alignment;
    return CAIRN_OK;
}

cairn_status cairn_store_add_graph(cairn_store *store, const cairn_graph *g)
{
    cairn_status st = CAIRN_OK;
    uint64_t bytes = 0, alignment = cairn_gpu_get_info(store->gpu)->alignment;
    int before = store->count;
    cairn_gpu_buffer *buffer = NULL;
    for (cairn_tid i = 0; i < cairn_graph_tensor_count(g); i++) {
        const cairn_tensor *t = cairn_graph_tensor(g, i);
        if (t->kind != CAIRN_TENSOR_STORED) continue;
        int have = cairn_store_find(store, t->name);
        if (have < 0) {
            CAIRN_TRY(append(store, t, &bytes, alignment));
        } else if (!cairn_shape_equal(store->slots[have].shape, t->shape)) {
            cairn_shape a = store->slots[have].shape, b = t->shape;
            st = cairn_error_set(CAIRN_E_SHAPE, "%s is stored as [%d,%d,%d,%d]; the graph wants [%d,%d,%d,%d]", t->name,
                                 a.n, a.h, a.w, a.c, b.n, b.h, b.w, b.c);
            goto done;
        }
    }
    if (!bytes) goto done;
    CAIRN_TRY(cairn_gpu_buffer_create(&buffer, store->gpu, bytes, "stored tensors"));
    for (int i = before; i < store->count; i++) store->slots[i].buffer = buffer;
    store->slots[before].owner = true;
done:
    if (st < 0) store->count = before;
    return st;
}

cairn_gpu_view cairn_store_view(const cairn_store *store, int index)
{
    const slot *s = &store->slots[index];
    return (cairn_gpu_view){s->buffer, s->offset, (uint64_t)cairn_shape_vectors(s->shape) * 16};
}

cairn_status cairn_store_write(cairn_store *store, int index, const float *values)
{
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
