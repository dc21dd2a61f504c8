/* The page of a fabricated run folder. */
#include "experiments/evaluation/evaluate.h"
#include "experiments/report/drawing.h"
#include "experiments/report/report.h"
#include "support/test.h"
#include "system/file.h"

#include <cjson/cJSON.h>
#include <ftw.h>
#include <math.h>
#include <unistd.h>

static char root[] = "cairn_report_XXXXXX";

static void put(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    assert_ok(cairn_file_make_folder(path));
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    assert_ok(cairn_file_write(path, text, strlen(text)));
}

static char *make_page(const char *folder)
{
    char from[512], to[512];
    uint8_t *bytes;
    size_t size;
    snprintf(from, sizeof from, "%s/%s", root, folder);
    snprintf(to, sizeof to, "%s/%s.html", root, folder);
    assert_ok(cairn_report_write(from, to));
    assert_ok(cairn_file_read(&bytes, &size, to, 64 << 20));
    return (char *)bytes;
}

static void expect(const char *page, const char *text)
{
    if (!strstr(page, text)) fail_msg("the page lacks: %s", text);
}

static void expect_order(const char *page, const char *first, const char *second)
{
    expect(page, first);
    expect(page, second);
    if (strstr(page, first) > strstr(page, second)) fail_msg("\"%s\" stands after \"%s\"", first, second);
}

/* An evaluation with made-up rows: the teacher at 0.6, the untrained network at 0.2, one classical method at 0.4. */
static void put_evaluation(const char *folder)
{
    enum { PAIRS = 12, METHODS = 3 };
    static cairn_pair_row rows[METHODS][PAIRS];
    static cairn_evaluation_pair pairs[PAIRS];
    static const double level[METHODS] = {0.6, 0.2, 0.4};
    cairn_evaluation_method methods[METHODS] = {
        {.name = "SuperPoint", .role = CAIRN_ROLE_TEACHER, .dimension = 256, .rows = rows[0], .pooled_precision = 0.5},
        {.name = "untrained", .role = CAIRN_ROLE_UNTRAINED_TEACHER, .rows = rows[1], .pooled_precision = NAN},
        {.name = "Harris <&>", .role = CAIRN_ROLE_CLASSICAL, .rows = rows[2], .pooled_precision = NAN}};
    cairn_evaluation e = {.protocol = "rep-tf",
                          .set = "photos",
                          .options = CAIRN_EVALUATION_OPTIONS_INIT,
                          .h = 120,
                          .w = 160,
                          .pairs = PAIRS,
                          .used = PAIRS,
                          .methods = METHODS,
                          .pair = pairs,
                          .method = methods};
    const cairn_evaluation *sets[] = {&e};
    char path[512];
    for (int i = 0; i < PAIRS; i++) {
        pairs[i] =
            (cairn_evaluation_pair){.kind = i % 2 ? CAIRN_PAIR_VIEWPOINT : CAIRN_PAIR_ILLUMINATION, .used = true};
        for (int m = 0; m < METHODS; m++) {
            double error = m == 0 ? (i < 6 ? 2.5 : INFINITY) : NAN;
            rows[m][i] = (cairn_pair_row){level[m] + 0.01 * (i % 3), 1, NAN, NAN, error, error, 300, NAN, NAN, 0.01};
        }
    }
    snprintf(path, sizeof path, "%s/%s", root, folder);
    assert_ok(cairn_evaluation_write(sets, 1, path));
}

static void put_picture(const char *folder, const char *name)
{
    char path[512];
    cairn_image image, drawing;
    assert_ok(cairn_image_create(&image, 40, 60, 1));
    cairn_keypoint p = {20, 20, 1};
    cairn_keypoints k = {1, 0, &p, NULL};
    assert_ok(cairn_draw_keypoints(&drawing, &(cairn_picture){&image, &k, "a title"}));
    assert_int_equal(drawing.c, 3);
    assert_int_equal(drawing.w, 240); /* enlarged four times */
    snprintf(path, sizeof path, "%s/%s", root, folder);
    assert_ok(cairn_file_make_folder(path));
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    assert_ok(cairn_image_save_png(&drawing, path));
    cairn_image_free(&image);
    cairn_image_free(&drawing);
}

