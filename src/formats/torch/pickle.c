#include "formats/torch/pickle.h"

#include <string.h>

enum { BLOCK = 512, MOST_VALUES = 4 << 20, MOST_ITEMS = 16 << 20, MOST_STACK = 1 << 20, MOST_MEMO = 4 << 20 };

/* Instructions, by the names that Python's pickletools gives them. */
/* clang-format off */
enum {
    OP_MARK = '(', OP_STOP = '.', OP_POP = '0', OP_POP_MARK = '1', OP_DUP = '2', OP_BINBYTES = 'B',
    OP_SHORT_BINBYTES = 'C', OP_BINFLOAT = 'G', OP_BININT = 'J', OP_BININT1 = 'K', OP_BININT2 = 'M', OP_NONE = 'N',
    OP_BINPERSID = 'Q', OP_REDUCE = 'R', OP_BINSTRING = 'T', OP_SHORT_BINSTRING = 'U', OP_BINUNICODE = 'X',
    OP_APPEND = 'a', OP_BUILD = 'b', OP_GLOBAL = 'c', OP_APPENDS = 'e', OP_BINGET = 'h', OP_LONG_BINGET = 'j',
    OP_BINPUT = 'q', OP_LONG_BINPUT = 'r', OP_SETITEM = 's', OP_TUPLE = 't', OP_SETITEMS = 'u', OP_EMPTY_DICT = '}',
    OP_EMPTY_LIST = ']', OP_EMPTY_TUPLE = ')', OP_PROTO = 0x80, OP_NEWOBJ = 0x81, OP_TUPLE1 = 0x85, OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87, OP_NEWTRUE = 0x88, OP_NEWFALSE = 0x89, OP_LONG1 = 0x8a, OP_LONG4 = 0x8b,
    OP_SHORT_BINUNICODE = 0x8c, OP_BINUNICODE8 = 0x8d, OP_BINBYTES8 = 0x8e, OP_NEWOBJ_EX = 0x92,
    OP_STACK_GLOBAL = 0x93, OP_MEMOIZE = 0x94, OP_FRAME = 0x95
};
/* clang-format on */

typedef struct block {
    struct block *next;
    int count;
    cairn_pickle_value values[BLOCK];
} block;

typedef struct reader {
    const uint8_t *bytes;
    size_t size, at;
    const char *where;
    block *blocks;
    size_t values, items;
    cairn_pickle_value **stack, **memo;
    size_t depth, stack_room, memo_room, memoized;
} reader;

static cairn_status damaged(const reader *r, const char *what)
{
    return cairn_error_set(CAIRN_E_FORMAT, "%s: the pickle is damaged at byte %zu: %s", r->where, r->at, what);
}

static cairn_status no_memory(const reader *r)
{
    return cairn_error_set(CAIRN_E_NOMEM, "no memory to read %s", r->where);
}

static void free_blocks(block *b)
{
    while (b) {
        block *next = b->next;
        for (int i = 0; i < b->count; i++) {
            free(b->values[i].items);
            if (b->values[i].kind == CAIRN_PICKLE_GLOBAL) free((char *)b->values[i].text);
        }
        free(b);
        b = next;
    }
}

void cairn_pickle_free(cairn_pickle *pickle)
{
    free_blocks(pickle->_private);
    *pickle = (cairn_pickle){0};
}

bool cairn_pickle_is(const cairn_pickle_value *value, cairn_pickle_kind kind, const char *text)
{
    return value && value->kind == kind && value->text && value->length == strlen(text) &&
           !memcmp(value->text, text, value->length);
}

/* ---- values, stack, memo ---- */

