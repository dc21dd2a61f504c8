#include "experiments/measurements/agreement.h"

#include "base/log.h"
#include "experiments/detectors/learned.h"
#include "matching/nearest.h"
#include "system/interrupt.h"
#include "system/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COSINE, OVERLAP, MATCHES, MEASURES };
static const cairn_sheet_measure measures[MEASURES] = {
    {"teacher_cosine", "Cosine of student's and teacher's descriptors", "agreement", "", "cosine", 1, true},
    {"teacher_matches", "Share of the teacher's matches", "agreement", "", "overlap", 1, true},
    {"matches", "Matches of the teacher", "counts", "", "matches", 0, false},
};

/* The two images of a pair with the teacher's points. */
typedef struct side {
    const cairn_image *image;
    cairn_keypoints points;  /* with the teacher's descriptors */
    cairn_keypoints student; /* the same with the student's */
} side;

/* The points again, with what the student's map says there. */
static cairn_status describe(side *s, const cairn_detector *student)
{
    cairn_status st = CAIRN_OK;
    cairn_network *network = cairn_detector_network(student);
    const int h = s->image->h, w = s->image->w, hc = cairn_network_cells(h), wc = cairn_network_cells(w);
    float *heatmap = malloc(sizeof *heatmap * (size_t)h * (size_t)w);
    float *map = malloc(sizeof *map * (size_t)hc * (size_t)wc * (size_t)student->dimension);
    cairn_keypoints_free(&s->student);
    if (!heatmap || !map) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the maps of %dx%d", w, h));
    CAIRN_TRY(cairn_network_run(network, s->image->pixels, 1, h, w, heatmap, map));
    CAIRN_TRY(cairn_keypoints_create(&s->student, s->points.count, 0));
    if (s->points.count)
        memcpy(s->student.points, s->points.points, sizeof *s->points.points * (size_t)s->points.count);
    CAIRN_TRY(cairn_keypoints_sample_as(&s->student, map, hc, wc, student->dimension, 8, CAIRN_SAMPLE_CENTRES));
done:
    free(heatmap);
    free(map);
    return st;
}

static double cosine_sum(const side *s)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)s->points.count * (size_t)s->points.dimension; i++)
        sum += (double)s->points.descriptors[i] * (double)s->student.descriptors[i];
    return sum;
}

/* Both lists are sorted by a, which each has once at most. */
static int common(const cairn_match *x, int nx, const cairn_match *y, int ny)
{
    int count = 0;
    for (int i = 0, k = 0; i < nx; i++) {
        while (k < ny && y[k].a < x[i].a) k++;
        count += k < ny && y[k].a == x[i].a && y[k].b == x[i].b;
    }
    return count;
}

static cairn_status compare(double *values, side sides[2], const cairn_detector *student)
{
    cairn_status st = CAIRN_OK;
    cairn_match *teachers = NULL, *students = NULL;
    int wanted, found;
    for (int i = 0; i < 2; i++) CAIRN_TRY(describe(&sides[i], student));
    const int points = sides[0].points.count + sides[1].points.count;
    if (points) values[COSINE] = (cosine_sum(&sides[0]) + cosine_sum(&sides[1])) / points;
    CAIRN_TRY(cairn_match_nearest(&teachers, &wanted, &sides[0].points, &sides[1].points, 0, 0));
    CAIRN_TRY(cairn_match_nearest(&students, &found, &sides[0].student, &sides[1].student, 0, 0));
    values[MATCHES] = wanted;
    if (wanted) values[OVERLAP] = (double)common(teachers, wanted, students, found) / wanted;
done:
    free(teachers);
    free(students);
    return st;
}

static cairn_status measure_pair(cairn_sheet *sheet, int row, const cairn_pair *pair, const cairn_detector *teacher,
                                 const cairn_predictions *methods, const cairn_agreement_options *o)
{
    cairn_status st = CAIRN_OK;
    side sides[2] = {{.image = &pair->a}, {.image = &pair->b}};
    for (int i = 0; i < 2; i++) CAIRN_TRY(cairn_detector_view(&sides[i].points, teacher, sides[i].image, &o->view));
    for (int m = 0; m < sheet->method_count; m++)
        CAIRN_TRY(compare(cairn_sheet_value(sheet, m, row, 0), sides, methods[m].detector));
done:
    for (int i = 0; i < 2; i++) {
        cairn_keypoints_free(&sides[i].points);
        cairn_keypoints_free(&sides[i].student);
    }
    return st;
}

