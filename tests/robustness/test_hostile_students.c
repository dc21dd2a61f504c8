/* Damage to the weights of students: public classifiers and students on their way through the import, a file that a
 * student's backbone starts from, and checkpoints of ours; seeded (support/hostile.h), by tensor, and in what the
 * metadata promises. */
#include "base/rng.h"
#include "experiments/detectors/learned.h"
#include "student/import/mobilenet.h"
#include "student/import/sp_fpn.h"
#include "support/device/material.h"
#include "support/device/test_gpu.h"
#include "support/hostile.h"
#include "support/scratch.h"
#include "system/file.h"
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SP_FPN "sp-fpn width=0.25 channels=8 taps=1,2,4,12 backbone=small"
#define DROP_IN "drop-in width=0.25 channels=8 taps=1,3,8,11 descriptor=16 separable=1 backbone=small"

enum { MOST = 400 };
enum { TV, DL, SOURCE, OLD_SOURCE, LAYOUTS }; /* torchvision's, d-li14's, SP-FPN's, the same by older torchvision */
static const char *const layout_names[LAYOUTS] = {"mobilenetv3-tv", "mobilenetv3-dl", "sp-fpn", "sp-fpn"};

/* ---- public files ---- */

typedef struct file {
    cairn_safetensor tensors[MOST];
    int count;
} file;

/* student.md 1.4: what d-li14's code calls a parameter that torchvision has under `name`. Small only. */
static void dl_name(char out[128], const char *name)
{
    static const int plain[] = {0, 3, 4}, narrow[] = {0, 3, 7}, squeezed[] = {0, 3, 5, 7};
    int feature, part;
    char layer[8], field[32];
    if (sscanf(name, "features.%d.block.%d.%7[^.].%31s", &feature, &part, layer, field) == 4) {
        const int at = (feature == 1 ? plain : feature < 4 ? narrow : squeezed)[part];
        if (!strncmp(layer, "fc", 2))
            snprintf(out, 128, "features.%d.conv.%d.fc.%d.%s", feature, at, layer[2] == '2' ? 2 : 0, field);
        else
            snprintf(out, 128, "features.%d.conv.%d.%s", feature, at + (layer[0] == '1'), field);
    } else {
        snprintf(out, 128, "%s%s", strncmp(name, "features.12.", 12) ? "" : "conv.",
                 strncmp(name, "features.12.", 12) ? name : name + 12);
    }
}

static void public_name(char out[160], int layout, const char *name)
{
    char other[128], blocks[24];
    int level;
    snprintf(other, sizeof other, "%s", name);
    if (layout == DL) dl_name(other, name);
    if (layout == OLD_SOURCE && sscanf(name, "fpn.%23[a-z_].%d.0.weight", blocks, &level) == 2)
        snprintf(other, sizeof other, "fpn.%s.%d.weight", blocks, level);
    snprintf(out, 160, "%s%s", layout == SOURCE ? "model_state_dict.module." : "", other);
}

/* A small network's parameters with random numbers, under the names of the layout. */
static void make_public(file *f, int layout)
{
    cairn_graph *g = NULL;
    cairn_model m;
    cairn_network_spec spec;
    cairn_rng rng = cairn_rng_stream(31, 6, (uint32_t)layout, 0, 0);
    *f = (file){0};
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&m, g, false);
    if (layout == TV || layout == DL) {
        const cairn_classifier_options o = {.width = 0.25,
                                            .style = {.se_before_act = layout == DL, .by_ratio = layout == DL},
                                            .hidden = 16,
                                            .classes = 10,
                                            .std = {1, 1, 1}};
        cairn_classifier(&m, cairn_graph_input(g, "rgb", (cairn_shape){1, 32, 32, 3}), &o);
    } else {
        assert_ok(cairn_network_parse(&spec, SP_FPN, "test"));
        cairn_network_build(&m, &spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1}));
    }
    assert_ok(cairn_graph_status(g));
    assert_true(m.count <= MOST);
    for (; f->count < m.count; f->count++) {
        const cairn_parameter *p = &m.parameters[f->count];
        cairn_safetensor *t = &f->tensors[f->count];
        char name[160];
        const int64_t shape[4] = {p->co, p->kind == CAIRN_PARAMETER_CONV ? p->ci : 1, p->k, p->k};
        public_name(name, layout, p->name);
        assert_ok(cairn_import_room(t, name, p->kind == CAIRN_PARAMETER_VECTOR ? 1 : 4, shape));
        for (int64_t i = 0; i < cairn_parameter_elements(p); i++) t->data[i] = (float)(0.1 * cairn_rng_uniform(&rng));
    }
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