static cairn_status new_value(reader *r, cairn_pickle_value **out, cairn_pickle_kind kind)
{
    if (!r->blocks || r->blocks->count == BLOCK) {
        if (r->values >= MOST_VALUES) return damaged(r, "it has more values than are accepted here");
        block *b = calloc(1, sizeof *b);
        if (!b) return no_memory(r);
        b->next = r->blocks;
        r->blocks = b;
    }
    r->values++;
    *out = &r->blocks->values[r->blocks->count++];
    (*out)->kind = kind;
    return CAIRN_OK;
}

/* Makes room for one more pointer in a growing array of at most `most`. */
static bool grow(cairn_pickle_value ***array, size_t *room, size_t need, size_t most)
{
    if (need <= *room) return true;
    if (need > most) return false;
    size_t wanted = *room * 2 > need ? *room * 2 : need + 4;
    if (wanted > most) wanted = most;
    cairn_pickle_value **grown = realloc(*array, wanted * sizeof *grown);
    if (!grown) return false;
    memset(grown + *room, 0, (wanted - *room) * sizeof *grown);
    *array = grown;
    *room = wanted;
    return true;
}

static cairn_status push(reader *r, cairn_pickle_value *value)
{
    if (!grow(&r->stack, &r->stack_room, r->depth + 1, MOST_STACK)) return damaged(r, "it nests too deeply");
    r->stack[r->depth++] = value;
    return CAIRN_OK;
}

static cairn_status push_new(reader *r, cairn_pickle_value **out, cairn_pickle_kind kind)
{
    cairn_status st = new_value(r, out, kind);
    return st < 0 ? st : push(r, *out);
}

static cairn_status pop(reader *r, cairn_pickle_value **out)
{
    if (r->depth == 0 || r->stack[r->depth - 1]->kind == CAIRN_PICKLE_MARK)
        return damaged(r, "an instruction finds nothing on the stack");
    *out = r->stack[--r->depth];
    return CAIRN_OK;
}

/* Place of the topmost mark. */
static cairn_status find_mark(const reader *r, size_t *place)
{
    for (size_t i = r->depth; i > 0; i--) {
        if (r->stack[i - 1]->kind != CAIRN_PICKLE_MARK) continue;
        *place = i - 1;
        return CAIRN_OK;
    }
    return damaged(r, "an instruction finds no mark");
}

static cairn_status add_item(reader *r, cairn_pickle_value *container, cairn_pickle_value *item)
{
    if (item->kind == CAIRN_PICKLE_MARK) return damaged(r, "a mark stands where a value is expected");
    if (++r->items > MOST_ITEMS) return damaged(r, "it has more items than are accepted here");
    if (!grow(&container->items, &container->room, container->count + 1, MOST_ITEMS)) return no_memory(r);
    container->items[container->count++] = item;
    return CAIRN_OK;
}

static cairn_status remember(reader *r, size_t place)
{
    if (r->depth == 0 || r->stack[r->depth - 1]->kind == CAIRN_PICKLE_MARK)
        return damaged(r, "nothing is there to remember");
    /* Python numbers the memo without gaps; a first number far out would only cost memory. */
    if (place > r->memoized + 65536 || !grow(&r->memo, &r->memo_room, place + 1, MOST_MEMO))
        return damaged(r, "a number of the memo is too large");
    if (place >= r->memoized) r->memoized = place + 1;
    r->memo[place] = r->stack[r->depth - 1];
    return CAIRN_OK;
}

static cairn_status recall(reader *r, size_t place)
{
    if (place >= r->memo_room || !r->memo[place]) return damaged(r, "it recalls what it never stored");
    return push(r, r->memo[place]);
}

/* ---- the input ---- */

static cairn_status take(reader *r, const uint8_t **out, size_t count)
{
    if (count > r->size - r->at) return damaged(r, "it ends too early");
    *out = r->bytes + r->at;
    r->at += count;
    return CAIRN_OK;
}

/* A little-endian number of 1 to 8 bytes. */
static cairn_status take_number(reader *r, uint64_t *out, int bytes)
{
    const uint8_t *p = NULL;
    cairn_status st = take(r, &p, (size_t)bytes);
    *out = 0;
    for (int i = 0; st == CAIRN_OK && i < bytes; i++) *out |= (uint64_t)p[i] << 8 * i;
    return st;
}

