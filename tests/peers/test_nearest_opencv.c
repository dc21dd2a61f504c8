/* Nearest neighbours against OpenCV's BFMatcher and NumPy. Skipped where Python has no cv2. */
#include "matching/nearest.h"
#include "support/scratch.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

enum { A = 700, B = 900, D = 64 };

static const char script[] =
    "import sys, cv2, numpy as np\n"
    "na, nb, d = map(int, sys.argv[2:5])\n"
    "x = np.fromfile(sys.argv[1], np.float32).reshape(-1, d); a, b = x[:na], x[na:]\n"
    "cross = cv2.BFMatcher(cv2.NORM_L2, crossCheck=True).match(a, b)\n"
    "print('mutual', *['%d %d %.9g' % (m.queryIdx, m.trainIdx, m.distance)\n"
    "                  for m in sorted(cross, key=lambda m: m.queryIdx)])\n"
    "two = [p for p in cv2.BFMatcher(cv2.NORM_L2).knnMatch(a, b, k=2) if p[0].distance < 0.9 * p[1].distance]\n"
    "print('oneway', *['%d %d %.9g' % (p[0].queryIdx, p[0].trainIdx, p[0].distance) for p in two])\n"
    "e = np.sqrt(((a[:, None].astype(np.float64) - b[None]) ** 2).sum(-1))\n"
    "i = np.arange(na); j = e.argmin(1); s, t = np.sort(e, 1), np.sort(e, 0)\n"
    "k = (e.argmin(0)[j] == i) & (s[:, 0] < 0.9 * s[:, 1]) & (t[0, j] < 0.9 * t[1, j]) & (s[:, 0] <= 0.8)\n"
    "print('both', *['%d %d %.9g' % (n, j[n], s[n, 0]) for n in i[k]])\n";

static void compare(FILE *answer, const char *name, const cairn_keypoints *a, const cairn_keypoints *b,
                    const cairn_nearest_options *options)
{
    cairn_match *matches;
    int count, i, j;
    char word[16];
    double distance;
    assert_ok(cairn_nearest_match(&matches, &count, a, b, options));
    assert_int_equal(fscanf(answer, "%15s", word), 1);
    assert_string_equal(word, name);
    for (int n = 0; n < count; n++) {
        assert_int_equal(fscanf(answer, "%d %d %lf", &i, &j, &distance), 3);
        assert_int_equal(matches[n].a, i);
        assert_int_equal(matches[n].b, j);
        assert_near(matches[n].distance, distance, 1e-4);
    }
    assert_true(count > 50);
    print_message("%s: the same %d matches\n", name, count);
    free(matches);
}

static void test_agrees_with_opencv(void **state)
{
    (void)state;
    cairn_keypoints a, b;
    char command[4096];
    cairn_rng rng = cairn_rng_stream(1, 80, 0, 0, 0);
    assert_ok(cairn_keypoints_create(&a, A, D));
    assert_ok(cairn_keypoints_create(&b, B, D));
    for (int i = 0; i < A + B; i++) {
        float *d = i < A ? a.descriptors + i * D : b.descriptors + (i - A) * D;
        double norm = 0;
        for (int k = 0; k < D; k++) { /* the first 300 of b resemble those of a */
            d[k] = (float)cairn_rng_normal(&rng) * (i >= A && i < A + 300 ? 0.8f : 1.0f);
            if (i >= A && i < A + 300) d[k] += 8 * a.descriptors[(i - A) * D + k];
            norm += d[k] * d[k];
        }
        for (int k = 0; k < D; k++) d[k] /= (float)sqrt(norm);
    }
    float *both = malloc((size_t)(A + B) * D * sizeof *both);
    assert_non_null(both);
    memcpy(both, a.descriptors, (size_t)A * D * sizeof *both);
    memcpy(both + A * D, b.descriptors, (size_t)B * D * sizeof *both);
    const char *file = test_path("descriptors");
    test_put(file, both, (size_t)(A + B) * D * sizeof *both);
    snprintf(command, sizeof command, "/usr/bin/python3 -c \"%s\" '%s' %d %d %d", script, file, A, B, D);
    FILE *answer = popen(command, "r");
    assert_non_null(answer);
    compare(answer, "mutual", &a, &b, &CAIRN_NEAREST_OPTIONS_INIT);
    compare(answer, "oneway", &a, &b, &(cairn_nearest_options){.ratio = 0.9f});
    compare(answer, "both", &a, &b, &(cairn_nearest_options){.mutual = true, .ratio = 0.9f, .max_distance = 0.8f});
    while (fgetc(answer) != EOF) continue; /* the writer must not find the pipe closed */
    assert_int_equal(pclose(answer), 0);
    free(both);
    cairn_keypoints_free(&a);
    cairn_keypoints_free(&b);
}

int main(void)
{
    if (system("/usr/bin/python3 -c 'import cv2, numpy' >/dev/null 2>&1") != 0) return 77;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_agrees_with_opencv)};
    return cmocka_run_group_tests(tests, test_scratch_create, test_scratch_remove);
}
