/* Pictures in the page, and the gallery of an evaluation. */
#include "base/log.h"
#include "data/image_check.h"
#include "experiments/report/page/html.h"
#include "experiments/report/results/sections.h"

#include <math.h>
#include <string.h>

enum { MOST_PICTURE = 16 << 20, MOST_ENTRIES = 1000 };

/* Width and height in the header; false if they cannot be found. */
static bool png_size(const uint8_t *b, size_t size, unsigned *w, unsigned *h)
{
    if (size < 24) return false;
    *w = (unsigned)b[16] << 24 | (unsigned)b[17] << 16 | (unsigned)b[18] << 8 | b[19];
    *h = (unsigned)b[20] << 24 | (unsigned)b[21] << 16 | (unsigned)b[22] << 8 | b[23];
    return true;
}

static bool jpeg_size(const uint8_t *b, size_t size, unsigned *w, unsigned *h)
{
    for (size_t at = 2; at + 9 < size && b[at] == 0xFF;) {
        const unsigned marker = b[at + 1];
        const size_t length = (size_t)b[at + 2] << 8 | b[at + 3];
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
            *h = (unsigned)b[at + 5] << 8 | b[at + 6];
            *w = (unsigned)b[at + 7] << 8 | b[at + 8];
            return true;
        }
        at += 2 + length;
    }
    return false;
}

bool cairn_picture_write(FILE *page, const char *path, const char *attributes, const char *caption, size_t *budget)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    unsigned w = 0, h = 0;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    bool good = cairn_file_read(&bytes, &size, path, MOST_PICTURE) == CAIRN_OK && size <= *budget;
    const cairn_image_kind kind = good ? cairn_image_sniff(bytes, size) : CAIRN_IMAGE_UNKNOWN;
    good = (kind == CAIRN_IMAGE_PNG && png_size(bytes, size, &w, &h)) ||
           (kind == CAIRN_IMAGE_JPEG && jpeg_size(bytes, size, &w, &h));
    if (good) {
        *budget -= size;
        fprintf(page, "<figure %s><div class=\"pan\"><img loading=\"lazy\" width=\"%u\" height=\"%u\" alt=\"",
                attributes, w, h);
        cairn_html_text(page, caption[0] ? caption : name);
        fprintf(page, "\" src=\"data:image/%s;base64,", kind == CAIRN_IMAGE_PNG ? "png" : "jpeg");
        cairn_html_base64(page, bytes, size);
        fputs("\"></div><figcaption>", page);
        cairn_html_text(page, caption[0] ? caption : name);
        fputs("</figcaption></figure>\n", page);
    } else {
        cairn_warn("report: picture %s is left out: no PNG or JPEG file, or too large for the page", path);
    }
    free(bytes);
    return good;
}

/* A plain relative name: what another program wrote must not lead out of the run's folder. */
static bool plain(const char *file)
{
    return file[0] && file[0] != '/' && !strstr(file, "..") && !strchr(file, '\\') && strlen(file) < 256;
}

typedef struct choices {
    char values[8][32];
    int count;
} choices;

static int choose(choices *c, const char *value)
{
    for (int i = 0; i < c->count; i++)
        if (!strcmp(c->values[i], value)) return i;
    if (c->count == 8) return 7;
    snprintf(c->values[c->count], sizeof c->values[0], "%.31s", value);
    return c->count++;
}

static bool write_entry(FILE *page, const cairn_result_set *set, int method, const cJSON *entry, const choices *shows,
                        size_t *budget)
{
    char attributes[300], caption[600], slug[32];
    const char *text = cairn_json_text(entry, "caption"), *pair = cairn_json_text(entry, "pair");
    const char *rank = cairn_json_text(entry, "rank"), *what = cairn_json_text(entry, "shows");
    choices copy = *shows;
    cairn_html_slug(slug, sizeof slug, rank);
    snprintf(attributes, sizeof attributes, "class=\"wide\" data-method=\"%d\" data-rank=\"%s\" data-shows=\"%d\"",
             method, slug, choose(&copy, what));
    if (text[0])
        snprintf(caption, sizeof caption, "%.120s: %.450s", set->methods[method].name, text);
    else
        snprintf(caption, sizeof caption, "%.120s: %.31s pair, %.128s, %.31s", set->methods[method].name, rank, pair,
                 what);
    char *path = cairn_file_join(set->methods[method].folder, cairn_json_text(entry, "file"));
    const bool good = path && cairn_picture_write(page, path, attributes, caption, budget);
    free(path);
    return good;
}

static void chips(FILE *page, const char *label, const char *what, const char *const *values, const char *const *names,
                  int count)
{
    fprintf(page, "<fieldset class=\"chips\" data-choice=\"%s\"><legend>%s</legend>", what, label);
    for (int i = 0; i < count; i++) {
        fprintf(page, "<button class=\"chip\" type=\"button\" aria-pressed=\"%s\" data-value=\"%s\">",
                i == 0 ? "true" : "false", values[i]);
        cairn_html_text(page, names[i]);
        fputs("</button>", page);
    }
    fputs("</fieldset>\n", page);
}

static void write_controls(FILE *page, const cairn_result_set *set, const bool *has, const choices *shows)
{
    static const char *const ranks[] = {"worst", "median", "best"};
    static const char *const numbers[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    const char *names[8];
    for (int i = 0; i < shows->count; i++) names[i] = shows->values[i];
    fputs("<div class=\"bar needs-script\">\n<label class=\"field\">Method<select data-choice=\"method\">", page);
    for (int m = 0; m < set->method_count; m++) {
        if (!has[m]) continue;
        fprintf(page, "<option value=\"%d\">", m);
        cairn_html_text(page, set->methods[m].name);
        fputs("</option>", page);
    }
    fputs("</select></label>\n", page);
    chips(page, "Pair", "rank", ranks, ranks, 3);
    chips(page, "Shows", "shows", numbers, names, shows->count);
    fputs("</div>\n", page);
}

cairn_status cairn_section_gallery(FILE *page, const cairn_result_set *set, size_t *budget, int *left_out)
{
    bool has[CAIRN_RESULT_METHODS] = {false}, any = false;
    choices shows = {0};
    const cJSON *entry;
    for (int pass = 0; pass < 2; pass++) {
        int count = 0;
        if (pass == 1) {
            fprintf(page, "<section class=\"gallery\" data-set=\"%s\"><h3>", set->id);
            cairn_html_capital(page, set->set);
            fputs(" <span class=\"soft\">protocol ", page);
            cairn_html_text(page, set->protocol);
            fputs("</span></h3>\n", page);
            write_controls(page, set, has, &shows);
            fputs("<div class=\"pictures\">\n", page);
        }
        for (int m = 0; m < set->method_count; m++)
            cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(set->methods[m].set, "gallery"))
            {
                if (strcmp(cairn_json_text(entry, "method"), cairn_json_text(set->methods[m].json, "name"))) continue;
                if (!plain(cairn_json_text(entry, "file")) || count++ >= MOST_ENTRIES) continue;
                has[m] = any = true;
                choose(&shows, cairn_json_text(entry, "shows"));
                if (pass == 1 && !write_entry(page, set, m, entry, &shows, budget)) ++*left_out;
            }
        if (pass == 0 && !any) return CAIRN_OK;
    }
    fputs("</div>\n<p class=\"none nothing\" hidden>There is no such picture of this method.</p></section>\n", page);
    return CAIRN_OK;
}
