/* The pages of fabricated run folders. */
#include "experiments/gallery/drawing.h"
#include "experiments/report/report.h"
#include "support/test.h"
#include "system/file.h"

#include <cjson/cJSON.h>
#include <ftw.h>
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

static char *take(const char *name)
{
    char path[512];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_ok(cairn_file_read(&bytes, &size, path, 64 << 20));
    return (char *)bytes;
}

/* The page of one run, or of two. */
static char *make_page(const char *first, const char *second)
{
    char from[2][512], to[512];
    const char *const runs[] = {from[0], from[1]};
    snprintf(from[0], sizeof from[0], "%s/%s", root, first);
    snprintf(from[1], sizeof from[1], "%s/%s", root, second ? second : "");
    snprintf(to, sizeof to, "%s/page.html", root);
    assert_ok(cairn_report_write(runs, second ? 2 : 1, to));
    return take("page.html");
}

static void expect(const char *page, const char *text)
{
    if (!strstr(page, text)) fail_msg("the page lacks: %s", text);
}

static void expect_none(const char *page, const char *text)
{
    if (strstr(page, text)) fail_msg("the page holds: %.80s", strstr(page, text));
}

static void expect_order(const char *page, const char *first, const char *second)
{
    expect(page, first);
    expect(page, second);
    if (strstr(page, first) > strstr(page, second)) fail_msg("\"%s\" stands after \"%s\"", first, second);
}

/* A method of a made-up evaluation: repeatability of pair i is level + 0.01 (i mod 3). */
typedef struct made {
    const char *name, *role;
    double level;
} made;

enum { PAIRS = 12 };

static const char *kind_of(int pair)
{
    return pair % 2 ? "viewpoint" : "illumination";
}

static double value_of(const made *m, int pair)
{
    return m->level + 0.01 * (pair % 3);
}

static void add_summary(cJSON *parent, const char *kind, const made *m)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < PAIRS; i++) {
        if (strcmp(kind, "all") && strcmp(kind, kind_of(i))) continue;
        sum += value_of(m, i);
        count++;
    }
    cJSON *value = cJSON_AddObjectToObject(cJSON_AddObjectToObject(parent, kind), "repeatability");
    cJSON_AddNumberToObject(value, "mean", sum / count);
    cJSON_AddNumberToObject(value, "low", sum / count - 0.02);
    cJSON_AddNumberToObject(value, "high", sum / count + 0.02);
    cJSON_AddNumberToObject(value, "count", count);
}

static void add_methods(cJSON *set, const made *methods, int count)
{
    cJSON *array = cJSON_AddArrayToObject(set, "methods");
    for (int m = 0; m < count; m++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(array, object);
        cJSON_AddStringToObject(object, "name", methods[m].name);
        cJSON_AddStringToObject(object, "role", methods[m].role);
        cJSON *summary = cJSON_AddObjectToObject(object, "summary");
        add_summary(summary, "all", &methods[m]);
        add_summary(summary, "viewpoint", &methods[m]);
        const double mma[] = {0.25, 0.5, 0.75};
        cJSON_AddItemToObject(cJSON_AddObjectToObject(object, "mma"), "all", cJSON_CreateDoubleArray(mma, 3));
    }
}

static void add_rows(cJSON *set, const made *methods, int count)
{
    static const char *const columns[] = {"repeatability"};
    cJSON_AddItemToObject(set, "row_columns", cJSON_CreateStringArray(columns, 1));
    cJSON *rows = cJSON_AddArrayToObject(set, "rows");
    for (int i = 0; i < PAIRS; i++) {
        char name[32], sequence[32];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(rows, row);
        snprintf(sequence, sizeof sequence, "seq_%d", i % 4);
        snprintf(name, sizeof name, "seq_%d/1-%d", i % 4, 2 + i / 4);
        cJSON_AddStringToObject(row, "pair", name);
        cJSON_AddStringToObject(row, "sequence", sequence);
        cJSON_AddStringToObject(row, "kind", kind_of(i));
        cJSON_AddTrueToObject(row, "used");
        cJSON *numbers = cJSON_AddArrayToObject(row, "methods");
        for (int m = 0; m < count; m++) {
            const double value = value_of(&methods[m], i);
            cJSON_AddItemToArray(numbers, cJSON_CreateDoubleArray(&value, 1));
        }
    }
}

