/* Scores of the corner detectors against OpenCV's, at the points that we choose. Skipped where OpenCV is absent. */
#include "base/rng.h"
#include "experiments/baselines/baselines.h"
#include "support/test.h"
#include "system/file.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

enum { H = 90, W = 121, SKIPPED = 77 };

/* Random rectangles in 8-bit steps with noise, so that the image survives OpenCV's bytes. */
static cairn_image scene(void)
{
    cairn_image image;
    cairn_rng rng = cairn_rng_stream(4, 0, 0, 0, 0);
    assert_ok(cairn_image_create(&image, H, W, 1));
    for (int n = 0; n < 60; n++) {
        int x0 = cairn_rng_integer(&rng, 0, W), y0 = cairn_rng_integer(&rng, 0, H),
            v = cairn_rng_integer(&rng, 20, 230);
        int x1 = x0 + cairn_rng_integer(&rng, 6, 30), y1 = y0 + cairn_rng_integer(&rng, 6, 30);
        for (int y = y0; y < y1 && y < H; y++)
            for (int x = x0; x < x1 && x < W; x++) image.pixels[y * W + x] = (float)v;
    }
    for (int i = 0; i < H * W; i++)
        image.pixels[i] = fminf(255, image.pixels[i] + (float)cairn_rng_integer(&rng, 0, 6)) / 255;
    return image;
}

static void save(const char *path, const cairn_image *image, const cairn_keypoints *k)
{
    const int32_t head[] = {image->h, image->w, k->count};
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    bool ok = fwrite(head, sizeof head, 1, file) == 1;
    ok = ok && fwrite(image->pixels, sizeof(float), H * W, file) == H * W;
    ok = ok && fwrite(k->points, sizeof *k->points, (size_t)k->count, file) == (size_t)k->count;
    assert_true(fclose(file) == 0 && ok);
}

static void compare(const char *name, double tolerance)
{
    char file_name[] = "cairn_baselines_XXXXXX", command[4096];
    const char *source = getenv("CAIRN_TEST_SOURCE");
    cairn_image image = scene();
    cairn_detector detector;
    cairn_keypoints found;
    double difference = NAN;
    int handle = mkstemp(file_name);
    assert_true(handle >= 0);
    close(handle);
    assert_ok(cairn_baseline_by_name(&detector, name, 3));
    assert_ok(detector.detect(detector.state, &image, 100, &found));
    assert_true(found.count > 40);
    save(file_name, &image, &found);
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/peers/baselines_peer.py' %s '%s'",
             source ? source : ".", name, file_name);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    int got = fscanf(pipe, "%lf", &difference), code = pclose(pipe);
    unlink(file_name);
    cairn_keypoints_free(&found);
    cairn_detector_free(&detector);
    cairn_image_free(&image);
    if (WIFEXITED(code) && (WEXITSTATUS(code) == SKIPPED || WEXITSTATUS(code) == 127)) exit(SKIPPED);
    if (code != 0 || got != 1) fail_msg("the peer failed: %s", command);
    if (!(difference <= tolerance)) fail_msg("%s: scores differ by %g of the largest", name, difference);
}

static void scores_are_those_of_opencv(void **state)
{
    (void)state;
    compare("harris", 1e-5);
    compare("shi-tomasi", 1e-5);
    compare("fast", 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scores_are_those_of_opencv)};
    return cmocka_run_group_tests_name("baselines against OpenCV", tests, NULL, NULL);
}