static cairn_status take_line(reader *r, const char **text, size_t *length)
{
    const uint8_t *start = r->bytes + r->at, *end = memchr(start, '\n', r->size - r->at);
    if (!end || end - start > 1024) return damaged(r, "a name does not end");
    *text = (const char *)start;
    *length = (size_t)(end - start);
    r->at += *length + 1;
    return CAIRN_OK;
}

static cairn_status push_text(reader *r, cairn_pickle_kind kind, int length_bytes)
{
    cairn_status st = CAIRN_OK;
    uint64_t length;
    const uint8_t *text = NULL;
    cairn_pickle_value *value = NULL;
    CAIRN_TRY(take_number(r, &length, length_bytes));
    if (length > r->size) CAIRN_TRY(damaged(r, "a text is longer than the file"));
    CAIRN_TRY(take(r, &text, (size_t)length));
    CAIRN_TRY(push_new(r, &value, kind));
    value->text = (const char *)text;
    value->length = (size_t)length;
done:
    return st;
}

static cairn_status push_integer(reader *r, int64_t number)
{
    cairn_pickle_value *value = NULL;
    cairn_status st = push_new(r, &value, CAIRN_PICKLE_INT);
    if (st == CAIRN_OK) value->integer = number;
    return st;
}

/* Two's complement of any length; beyond 64 bits its bytes stay. */
static cairn_status push_long(reader *r, int length_bytes)
{
    cairn_status st = push_text(r, CAIRN_PICKLE_BYTES, length_bytes);
    if (st < 0) return st;
    cairn_pickle_value *value = r->stack[r->depth - 1];
    if (value->length > 8) return CAIRN_OK;
    uint64_t bits = value->length && (uint8_t)value->text[value->length - 1] >= 128 ? UINT64_MAX : 0;
    for (size_t i = value->length; i > 0; i--) bits = bits << 8 | (uint8_t)value->text[i - 1];
    value->kind = CAIRN_PICKLE_INT;
    value->integer = (int64_t)bits;
    value->text = NULL;
    value->length = 0;
    return CAIRN_OK;
}

static cairn_status push_float(reader *r)
{
    cairn_status st = CAIRN_OK;
    const uint8_t *p = NULL;
    uint64_t bits = 0;
    cairn_pickle_value *value = NULL;
    CAIRN_TRY(take(r, &p, 8));
    for (int i = 0; i < 8; i++) bits = bits << 8 | p[i];
    CAIRN_TRY(push_new(r, &value, CAIRN_PICKLE_FLOAT));
    memcpy(&value->number, &bits, sizeof bits);
done:
    return st;
}

static cairn_status push_global(reader *r, const char *module, size_t module_length, const char *name, size_t length)
{
    cairn_status st = CAIRN_OK;
    cairn_pickle_value *value = NULL;
    char *text = malloc(module_length + length + 2);
    if (!text) return no_memory(r);
    memcpy(text, module, module_length);
    text[module_length] = ' ';
    memcpy(text + module_length + 1, name, length);
    text[module_length + length + 1] = 0;
    CAIRN_TRY(push_new(r, &value, CAIRN_PICKLE_GLOBAL));
    value->text = text;
    value->length = module_length + length + 1;
    text = NULL;
done:
    free(text);
    return st;
}