static cJSON *evaluation(const char *protocol, const made *methods, int count)
{
    cJSON *json = cJSON_Parse(
        "{\"version\":2,\"sets\":[{\"set\":\"photos\",\"device\":\"llvmpipe\",\"parameters\":{\"eps\":3},"
        "\"measures\":[{\"id\":\"repeatability\",\"title\":\"Repeatability\",\"unit\":\"\",\"better\":\"higher\","
        "\"group\":\"detection\",\"headline\":true}]}]}");
    assert_non_null(json);
    cJSON *set = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "sets"), 0);
    cJSON_AddStringToObject(set, "protocol", protocol);
    add_methods(set, methods, count);
    add_rows(set, methods, count);
    return json;
}

static cJSON *first_set(cJSON *json)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItem(json, "sets"), 0);
}

/* Writes it and frees it. */
static void put_json(const char *folder, cJSON *json)
{
    char *text = cJSON_Print(json);
    put(folder, "evaluation.json", text);
    cJSON_free(text);
    cJSON_Delete(json);
}

static const made usual[] = {
    {"SuperPoint", "teacher", 0.6}, {"untrained", "untrained-teacher", 0.2}, {"Harris <&>", "classical", 0.4}};

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

static void put_demo(void)
{
    put("demo", "recipe.yaml",
        "name: demo\nstages:\n  - name: zebra\n    kind: magicpoint\n  - name: adapt\n    kind: adaptation\n"
        "  - name: judge\n    kind: evaluate\n    note: \"<script>alert(1)</script>\"\n");
    put("demo/zebra", "stage.json",
        "{\"kind\":\"magicpoint\",\"settings\":{\"steps\":400,\"patience\":5,\"augment\":true,\"note\":\"a<b\"},\"seconds\":75,"
        "\"device\":\"llvmpipe\",\"driver\":\"Mesa\",\"seed\":7}");
    put("demo/zebra", "metrics.jsonl",
        "{\"step\":1,\"loss\":4.0,\"rate\":0.1,\"waiting\":0.5}\n{\"step\":2,\"loss\":3.0}\nbroken\n"
        "{\"step\":3,\"loss\":2.0}\n{\"step\":2,\"loss\":2.5}\n{\"step\":3,\"loss\":1.25,\"waiting\":0.125}\n");
    put("demo/adapt", "stage.json", "{\"kind\":\"adaptation\",\"seconds\":3,\"device\":\"llvmpipe\"}");
    put_picture("demo/adapt/pictures", "heat.png");
    put("demo/adapt/pictures", "captions.json", "{\"heat.png\":\"A heatmap <i>averaged</i>\"}");
    put("demo/adapt/pictures", "fake.png", "this is no picture");
    put_picture("demo/judge/pictures", "worst.png");
    cJSON *json = evaluation("recommended", usual, 3);
    cJSON_AddItemToObject(
        first_set(json), "comparisons",
        cJSON_Parse("[{\"method\":\"SuperPoint\",\"baseline\":\"untrained\",\"measure\":\"repeatability\",\"mean\":0.4,"
                    "\"low\":0.35,\"high\":0.45,\"count\":12}]"));
    cJSON_AddItemToObject(
        first_set(json), "gallery",
        cJSON_Parse(
            "[{\"method\":\"SuperPoint\",\"pair\":\"seq_1/1-3\",\"rank\":\"worst\",\"shows\":\"matches\","
            "\"file\":\"pictures/worst.png\",\"caption\":\"the worst of all\"},"
            "{\"method\":\"SuperPoint\",\"rank\":\"best\",\"shows\":\"matches\",\"file\":\"../recipe.yaml\"}]"));
    put_json("demo/judge", json);
}