static cairn_status import(cairn_import_report *report, const cairn_weights *weights, const char *out)
{
    return cairn_sp_fpn_names_fit(weights) ? cairn_sp_fpn_import(report, weights, out)
                                           : cairn_mobilenet_import(report, weights, NULL, out);
}

static bool known(const char *model)
{
    cairn_network_spec spec;
    cairn_classifier_options options;
    return cairn_classifier_parse(&options, model) || cairn_network_parse(&spec, model, "test") >= 0;
}

static cairn_status read_file(const char *path)
{
    return test_import(path, import, known);
}

static bool read_public(const uint8_t *bytes, size_t size, const char *path)
{
    test_put(path, bytes, size);
    return read_file(path) >= 0;
}

static void test_hostile__public_students(void **state)
{
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        static file f;
        const char *path = test_path("public-%d.safetensors", layout);
        make_public(&f, layout);
        assert_ok(cairn_safetensors_write(path, f.tensors, f.count, NULL, 0));
        cairn_import_free_tensors(f.tensors, f.count);
        test_attack(test_take(path), read_public, 150, 80 + (uint32_t)layout, layout_names[layout]);
    }
}

/* Whole files of which one tensor is not what it should be: none of them is taken. */
enum { MISSING, RENAMED, TRANSPOSED, SHORT, LONG, EMPTY, FLAT, NOT_FINITE, CHANGES };

static void change(file *f, int at, int kind)
{
    cairn_safetensor *t = &f->tensors[at];
    const int64_t rows = t->shape[0];
    switch (kind) {
    case MISSING:
        free(t->name);
        free(t->data);
        *t = f->tensors[--f->count];
        break;
    case RENAMED:
        t->name[strlen(t->name) - 1] ^= 1;
        break;
    case TRANSPOSED: /* a vector becomes a column */
        t->shape[0] = t->rank > 1 ? t->shape[1] : 1;
        t->shape[1] = rows;
        if (t->rank == 1) t->rank = 2;
        break;
    case SHORT:
        t->shape[0]--;
        break;
    case LONG:
        t->shape[0] = 5000;
        free(t->data);
        t->data = calloc(5000 * (size_t)(t->rank > 1 ? t->shape[1] * t->shape[2] * t->shape[3] : 1), sizeof *t->data);
        assert_non_null(t->data);
        break;
    case EMPTY:
        t->shape[0] = 0;
        break;
    case FLAT:
        for (int i = 1; i < t->rank; i++) t->shape[0] *= t->shape[i];
        t->shape[1] = 1;
        t->rank = t->rank == 1 ? 2 : 1;
        break;
    default:
        t->data[0] = at % 2 ? NAN : -INFINITY;
    }
}

/* Not one by which the layout or the number of channels is known, nor one that the change leaves as it is. */
static bool may_change(const cairn_safetensor *t, int kind)
{
    const bool same = kind == TRANSPOSED && t->rank > 1 && t->shape[0] == t->shape[1];
    return t->shape[0] > 1 && !same && !strstr(t->name, "inner_blocks.0");
}

