/* Predictions in files: what is exported scores as it does live, bit by bit; what does not fit is refused. */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/evaluation/evaluate.h"
#include "formats/npz.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"

#include <math.h>
#include <unistd.h>

enum { IMAGES = 3 };

static cairn_status load(void *context, int i, cairn_image *gray, char name[CAIRN_PAIR_NAME_BYTES])
{
    (void)context;
    cairn_rng rng = cairn_rng_stream(1, 2, 3, (uint32_t)i, 4);
    snprintf(name, CAIRN_PAIR_NAME_BYTES, "photo %d", i);
    cairn_status st = cairn_image_create(gray, 150, 200, 1);
    for (int n = 0; st >= 0 && n < 120; n++) {
        const int x0 = cairn_rng_integer(&rng, 0, 195), y0 = cairn_rng_integer(&rng, 0, 145);
        const int x1 = x0 + cairn_rng_integer(&rng, 5, 40), y1 = y0 + cairn_rng_integer(&rng, 5, 40);
        const float v = (float)cairn_rng_between(&rng, 0.1, 0.9);
        for (int y = y0; y < y1 && y < 150; y++)
            for (int x = x0; x < x1 && x < 200; x++) gray->pixels[y * 200 + x] = v;
    }
    return st;
}

typedef struct scene {
    cairn_protocol protocol;
    cairn_pair_source sources[2];
    cairn_predictions_config config;
    cairn_detector detector;
    cairn_predictions live;
} scene;

/* Two sizes, so that both views have files of their own. */
static void open_scene(scene *s, const char *protocol, const char *baseline)
{
    *s = (scene){0};
    assert_ok(cairn_protocol_find(&s->protocol, protocol, "test"));
    cairn_pair_options o = CAIRN_PAIR_OPTIONS_INIT;
    for (int v = 0; v < 2; v++) {
        cairn_protocol_view *view = &s->protocol.view[v];
        if (!view->used) continue;
        view->resize = CAIRN_RESIZE_CROP;
        view->h = v ? 120 : 96;
        view->w = v ? 160 : 128;
        view->points = 100 + 20 * v;
        o.view = *view;
        assert_ok(cairn_pairs_generate(&s->sources[v], "photos", IMAGES, load, NULL, &o));
    }
    s->config = (cairn_predictions_config){&s->protocol, "photos", 0, true};
    assert_ok(cairn_baseline_by_name(&s->detector, baseline, 4));
    assert_ok(cairn_predictions_live(&s->live, &s->detector, &s->protocol, CAIRN_ROLE_CLASSICAL, "w"));
}

static void close_scene(scene *s)
{
    cairn_predictions_free(&s->live);
    cairn_detector_free(&s->detector);
    for (int v = 0; v < 2; v++) cairn_pair_source_free(&s->sources[v]);
}

static void evaluate(cairn_evaluation *e, const scene *s, const cairn_predictions *method)
{
    const cairn_evaluation_options options = {.protocol = &s->protocol, .resamples = 20};
    assert_ok(cairn_evaluation_run(e, s->sources, method, 1, &options));
}

static void files_score_as_live_does(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"recommended", "sift"}, {"rpautrat", "rootsift"}, {"rpautrat", "harris"}, {"pytorch-superpoint", "sift"},
        {"sp-fpn", "fast"},      {"glue-factory", "sift"}, {"d2-net", "orb"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene s;
        cairn_predictions files;
        cairn_evaluation one_go, two_steps;
        const char *folder = test_path("pred-%zu", i);
        open_scene(&s, cases[i][0], cases[i][1]);
        evaluate(&one_go, &s, &s.live);
        assert_ok(cairn_predictions_export(folder, &s.live, s.sources, &s.config, false));
        assert_ok(cairn_predictions_open(&files, folder, &s.config));
        assert_string_equal(files.name, s.detector.name);
        assert_string_equal(files.weights, "w");
        assert_int_equal(files.dimension, s.detector.dimension);
        evaluate(&two_steps, &s, &files);
        for (int p = 0; p < one_go.pairs; p++) {
            const cairn_pair_row *a = &one_go.method[0].rows[p], *b = &two_steps.method[0].rows[p];
            for (cairn_measure k = 0; k < CAIRN_MEASURE_DETECT_MS; k++)
                if (memcmp(&a->value[k], &b->value[k], sizeof(double)))
                    fail_msg("%s, %s: %s is %.17g live and %.17g from files", cases[i][0], cases[i][1],
                             cairn_measure_name(k), a->value[k], b->value[k]);
            assert_memory_equal(a->mma, b->mma, sizeof a->mma);
            assert_true(b->value[CAIRN_MEASURE_DETECT_MS] >= 0); /* files remember how long it took */
        }
        assert_memory_equal(one_go.method[0].pooled, two_steps.method[0].pooled, sizeof one_go.method[0].pooled);
        cairn_evaluation_free(&one_go);
        cairn_evaluation_free(&two_steps);
        cairn_predictions_free(&files);
        close_scene(&s);
    }
}