static void a_whole_run_is_shown(void **state)
{
    (void)state;
    put_demo();
    char *page = make_page("demo", NULL);
    expect(page, "<!doctype html>");
    expect(page, "SuperPoint beats untrained: Repeatability 0.610 against 0.210");
    expect(page, "<b class=\"best\">0.610</b>"); /* 0.6 + 0.01 (0 + 1 + 2) / 3 */
    expect(page, "Harris &lt;&amp;&gt;");
    expect(page, "viewpoint (6)");
    expect(page, "Mean matching accuracy");
    expect(page, "4 at first, 1.25 at the end");
    expect(page, "waited for batches (mean over the steps): 25.0 %"); /* 0.5 of one step, 0.125 of two */
    expect(page, "Ended early at step 3 of 400: precision and recall had not improved in 5 validations");
    expect(page, "metrics.jsonl that could not be read and are left out: 1");
    expect(page, "data:image/png;base64,iVBORw0KGgo");
    expect(page, "A heatmap &lt;i&gt;averaged&lt;/i&gt;");
    expect(page, "the worst of all");
    expect(page, "Pictures left out");
    expect(page, "1 min 18 s");
    expect(page, "note = a&lt;b");
    expect(page, "&lt;script&gt;alert");
    expect(page, "prefers-color-scheme: dark");
    expect(page, "script-src 'sha256-");
    expect_order(page, "<h3>zebra", "<h3>adapt"); /* the recipe's order, not the alphabet's */
    expect_order(page, "the worst of all", "<h3>zebra");
    static const char *const outside[] = {"http:",   "https:",  "<script src", "<script>alert", "@import", "url(",
                                          "src=\"/", "<iframe", " style=\"",   "onclick",       "unsafe",  "/etc/"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (strcmp(outside[i], "http:") || strstr(page, "http://www.w3.org/2000/svg") != strstr(page, "http:"))
            expect_none(page, outside[i]);
    free(page);
}

/* Two scripts, the second ours: what comes from files must not end the first one or start another. */
static void texts_from_files_stay_texts(void **state)
{
    (void)state;
    static const made bad[] = {{"</script><script>alert(1)</script>", "\"><b>", 0.5},
                               {"=cmd|'/c calc'!A1", "classical", 0.4},
                               {"under_score & 50% $x$ \\input{a} | pipe", "classical", 0.3}};
    char path[512];
    put_json("bad", evaluation("<i>protocol</i>", bad, 3));
    char *page = make_page("bad", NULL);
    int scripts = 0;
    for (const char *at = page; (at = strstr(at, "<script")); at++) scripts++;
    assert_int_equal(scripts, 2);
    expect(page, "&lt;/script&gt;&lt;script&gt;alert(1)");
    expect_none(page, "<i>protocol");
    free(page);
    snprintf(path, sizeof path, "%s/tables", root);
    char from[512];
    snprintf(from, sizeof from, "%s/bad", root);
    assert_ok(cairn_report_tables((const char *const[]){from}, 1, path));
    char *csv = take("tables/photos-i-protocol-i-all-headline.csv");
    expect(csv, "\"'=cmd|'/c calc'!A1\",\"classical\",0.41,0.39,0.43\n");
    char *tex = take("tables/photos-i-protocol-i-all-headline.tex");
    expect(tex, "under\\_score \\& 50\\% \\$x\\$ \\textbackslash{}input\\{a\\} $\\mid$ pipe & 0.310 {");
    expect(tex, "$<$/script$>$$<$script$>$alert(1)$<$/script$>$ & \\textbf{0.510} {\\scriptsize [0.490, 0.530]} \\\\");
    char *md = take("tables/photos-i-protocol-i-viewpoint-detection.md");
    expect(md, "| under\\_score \\& 50% $x$ \\\\input\\{a\\} \\| pipe | 0.310 [0.290, 0.330] |");
    expect(md, "| **0.510** [0.490, 0.530] |");
    free(csv);
    free(tex);
    free(md);
}

static void runs_share_a_table_only_when_they_may(void **state)
{
    (void)state;
    static const made other[] = {{"SuperPoint", "teacher", 0.65}, {"Harris <&>", "classical", 0.4}};
    put_json("one", evaluation("recommended", usual, 3));
    put_json("two", evaluation("recommended", other, 2));
    char *page = make_page("one", "two");
    expect(page, "SuperPoint (one)");
    expect(page, "SuperPoint (two)");
    expect(page, "4 methods");               /* Harris has the same numbers in both: once */
    expect(page, "<b class=\"best\">0.660"); /* of the second */
    expect_none(page, "<b class=\"best\">0.610");
    free(page);
    put_json("two", evaluation("rpautrat", other, 2));
    page = make_page("one", "two");
    expect_none(page, "SuperPoint (one)");
    expect(page, "<b class=\"best\">0.610");
    expect(page, "<b class=\"best\">0.660");
    free(page);
    cJSON *json = evaluation("recommended", other, 2);
    cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(first_set(json), "rows"), 5);
    cJSON_SetValuestring(cJSON_GetObjectItem(row, "pair"), "seq_1/1-9");
    put_json("two", json);
    page = make_page("one", "two");
    expect_none(page, "SuperPoint (one)");
    expect(page, "used other pairs or parameters");
    free(page);
}

