/* Seeded damage (support/hostile.h) to the weights of matchers: a public LightGlue on its way through the import, in
 * both namings, and a checkpoint of ours as a matcher opens it. */
#include "base/rng.h"
#include "formats/safetensors.h"
#include "matching/lightglue/import.h"
#include "matching/lightglue/matcher.h"
#include "support/device/test_gpu.h"
#include "support/hostile.h"
#include "support/scratch.h"
#include "system/file.h"
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 2, WIDTH = 8, HEADS = 1, MOST = 128 };

/* ---- a public file ---- */

typedef struct file {
    cairn_safetensor tensors[MOST];
    int count;
    cairn_rng rng;
} file;

static void add(file *f, const char *name, int rank, int rows, int columns)
{
    const size_t count = (size_t)rows * (size_t)(rank > 1 ? columns : 1);
    assert_true(f->count < MOST);
    cairn_safetensor *t = &f->tensors[f->count++];
    *t = (cairn_safetensor){.name = strdup(name), .rank = rank, .shape = {rows, columns}};
    t->data = malloc(count * sizeof *t->data);
    assert_true(t->name && t->data);
    for (size_t i = 0; i < count; i++) t->data[i] = (float)(0.1 * cairn_rng_normal(&f->rng));
}

static void add_pair(file *f, const char *block, int layer, const char *name, int rows, int columns)
{
    char whole[160];
    const int length = snprintf(whole, sizeof whole, block, layer);
    snprintf(whole + length, sizeof whole - (size_t)length, ".%s.weight", name);
    add(f, whole, columns ? 2 : 1, rows, columns);
    snprintf(whole + length, sizeof whole - (size_t)length, ".%s.bias", name);
    add(f, whole, 1, rows, 0);
}

static void add_block(file *f, const char *block, int layer, bool self)
{
    if (self) {
        add_pair(f, block, layer, "Wqkv", 3 * WIDTH, WIDTH);
        add_pair(f, block, layer, "out_proj", WIDTH, WIDTH);
    } else {
        add_pair(f, block, layer, "to_qk", WIDTH, WIDTH);
        add_pair(f, block, layer, "to_v", WIDTH, WIDTH);
        add_pair(f, block, layer, "to_out", WIDTH, WIDTH);
    }
    add_pair(f, block, layer, "ffn.0", 2 * WIDTH, 2 * WIDTH);
    add_pair(f, block, layer, "ffn.1", 2 * WIDTH, 0);
    add_pair(f, block, layer, "ffn.3", WIDTH, 2 * WIDTH);
}

/* As the published files name tensors, or as the current code does. */
static void save_public(const char *path, bool old)
{
    file f = {.rng = cairn_rng_stream(31, 5, 0, 0, 0)};
    add(&f, "posenc.Wr.weight", 2, WIDTH / HEADS / 2, 2);
    for (int layer = 0; layer < LAYERS; layer++) {
        add_block(&f, old ? "self_attn.%d" : "transformers.%d.self_attn", layer, true);
        add_block(&f, old ? "cross_attn.%d" : "transformers.%d.cross_attn", layer, false);
        add_pair(&f, "log_assignment.%d", layer, "matchability", 1, WIDTH);
        add_pair(&f, "log_assignment.%d", layer, "final_proj", WIDTH, WIDTH);
        if (layer + 1 < LAYERS) add_pair(&f, "token_confidence.%d", layer, "token.0", 1, WIDTH);
    }
    assert_ok(cairn_safetensors_write(path, f.tensors, f.count, NULL, 0));
    cairn_import_free_tensors(f.tensors, f.count);
}

static bool known(const char *model)
{
    cairn_lightglue_options options;
    return cairn_lightglue_parse(&options, model);
}

static bool read_public(const uint8_t *bytes, size_t size, const char *path)
{
    test_put(path, bytes, size);
    return test_import(path, cairn_lightglue_import, known) >= 0;
}

static void test_hostile__public_lightglue(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        const char *path = test_path("public-%d.safetensors", old);
        save_public(path, old);
        test_attack(test_take(path), read_public, 700, 70 + (uint32_t)old, "lightglue.safetensors");
    }
}

/* ---- a checkpoint of ours ---- */

static bool read_ours(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_lightglue *matcher;
    test_put(path, bytes, size);
    const cairn_status st = cairn_lightglue_load(&matcher, test_gpu(CAIRN_CLASS_AUTO), path);
    if (st < 0) {
        test_refused(st, path);
        assert_null(matcher);
        return false;
    }
    assert_ok(cairn_lightglue_check(cairn_lightglue_get_options(matcher), path));
    cairn_lightglue_destroy(&matcher);
    return true;
}

static void test_hostile__own_lightglue(void **state)
{
    (void)state;
    cairn_weights weights;
    cairn_import_report report;
    save_public(test_path("public.safetensors"), true);
    assert_ok(cairn_weights_read(&weights, test_path("public.safetensors")));
    assert_ok(cairn_lightglue_import(&report, &weights, test_path("ours.safetensors")));
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
    test_attack(test_take(test_path("ours.safetensors")), read_ours, 300, 72, "matcher.safetensors");
    test_gpu_assert_valid(test_gpu(CAIRN_CLASS_AUTO));
}

/* A short text that asks for the largest network: refused by what lies in the file, before memory is taken for it. */
static void test_hostile__a_large_promise(void **state)
{
    (void)state;
    cairn_lightglue *matcher;
    float one = 1;
    cairn_safetensor tensor = {.name = (char[]){"posenc.weight"}, .rank = 1, .shape = {1}, .data = &one};
    cairn_safetensors_pair metadata = {(char[]){"model"},
                                       (char[]){"lightglue layers=16 heads=16 width=1024 descriptor=1024"}};
    const char *path = test_path("large.safetensors");
    assert_ok(cairn_safetensors_write(path, &tensor, 1, &metadata, 1));
    test_refused(cairn_lightglue_load(&matcher, test_gpu(CAIRN_CLASS_AUTO), path), path);
    assert_null(matcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hostile__public_lightglue),
                                       cmocka_unit_test(test_hostile__own_lightglue),
                                       cmocka_unit_test(test_hostile__a_large_promise)};
    return test_gpu_main("hostile_matchers", tests, sizeof tests / sizeof *tests, test_scratch_create,
                         test_scratch_remove);
}