static int calls;
static cairn_status counting_detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    cairn_detector *inner = state;
    calls++;
    return inner->detect(inner->state, gray, top_k, out);
}

static void an_export_is_taken_up_again(void **state)
{
    (void)state;
    scene s;
    open_scene(&s, "recommended", "rootsift");
    cairn_detector inner = s.detector;
    s.detector.state = &inner;
    s.detector.detect = counting_detect;
    s.detector.destroy = NULL;
    const char *folder = test_path("resumed");
    calls = 0;
    assert_ok(cairn_predictions_export(folder, &s.live, s.sources, &s.config, false));
    assert_int_equal(calls, 2 * 2 * IMAGES);
    assert_ok(cairn_predictions_export(folder, &s.live, s.sources, &s.config, false));
    assert_int_equal(calls, 2 * 2 * IMAGES);
    assert_int_equal(unlink(test_path("resumed/photo 1/1a.96x128.npz")), 0);
    test_put_text(test_path("resumed/photo 1/1b.120x160.npz"), "cut short");
    assert_ok(cairn_predictions_export(folder, &s.live, s.sources, &s.config, false));
    assert_int_equal(calls, 2 * 2 * IMAGES + 2);
    /* Another method, or other settings, may not mix with what is there. */
    s.live.dimension = 64;
    assert_status(cairn_predictions_export(folder, &s.live, s.sources, &s.config, false), CAIRN_E_INVALID,
                  "another \"dimension\"");
    s.live.dimension = 128;
    s.config.seed = 5;
    assert_status(cairn_predictions_export(folder, &s.live, s.sources, &s.config, false), CAIRN_E_INVALID, "seed 0");
    s.config.seed = 0;
    s.protocol.view[1].points = 77;
    assert_status(cairn_predictions_export(folder, &s.live, s.sources, &s.config, false), CAIRN_E_INVALID,
                  "describe.points 120, but here it is 77");
    close_scene(&s);
    cairn_detector_free(&inner);
}

static void mixed_settings_are_refused(void **state)
{
    (void)state;
    scene s, other;
    cairn_predictions files;
    const char *folder = test_path("mixed");
    open_scene(&s, "recommended", "sift");
    assert_ok(cairn_predictions_export(folder, &s.live, s.sources, &s.config, false));
    open_scene(&other, "rpautrat", "sift");
    assert_status(cairn_predictions_open(&files, folder, &other.config), CAIRN_E_INVALID,
                  "protocol \"recommended\", but here it is \"rpautrat\"");
    assert_null(files.state);
    s.protocol.view[0].suppression.size = 5;
    assert_status(cairn_predictions_open(&files, folder, &s.config), CAIRN_E_INVALID, "detect.suppression_size 4");
    s.protocol.view[0].suppression.size = 4;
    s.config.photos = false;
    assert_status(cairn_predictions_open(&files, folder, &s.config), CAIRN_E_INVALID, "pairs \"photos\"");
    s.config.photos = true;
    s.config.set = cairn_pair_warp_name(CAIRN_WARP_COCO_PATCHES);
    assert_status(cairn_predictions_open(&files, folder, &s.config), CAIRN_E_INVALID,
                  "pairs \"photos\", but here it is \"coco-patches\"");
    s.config.set = "photos";
    assert_ok(cairn_predictions_open(&files, folder, &s.config));
    /* An image that is missing is named; so is one of another size. */
    assert_int_equal(unlink(test_path("mixed/photo 1/1b.120x160.npz")), 0);
    cairn_evaluation e;
    const cairn_evaluation_options options = {.protocol = &s.protocol, .resamples = 20};
    assert_status(cairn_evaluation_run(&e, s.sources, &files, 1, &options), CAIRN_E_NOTFOUND,
                  "no predictions for image photo 1/1b at 120x160");
    cairn_predictions_free(&files);
    assert_status(cairn_predictions_open(&files, test_path("absent"), &s.config), CAIRN_E_NOTFOUND, "predictions.json");
    close_scene(&s);
    close_scene(&other);
}

