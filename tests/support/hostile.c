#include "support/hostile.h"

#include "base/rng.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096 };

void test_refused(cairn_status st, const char *path)
{
    if (st >= 0 || !strstr(cairn_error_message(), path) || strchr(cairn_error_message(), '\n'))
        fail_msg("status %d, message \"%s\": expected one line that names %s", (int)st, cairn_error_message(), path);
}

/* ---- damage ---- */

static size_t random_place(cairn_rng *rng, size_t size)
{
    /* Half of the time near either end, where headers and directories lie. */
    size_t most = size ? size - 1 : 0, near = most < 96 ? most : 96;
    switch (cairn_rng_integer(rng, 0, 3)) {
    case 0:
        return (size_t)cairn_rng_integer(rng, 0, (int)near);
    case 1:
        return most - (size_t)cairn_rng_integer(rng, 0, (int)near);
    default:
        return (size_t)cairn_rng_integer(rng, 0, (int)most);
    }
}

/* A length field: 1, 2, 4 or 8 bytes of either order become a value that code trips over. */
static void put_length(cairn_rng *rng, uint8_t *bytes, size_t size)
{
    static const uint64_t values[] = {
        0,          1,           0x7f,        0x80,        0xff,       0x7fff,    0x8000,         0xffff,
        0x7fffffff, 0x80000000u, 0xffffffffu, 0xfffffff0u, UINT64_MAX, INT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 32};
    int width = 1 << cairn_rng_integer(rng, 0, 3);
    bool big = cairn_rng_integer(rng, 0, 1);
    size_t at = random_place(rng, size);
    uint64_t value = values[cairn_rng_integer(rng, 0, (int)(sizeof values / sizeof *values) - 1)];
    if (cairn_rng_integer(rng, 0, 3) == 0) value = size + (uint64_t)cairn_rng_integer(rng, -9, 9);
    for (int i = 0; i < width && at + (size_t)i < size; i++)
        bytes[at + (size_t)i] = (uint8_t)(value >> 8 * (big ? width - 1 - i : i));
}

/* A digit of a text becomes another character that numbers are made of; elsewhere any byte. */
static void change_text(cairn_rng *rng, uint8_t *bytes, size_t size)
{
    static const char characters[] = "0123456789-+.eE, \t\n[](){}\"':";
    bytes[random_place(rng, size)] = (uint8_t)characters[cairn_rng_integer(rng, 0, (int)sizeof characters - 2)];
}

/* `bytes` has room for ROOM more. Returns the new size. */
static size_t damage(cairn_rng *rng, uint8_t *bytes, size_t size)
{
    int changes = cairn_rng_integer(rng, 1, 4);
    for (int i = 0; i < changes && size; i++) {
        size_t from = random_place(rng, size), to = random_place(rng, size);
        size_t length = (size_t)cairn_rng_integer(rng, 1, 64);
        switch (cairn_rng_integer(rng, 0, 7)) {
        case 0:
            bytes[from] ^= (uint8_t)(1 << cairn_rng_integer(rng, 0, 7));
            break;
        case 1:
            bytes[from] = (uint8_t)cairn_rng_integer(rng, 0, 255);
            break;
        case 2:
        case 3:
            put_length(rng, bytes, size);
            break;
        case 4:
            change_text(rng, bytes, size);
            break;
        case 5: /* cut */
            if (cairn_rng_integer(rng, 0, 2) == 0) size = from;
            break;
        case 6: /* a piece is written over another place */
            if (length > size - from) length = size - from;
            if (length > size - to) length = size - to;
            memmove(bytes + to, bytes + from, length);
            break;
        default: /* a piece is put in a second time; at most four of 64 bytes */
            if (length > size - from) length = size - from;
            memmove(bytes + from + length, bytes + from, size - from);
            size += length;
        }
    }
    return size;
}

/* ---- cases ---- */

void test_attack(test_sample s, test_reader read, int cases, uint32_t purpose, const char *name)
{
    const char *rounds = getenv("CAIRN_FUZZ_ROUNDS");
    int accepted = 0;
    char path[640];
    snprintf(path, sizeof path, "%s", test_path("%s", name));
    uint8_t *work = malloc(s.size + ROOM);
    assert_non_null(work);
    if (!read(s.bytes, s.size, path)) fail_msg("the undamaged file is refused: %s", cairn_error_message());
    if (rounds && atoi(rounds) > 1) cases *= atoi(rounds);
    for (int i = 0; i < cases; i++) {
        cairn_rng rng = cairn_rng_stream(20, 1, (uint32_t)i, 0, purpose);
        memcpy(work, s.bytes, s.size);
        size_t size = damage(&rng, work, s.size);
        uint8_t *exact = malloc(size + !size);
        assert_non_null(exact);
        memcpy(exact, work, size);
        accepted += read(exact, size, path);
        free(exact);
    }
    print_message("%s: %d of %d damaged files refused\n", name, cases - accepted, cases);
    assert_true(accepted < cases);
    free(work);
    free(s.bytes);
}

test_sample test_take(const char *path)
{
    test_sample s;
    assert_ok(cairn_file_read(&s.bytes, &s.size, path, 1 << 20));
    return s;
}

cairn_status test_import(const char *path,
                         cairn_status (*import)(cairn_import_report *report, const cairn_weights *weights,
                                                const char *out),
                         bool (*known)(const char *model))
{
    cairn_weights weights = {0};
    cairn_import_report report = {0};
    char *model = NULL;
    const char *out = test_path("imported.safetensors");
    cairn_status st = cairn_weights_read(&weights, path);
    if (st >= 0) st = import(&report, &weights, out);
    if (st < 0) {
        test_refused(st, path);
        assert_false(cairn_file_exists(out));
        assert_null(report.left_names);
    } else {
        assert_true(report.taken > 0 && report.taken + report.left <= weights.count);
        assert_ok(cairn_checkpoint_metadata(&model, out, "model"));
        assert_string_equal(model, report.model);
        assert_true(known(model));
        assert_int_equal(remove(out), 0);
    }
    free(model);
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
    return st;
}