/* Rows of the pairs that can be read; their kinds in row.group, for now. */
static cairn_status measure_pairs(cairn_sheet *sheet, const cairn_pair_source *pairs, const cairn_detector *teacher,
                                  const cairn_predictions *methods, const cairn_agreement_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_progress bar;
    cairn_pair pair = {0};
    int rows = 0;
    if (o->progress) cairn_progress_start(&bar, "agreement", pairs->count, 0);
    for (int i = 0; i < pairs->count; i++) {
        if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
        cairn_pair_free(&pair);
        st = pairs->get(pairs->state, i, &pair);
        if (st == CAIRN_E_NOMEM) goto done;
        if (st >= 0) {
            snprintf(sheet->rows[rows].name, sizeof sheet->rows[rows].name, "%.63s", pair.name);
            sheet->rows[rows].group = (int)pair.kind;
            CAIRN_TRY(measure_pair(sheet, rows++, &pair, teacher, methods, o));
        } else {
            cairn_warn("a pair is left out: %s", cairn_error_message());
        }
        if (o->progress) cairn_progress_update(&bar, i + 1, NULL);
    }
    st = CAIRN_OK;
    if (!rows)
        st = cairn_error_set(CAIRN_E_NOTFOUND, "%s: no pair can be read; the last: %s", pairs->name,
                             cairn_error_message());
    sheet->row_count = rows;
done:
    if (o->progress) cairn_progress_finish(&bar);
    cairn_pair_free(&pair);
    return st;
}

/* Kinds that there are become groups. */
static void group_rows(cairn_sheet *sheet)
{
    int group_of[CAIRN_PAIR_KINDS] = {0};
    for (int i = 0; i < sheet->row_count; i++) {
        const int kind = sheet->rows[i].group;
        if (!group_of[kind]) {
            group_of[kind] = sheet->group_count;
            cairn_sheet_add_group(sheet, cairn_pair_kind_name((cairn_pair_kind)kind));
        }
        sheet->rows[i].group = group_of[kind];
        sheet->items[group_of[kind]]++;
    }
    sheet->items[0] = sheet->row_count;
}

static cairn_status check(const cairn_detector *teacher, const cairn_predictions *methods, int count)
{
    if (!teacher->dimension)
        return cairn_error_set(CAIRN_E_INVALID, "agreement: the teacher, %s, has no descriptors", teacher->name);
    for (int m = 0; m < count; m++)
        if (methods[m].dimension != teacher->dimension)
            return cairn_error_set(CAIRN_E_INVALID,
                                   "agreement: descriptors of %s have %d numbers, those of the teacher, %s, %d",
                                   methods[m].name, methods[m].dimension, teacher->name, teacher->dimension);
    return CAIRN_OK;
}

cairn_status cairn_agreement_run(cairn_sheet *out, const cairn_pair_source *pairs, const cairn_detector *teacher,
                                 const cairn_predictions *methods, int method_count, const cairn_agreement_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_sheet sheet = {0};
    *out = (cairn_sheet){0};
    CAIRN_TRY(check(teacher, methods, method_count));
    CAIRN_TRY(
        cairn_sheet_create(&sheet, "agreement", pairs->name, measures, MEASURES, pairs->count, methods, method_count));
    cJSON_AddStringToObject(sheet.parameters, "teacher", teacher->name);
    cJSON_AddNumberToObject(sheet.parameters, "height", o->view.h);
    cJSON_AddNumberToObject(sheet.parameters, "width", o->view.w);
    cJSON_AddNumberToObject(sheet.parameters, "points", o->view.points);
    cJSON_AddNumberToObject(sheet.parameters, "threshold", o->view.threshold);
    cJSON_AddNumberToObject(sheet.parameters, "seed", o->seed);
    CAIRN_TRY(measure_pairs(&sheet, pairs, teacher, methods, o));
    group_rows(&sheet);
    for (int m = 0; m < method_count; m++)
        for (int g = 0; g < sheet.group_count; g++)
            for (int k = 0; k < MEASURES; k++)
                CAIRN_TRY(cairn_sheet_summarise(&sheet, m, g, k, false, o->resamples, o->seed));
    *out = sheet;
    sheet = (cairn_sheet){0};
done:
    cairn_sheet_free(&sheet);
    return st;
}
