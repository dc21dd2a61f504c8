/* Robust homographies against OpenCV's findHomography. Skipped where Python has no cv2. */
#include "geometry/keypoints.h"
#include "support/program.h"
#include "support/test.h"

#include <math.h>
#include <unistd.h>

enum { CASES = 40, PAIRS = 200, W = 640, H = 480 };

static const char script[] =
    "import sys, cv2, numpy as np\n"
    "rows = np.loadtxt(sys.argv[1]).reshape(-1, int(sys.argv[2]), 4)\n"
    "for i, r in enumerate(rows):\n"
    "    h, m = cv2.findHomography(r[:, :2], r[:, 2:], cv2.RANSAC, 3.0, maxIters=2000, confidence=0.995)\n"
    "    print(' '.join('%.17g' % v for v in h.ravel()))\n"
    "    if i < len(rows) // 2: h = cv2.findHomography(r[:, :2], r[:, 2:], 0)[0]\n"
    "    print(' '.join('%.17g' % v for v in h.ravel()), ''.join(str(int(v)) for v in m.ravel()))\n";

static double from[2 * CASES][2 * PAIRS], to[2 * CASES][2 * PAIRS];
static cairn_homography truth[2 * CASES], peer[2 * CASES], robust[2 * CASES];
static char masks[2 * CASES][PAIRS + 1];

/* Cases below CASES: noise 0.2 px, no outliers; the others: 1 px and 40 % outliers. In the clean cases the peer's
 * matrix is its least-squares fit to all pairs: its robust fit keeps the inliers of the best sample of four, which here
 * miss up to a few pairs in a hundred that ours rightly keeps. */
static void make(FILE *file)
{
    for (uint32_t n = 0; n < 2 * CASES; n++) {
        cairn_rng rng = cairn_rng_stream(n, 78, 0, 0, 0);
        cairn_homography_options o = CAIRN_HOMOGRAPHY_OPTIONS_INIT;
        /* Under strong perspective some pairs shrink many times, and our symmetric error rightly differs from the
         * peer's forward error. */
        if (n < CASES) o.perspective_x = o.perspective_y = 0.1;
        assert_ok(cairn_homography_sample(&truth[n], &rng, H, W, &o));
        double noise = n < CASES ? 0.2 : 1;
        for (int i = 0; i < PAIRS; i++) {
            double x = cairn_rng_between(&rng, 0, W), y = cairn_rng_between(&rng, 0, H), u, v;
            cairn_homography_apply(&truth[n], x, y, &u, &v);
            u += noise * cairn_rng_normal(&rng);
            v += noise * cairn_rng_normal(&rng);
            if (n >= CASES && i % 5 < 2) {
                u = cairn_rng_between(&rng, 0, W);
                v = cairn_rng_between(&rng, 0, H);
            }
            from[n][2 * i] = x;
            from[n][2 * i + 1] = y;
            to[n][2 * i] = u;
            to[n][2 * i + 1] = v;
            fprintf(file, "%.17g %.17g %.17g %.17g\n", x, y, u, v);
        }
    }
}

static double corner_error(const cairn_homography *a, const cairn_homography *b)
{
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? W - 1 : 0, y = i & 2 ? H - 1 : 0, u, v, s, t;
        cairn_homography_apply(a, x, y, &u, &v);
        cairn_homography_apply(b, x, y, &s, &t);
        sum += hypot(u - s, v - t) / 4;
    }
    return sum;
}

static void ask_peer(void)
{
    char name[] = "cairn-peer-XXXXXX", command[2048];
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    make(file);
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof command, "/usr/bin/python3 -c \"%s\" %s %d", script, name, PAIRS);
    FILE *answer = popen(command, "r");
    assert_non_null(answer);
    for (int n = 0; n < 2 * CASES; n++) {
        for (int i = 0; i < 9; i++) assert_int_equal(fscanf(answer, "%lf", &robust[n].m[i]), 1);
        for (int i = 0; i < 9; i++) assert_int_equal(fscanf(answer, "%lf", &peer[n].m[i]), 1);
        assert_int_equal(fscanf(answer, "%200s", masks[n]), 1);
        assert_int_equal(strlen(masks[n]), PAIRS);
    }
    while (fgetc(answer) != EOF) continue; /* the writer must not find the pipe closed */
    assert_int_equal(pclose(answer), 0);
    unlink(name);
}

