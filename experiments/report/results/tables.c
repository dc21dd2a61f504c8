/* Tables of a set: which columns, which cells are best, and which are not clearly behind the best. */
#include "experiments/report/results/tables.h"

#include "base/rng.h"
#include "experiments/report/page/html.h"

#include <math.h>
#include <string.h>

enum { RESAMPLES = 1000, LEAST_RESAMPLES = 100, MOST_DRAWS = 4 << 20, PURPOSE = 0x6e656172 };

void cairn_table_free(cairn_table *table)
{
    free(table->cells);
    *table = (cairn_table){0};
}

int cairn_table_digits(const cairn_result_measure *m)
{
    if (!strcmp(m->group, "counts")) return 0;
    return !strcmp(m->group, "time") ? 1 : 3;
}

static cairn_table_cell *cell(const cairn_table *t, int method, int column)
{
    return &t->cells[method * t->columns + column];
}

/* Draws of pairs with replacement, the same ones for every difference of a table. */
typedef struct draws {
    int *pair; /* [pairs] the set's pairs of this kind */
    int pairs, resamples;
    uint32_t *drawn; /* [resamples, pairs] */
    double *difference, *means;
} draws;

static void draws_free(draws *d)
{
    free(d->pair);
    free(d->drawn);
    free(d->difference);
    free(d->means);
    *d = (draws){0};
}

static cairn_status draws_make(draws *d, const cairn_result_set *set, const char *kind)
{
    const size_t n = (size_t)cairn_result_pairs_of(set, kind);
    *d = (draws){.resamples = RESAMPLES};
    if (n > 0 && MOST_DRAWS / n < RESAMPLES) d->resamples = (int)(MOST_DRAWS / n);
    if (d->resamples < LEAST_RESAMPLES) d->resamples = LEAST_RESAMPLES;
    d->pair = malloc((n + 1) * sizeof *d->pair);
    d->drawn = malloc((size_t)d->resamples * (n + 1) * sizeof *d->drawn);
    d->difference = malloc((n + 1) * sizeof *d->difference);
    d->means = malloc((size_t)d->resamples * sizeof *d->means);
    if (!d->pair || !d->drawn || !d->difference || !d->means) {
        draws_free(d);
        return cairn_error_set(CAIRN_E_NOMEM, "no memory for the comparisons of %s", set->set);
    }
    for (int i = 0; i < set->pair_count; i++)
        if (cairn_result_pair_is(set, i, kind)) d->pair[d->pairs++] = i;
    for (int r = 0; r < d->resamples && d->pairs > 0; r++) {
        cairn_rng rng = cairn_rng_stream(0, 0, (uint32_t)r, 0, PURPOSE);
        for (int i = 0; i < d->pairs; i++)
            d->drawn[(size_t)r * n + (size_t)i] = (uint32_t)cairn_rng_integer(&rng, 0, d->pairs - 1);
    }
    return CAIRN_OK;
}

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Whether the interval of the mean of best - method contains 0; false where no pair has both. */
static bool not_clear(const draws *d, const cairn_result_set *set, int best, int method, int measure)
{
    int valid = 0, kept = 0;
    for (int i = 0; i < d->pairs; i++) {
        d->difference[i] =
            cairn_result_row(set, best, d->pair[i], measure) - cairn_result_row(set, method, d->pair[i], measure);
        valid += !isnan(d->difference[i]);
    }
    if (valid < 2) return false;
    for (int r = 0; r < d->resamples; r++) {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < d->pairs; i++) {
            const double value = d->difference[d->drawn[(size_t)r * (size_t)d->pairs + (size_t)i]];
            if (isnan(value)) continue;
            sum += value;
            count++;
        }
        if (count > 0) d->means[kept++] = sum / count;
    }
    qsort(d->means, (size_t)kept, sizeof *d->means, ascending);
    return kept > 0 && d->means[(int)(0.025 * (kept - 1))] <= 0 && d->means[(int)ceil(0.975 * (kept - 1))] >= 0;
}

/* Whether the summary is the mean of the rows: medians, areas and pooled numbers have no difference pair by pair. */
static bool is_mean(const draws *d, const cairn_table *t, int method, int column)
{
    double sum = 0;
    int count = 0;
    const double mean = cell(t, method, column)->value.mean;
    for (int i = 0; i < d->pairs; i++) {
        const double value = cairn_result_row(t->set, method, d->pair[i], t->measures[column]);
        if (isnan(value)) continue;
        sum += value;
        count++;
    }
    return count > 0 && fabs(sum / count - mean) <= 1e-6 * fmax(1, fabs(mean));
}

