/* Checkpoints: PyTorch's shapes in the file, the same values back, and nothing written to the store when it must not.
 */
#include "base/rng.h"
#include "formats/safetensors.h"
#include "system/file.h"
#include "train/checkpoint.h"

#include "support/scratch.h"
#include "support/test.h"
#include "support/device/test_gpu.h"

#include <stdlib.h>

enum { ALL = 9 }; /* parameters of the small model */

typedef struct fixture {
    cairn_graph *g;
    cairn_model model;
    cairn_store *store;
} fixture;

/* A convolution, a depthwise one and a normalisation, `channels` wide; with the moments of the trainable tensors. */
static void build(fixture *f, int channels, bool moments)
{
    *f = (fixture){0};
    assert_ok(cairn_graph_create(&f->g));
    cairn_model_init(&f->model, f->g, true);
    cairn_tid x = cairn_graph_input(f->g, "image", (cairn_shape){1, 8, 8, 3});
    cairn_conv_layer stem = {channels, 3, 1, true, CAIRN_INIT_GLOROT, false};
    cairn_conv_layer head = {2, 1, 1, true, CAIRN_INIT_GLOROT, false};
    x = cairn_layer_conv(&f->model, "stem", x, &stem);
    x = cairn_layer_depthwise(&f->model, "middle", x, 3, 1, false);
    x = cairn_layer_batch_norm(&f->model, "norm", x, 1e-5f, 0.1f, CAIRN_ACTIVATION_NONE);
    x = cairn_layer_conv(&f->model, "head", x, &head);
    assert_int_not_equal(x, CAIRN_NONE);
    for (int i = 0; i < f->model.count && moments; i++) {
        const cairn_parameter *p = &f->model.parameters[i];
        char name[128];
        for (int k = 0; k < 2 && p->trainable; k++) {
            snprintf(name, sizeof name, "%s%s", k ? "adam_v/" : "adam_m/", p->name);
            assert_int_not_equal(cairn_graph_stored(f->g, name, cairn_graph_shape(f->g, p->tensor)), CAIRN_NONE);
        }
    }
    assert_int_equal(f->model.count, ALL);
    assert_ok(cairn_store_create(&f->store, test_gpu(CAIRN_CLASS_AUTO)));
    assert_ok(cairn_store_add_graph(f->store, f->g));
}

static void destroy(fixture *f)
{
    cairn_store_destroy(&f->store);
    cairn_model_uninit(&f->model);
    cairn_graph_destroy(&f->g);
}

/* Other values for each seed, in every tensor, moments too. */
static void fill(fixture *f, uint32_t seed)
{
    for (int i = 0; i < cairn_store_count(f->store); i++) {
        cairn_rng rng = cairn_rng_stream(seed, 1, (uint32_t)i, 0, 0);
        size_t n = (size_t)cairn_shape_count(cairn_store_shape(f->store, i));
        float *values = malloc(n * sizeof *values);
        assert_non_null(values);
        for (size_t k = 0; k < n; k++) values[k] = (float)cairn_rng_normal(&rng);
        assert_ok(cairn_store_write(f->store, i, values));
        free(values);
    }
}

static float *read_values(fixture *f, const char *name, size_t *n)
{
    int index = cairn_store_find(f->store, name);
    if (index < 0) fail_msg("the store has no %s", name);
    *n = (size_t)cairn_shape_count(cairn_store_shape(f->store, index));
    float *values = malloc(*n * sizeof *values);
    assert_non_null(values);
    assert_ok(cairn_store_read(f->store, index, values));
    return values;
}

static bool equal(fixture *a, fixture *b, const char *name)
{
    size_t n, m;
    float *x = read_values(a, name, &n), *y = read_values(b, name, &m);
    bool same = n == m && !memcmp(x, y, n * sizeof *x);
    free(x);
    free(y);
    return same;
}

/* Tensors of `a` that are not the same bits in `b`. */
static int differing(fixture *a, fixture *b)
{
    int count = 0;
    for (int i = 0; i < cairn_store_count(a->store); i++) count += !equal(a, b, cairn_store_name(a->store, i));
    return count;
}

static void test_checkpoint__round_trip_with_the_moments(void **state)
{
    (void)state;
    fixture a, b;
    build(&a, 4, true);
    build(&b, 4, true);
    fill(&a, 1);
    fill(&b, 2);
    int tensors = cairn_store_count(a.store);
    assert_true(tensors > 2 * ALL);
    assert_int_equal(differing(&a, &b), tensors);
    assert_ok(cairn_checkpoint_save(test_path("whole.safetensors"), a.store, &a.model, true, NULL, 0));
    assert_ok(cairn_checkpoint_load(test_path("whole.safetensors"), b.store, &b.model, false));
    assert_int_equal(differing(&a, &b), tensors - ALL); /* the parameters alone */
    assert_ok(cairn_checkpoint_load(test_path("whole.safetensors"), b.store, &b.model, true));
    assert_int_equal(differing(&a, &b), 0);
    destroy(&b);
    destroy(&a);
}