/* One file of points for a 40x30 image, read back through the folder. */
static cairn_status read_one(const float *points, int count, const float *descriptors, int dimension, int announced)
{
    cairn_status st;
    char json[256], names[2][16] = {"keypoints", "descriptors"};
    cairn_protocol protocol;
    cairn_predictions files;
    cairn_keypoints out;
    cairn_image gray;
    double seconds;
    const cairn_npz_array arrays[] = {
        {.name = names[0], .type = CAIRN_NPZ_F32, .rank = 2, .shape = {count, 3}, .data = (void *)(uintptr_t)points},
        {.name = names[1],
         .type = CAIRN_NPZ_F32,
         .rank = 2,
         .shape = {count, dimension},
         .data = (void *)(uintptr_t)descriptors}};
    assert_ok(cairn_file_make_folder(test_path("hostile/s")));
    assert_ok(cairn_npz_write(test_path("hostile/s/1.30x40.npz"), arrays, dimension ? 2 : 1, false));
    snprintf(json, sizeof json,
             "{\"version\":1,\"method\":\"m\",\"protocol\":\"recommended\",\"pairs\":\"sequences\",\"dimension\":%d}",
             announced);
    test_put_text(test_path("hostile/predictions.json"), json);
    assert_ok(cairn_protocol_find(&protocol, "recommended", "test"));
    const cairn_predictions_config config = {&protocol, "s", 0, false};
    assert_ok(cairn_predictions_open(&files, test_path("hostile"), &config));
    assert_ok(cairn_image_create(&gray, 30, 40, 1));
    st = files.get(files.state, CAIRN_VIEW_DETECT, "s/1", &gray, &out, &seconds);
    if (st < 0) assert_null(out.points);
    if (st >= 0 && announced) {
        double norm = 0;
        for (int k = 0; k < announced; k++) norm += (double)out.descriptors[k] * (double)out.descriptors[k];
        assert_near(norm, 1, 1e-6);
    }
    if (st >= 0) assert_near(seconds != seconds, 1, 0); /* unknown */
    cairn_keypoints_free(&out);
    cairn_image_free(&gray);
    cairn_predictions_free(&files);
    return st;
}

static void hostile_points_are_refused(void **state)
{
    (void)state;
    const float good[] = {1, 2, 0.5f, 39, 29, 0.25f}, far[] = {1, 2, 0.5f, 40, 29, 0.25f};
    const float nan_score[] = {1, 2, NAN, 3, 4, 1}, nan_place[] = {NAN, 2, 1, 3, 4, 1};
    const float described[] = {3, 4, 1, 0}, zero[] = {3, 4, 0, 0}, infinite[] = {1, INFINITY, 1, 0};
    assert_ok(read_one(good, 2, NULL, 0, 0));
    assert_ok(read_one(good, 2, described, 2, 2)); /* length 5 becomes 1 */
    assert_ok(read_one(good, 0, NULL, 0, 0));
    assert_status(read_one(far, 2, NULL, 0, 0), CAIRN_E_FORMAT, "1.30x40.npz: keypoint 1 is (40, 29)");
    assert_status(read_one(nan_score, 2, NULL, 0, 0), CAIRN_E_FORMAT, "keypoint 0");
    assert_status(read_one(nan_place, 2, NULL, 0, 0), CAIRN_E_FORMAT, "keypoint 0");
    assert_status(read_one(good, 2, zero, 2, 2), CAIRN_E_FORMAT, "descriptor 1 has the norm 0");
    assert_status(read_one(good, 2, infinite, 2, 2), CAIRN_E_FORMAT, "descriptor 0");
    assert_status(read_one(good, 2, described, 2, 3), CAIRN_E_SHAPE, "descriptors");
    assert_status(read_one(good, 2, NULL, 0, 3), CAIRN_E_NOTFOUND, "descriptors");
}