static void test_hostile__one_wrong_tensor(void **state)
{
    (void)state;
    static const cairn_status expected[CHANGES] = {CAIRN_E_NOTFOUND, CAIRN_E_NOTFOUND, CAIRN_E_SHAPE, CAIRN_E_SHAPE,
                                                   CAIRN_E_SHAPE,    CAIRN_E_SHAPE,    CAIRN_E_SHAPE, CAIRN_E_NUMERIC};
    for (int layout = 0; layout < LAYOUTS; layout++)
        for (int i = 0; i < 3 * CHANGES; i++) {
            static file f;
            const char *path = test_path("wrong.safetensors");
            cairn_rng rng = cairn_rng_stream(31, 7, (uint32_t)layout, (uint32_t)i, 0);
            make_public(&f, layout);
            int at = cairn_rng_integer(&rng, 30, f.count - 5);
            while (!may_change(&f.tensors[at], i % CHANGES)) at--;
            char name[160];
            snprintf(name, sizeof name, "%s", f.tensors[at].name);
            change(&f, at, i % CHANGES);
            assert_ok(cairn_safetensors_write(path, f.tensors, f.count, NULL, 0));
            cairn_import_free_tensors(f.tensors, f.count);
            const cairn_status st = read_file(path);
            if (st != expected[i % CHANGES] || !strstr(cairn_error_message(), name))
                fail_msg("%s: %s with change %d: status %d, \"%s\"", layout_names[layout], name, i % CHANGES, (int)st,
                         cairn_error_message());
        }
}

/* ---- checkpoints of ours ---- */

static bool read_network(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_network *network;
    test_put(path, bytes, size);
    const cairn_status st = cairn_network_load(&network, test_gpu(CAIRN_CLASS_AUTO), path);
    if (st < 0) {
        test_refused(st, path);
        assert_null(network);
        return false;
    }
    assert_true(cairn_network_dimension(network) >= 0 && cairn_network_dimension(network) <= 1024);
    cairn_network_destroy(&network);
    return true;
}

static void save_student(const char *path, const char *description)
{
    cairn_network_spec spec;
    assert_ok(cairn_network_parse(&spec, description, "test"));
    test_save_network(path, &spec);
}

static void test_hostile__own_students(void **state)
{
    (void)state;
    static const char *const kinds[] = {SP_FPN, DROP_IN};
    for (int i = 0; i < 2; i++) {
        const char *path = test_path("own-%d.safetensors", i);
        save_student(path, kinds[i]);
        test_attack(test_take(path), read_network, 120, 90 + (uint32_t)i, i ? "drop-in.pt" : "fpn.pt");
    }
    test_gpu_assert_valid(test_gpu(CAIRN_CLASS_AUTO));
}

/* Short texts before one small tensor. The last ones are of networks that could be: they are refused by what lies in
 * the file, before memory is taken for them. */
