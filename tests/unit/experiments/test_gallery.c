/* The gallery of an evaluation of classical methods on generated pairs. */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "experiments/gallery/gallery.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"

#include <math.h>

enum { IMAGES = 5, METHODS = 3 };

/* Photo i: rectangles, the fewer the larger i. */
static cairn_status load(void *context, int i, cairn_image *gray, char name[CAIRN_PAIR_NAME_BYTES])
{
    (void)context;
    cairn_rng rng = cairn_rng_stream(1, 2, 3, (uint32_t)i, 4);
    snprintf(name, CAIRN_PAIR_NAME_BYTES, "photo_%d", i);
    cairn_status st = cairn_image_create(gray, 200, 260, 1);
    for (int n = 0; st >= 0 && n < 160 - 30 * i; n++) {
        const int x0 = cairn_rng_integer(&rng, 0, 255), y0 = cairn_rng_integer(&rng, 0, 195);
        const int x1 = x0 + cairn_rng_integer(&rng, 5, 40), y1 = y0 + cairn_rng_integer(&rng, 5, 40);
        const float v = (float)cairn_rng_between(&rng, 0.1, 0.9);
        for (int y = y0; y < y1 && y < 200; y++)
            for (int x = x0; x < x1 && x < 260; x++) gray->pixels[y * 260 + x] = v;
    }
    return st;
}

typedef struct contest {
    cairn_protocol protocol;
    cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS];
    cairn_detector detectors[METHODS];
    cairn_predictions methods[METHODS];
    cairn_evaluation evaluation;
} contest;

static void contest_open(contest *c)
{
    static const cairn_role roles[METHODS] = {CAIRN_ROLE_CLASSICAL, CAIRN_ROLE_CLASSICAL, CAIRN_ROLE_CHANCE};
    const cairn_protocol_overrides small = {
        .h = 120, .w = 160, .points = 200, .top_k = 100, .radius = -1, .border = -1};
    *c = (contest){0};
    assert_ok(cairn_protocol_find(&c->protocol, "recommended", "test"));
    cairn_protocol_override(&c->protocol, &small);
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        cairn_pair_options o = CAIRN_PAIR_OPTIONS_INIT;
        o.view = c->protocol.view[v];
        if (o.view.used) assert_ok(cairn_pairs_generate(&c->sources[v], "made photos", IMAGES, load, NULL, &o));
    }
    assert_ok(cairn_baseline_harris(&c->detectors[0], 0));
    assert_ok(cairn_baseline_sift(&c->detectors[1], false));
    assert_ok(cairn_baseline_random(&c->detectors[2], 200, 1));
    for (int m = 0; m < METHODS; m++)
        assert_ok(cairn_predictions_live(&c->methods[m], &c->detectors[m], &c->protocol, roles[m], NULL));
    const cairn_evaluation_options o = {.protocol = &c->protocol, .resamples = 10};
    assert_ok(cairn_evaluation_run(&c->evaluation, c->sources, c->methods, METHODS, &o));
}

static void contest_close(contest *c)
{
    cairn_evaluation_free(&c->evaluation);
    for (int m = 0; m < METHODS; m++) {
        cairn_predictions_free(&c->methods[m]);
        cairn_detector_free(&c->detectors[m]);
    }
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) cairn_pair_source_free(&c->sources[v]);
}

static const char *text_of(const cJSON *entry, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(entry, name);
    if (!cJSON_IsString(item)) fail_msg("an entry lacks %s", name);
    return item->valuestring;
}

/* The entry of a method, a rank and a kind of picture; checks that there is one. */
static const cJSON *find(const cJSON *gallery, const char *method, const char *rank, const char *shows)
{
    const cJSON *entry, *found = NULL;
    cJSON_ArrayForEach(entry, gallery)
    {
        if (strcmp(text_of(entry, "method"), method) || strcmp(text_of(entry, "rank"), rank)) continue;
        if (strcmp(text_of(entry, "shows"), shows)) continue;
        assert_null(found);
        found = entry;
    }
    if (!found) fail_msg("no picture of %s of the %s pair of %s", shows, rank, method);
    return found;
}

static double value_of(const cJSON *entry)
{
    const cJSON *value = cJSON_GetObjectItem(entry, "value");
    return cJSON_IsNumber(value) ? value->valuedouble : INFINITY;
}

static void check_picture(const cJSON *entry, const char *folder)
{
    cairn_image image;
    char *path = cairn_file_join(folder, text_of(entry, "file"));
    assert_ok(cairn_image_load(&image, path, 3));
    assert_int_equal(image.w, 2 * 480 + 8); /* two images of 160 pixels, three times as large, and a gap */
    cairn_image_free(&image);
    free(path);
}

static void worst_median_and_best_are_drawn(void **state)
{
    (void)state;
    contest c;
    cJSON *set = cJSON_CreateObject();
    const cJSON *entry;
    const char *folder = test_path("out");
    contest_open(&c);
    const char *harris = c.methods[0].name, *sift = c.methods[1].name;
    assert_ok(cairn_gallery_draw(set, folder, &c.evaluation, c.sources, c.methods, METHODS));
    const cJSON *gallery = cJSON_GetObjectItem(set, "gallery");
    assert_int_equal(cJSON_GetArraySize(gallery), 3 + 6); /* of random points none */
    cJSON_ArrayForEach(entry, gallery) check_picture(entry, folder);
    double least = INFINITY, most = -INFINITY;
    for (int i = 0; i < IMAGES; i++) {
        const double value = c.evaluation.method[0].rows[i].value[CAIRN_MEASURE_REPEATABILITY];
        least = fmin(least, value);
        most = fmax(most, value);
    }
    assert_true(least < most);
    assert_near(value_of(find(gallery, harris, "worst", "detections")), least, 1e-12);
    assert_near(value_of(find(gallery, harris, "best", "detections")), most, 1e-12);
    const double median = value_of(find(gallery, harris, "median", "detections"));
    assert_true(least <= median && median <= most);
    const double worst = value_of(find(gallery, sift, "worst", "matches"));
    assert_true(worst >= value_of(find(gallery, sift, "median", "matches")));
    assert_true(worst > value_of(find(gallery, sift, "best", "matches")));
    assert_non_null(strstr(text_of(find(gallery, sift, "best", "matches"), "caption"), "are right (green) within"));
    assert_string_equal(text_of(find(gallery, sift, "best", "matches"), "measure"), "homography_error");
    cJSON_Delete(set);
    contest_close(&c);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    contest c;
    cJSON *set = cJSON_CreateObject();
    const char *file = test_path("taken");
    contest_open(&c);
    assert_ok(cairn_file_write(file, "x", 1));
    assert_status(cairn_gallery_draw(set, file, &c.evaluation, c.sources, c.methods, METHODS), CAIRN_E_IO, "taken");
    cJSON_Delete(set);
    contest_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(worst_median_and_best_are_drawn),
                                       cmocka_unit_test(a_folder_that_cannot_be_made_is_an_error)};
    return cmocka_run_group_tests_name("gallery", tests, test_scratch_create, test_scratch_remove);
}