static void what_is_not_clearly_behind_is_marked(void **state)
{
    (void)state;
    static const made close[] = {
        {"first", "classical", 0.6}, {"second", "classical", 0.595}, {"chance", "chance", 0.9}};
    cJSON *json = evaluation("recommended", close, 3);
    for (int i = 0; i < PAIRS; i++) { /* with the same mean, the second is better on half of the pairs */
        cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(first_set(json), "rows"), i);
        cJSON *number = cJSON_GetArrayItem(cJSON_GetArrayItem(cJSON_GetObjectItem(row, "methods"), 1), 0);
        cJSON_SetNumberValue(number, number->valuedouble + (i % 2 ? 0.05 : -0.05));
    }
    put_json("close", json);
    char *page = make_page("close", NULL);
    expect(page, "0.605<sup class=\"near\"");
    expect(page, "<b class=\"best\">0.610</b>");
    expect_none(page, "<b class=\"best\">0.910</b>"); /* chance is no candidate */
    free(page);
    json = evaluation("recommended", close, 3); /* the rows do not give the summary: no difference pair by pair */
    cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(first_set(json), "rows"), 0);
    cJSON_SetNumberValue(cJSON_GetArrayItem(cJSON_GetArrayItem(cJSON_GetObjectItem(row, "methods"), 1), 0), 0.9);
    put_json("close", json);
    page = make_page("close", NULL);
    expect_none(page, "<sup class=\"near\"");
    free(page);
    put_json("close", evaluation("recommended", close, 3)); /* now behind on every pair */
    page = make_page("close", NULL);
    expect_none(page, "<sup class=\"near\"");
    free(page);
}

static void other_versions_are_named(void **state)
{
    (void)state;
    put("old", "evaluation.json", "{\"version\":1,\"sets\":[]}");
    char *page = make_page("old", NULL), from[512];
    expect(page, "version 1, too old");
    free(page);
    put("old", "evaluation.json", "{\"version\":3,\"sets\":[]}");
    page = make_page("old", NULL);
    expect(page, "no version that this page knows");
    free(page);
    snprintf(from, sizeof from, "%s/old", root);
    assert_status(cairn_report_tables((const char *const[]){from}, 1, "cairn_no_tables"), CAIRN_E_NOTFOUND, "no table");
}

static void an_empty_run_says_so(void **state)
{
    (void)state;
    put("empty", "nothing.txt", "");
    char *page = make_page("empty", NULL);
    expect(page, "No evaluation has been made");
    expect(page, "No stage has recorded training curves");
    expect(page, "No stage has left pictures");
    expect(page, "holds no recipe.yaml");
    free(page);
    const char *const nothing[] = {"cairn_no_such_folder"};
    assert_status(cairn_report_write(nothing, 1, "x.html"), CAIRN_E_NOTFOUND, "cairn_no_such_folder");
}

static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    put("odd/a", "stage.json",
        "{\"kind\": 5, \"seconds\": \"long\", \"device\": [], \"settings\": [1, {\"x\": null}]}");
    put("odd/a", "metrics.jsonl",
        "[1,2]\n{\"step\":\"x\"}\n{\"step\":1e999,\"loss\":1}\n{\"step\":1,\"loss\":null}\n\n");
    put("odd/b", "evaluation.json",
        "{\"version\":2,\"sets\":[5, {}, {\"methods\":[{}, 3], \"comparisons\":[{\"measure\":\"repeatability\"}]},"
        "{\"protocol\":7,\"measures\":[1,{\"id\":\"x\",\"headline\":true},{\"id\":\"x\"}],\"row_columns\":[\"x\",3],"
        "\"rows\":[0,{\"used\":true,\"methods\":[[1e308],[\"a\"]]},{\"used\":true,\"methods\":7}],\"gallery\":[{}, 1],"
        "\"methods\":[{\"name\":\"m\",\"summary\":{\"all\":{\"x\":{\"mean\":1e300,\"low\":null,\"high\":2}}},"
        "\"mma\":{\"all\":[2,0.5]}},{\"name\":\"n\",\"summary\":{\"all\":5}},{\"name\":\"m\",\"summary\":{}}]}]}");
    put("odd/c", "evaluation.json", "{\"sets\":");
    put("odd/d", "stage.json", "");
    put("odd/e", "metrics.jsonl", "{\"step\":1,\"loss\":0}\n");
    put("odd/e/pictures", "captions.json", "[]");
    char *page = make_page("odd", NULL);
    expect(page, "</html>");
    expect(page, "unknown");
    expect_none(page, ">nan");
    expect_none(page, ">-nan");
    expect_none(page, ">inf");
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_whole_run_is_shown),
                                       cmocka_unit_test(texts_from_files_stay_texts),
                                       cmocka_unit_test(runs_share_a_table_only_when_they_may),
                                       cmocka_unit_test(what_is_not_clearly_behind_is_marked),
                                       cmocka_unit_test(other_versions_are_named),
                                       cmocka_unit_test(an_empty_run_says_so),
                                       cmocka_unit_test(damaged_files_do_no_harm)};
    return cmocka_run_group_tests_name("report", tests, begin, end);
}
