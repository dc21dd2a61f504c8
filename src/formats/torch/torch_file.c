#include "formats/torch/torch_file.h"

#include "base/half.h"
#include "formats/torch/torch_storage.h"

#include <string.h>

enum { MOST_TENSORS = 65536, MOST_NAME = 1024 };
#define MOST_FILE ((size_t)4 << 30)
#define MOST_ELEMENTS ((size_t)1 << 30)

typedef struct builder {
    const cairn_torch_container *container;
    const cairn_torch_storage **storages; /* by key */
    cairn_weights *file;
    const char *name;
    size_t room, elements, steps;
    size_t stored; /* bytes of all storages */
    bool objects;  /* there are objects of classes that are not built here */
} builder;

static cairn_status no_memory(const builder *b)
{
    return cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", b->name);
}

/* ---- one tensor ---- */

typedef struct layout {
    const uint8_t *bytes; /* of the storage, at any address */
    size_t elements;      /* there */
    cairn_torch_type type;
    int64_t offset, stride[CAIRN_WEIGHTS_RANK];
} layout;

static float number_at(const uint8_t *bytes, cairn_torch_type type)
{
    uint64_t bits = 0;
    for (size_t i = cairn_torch_type_size(type); i > 0; i--) bits = bits << 8 | bytes[i - 1];
    const uint32_t word = type == CAIRN_TORCH_BF16 ? (uint32_t)bits << 16 : (uint32_t)bits;
    float f;
    double d;
    memcpy(&f, &word, sizeof f);
    memcpy(&d, &bits, sizeof d);
    switch (type) {
    case CAIRN_TORCH_F32:
    case CAIRN_TORCH_BF16:
        return f;
    case CAIRN_TORCH_F64:
        return (float)d;
    case CAIRN_TORCH_F16:
        return cairn_half_to_float((uint16_t)bits);
    case CAIRN_TORCH_I64:
        return (float)(int64_t)bits;
    case CAIRN_TORCH_I32:
        return (float)(int32_t)word;
    case CAIRN_TORCH_I16:
        return (float)(int16_t)(uint16_t)bits;
    case CAIRN_TORCH_I8:
        return (float)(int8_t)(uint8_t)bits;
    default:
        return (float)bits; /* bytes and truth values */
    }
}

/* The tensor's numbers in C order; the last place of every axis has been checked. */
static void gather(float *out, const cairn_weight *t, const layout *l)
{
    const size_t size = cairn_torch_type_size(l->type);
    int64_t index[CAIRN_WEIGHTS_RANK] = {0}, at = l->offset;
    for (size_t i = 0; i < t->count; i++) {
        out[i] = number_at(l->bytes + (size_t)at * size, l->type);
        for (int k = t->rank - 1; k >= 0; k--) {
            at += l->stride[k];
            if (++index[k] < t->shape[k]) break;
            at -= l->stride[k] * t->shape[k];
            index[k] = 0;
        }
    }
}

static cairn_status wrong(const builder *b, const char *tensor, const char *what)
{
    return cairn_error_set(CAIRN_E_FORMAT, "%s: tensor '%.200s' %s", b->name, tensor, what);
}

static int by_key(const void *key, const void *storage)
{
    const cairn_pickle_value *k = key;
    const char *name = (*(const cairn_torch_storage *const *)storage)->key;
    const size_t length = strlen(name);
    int order = memcmp(k->text, name, k->length < length ? k->length : length);
    return order ? order : (k->length > length) - (k->length < length);
}

/* The storage that a reference ('storage', class, key, place, elements, view) names. */
static cairn_status find_storage(layout *l, const builder *b, const cairn_pickle_value *reference, const char *tensor)
{
    const cairn_pickle_value *id = reference->kind == CAIRN_PICKLE_PERSISTENT ? reference->items[0] : NULL;
    if (!id || id->kind != CAIRN_PICKLE_TUPLE || id->count < 5 ||
        !cairn_pickle_is(id->items[0], CAIRN_PICKLE_TEXT, "storage") || id->items[2]->kind != CAIRN_PICKLE_TEXT)
        return wrong(b, tensor, "has no storage");
    l->type = cairn_torch_type_of(id->items[1]);
    if (l->type == CAIRN_TORCH_OTHER)
        return cairn_error_set(CAIRN_E_UNSUPPORTED,
                               "%s: tensor '%.200s' has a number type that is not read here (%.60s)", b->name, tensor,
                               id->items[1]->kind == CAIRN_PICKLE_GLOBAL ? id->items[1]->text : "unknown");
    const cairn_torch_storage **found =
        b->container->count ? bsearch(id->items[2], b->storages, b->container->count, sizeof *b->storages, by_key)
                            : NULL;
    if (!found) return wrong(b, tensor, "names a storage that the file does not hold");
    l->bytes = (*found)->bytes;
    l->elements = (*found)->size / cairn_torch_type_size(l->type);
    if (id->count < 6 || id->items[5]->kind != CAIRN_PICKLE_TUPLE) return CAIRN_OK;
    /* A storage inside another one: (key, first element, elements). */
    const cairn_pickle_value *view = id->items[5];
    if (view->count != 3 || view->items[1]->kind != CAIRN_PICKLE_INT || view->items[2]->kind != CAIRN_PICKLE_INT ||
        view->items[1]->integer < 0 || view->items[2]->integer < 0 || (uint64_t)view->items[1]->integer > l->elements ||
        (uint64_t)view->items[2]->integer > l->elements - (size_t)view->items[1]->integer)
        return wrong(b, tensor, "lies outside its storage");
    l->bytes += (size_t)view->items[1]->integer * cairn_torch_type_size(l->type);
    l->elements = (size_t)view->items[2]->integer;
    return CAIRN_OK;
}