static void a_whole_run_is_shown(void **state)
{
    (void)state;
    put("demo", "recipe.yaml",
        "name: demo\nstages:\n  - name: zebra\n    kind: magicpoint\n  - name: adapt\n    kind: adaptation\n"
        "  - name: judge\n    kind: evaluate\n    note: \"<script>alert(1)</script>\"\n");
    put("demo/zebra", "stage.json",
        "{\"kind\":\"magicpoint\",\"settings\":{\"steps\":400,\"augment\":true,\"note\":\"a<b\"},\"seconds\":75,"
        "\"device\":\"llvmpipe\",\"driver\":\"Mesa\",\"seed\":7}");
    put("demo/zebra", "metrics.jsonl",
        "{\"step\":1,\"loss\":4.0,\"rate\":0.1}\n{\"step\":2,\"loss\":3.0}\nbroken\n{\"step\":3,\"loss\":2.0}\n"
        "{\"step\":2,\"loss\":2.5}\n{\"step\":3,\"loss\":1.25}\n");
    put("demo/adapt", "stage.json", "{\"kind\":\"adaptation\",\"seconds\":3,\"device\":\"llvmpipe\"}");
    put_picture("demo/adapt/pictures", "heat.png");
    put("demo/adapt/pictures", "captions.json", "{\"heat.png\":\"A heatmap <i>averaged</i>\"}");
    put("demo/adapt/pictures", "fake.png", "this is no picture");
    put_evaluation("demo/judge");
    char *page = make_page("demo");
    expect(page, "<!doctype html>");
    expect(page, "The trained teacher beats the untrained network by 40.0 percentage points of repeatability");
    expect(page, "<b class=\"best\">0.610</b>"); /* 0.6 + 0.01 (0 + 1 + 2) / 3 */
    expect(page, "0.500");                       /* homography within 3 px: half of the pairs */
    expect(page, "Harris &lt;&amp;&gt;");
    expect(page, "viewpoint (6)");
    expect(page, "4 at first, 1.25 at the end");
    expect(page, "metrics.jsonl that could not be read and are left out: 1");
    expect(page, "data:image/png;base64,iVBORw0KGgo");
    expect(page, "A heatmap &lt;i&gt;averaged&lt;/i&gt;");
    expect(page, "Pictures left out");
    expect(page, "1 min 18 s");
    expect(page, "note = a&lt;b");
    expect(page, "&lt;script&gt;");
    expect(page, "prefers-color-scheme:dark");
    expect_order(page, "<h3>zebra", "<h3>adapt"); /* the recipe's order, not the alphabet's */
    static const char *const outside[] = {"http:",   "https:", "<script", "<link",
                                          "@import", "url(",   "src=\"/", "<iframe"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (strstr(page, outside[i])) fail_msg("the page holds \"%s\"", outside[i]);
    free(page);
}

static void an_empty_run_says_so(void **state)
{
    (void)state;
    put("empty", "nothing.txt", "");
    char *page = make_page("empty");
    expect(page, "No evaluation has been made");
    expect(page, "No stage has recorded training curves");
    expect(page, "No stage has left pictures");
    expect(page, "holds no recipe.yaml");
    free(page);
    assert_status(cairn_report_write("cairn_no_such_folder", "x.html"), CAIRN_E_NOTFOUND, "cairn_no_such_folder");
}

static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    put("odd/a", "stage.json",
        "{\"kind\": 5, \"seconds\": \"long\", \"device\": [], \"settings\": [1, {\"x\": null}]}");
    put("odd/a", "metrics.jsonl",
        "[1,2]\n{\"step\":\"x\"}\n{\"step\":1e999,\"loss\":1}\n{\"step\":1,\"loss\":null}\n\n");
    put("odd/b", "evaluation.json",
        "{\"sets\":[5, {}, {\"methods\":[{}, 3], \"comparisons\":[{\"measure\":\"repeatability\"}]}]}");
    put("odd/c", "evaluation.json", "{\"sets\":");
    put("odd/d", "stage.json", "");
    put("odd/e", "metrics.jsonl", "{\"step\":1,\"loss\":0}\n");
    put("odd/e/pictures", "captions.json", "[]");
    char *page = make_page("odd");
    expect(page, "</html>");
    expect(page, "unknown");
    if (strstr(page, "nan")) fail_msg("the page shows nan: %.60s", strstr(page, "nan") - 30);
    free(page);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_whole_run_is_shown), cmocka_unit_test(an_empty_run_says_so),
                                       cmocka_unit_test(damaged_files_do_no_harm)};
    return cmocka_run_group_tests_name("report", tests, begin, end);
}
