/* Random cases, measured by us and by the independent NumPy program beside this file. Skipped where NumPy is absent. */
#include "base/rng.h"
#include "experiments/evaluation/metrics.h"
#include "support/test.h"
#include "system/file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIMENSION = 24, SKIPPED = 77 };

typedef struct sample {
    cairn_keypoints a, b;
    int sizes[4], top_k; /* ha, wa, hb, wb */
    double eps;
    cairn_homography h;
} sample;

/* Half of b's points are a's, moved by the homography and a little noise, with noisy descriptors. */
static void make(sample *s, uint32_t seed)
{
    cairn_rng rng = cairn_rng_stream(seed, 7, 0, 0, 0);
    int na = cairn_rng_integer(&rng, 150, 400), nb = cairn_rng_integer(&rng, 150, 400);
    *s = (sample){.sizes = {240, 320, 200, 300}, .top_k = cairn_rng_integer(&rng, 40, 300), .eps = 3};
    s->h = (cairn_homography){{1.05, 0.08, -12, -0.06, 0.97, 9, 2e-4, -1e-4, 1}};
    assert_ok(cairn_keypoints_create(&s->a, na, DIMENSION));
    assert_ok(cairn_keypoints_create(&s->b, nb, DIMENSION));
    for (int i = 0; i < na; i++) {
        s->a.points[i] = (cairn_keypoint){(float)cairn_rng_between(&rng, 0, 319),
                                          (float)cairn_rng_between(&rng, 0, 239), (float)cairn_rng_uniform(&rng)};
        for (int d = 0; d < DIMENSION; d++) s->a.descriptors[i * DIMENSION + d] = (float)cairn_rng_normal(&rng);
    }
    for (int i = 0; i < nb; i++) {
        double x = cairn_rng_between(&rng, 0, 299), y = cairn_rng_between(&rng, 0, 199);
        bool twin = i < na && i % 2 == 0;
        if (twin) {
            cairn_homography_apply(&s->h, s->a.points[i].x, s->a.points[i].y, &x, &y);
            x += cairn_rng_normal(&rng);
            y += cairn_rng_normal(&rng);
        }
        s->b.points[i] = (cairn_keypoint){(float)x, (float)y, (float)cairn_rng_uniform(&rng)};
        for (int d = 0; d < DIMENSION; d++)
            s->b.descriptors[i * DIMENSION + d] =
                (float)((twin ? s->a.descriptors[i * DIMENSION + d] : 0) + 0.8 * cairn_rng_normal(&rng));
    }
}

static void save(const sample *s, const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    const int32_t head[] = {s->a.count,  s->b.count,  DIMENSION,   s->sizes[0],
                            s->sizes[1], s->sizes[2], s->sizes[3], s->top_k};
    size_t na = (size_t)s->a.count, nb = (size_t)s->b.count;
    bool ok = fwrite(head, sizeof head, 1, file) == 1 && fwrite(&s->eps, sizeof s->eps, 1, file) == 1;
    ok = ok && fwrite(s->h.m, sizeof s->h.m, 1, file) == 1;
    ok = ok && fwrite(s->a.points, sizeof *s->a.points, na, file) == na;
    ok = ok && fwrite(s->a.descriptors, DIMENSION * sizeof(float), na, file) == na;
    ok = ok && fwrite(s->b.points, sizeof *s->b.points, nb, file) == nb;
    ok = ok && fwrite(s->b.descriptors, DIMENSION * sizeof(float), nb, file) == nb;
    assert_true(fclose(file) == 0 && ok);
}

/* The peer's answer, or NULL when it must be skipped. */
static cJSON *ask_peer(const char *path)
{
    char command[4096], text[4096];
    const char *source = getenv("CAIRN_TEST_SOURCE");
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/peers/metrics_peer.py' '%s'", source ? source : ".",
             path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(text, 1, sizeof text - 1, pipe);
    text[size] = 0;
    int code = pclose(pipe);
    if (WIFEXITED(code) && (WEXITSTATUS(code) == SKIPPED || WEXITSTATUS(code) == 127)) return NULL;
    if (code != 0) fail_msg("the peer failed: %s", command);
    cJSON *answer = cJSON_Parse(text);
    assert_non_null(answer);
    return answer;
}

static double number(const cJSON *answer, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(answer, name);
    if (!cJSON_IsNumber(item)) fail_msg("the peer's answer lacks %s", name);
    return item->valuedouble;
}

static void compare(const sample *s, const cJSON *answer)
{
    cairn_view a = {&s->a, s->sizes[0], s->sizes[1]}, b = {&s->b, s->sizes[2], s->sizes[3]};
    cairn_repeatability repeatability;
    cairn_homography inverse, shifted = s->h;
    cairn_labels there, back;
    double precision_there, precision_back;
    assert_ok(cairn_metric_repeatability(&repeatability, &a, &b, &s->h, s->eps, s->top_k));
    assert_near(repeatability.value, number(answer, "repeatability"), 1e-9);
    assert_near(repeatability.error, number(answer, "error"), 1e-6);
    assert_ok(cairn_homography_invert(&inverse, &s->h));
    assert_ok(cairn_metric_labels(&there, &a, &b, &s->h, s->eps));
    assert_ok(cairn_metric_labels(&back, &b, &a, &inverse, s->eps));
    assert_ok(cairn_labels_precision(&precision_there, &there));
    assert_ok(cairn_labels_precision(&precision_back, &back));
    assert_near((cairn_labels_score(&there) + cairn_labels_score(&back)) / 2, number(answer, "score"), 1e-9);
    assert_near((precision_there + precision_back) / 2, number(answer, "precision"), 1e-6);
    shifted.m[2] += 1.5;
    shifted.m[5] -= 2;
    double corner = cairn_metric_corner_error(&shifted, &s->h, a.h, a.w, CAIRN_CORNERS_CENTRES);
    assert_near(corner, number(answer, "corner"), 1e-9);
    cairn_labels_free(&there);
    cairn_labels_free(&back);
    double *scores = malloc((size_t)s->a.count * sizeof *scores);
    cairn_interval interval;
    assert_non_null(scores);
    for (int i = 0; i < s->a.count; i++) scores[i] = s->a.points[i].score;
    assert_ok(cairn_metric_bootstrap(&interval, scores, (size_t)s->a.count, 4000, 1));
    assert_near(interval.low, number(answer, "low"),
                0.005); /* other random numbers: 4000 resamples agree to about 0.001 */
    assert_near(interval.high, number(answer, "high"), 0.005);
    free(scores);
}

static void agrees_with_numpy(void **state)
{
    (void)state;
    char folder[] = "cairn_metrics_XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = cairn_file_join(folder, "case.bin");
    bool skipped = false;
    for (uint32_t seed = 1; seed <= 3 && !skipped; seed++) {
        sample s;
        make(&s, seed);
        save(&s, path);
        cJSON *answer = ask_peer(path);
        skipped = !answer;
        if (answer) compare(&s, answer);
        cJSON_Delete(answer);
        cairn_keypoints_free(&s.a);
        cairn_keypoints_free(&s.b);
    }
    unlink(path);
    rmdir(folder);
    free(path);
    if (skipped) exit(SKIPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_numpy)};
    return cmocka_run_group_tests_name("metrics against NumPy", tests, NULL, NULL);
}