/* Shape and strides, such that every element lies in the storage. */
static cairn_status read_shape(cairn_weight *t, layout *l, const builder *b, const cairn_pickle_value *shape,
                               const cairn_pickle_value *strides, const char *name)
{
    if (shape->kind != CAIRN_PICKLE_TUPLE || strides->kind != CAIRN_PICKLE_TUPLE || shape->count != strides->count)
        return wrong(b, name, "has no shape");
    if (shape->count > CAIRN_WEIGHTS_RANK) return wrong(b, name, "has more than 8 axes");
    t->rank = (int)shape->count;
    t->count = 1;
    uint64_t last = (uint64_t)l->offset;
    for (int k = 0; k < t->rank; k++) {
        const cairn_pickle_value *length = shape->items[k], *stride = strides->items[k];
        if (length->kind != CAIRN_PICKLE_INT || stride->kind != CAIRN_PICKLE_INT || length->integer < 0 ||
            stride->integer < 0 || (uint64_t)length->integer > MOST_ELEMENTS || (uint64_t)stride->integer > MOST_FILE)
            return wrong(b, name, "has an impossible shape");
        t->shape[k] = length->integer;
        l->stride[k] = stride->integer;
        if (t->count * (size_t)length->integer > MOST_ELEMENTS) return wrong(b, name, "has an impossible shape");
        t->count *= (size_t)length->integer;
        if (length->integer > 0) last += (uint64_t)(length->integer - 1) * (uint64_t)stride->integer;
        if (last > MOST_FILE) return wrong(b, name, "lies outside its storage");
    }
    if (t->count > 0 && last >= l->elements) return wrong(b, name, "lies outside its storage");
    return CAIRN_OK;
}

static cairn_status add_tensor(builder *b, const cairn_pickle_value *arguments, const char *name)
{
    cairn_status st = CAIRN_OK;
    cairn_weight t = {0};
    layout l = {0};
    if (arguments->kind != CAIRN_PICKLE_TUPLE || arguments->count < 4 ||
        arguments->items[1]->kind != CAIRN_PICKLE_INT || arguments->items[1]->integer < 0)
        CAIRN_TRY(wrong(b, name, "is described wrongly"));
    CAIRN_TRY(find_storage(&l, b, arguments->items[0], name));
    l.offset = arguments->items[1]->integer;
    CAIRN_TRY(read_shape(&t, &l, b, arguments->items[2], arguments->items[3], name));
    /* Tensors may share a storage (tied weights), but a small file must not ask for much memory. */
    if (t.count > l.elements || t.count > 8 * b->stored - b->elements)
        CAIRN_TRY(wrong(b, name, "repeats the numbers of its storage more often than is accepted here"));
    if (b->file->count == MOST_TENSORS || t.count > MOST_ELEMENTS - b->elements)
        CAIRN_TRY(wrong(b, name, "is one too many: at most 65,536 tensors of 4 GiB together are read"));
    b->elements += t.count;
    if ((size_t)b->file->count == b->room) {
        cairn_weight *grown = realloc(b->file->tensors, (b->room * 2 + 64) * sizeof *grown);
        if (!grown) CAIRN_TRY(no_memory(b));
        b->file->tensors = grown;
        b->room = b->room * 2 + 64;
    }
    t.integral = l.type >= CAIRN_TORCH_I64;
    t.name = strdup(name);
    t.data = malloc(t.count * sizeof(float) + 1);
    if (!t.name || !t.data) CAIRN_TRY(no_memory(b));
    if (t.count) gather(t.data, &t, &l);
    b->file->tensors[b->file->count++] = t;
    t = (cairn_weight){0};
done:
    free(t.name);
    free(t.data);
    return st;
}

/* ---- the saved object ---- */

static cairn_status walk(builder *b, const cairn_pickle_value *value, char *name, size_t length, int level);