static cairn_status read_global(reader *r, bool from_stack)
{
    cairn_status st = CAIRN_OK;
    const char *module = NULL, *name = NULL;
    size_t module_length = 0, length = 0;
    if (from_stack) {
        cairn_pickle_value *a = NULL, *b = NULL;
        CAIRN_TRY(pop(r, &b));
        CAIRN_TRY(pop(r, &a));
        if (a->kind != CAIRN_PICKLE_TEXT || b->kind != CAIRN_PICKLE_TEXT || a->length > 1024 || b->length > 1024)
            CAIRN_TRY(damaged(r, "a function has no name"));
        return push_global(r, a->text, a->length, b->text, b->length);
    }
    CAIRN_TRY(take_line(r, &module, &module_length));
    CAIRN_TRY(take_line(r, &name, &length));
    CAIRN_TRY(push_global(r, module, module_length, name, length));
done:
    return st;
}

/* ---- containers ---- */

/* The values above `from` become a tuple in their place. */
static cairn_status make_tuple(reader *r, size_t from, size_t drop)
{
    cairn_status st = CAIRN_OK;
    cairn_pickle_value *tuple = NULL;
    CAIRN_TRY(new_value(r, &tuple, CAIRN_PICKLE_TUPLE));
    for (size_t i = from; i < r->depth; i++) CAIRN_TRY(add_item(r, tuple, r->stack[i]));
    r->depth = from - drop;
    CAIRN_TRY(push(r, tuple));
done:
    return st;
}

static cairn_status make_short_tuple(reader *r, size_t count)
{
    if (r->depth < count) return damaged(r, "a tuple finds too little on the stack");
    return make_tuple(r, r->depth - count, 0);
}

/* The values above `from` go into the list or dictionary just below (or below the mark, which is dropped). What a file
 * adds to an object that was not made is left out. */
static cairn_status fill(reader *r, size_t from, bool marked, cairn_pickle_kind kind)
{
    cairn_status st = CAIRN_OK;
    size_t below = marked ? from - 1 : from;
    if (from < (marked ? 2u : 1u) || (kind == CAIRN_PICKLE_DICT && (r->depth - from) % 2))
        return damaged(r, "items have no container");
    cairn_pickle_value *container = r->stack[below - 1];
    if (container->kind != kind && container->kind != CAIRN_PICKLE_CALL)
        return damaged(r, "items are added to what is no container");
    for (size_t i = from; i < r->depth && container->kind == kind; i++) CAIRN_TRY(add_item(r, container, r->stack[i]));
    r->depth = below;
done:
    return st;
}

static cairn_status fill_marked(reader *r, cairn_pickle_kind kind)
{
    size_t mark = 0;
    cairn_status st = find_mark(r, &mark);
    return st < 0 ? st : fill(r, mark + 1, true, kind);
}

static cairn_status fill_one(reader *r, size_t values, cairn_pickle_kind kind)
{
    if (r->depth < values + 1) return damaged(r, "an item has no container");
    return fill(r, r->depth - values, false, kind);
}

/* A call of `function` with `arguments`, which is not made. An ordered dictionary is the exception: it is a dictionary,
 * empty or of pairs. */
static cairn_status make_call(reader *r)
{
    cairn_status st = CAIRN_OK;
    cairn_pickle_value *function = NULL, *arguments = NULL, *value = NULL;
    CAIRN_TRY(pop(r, &arguments));
    CAIRN_TRY(pop(r, &function));
    bool dictionary = cairn_pickle_is(function, CAIRN_PICKLE_GLOBAL, "collections OrderedDict") &&
                      arguments->kind == CAIRN_PICKLE_TUPLE;
    CAIRN_TRY(push_new(r, &value, dictionary ? CAIRN_PICKLE_DICT : CAIRN_PICKLE_CALL));
    if (!dictionary) {
        CAIRN_TRY(add_item(r, value, function));
        CAIRN_TRY(add_item(r, value, arguments));
    } else if (arguments->count == 1) {
        const cairn_pickle_value *pairs = arguments->items[0];
        for (size_t i = 0; i < pairs->count; i++) {
            const cairn_pickle_value *pair = pairs->items[i];
            if (pairs->kind != CAIRN_PICKLE_LIST || pair->count != 2 ||
                (pair->kind != CAIRN_PICKLE_TUPLE && pair->kind != CAIRN_PICKLE_LIST))
                CAIRN_TRY(damaged(r, "a dictionary is not made of pairs"));
            CAIRN_TRY(add_item(r, value, pair->items[0]));
            CAIRN_TRY(add_item(r, value, pair->items[1]));
        }
    }
done:
    return st;
}