static void mark_column(cairn_table *t, const draws *d, int column)
{
    const cairn_result_measure *m = &t->set->measures[t->measures[column]];
    const double step = pow(10, -cairn_table_digits(m)) / 2;
    int best = -1;
    if (m->better == 0) return;
    for (int i = 0; i < t->set->method_count; i++) {
        const double mean = cell(t, i, column)->value.mean;
        if (isnan(mean) || !strcmp(t->set->methods[i].role, "chance")) continue;
        if (best < 0 || m->better * (mean - cell(t, best, column)->value.mean) > 0) best = i;
    }
    if (best < 0) return;
    t->paired[column] = strcmp(m->group, "time") && is_mean(d, t, best, column);
    for (int i = 0; i < t->set->method_count; i++) {
        cairn_table_cell *c = cell(t, i, column);
        if (isnan(c->value.mean) || !strcmp(t->set->methods[i].role, "chance")) continue;
        if (i == best || fabs(c->value.mean - cell(t, best, column)->value.mean) < step)
            c->mark = CAIRN_MARK_BEST;
        else if (t->paired[column] && is_mean(d, t, i, column) && not_clear(d, t->set, best, i, t->measures[column]))
            c->mark = CAIRN_MARK_NEAR;
    }
}

static bool has_values(const cairn_result_set *set, const char *kind, int measure)
{
    for (int m = 0; m < set->method_count; m++)
        if (!isnan(cairn_result_of(set, m, kind, measure).mean)) return true;
    return false;
}

static void describe(cairn_table *t, const char *kind, const char *group)
{
    const int pairs = cairn_result_count(t->set, kind);
    char slug[64], title[48];
    snprintf(t->id, sizeof t->id, "%.60s %.30s", kind, group);
    cairn_html_slug(slug, sizeof slug, t->id);
    snprintf(t->id, sizeof t->id, "%s-%s", t->set->id, slug);
    cairn_result_kind_title(title, t->set, kind);
    snprintf(t->caption, sizeof t->caption, "%.100s, protocol %.60s, %s (%d)", t->set->set, t->set->protocol, title,
             pairs);
}

cairn_status cairn_table_make(cairn_table *out, const cairn_result_set *set, const char *kind, const char *group)
{
    cairn_status st = CAIRN_OK;
    draws d = {0};
    const bool headline = !strcmp(group, "headline");
    *out = (cairn_table){.set = set};
    describe(out, kind, group);
    for (int k = 0; k < set->measure_count && out->columns < CAIRN_TABLE_COLUMNS; k++) {
        if (headline ? !set->measures[k].headline : strcmp(set->measures[k].group, group)) continue;
        if (has_values(set, kind, k)) out->measures[out->columns++] = k;
    }
    out->cells = calloc((size_t)(set->method_count * out->columns) + 1, sizeof *out->cells);
    if (!out->cells) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a table"));
    CAIRN_TRY(draws_make(&d, set, kind));
    for (int column = 0; column < out->columns; column++) {
        for (int m = 0; m < set->method_count; m++)
            cell(out, m, column)->value = cairn_result_of(set, m, kind, out->measures[column]);
        mark_column(out, &d, column);
    }
done:
    draws_free(&d);
    if (st < 0) cairn_table_free(out);
    return st;
}

static void write_cell(FILE *page, const cairn_table_cell *c, int digits)
{
    if (isnan(c->value.mean)) {
        fputs("<td><span class=\"soft\">&ndash;</span></td>", page);
        return;
    }
    fprintf(page, "<td data-value=\"%.9g\">", c->value.mean);
    fprintf(page, c->mark == CAIRN_MARK_BEST ? "<b class=\"best\">%.*f</b>" : "%.*f", digits, c->value.mean);
    if (c->mark == CAIRN_MARK_NEAR)
        fputs("<sup class=\"near\" title=\"not clearly behind the best\">&asymp;</sup>", page);
    if (!isnan(c->value.low) && !isnan(c->value.high))
        fprintf(page, "<small>%.*f&ndash;%.*f</small>", digits, c->value.low, digits, c->value.high);
    fputs("</td>", page);
}

void cairn_table_html(FILE *page, const cairn_table *t)
{
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", page);
    cairn_html_text(page, t->caption);
    fprintf(page, "\"><table class=\"sortable\" id=\"%s\"><thead><tr><th scope=\"col\">Method</th>", t->id);
    for (int k = 0; k < t->columns; k++) {
        const cairn_result_measure *m = &t->set->measures[t->measures[k]];
        fputs("<th scope=\"col\">", page);
        cairn_html_text(page, m->title);
        if (m->unit[0]) {
            fputs("<span class=\"unit\">", page);
            cairn_html_text(page, m->unit);
            fputs("</span>", page);
        }
        fputs("</th>", page);
    }
    fputs("</tr></thead><tbody>\n", page);
    for (int i = 0; i < t->set->method_count; i++) {
        const cairn_result_method *m = &t->set->methods[i];
        fprintf(page, "<tr><th scope=\"row\"><span class=\"key %s\"></span>", cairn_result_class(m->role));
        cairn_html_text(page, m->name);
        fputs("</th>", page);
        for (int k = 0; k < t->columns; k++)
            write_cell(page, cell(t, i, k), cairn_table_digits(&t->set->measures[t->measures[k]]));
        fputs("</tr>\n", page);
    }
    fputs("</tbody></table></div>\n", page);
}