static void test_hostile__promises_of_the_metadata(void **state)
{
    (void)state;
    static const char *const promises[] = {
        "",
        "sp-fpn",
        "sp-fpn width=1 channels=128 taps=1,2,4",
        "sp-fpn width=1e308 channels=128 taps=1,2,4,12 backbone=small",
        "sp-fpn width=-1 channels=128 taps=1,2,4,12 backbone=small",
        "sp-fpn width=1 channels=-8 taps=1,2,4,12 backbone=small",
        "sp-fpn width=1 channels=2147483647 taps=1,2,4,12 backbone=small",
        "sp-fpn width=1 channels=99999999999999999999 taps=1,2,4,12 backbone=small",
        "sp-fpn width=1 channels=128 taps=0,2,4,12 backbone=small",
        "sp-fpn width=1 channels=128 taps=1,2,4,13 backbone=small",
        "sp-fpn width=1 channels=128 taps=-3,-2,-1,2147483647 backbone=large",
        "sp-fpn width=1 channels=128 taps=12,4,2,1 backbone=small",
        "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=medium",
        "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small+",
        "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small+bn_eps=0",
        "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small+bn_eps=nan",
        "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small+bn_eps=1e30",
        "sp-fpn width=1 channels=128 taps=1,2,4,12 backbone=small+padding",
        "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=-1 separable=1 backbone=small",
        "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=1025 separable=1 backbone=small",
        "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=256 separable=7 backbone=small",
        "drop-in width=1 channels=64 taps=1,3,8,11 descriptor=256 separable=1",
        "drop-in width=1 channels=64 taps=8,9,10,11 descriptor=256 separable=1 backbone=small",
        "drop-in width=1 channels=64 taps=1,8,9,11 descriptor=256 separable=1 backbone=small",
        "mobilenetv3 width=1 hidden=1024 classes=1000 mean=0,0,0 std=1,1,1 backbone=small",
        "sp-fpn width=2 channels=512 taps=3,6,12,16 backbone=large+same_padding",
        "drop-in width=2 channels=512 taps=2,6,15,16 descriptor=1024 separable=0 backbone=large",
    };
    float one = 1;
    cairn_safetensor tensor = {.name = (char[]){"rgb.weight"}, .rank = 1, .shape = {1}, .data = &one};
    char much[6000];
    memset(much, '+', sizeof much - 1);
    memcpy(much, SP_FPN, sizeof SP_FPN - 1);
    much[sizeof much - 1] = 0;
    for (size_t i = 0; i <= sizeof promises / sizeof *promises; i++) {
        const char *text = i < sizeof promises / sizeof *promises ? promises[i] : much;
        const cairn_safetensors_pair metadata = {(char[]){"model"}, (char *)(uintptr_t)text};
        const char *path = test_path("promise.safetensors");
        cairn_network *network;
        cairn_detector detector;
        assert_ok(cairn_safetensors_write(path, &tensor, 1, &metadata, 1));
        test_refused(cairn_network_load(&network, test_gpu(CAIRN_CLASS_AUTO), path), path);
        assert_null(network);
        test_refused(cairn_detector_load(&detector, test_gpu(CAIRN_CLASS_AUTO), path, NULL), path);
        assert_null(detector.state);
    }
}

static void test_hostile__promises_of_a_classifier(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "mobilenetv3 width=0 hidden=1024 classes=1000 mean=0,0,0 std=1,1,1 backbone=small",
        "mobilenetv3 width=inf hidden=1024 classes=1000 mean=0,0,0 std=1,1,1 backbone=small",
        "mobilenetv3 width=1 hidden=0 classes=1000 mean=0,0,0 std=1,1,1 backbone=small",
        "mobilenetv3 width=1 hidden=1024 classes=99999999 mean=0,0,0 std=1,1,1 backbone=small",
        "mobilenetv3 width=1 hidden=1024 classes=1000 mean=0,nan,0 std=1,1,1 backbone=small",
        "mobilenetv3 width=1 hidden=1024 classes=1000 mean=0,0,0 std=1,0,1 backbone=small",
        "mobilenetv3 width=1 hidden=1024 classes=1000 mean=0,0,0 std=1,1,nan backbone=small",
        "mobilenetv3 width=1 hidden=1024 classes=1000 mean=0,0,0 std=1,1,1 backbone=tiny",
        SP_FPN,
    };
    float one = 1;
    cairn_safetensor tensor = {.name = (char[]){"features.0.0.weight"}, .rank = 1, .shape = {1}, .data = &one};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const cairn_safetensors_pair metadata = {(char[]){"model"}, (char *)(uintptr_t)wrong[i]};
        const char *path = test_path("classifier.safetensors");
        cairn_classifier_options options;
        assert_ok(cairn_safetensors_write(path, &tensor, 1, &metadata, 1));
        test_refused(cairn_mobilenet_read_options(&options, path), path);
    }
}

/* ---- the start of a backbone ---- */

static cairn_network *student; /* whose backbone is to start from the file */
static cairn_model model;

static float first_bias(void)
{
    cairn_store *store = cairn_network_store(student);
    float bias[3];
    assert_ok(cairn_store_read(store, cairn_store_find(store, "rgb.bias"), bias));
    return bias[0];
}

/* A refused file leaves the student as it was. */
static bool read_start(const uint8_t *bytes, size_t size, const char *path)
{
    cairn_store *store = cairn_network_store(student);
    const float mark[3] = {7, 7, 7};
    test_put(path, bytes, size);
    assert_ok(cairn_store_write(store, cairn_store_find(store, "rgb.bias"), mark));
    const cairn_status st = cairn_mobilenet_start(&model, store, path);
    if (st < 0) test_refused(st, path);
    assert_true((first_bias() == 7) == (st < 0));
    return st >= 0;
}