static cairn_status make_persistent(reader *r)
{
    cairn_status st = CAIRN_OK;
    cairn_pickle_value *name = NULL, *value = NULL;
    CAIRN_TRY(pop(r, &name));
    CAIRN_TRY(push_new(r, &value, CAIRN_PICKLE_PERSISTENT));
    CAIRN_TRY(add_item(r, value, name));
done:
    return st;
}

/* ---- instructions ---- */

static cairn_status unsupported(const reader *r, int op)
{
    return cairn_error_set(CAIRN_E_UNSUPPORTED,
                           "%s: the pickle has the instruction 0x%02x at byte %zu, which no PyTorch checkpoint needs",
                           r->where, (unsigned)op, r->at - 1);
}

/* Constants, numbers and texts. */
static cairn_status run_value(reader *r, int op)
{
    uint64_t n = 0;
    cairn_status st = CAIRN_OK;
    cairn_pickle_value *value = NULL;
    switch (op) {
    case OP_NONE:
        return push_new(r, &value, CAIRN_PICKLE_NONE);
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        st = push_new(r, &value, CAIRN_PICKLE_BOOL);
        if (st == CAIRN_OK) value->truth = op == OP_NEWTRUE;
        return st;
    case OP_BININT1:
        return (st = take_number(r, &n, 1)) < 0 ? st : push_integer(r, (int64_t)n);
    case OP_BININT2:
        return (st = take_number(r, &n, 2)) < 0 ? st : push_integer(r, (int64_t)n);
    case OP_BININT:
        return (st = take_number(r, &n, 4)) < 0 ? st : push_integer(r, (int32_t)(uint32_t)n);
    case OP_LONG1:
        return push_long(r, 1);
    case OP_LONG4:
        return push_long(r, 4);
    case OP_BINFLOAT:
        return push_float(r);
    case OP_SHORT_BINUNICODE:
        return push_text(r, CAIRN_PICKLE_TEXT, 1);
    case OP_BINUNICODE:
        return push_text(r, CAIRN_PICKLE_TEXT, 4);
    case OP_BINUNICODE8:
        return push_text(r, CAIRN_PICKLE_TEXT, 8);
    case OP_SHORT_BINSTRING:
        return push_text(r, CAIRN_PICKLE_TEXT, 1); /* Python 2's text */
    case OP_BINSTRING:
        return push_text(r, CAIRN_PICKLE_TEXT, 4);
    case OP_SHORT_BINBYTES:
        return push_text(r, CAIRN_PICKLE_BYTES, 1);
    case OP_BINBYTES:
        return push_text(r, CAIRN_PICKLE_BYTES, 4);
    case OP_BINBYTES8:
        return push_text(r, CAIRN_PICKLE_BYTES, 8);
    case OP_EMPTY_DICT:
        return push_new(r, &value, CAIRN_PICKLE_DICT);
    case OP_EMPTY_LIST:
        return push_new(r, &value, CAIRN_PICKLE_LIST);
    case OP_EMPTY_TUPLE:
        return push_new(r, &value, CAIRN_PICKLE_TUPLE);
    case OP_MARK:
        return push_new(r, &value, CAIRN_PICKLE_MARK);
    default:
        return unsupported(r, op);
    }
}

static cairn_status run_memo(reader *r, int op)
{
    uint64_t n = 0;
    cairn_status st = CAIRN_OK;
    if (op == OP_MEMOIZE) return remember(r, r->memoized);
    st = take_number(r, &n, op == OP_BINPUT || op == OP_BINGET ? 1 : 4);
    if (st < 0) return st;
    return op == OP_BINPUT || op == OP_LONG_BINPUT ? remember(r, (size_t)n) : recall(r, (size_t)n);
}

