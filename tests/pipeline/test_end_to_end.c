/* Every kind of stage in miniature, from shapes to student, on photographs; then the program uses what came out. */
#include "support/program.h"

#include "data/image.h"
#include "formats/npz.h"
#include "system/file.h"

#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static cairn_program_run run;
static char folder[64];
static const char recipe[] =
    "name: tiny\n"
    "seed: 5\n"
    "photos: {height: 64, width: 96, limit: 4, holdout: 0.5}\n"
    "stages:\n"
    "  - {name: shapes, kind: magicpoint, steps: 3, batch: 1, width: 0.125, height: 64, image_width: 96,\n"
    "     canvas_height: 128, calibrate: 1, log_every: 1}\n"
    "  - {name: labels, kind: adaptation, teacher: shapes, views: 3, threshold: 0, top_k: 30, previews: 1}\n"
    "  - {name: teacher, kind: superpoint, labels: labels, start: shapes, steps: 3, batch: 1, width: 0.125,\n"
    "     descriptor: 32, calibrate: 1, log_every: 1}\n"
    "  - {name: student, kind: student-phase1, teacher: teacher, steps: 3, batch: 1, width: 0.25, channels: 32,\n"
    "     calibrate: 1, log_every: 1}\n"
    "  - {name: scores, kind: evaluate, teacher: teacher, student: student, baselines: 'harris,random',\n"
    "     height: 64, image_width: 96, top_k: 30, points: 60}\n"
    "  - {name: page, kind: report, after: [shapes, labels, teacher, student, scores]}\n";

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static char *in_folder(const char *name)
{
    static char paths[16][192];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void expect_success(const char *const *words)
{
    cairn_program_succeed(&run, words);
}

/* Boards under waves of light, so that there are corners and no two pictures alike. */
static void write_photo(int number)
{
    char name[64];
    const int h = 150, w = 200, cell = 10 + 3 * number;
    cairn_image image = {0};
    assert_int_equal(cairn_image_create(&image, h, w, 3), CAIRN_OK);
    for (int i = 0; i < h * w; i++) {
        const int y = i / w, x = i % w;
        const double wave = 0.5 + 0.3 * sin(0.05 * x + number) * cos(0.04 * y);
        for (int c = 0; c < 3; c++)
            image.pixels[3 * i + c] = (float)(((x / cell + y / cell) % 2 ? 0.9 : 0.3) * wave + 0.05 * c);
    }
    snprintf(name, sizeof name, "photos/board-%d.png", number);
    assert_int_equal(cairn_image_save_png(&image, in_folder(name)), CAIRN_OK);
    cairn_image_free(&image);
}

/* The variable CAIRN_TEST_PHOTOS or pictures of our own. */
static const char *photos_override(void)
{
    static char text[512];
    const char *given = getenv("CAIRN_TEST_PHOTOS");
    snprintf(text, sizeof text, "photos.root=%s", given && *given ? given : in_folder("photos"));
    return text;
}

static void test_end_to_end__runs_every_stage_once(void **state)
{
    (void)state;
    const char *const words[] = {"run", in_folder("tiny.yaml"), photos_override(), "--out", in_folder("run"), NULL};
    static const char *const files[] = {"recipe.yaml",
                                        "shapes/stage.json",
                                        "shapes/metrics.jsonl",
                                        "shapes/model.safetensors",
                                        "labels/stage.json",
                                        "teacher/model.safetensors",
                                        "student/model.safetensors",
                                        "student/stage.json",
                                        "scores/evaluation.json",
                                        "report.html",
                                        NULL};
    expect_success(words);
    for (int i = 0; files[i]; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/run/%s", folder, files[i]);
        if (!cairn_file_exists(path)) fail_msg("%s is missing", path);
    }
    assert_non_null(strstr(run.out, "report.html"));
    /* What is kept in memory changes no result, so nothing is done again. */
    expect_success(WORDS("run", in_folder("tiny.yaml"), photos_override(), "photos.memory=1", "--out", in_folder("run")));
    int skipped = 0;
    for (const char *at = run.err; (at = strstr(at, "done before")); at++) skipped++;
    assert_int_equal(skipped, 6);
}

static void test_end_to_end__results_can_be_used(void **state)
{
    (void)state;
    const char *teacher = in_folder("run/teacher/model.safetensors"), *photo = in_folder("photos/board-1.png");
    expect_success(
        WORDS("detect", "--model", teacher, photo, "--out", in_folder("found"), "--threshold", "0", "--top-k", "50"));
    cairn_npz npz = {0};
    const cairn_npz_array *points = NULL, *descriptors = NULL;
    assert_int_equal(cairn_npz_read(&npz, in_folder("found/board-1.npz")), CAIRN_OK);
    assert_int_equal(cairn_npz_require(&points, &npz, "keypoints", CAIRN_NPZ_F32, 2, (const int64_t[]){50, 3}),
                     CAIRN_OK);
    assert_int_equal(cairn_npz_require(&descriptors, &npz, "descriptors", CAIRN_NPZ_F32, 2, (const int64_t[]){50, 32}),
                     CAIRN_OK);
    for (int i = 0; i < 50; i++) {
        double norm = 0;
        for (int c = 0; c < 32; c++) norm += pow(((const float *)descriptors->data)[32 * i + c], 2);
        assert_true(fabs(norm - 1) < 1e-4);
    }
    cairn_npz_free(&npz);
    expect_success(
        WORDS("match", "--model", teacher, photo, photo, "--out", in_folder("match.png"), "--threshold", "0"));
    assert_true(cairn_file_exists(in_folder("match.png")));
    expect_success(
        WORDS("detect", "--model", in_folder("run/student/model.safetensors"), photo, "--out", in_folder("found")));
    expect_success(WORDS("info", in_folder("run/student/model.safetensors")));
    assert_non_null(strstr(run.out, "model: sp-fpn"));
    expect_success(WORDS("report", in_folder("run"), "--out", in_folder("page.html")));
    uint8_t *page = NULL;
    size_t size = 0;
    assert_int_equal(cairn_file_read(&page, &size, in_folder("page.html"), 1 << 26), CAIRN_OK);
    assert_non_null(strstr((char *)page, "student"));
    free(page);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static int prepare(void **state)
{
    (void)state;
    strcpy(folder, "cairn-test-tiny-XXXXXX");
    if (!mkdtemp(folder) || cairn_file_make_folder(in_folder("photos")) < 0) return -1;
    for (int i = 0; i < 4; i++) write_photo(i);
    return cairn_file_write(in_folder("tiny.yaml"), recipe, strlen(recipe));
}

static int clean_up(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_to_end__runs_every_stage_once),
        cmocka_unit_test(test_end_to_end__results_can_be_used),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