static void test_checkpoint__file_has_pytorch_shapes(void **state)
{
    (void)state;
    fixture a;
    cairn_safetensors file;
    size_t n;
    build(&a, 4, false);
    fill(&a, 3);
    assert_ok(cairn_checkpoint_save(test_path("shapes.safetensors"), a.store, &a.model, true, NULL, 0));
    assert_ok(cairn_safetensors_read(&file, test_path("shapes.safetensors")));
    assert_int_equal(file.count, ALL);
    const cairn_safetensor *stem = cairn_safetensors_find(&file, "stem.weight"),
                           *middle = cairn_safetensors_find(&file, "middle.weight"),
                           *norm = cairn_safetensors_find(&file, "norm.running_mean");
    assert_true(stem && middle && norm);
    assert_true(stem->rank == 4 && stem->shape[0] == 4 && stem->shape[1] == 3 && stem->shape[2] == 3);
    assert_true(middle->rank == 4 && middle->shape[0] == 4 && middle->shape[1] == 1 && middle->shape[3] == 3);
    assert_true(norm->rank == 1 && norm->shape[0] == 4);
    float *device = read_values(&a, "stem.weight", &n); /* [tap][ci][co] */
    for (int co = 0; co < 4; co++)
        for (int ci = 0; ci < 3; ci++)
            for (int tap = 0; tap < 9; tap++)
                assert_true(stem->data[(co * 3 + ci) * 9 + tap] == device[(tap * 3 + ci) * 4 + co]);
    free(device);
    cairn_safetensors_free(&file);
    destroy(&a);
}

static void test_checkpoint__wrong_shape_is_refused_and_nothing_written(void **state)
{
    (void)state;
    fixture narrow, wide, before;
    build(&narrow, 4, false);
    build(&wide, 8, false);
    build(&before, 8, false);
    fill(&narrow, 4);
    fill(&wide, 5);
    fill(&before, 5);
    const char *path = test_path("narrow.safetensors");
    assert_ok(cairn_checkpoint_save(path, narrow.store, &narrow.model, false, NULL, 0));
    assert_status(cairn_checkpoint_load(path, wide.store, &wide.model, false), CAIRN_E_FORMAT,
                  "narrow.safetensors: stem.weight has shape [4,3,3,3]; this model needs [8,3,3,3]");
    assert_int_equal(differing(&before, &wide), 0);
    destroy(&before);
    destroy(&wide);
    destroy(&narrow);
}

/* Writes a copy of the file without its tensor `left_out`, or with that one reshaped. */
static void copy_without(const char *to, const char *from, const char *left_out, bool reshape)
{
    cairn_safetensors file;
    assert_ok(cairn_safetensors_read(&file, from));
    int n = 0;
    for (int i = 0; i < file.count; i++) {
        bool match = !strcmp(file.tensors[i].name, left_out);
        if (match && !reshape) {
            free(file.tensors[i].name);
            continue;
        }
        if (match) {
            file.tensors[i].shape[1] = file.tensors[i].shape[0];
            file.tensors[i].shape[0] = 1;
            file.tensors[i].rank = 2;
        }
        file.tensors[n++] = file.tensors[i];
    }
    file.count = n;
    assert_ok(cairn_safetensors_write(to, file.tensors, n, NULL, 0));
    cairn_safetensors_free(&file);
}

static void test_checkpoint__a_fault_in_the_last_tensor_writes_nothing(void **state)
{
    (void)state;
    fixture a, b, before;
    const char *whole = test_path("all.safetensors"), *part = test_path("part.safetensors");
    build(&a, 4, true);
    build(&b, 4, true);
    build(&before, 4, true);
    fill(&a, 6);
    fill(&b, 7);
    fill(&before, 7);
    assert_ok(cairn_checkpoint_save(whole, a.store, &a.model, true, NULL, 0));
    copy_without(part, whole, "head.bias", false);
    assert_status(cairn_checkpoint_load(part, b.store, &b.model, false), CAIRN_E_FORMAT,
                  "part.safetensors: has no tensor head.bias");
    copy_without(part, whole, "head.bias", true);
    assert_status(cairn_checkpoint_load(part, b.store, &b.model, false), CAIRN_E_FORMAT,
                  "part.safetensors: head.bias has shape [1,2]; this model needs [2]");
    copy_without(part, whole, "adam_v/head.bias", false);
    assert_status(cairn_checkpoint_load(part, b.store, &b.model, true), CAIRN_E_FORMAT,
                  "has no tensor adam_v/head.bias");
    assert_int_equal(differing(&before, &b), 0);
    assert_ok(cairn_checkpoint_load(part, b.store, &b.model, false)); /* without the optimiser it is whole */
    assert_status(cairn_checkpoint_load(test_path("absent.safetensors"), b.store, &b.model, false), CAIRN_E_NOTFOUND,
                  "absent.safetensors");
    destroy(&before);
    destroy(&b);
    destroy(&a);
}