/* value under name.KEY; a key that is neither text nor number is passed over. */
static cairn_status walk_item(builder *b, const cairn_pickle_value *key, size_t place, const cairn_pickle_value *value,
                              char *name, size_t length, int level)
{
    char part[MOST_NAME];
    if (!key)
        snprintf(part, sizeof part, "%zu", place);
    else if (key->kind == CAIRN_PICKLE_INT)
        snprintf(part, sizeof part, "%lld", (long long)key->integer);
    else if (key->kind == CAIRN_PICKLE_TEXT && key->length < sizeof part && !memchr(key->text, 0, key->length))
        snprintf(part, sizeof part, "%.*s", (int)key->length, key->text);
    else
        return CAIRN_OK;
    const size_t added = strlen(part) + (length > 0);
    if (length + added >= MOST_NAME) return cairn_error_set(CAIRN_E_FORMAT, "%s: a name is too long", b->name);
    snprintf(name + length, MOST_NAME - length, "%s%s", length ? "." : "", part);
    cairn_status st = walk(b, value, name, length + added, level + 1);
    name[length] = 0;
    return st;
}

static cairn_status walk_call(builder *b, const cairn_pickle_value *call, char *name, size_t length, int level)
{
    const cairn_pickle_value *function = call->items[0], *arguments = call->items[1];
    if (cairn_pickle_is(function, CAIRN_PICKLE_GLOBAL, "torch._utils _rebuild_tensor_v2") ||
        cairn_pickle_is(function, CAIRN_PICKLE_GLOBAL, "torch._utils _rebuild_tensor"))
        return add_tensor(b, arguments, name);
    if (cairn_pickle_is(function, CAIRN_PICKLE_GLOBAL, "torch._utils _rebuild_parameter") && arguments->count > 0)
        return walk(b, arguments->items[0], name, length, level + 1);
    b->objects = true;
    return CAIRN_OK;
}

static cairn_status walk(builder *b, const cairn_pickle_value *value, char *name, size_t length, int level)
{
    cairn_status st = CAIRN_OK;
    if (level > CAIRN_TORCH_LEVELS || ++b->steps > CAIRN_TORCH_STEPS)
        CAIRN_TRY(cairn_error_set(CAIRN_E_FORMAT, "%s nests its values too deeply", b->name));
    if (value->kind == CAIRN_PICKLE_DICT)
        for (size_t i = 0; i + 1 < value->count; i += 2)
            CAIRN_TRY(walk_item(b, value->items[i], 0, value->items[i + 1], name, length, level));
    if (value->kind == CAIRN_PICKLE_LIST || value->kind == CAIRN_PICKLE_TUPLE)
        for (size_t i = 0; i < value->count; i++)
            CAIRN_TRY(walk_item(b, NULL, i, value->items[i], name, length, level));
    if (value->kind == CAIRN_PICKLE_CALL) CAIRN_TRY(walk_call(b, value, name, length, level));
done:
    return st;
}

static int by_storage_key(const void *a, const void *b)
{
    return strcmp((*(const cairn_torch_storage *const *)a)->key, (*(const cairn_torch_storage *const *)b)->key);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static cairn_status check_names(const builder *b)
{
    const cairn_weights *file = b->file;
    cairn_status st = CAIRN_OK;
    char **names = malloc(((size_t)file->count + 1) * sizeof *names);
    if (!names) return no_memory(b);
    for (int i = 0; i < file->count; i++) names[i] = file->tensors[i].name;
    qsort(names, (size_t)file->count, sizeof *names, by_name);
    for (int i = 1; i < file->count; i++)
        if (!strcmp(names[i - 1], names[i])) CAIRN_TRY(wrong(b, names[i], "is there twice"));
done:
    free(names);
    return st;
}

static cairn_status build(builder *b)
{
    cairn_status st = CAIRN_OK;
    char name[MOST_NAME] = "";
    b->storages = malloc((b->container->count + 1) * sizeof *b->storages);
    b->file->path = strdup(b->name);
    if (!b->storages || !b->file->path) CAIRN_TRY(no_memory(b));
    for (size_t i = 0; i < b->container->count; i++) {
        b->storages[i] = &b->container->storages[i];
        b->stored += b->container->storages[i].size;
    }
    qsort(b->storages, b->container->count, sizeof *b->storages, by_storage_key);
    CAIRN_TRY(walk(b, b->container->pickle.root, name, 0, 0));
    CAIRN_TRY(check_names(b));
    if (b->file->count == 0)
        CAIRN_TRY(b->objects
                      ? cairn_error_set(CAIRN_E_UNSUPPORTED,
                                        "%s holds objects of Python classes only, which are not built here; save "
                                        "the model's state_dict() instead",
                                        b->name)
                      : cairn_error_set(CAIRN_E_FORMAT, "%s holds no tensor", b->name));
done:
    free(b->storages);
    return st;
}

cairn_status cairn_torch_file_parse(cairn_weights *out, const uint8_t *bytes, size_t size, const char *name)
{
    cairn_status st = CAIRN_OK;
    cairn_torch_container container = {0};
    cairn_weights file = {0};
    builder b = {.container = &container, .file = &file, .name = name};
    *out = (cairn_weights){0};
    CAIRN_TRY(cairn_torch_container_open(&container, bytes, size, name));
    CAIRN_TRY(build(&b));
    *out = file;
    file = (cairn_weights){0};
done:
    cairn_torch_container_free(&container);
    cairn_weights_free(&file);
    return st;
}