static void test_agrees_with_opencv(void **state)
{
    (void)state;
    double worst = 0, ours = 0, theirs = 0;
    int differ = 0;
    for (uint32_t n = 0; n < 2 * CASES; n++) {
        cairn_homography h;
        uint8_t mask[PAIRS];
        assert_ok(cairn_homography_ransac(&h, from[n], to[n], PAIRS, 3, 2000, 0.995, n, mask));
        if (n < CASES) {
            worst = fmax(worst, corner_error(&h, &peer[n]));
            for (int i = 0; i < PAIRS; i++) differ += masks[n][i] == '1' && !mask[i];
        } else {
            ours += corner_error(&h, &truth[n]) / CASES;
            theirs += corner_error(&peer[n], &truth[n]) / CASES;
        }
    }
    print_message("clean: largest corner difference %.4f px, the peer's inliers that we miss %d of %d; 40 %% outliers: "
                  "corner error "
                  "%.3f px, OpenCV %.3f\n",
                  worst, differ, CASES * PAIRS, ours, theirs);
    assert_true(worst < 0.1);
    assert_true(differ <= CASES * PAIRS / 100);
    assert_true(ours < 1.1 * theirs);
}

/* The estimator for parity: the very same samples, so the very same inliers; the last refinement may stop elsewhere. */
static void test_parity_estimator_has_the_same_inliers(void **state)
{
    (void)state;
    double worst = 0;
    for (int n = 0; n < 2 * CASES; n++) {
        cairn_homography h;
        uint8_t mask[PAIRS];
        assert_ok(cairn_homography_ransac_cv(&h, from[n], to[n], PAIRS, 3, 2000, 0.995, mask));
        for (int i = 0; i < PAIRS; i++)
            if (mask[i] != (masks[n][i] == '1')) fail_msg("case %d, pair %d: inlier %d", n, i, mask[i]);
        worst = fmax(worst, corner_error(&h, &robust[n]));
    }
    print_message("parity: the same inliers in %d cases, largest corner difference %.2g px\n", 2 * CASES, worst);
    assert_true(worst < 1e-3);
}

/* `cairn benchmark homography` has a row for each estimator of either side; the one for parity finds the very inliers
 * of the peer's. */
static void test_benchmark_beside_opencv(void **state)
{
    (void)state;
    static cairn_program_run run;
    char peer_script[2048];
    int rows = 0, equal = 0;
    double ours = -1;
    const char *source = getenv("CAIRN_TEST_SOURCE");
    if (!source || !getenv("CAIRN_TEST_PROGRAM")) skip();
    snprintf(peer_script, sizeof peer_script, "%s/tests/peers/homography_peer.py", source);
    const char *const words[] = {"benchmark", "homography", "--runs", "5",  "--python", "/usr/bin/python3",
                                 "--peer",    peer_script,  NULL};
    cairn_program_call(&run, words, NULL, 0);
    if (run.code != 0) fail_msg("%s", run.err);
    for (char *line = strtok(run.out, "\n"); line; line = strtok(NULL, "\n")) {
        const char *inliers = strstr(line, "\"inliers\":");
        assert_non_null(inliers);
        const double count = atof(inliers + 10);
        if (strstr(line, "\"cv\"")) ours = count;
        if (strstr(line, "\"peer ransac\"")) equal += count == ours;
        rows++;
    }
    assert_true(rows >= 6 * 6);
    assert_int_equal(equal, 6);
}

static int ask(void **state)
{
    (void)state;
    ask_peer();
    return 0;
}

int main(void)
{
    if (system("/usr/bin/python3 -c 'import cv2, numpy' >/dev/null 2>&1") != 0) return 77;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_agrees_with_opencv),
                                       cmocka_unit_test(test_parity_estimator_has_the_same_inliers),
                                       cmocka_unit_test(test_benchmark_beside_opencv)};
    return cmocka_run_group_tests(tests, ask, NULL);
}