static void test_checkpoint__load_matching_takes_what_fits(void **state)
{
    (void)state;
    fixture narrow, wide, before;
    int loaded = -1;
    build(&narrow, 4, false);
    build(&wide, 8, false);
    build(&before, 8, false);
    fill(&narrow, 8);
    fill(&wide, 9);
    fill(&before, 9);
    const char *path = test_path("match.safetensors");
    assert_ok(cairn_checkpoint_save(path, narrow.store, &narrow.model, false, NULL, 0));
    assert_ok(cairn_checkpoint_load_matching(path, wide.store, &wide.model, &loaded));
    assert_int_equal(loaded, 1); /* the bias of the head; all else is as wide as the model */
    assert_true(equal(&narrow, &wide, "head.bias"));
    assert_int_equal(differing(&before, &wide), 1);
    assert_ok(cairn_checkpoint_load_matching(path, narrow.store, &narrow.model, &loaded));
    assert_int_equal(loaded, ALL);
    destroy(&before);
    destroy(&wide);
    destroy(&narrow);
}

static void test_checkpoint__metadata(void **state)
{
    (void)state;
    fixture a;
    char *value;
    const char *path = test_path("metadata.safetensors");
    const cairn_metadata metadata[] = {{"model", "small"}, {"recipe", "steps: 5\nname: \"x\"\n"}};
    build(&a, 4, false);
    assert_ok(cairn_checkpoint_save(path, a.store, &a.model, false, metadata, 2));
    assert_ok(cairn_checkpoint_metadata(&value, path, "recipe"));
    assert_string_equal(value, metadata[1].value);
    free(value);
    assert_ok(cairn_checkpoint_metadata(&value, path, "format"));
    assert_string_equal(value, "cairn");
    free(value);
    assert_ok(cairn_checkpoint_metadata(&value, path, "version"));
    assert_true(strlen(value) > 0);
    free(value);
    assert_status(cairn_checkpoint_metadata(&value, path, "absent"), CAIRN_E_NOTFOUND,
                  "metadata.safetensors: has no metadata 'absent'");
    assert_null(value);
    test_put_text(path, "not a checkpoint");
    assert_status(cairn_checkpoint_metadata(&value, path, "model"), CAIRN_E_FORMAT, "metadata.safetensors");
    assert_null(value);
    destroy(&a);
}

static void test_checkpoint__a_full_disk_leaves_the_old_one(void **state)
{
    (void)state;
    fixture a, b;
    const char *path = test_path("disk/last.safetensors");
    assert_ok(cairn_file_make_folder(test_path("disk")));
    build(&a, 4, true);
    build(&b, 4, true);
    fill(&a, 10);
    assert_ok(cairn_checkpoint_save(path, a.store, &a.model, true, NULL, 0));
    assert_ok(cairn_checkpoint_load(path, b.store, &b.model, true));
    assert_int_equal(differing(&a, &b), 0);
    fill(&a, 11);
    test_limit_files(3000);
    cairn_status st = cairn_checkpoint_save(path, a.store, &a.model, true, NULL, 0);
    test_limit_files(-1);
    assert_status(st, CAIRN_E_IO, "disk/last.safetensors");
    assert_int_equal(test_count_entries(test_path("disk")), 1);
    fill(&a, 10);
    fill(&b, 12);
    assert_ok(cairn_checkpoint_load(path, b.store, &b.model, true));
    assert_int_equal(differing(&a, &b), 0);
    destroy(&b);
    destroy(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint__round_trip_with_the_moments),
        cmocka_unit_test(test_checkpoint__file_has_pytorch_shapes),
        cmocka_unit_test(test_checkpoint__wrong_shape_is_refused_and_nothing_written),
        cmocka_unit_test(test_checkpoint__a_fault_in_the_last_tensor_writes_nothing),
        cmocka_unit_test(test_checkpoint__load_matching_takes_what_fits),
        cmocka_unit_test(test_checkpoint__metadata),
        cmocka_unit_test(test_checkpoint__a_full_disk_leaves_the_old_one),
    };
    return test_gpu_main("checkpoint", tests, sizeof tests / sizeof *tests, test_scratch_create, test_scratch_remove);
}