static cairn_status run_stack(reader *r, int op)
{
    size_t mark = 0;
    cairn_status st = CAIRN_OK;
    cairn_pickle_value *value = NULL;
    switch (op) {
    case OP_POP:
        return pop(r, &value);
    case OP_DUP:
        if ((st = pop(r, &value)) < 0 || (st = push(r, value)) < 0) return st;
        return push(r, value);
    case OP_BUILD:
        return pop(r, &value); /* the state of an object that was not made */
    case OP_POP_MARK:
    case OP_TUPLE:
        if ((st = find_mark(r, &mark)) < 0) return st;
        if (op == OP_TUPLE) return make_tuple(r, mark + 1, 1);
        r->depth = mark;
        return CAIRN_OK;
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return make_short_tuple(r, (size_t)(op - OP_TUPLE1) + 1);
    case OP_APPEND:
        return fill_one(r, 1, CAIRN_PICKLE_LIST);
    case OP_APPENDS:
        return fill_marked(r, CAIRN_PICKLE_LIST);
    case OP_SETITEM:
        return fill_one(r, 2, CAIRN_PICKLE_DICT);
    case OP_SETITEMS:
        return fill_marked(r, CAIRN_PICKLE_DICT);
    case OP_NEWOBJ_EX:
        if ((st = pop(r, &value)) < 0) return st; /* arguments by name */
        return make_call(r);
    case OP_NEWOBJ:
    case OP_REDUCE:
        return make_call(r);
    case OP_BINPERSID:
        return make_persistent(r);
    default:
        return unsupported(r, op);
    }
}

static cairn_status run_one(reader *r, int op)
{
    uint64_t n = 0;
    cairn_status st = CAIRN_OK;
    switch (op) {
    case OP_PROTO:
        st = take_number(r, &n, 1);
        if (st == CAIRN_OK && (n < 2 || n > 5)) st = damaged(r, "its protocol is none of 2 to 5");
        return st;
    case OP_FRAME:
        return take_number(r, &n, 8);
    case OP_GLOBAL:
        return read_global(r, false);
    case OP_STACK_GLOBAL:
        return read_global(r, true);
    case OP_BINPUT:
    case OP_LONG_BINPUT:
    case OP_BINGET:
    case OP_LONG_BINGET:
    case OP_MEMOIZE:
        return run_memo(r, op);
    case OP_POP:
    case OP_DUP:
    case OP_BUILD:
    case OP_POP_MARK:
    case OP_TUPLE:
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
    case OP_APPEND:
    case OP_APPENDS:
    case OP_SETITEM:
    case OP_SETITEMS:
    case OP_NEWOBJ:
    case OP_NEWOBJ_EX:
    case OP_REDUCE:
    case OP_BINPERSID:
        return run_stack(r, op);
    default:
        return run_value(r, op);
    }
}

cairn_status cairn_pickle_parse(cairn_pickle *out, const uint8_t *bytes, size_t size, const char *where)
{
    cairn_status st = CAIRN_OK;
    reader r = {.bytes = bytes, .size = size, .where = where};
    *out = (cairn_pickle){0};
    for (;;) {
        const uint8_t *op = NULL;
        CAIRN_TRY(take(&r, &op, 1));
        if (*op == OP_STOP) break;
        CAIRN_TRY(run_one(&r, *op));
    }
    if (r.depth != 1 || r.stack[0]->kind == CAIRN_PICKLE_MARK) CAIRN_TRY(damaged(&r, "it does not end with one value"));
    *out = (cairn_pickle){r.stack[0], r.at, r.blocks};
    r.blocks = NULL;
done:
    free_blocks(r.blocks);
    free(r.stack);
    free(r.memo);
    return st;
}