static void hostile_descriptions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        cairn_status status;
    } cases[] = {
        {"[", "not a JSON object", CAIRN_E_FORMAT},
        {"[1, 2]", "not a JSON object", CAIRN_E_FORMAT},
        {"{}", "version nothing", CAIRN_E_INVALID},
        {"{\"version\":2,\"protocol\":\"recommended\",\"pairs\":\"sequences\"}", "version 2", CAIRN_E_INVALID},
        {"{\"version\":1,\"protocol\":7,\"pairs\":\"sequences\"}", "protocol 7", CAIRN_E_INVALID},
        {"{\"version\":1,\"protocol\":\"recommended\",\"pairs\":\"sequences\",\"dimension\":2}", "\"method\" must be",
         CAIRN_E_FORMAT},
        {"{\"version\":1,\"protocol\":\"recommended\",\"pairs\":\"sequences\",\"dimension\":2,\"method\":\"a\\nb\"}",
         "\"method\" must be", CAIRN_E_FORMAT},
        {"{\"version\":1,\"protocol\":\"recommended\",\"pairs\":\"sequences\",\"dimension\":1e9,\"method\":\"a\"}",
         "\"dimension\" must be", CAIRN_E_FORMAT},
        {"{\"version\":1,\"protocol\":\"recommended\",\"pairs\":\"sequences\",\"method\":\"a\"}",
         "\"dimension\" must be", CAIRN_E_FORMAT},
        {"{\"version\":1,\"protocol\":\"recommended\",\"pairs\":\"sequences\",\"dimension\":2,\"method\":\"a\","
         "\"role\":\"king\"}",
         "\"role\" is none of", CAIRN_E_FORMAT},
        {"{\"version\":1,\"protocol\":\"recommended\",\"pairs\":\"sequences\",\"dimension\":2,\"method\":\"a\","
         "\"parameters\":{\"eps\":[4]}}",
         "with detect nothing", CAIRN_E_INVALID},
    };
    cairn_protocol protocol;
    cairn_predictions files;
    assert_ok(cairn_protocol_find(&protocol, "recommended", "test"));
    const cairn_predictions_config config = {&protocol, "s", 0, false};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_put_text(test_path("described/predictions.json"), cases[i].text);
        assert_status(cairn_predictions_open(&files, test_path("described"), &config), cases[i].status,
                      cases[i].message);
        assert_null(files.state);
    }
}

/* The images that another program gets are those that methods here see, in 8 bits. */
static void images_are_those_of_the_pairs(void **state)
{
    (void)state;
    scene s;
    cairn_pair pair = {0};
    cairn_image image;
    open_scene(&s, "recommended", "harris");
    assert_ok(cairn_predictions_images(test_path("images"), s.sources, &s.config, false));
    for (int v = 0; v < 2; v++) {
        assert_ok(s.sources[v].get(s.sources[v].state, 1, &pair));
        assert_ok(cairn_image_load(&image, test_path("images/%s.%dx%d.png", pair.image_b, pair.b.h, pair.b.w), 1));
        for (int i = 0; i < pair.b.h * pair.b.w; i++) assert_near(image.pixels[i], pair.b.pixels[i], 0.5001 / 255);
        cairn_image_free(&image);
        cairn_pair_free(&pair);
    }
    uint8_t *text;
    size_t size;
    assert_ok(cairn_file_read(&text, &size, test_path("images/predictions.json"), 1 << 20));
    cJSON *json = cJSON_Parse((char *)text);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "images")), 2 * 2 * IMAGES);
    cJSON_Delete(json);
    free(text);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_score_as_live_does),         cmocka_unit_test(an_export_is_taken_up_again),
        cmocka_unit_test(mixed_settings_are_refused),       cmocka_unit_test(hostile_points_are_refused),
        cmocka_unit_test(hostile_descriptions_are_refused), cmocka_unit_test(images_are_those_of_the_pairs),
    };
    return cmocka_run_group_tests_name("predictions", tests, test_scratch_create, test_scratch_remove);
}