static void test_hostile__start_of_a_backbone(void **state)
{
    (void)state;
    static file f;
    cairn_weights weights;
    cairn_import_report report;
    cairn_network_spec spec;
    cairn_graph *g = NULL;
    const char *path = test_path("public.safetensors"), *ours = test_path("backbone.safetensors");
    make_public(&f, TV);
    assert_ok(cairn_safetensors_write(path, f.tensors, f.count, NULL, 0));
    cairn_import_free_tensors(f.tensors, f.count);
    assert_ok(cairn_weights_read(&weights, path));
    assert_ok(cairn_mobilenet_import(&report, &weights, NULL, ours));
    cairn_import_report_free(&report);
    cairn_weights_free(&weights);
    assert_ok(cairn_network_parse(&spec, SP_FPN, "test"));
    assert_ok(cairn_network_create_untrained(&student, test_gpu(CAIRN_CLASS_AUTO), &spec, 1));
    assert_ok(cairn_graph_create(&g));
    cairn_model_init(&model, g, false);
    cairn_network_build(&model, &spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1}));
    test_attack(test_take(ours), read_start, 120, 95, "start.safetensors");
    cairn_model_uninit(&model);
    cairn_graph_destroy(&g);
    cairn_network_destroy(&student);
}

/* ---- numbers that are none ---- */

/* A checkpoint whose numbers are not finite gives no keypoint that is not finite. */
static void test_hostile__weights_that_are_not_finite(void **state)
{
    (void)state;
    enum { SIDE = 64 };
    static const char *const kinds[] = {SP_FPN, DROP_IN}, *const layers[] = {"backbone.0.0.weight", "rgb.bias"};
    static float pixels[SIDE * SIDE];
    const cairn_image image = {SIDE, SIDE, 1, pixels};
    for (int i = 0; i < SIDE * SIDE; i++) pixels[i] = (float)(i % 7) / 6;
    for (int i = 0; i < 4; i++) {
        const char *path = test_path("numbers.safetensors");
        cairn_safetensors weights = {0};
        cairn_detector detector = {0};
        cairn_keypoints points = {0};
        save_student(path, kinds[i % 2]);
        assert_ok(cairn_safetensors_read(&weights, path));
        cairn_safetensor *t = (cairn_safetensor *)(uintptr_t)cairn_safetensors_find(&weights, layers[i / 2]);
        assert_non_null(t);
        t->data[0] = i / 2 ? INFINITY : NAN;
        assert_ok(
            cairn_safetensors_write(path, weights.tensors, weights.count, weights.metadata, weights.metadata_count));
        cairn_safetensors_free(&weights);
        if (cairn_detector_load(&detector, test_gpu(CAIRN_CLASS_AUTO), path, NULL) < 0) continue;
        assert_ok(detector.detect(detector.state, &image, 50, &points));
        for (int k = 0; k < points.count; k++) {
            const cairn_keypoint p = points.points[k];
            assert_true(p.x >= 0 && p.x <= SIDE - 1 && p.y >= 0 && p.y <= SIDE - 1 && isfinite(p.score));
        }
        cairn_keypoints_free(&points);
        cairn_detector_free(&detector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile__public_students),
        cmocka_unit_test(test_hostile__one_wrong_tensor),
        cmocka_unit_test(test_hostile__own_students),
        cmocka_unit_test(test_hostile__promises_of_the_metadata),
        cmocka_unit_test(test_hostile__promises_of_a_classifier),
        cmocka_unit_test(test_hostile__start_of_a_backbone),
        cmocka_unit_test(test_hostile__weights_that_are_not_finite),
    };
    return test_gpu_main("hostile_students", tests, sizeof tests / sizeof *tests, test_scratch_create,
                         test_scratch_remove);
}
