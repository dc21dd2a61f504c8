#include "experiments/measurements/synthetic_detect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RADIUS = 4, SHI_POINTS = 600 };
static const double shi_apart = 5, shi_least = 1e-4, network_least = 1e-4, sp_fpn_least = 0.015;

cairn_synthetic_method cairn_synthetic__method(const cairn_detector *detector)
{
    /* TensorFlow code: MagicPoint 0.1; Harris 90000 on an image of 0..255, whose response has its fourth power; Shi
     * 0.06 of the image's largest; FAST 40 grey levels. Others have no published threshold: all their points. */
    static const struct {
        const char *name;
        double operating;
        bool relative;
    } known[] = {{"Harris", 90000.0 / (255.0 * 255 * 255 * 255), false},
                 {"Shi-Tomasi", 0.06, true},
                 {"FAST", 40.0 / 255, false}};
    if (detector->learned) return (cairn_synthetic_method){detector, 0.1, false};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(detector->name, known[i].name))
            return (cairn_synthetic_method){detector, known[i].operating, known[i].relative};
    return (cairn_synthetic_method){detector, 0, false};
}

/* Sorted points: the best ones no two of which are nearer than shi_apart, as parts of the largest score. */
static void shi_points(cairn_keypoints *k)
{
    int kept = 0;
    const float largest = k->count ? k->points[0].score : 1;
    for (int i = 0; i < k->count && kept < SHI_POINTS; i++) {
        cairn_keypoint p = k->points[i];
        p.score /= largest;
        if (!(p.score >= shi_least)) break;
        bool apart = true;
        for (int j = 0; j < kept && apart; j++)
            apart = hypot(p.x - k->points[j].x, p.y - k->points[j].y) >= shi_apart;
        if (apart) k->points[kept++] = p;
    }
    k->count = kept;
}

static cairn_protocol_view view_of(const cairn_image *gray, cairn_synthetic_rules rules)
{
    const bool published = rules != CAIRN_SYNTHETIC_RECOMMENDED;
    return (cairn_protocol_view){
        .used = true,
        .resize = CAIRN_RESIZE_NATIVE,
        .h = gray->h,
        .w = gray->w,
        .suppression = {published ? CAIRN_SUPPRESS_BOX : CAIRN_SUPPRESS_SQUARE, RADIUS},
        .threshold = rules == CAIRN_SYNTHETIC_SP_FPN ? sp_fpn_least : network_least,
        .integer = published,
        .subpixel = !published,
    };
}

/* Without suppression: every pixel of a map above its threshold. */
static cairn_status detect_raw(cairn_keypoints *out, const cairn_synthetic_method *method, const cairn_image *gray,
                               cairn_synthetic_rules rules, double threshold)
{
    cairn_protocol_view view = view_of(gray, rules);
    view.suppression = (cairn_suppression){CAIRN_SUPPRESS_NONE, 0};
    view.threshold = threshold;
    view.subpixel = false;
    cairn_status st = cairn_detector_view(out, method->detector, gray, &view);
    if (st >= 0 && method->relative) shi_points(out);
    return st;
}

/* Drops points below a threshold; they are sorted. */
static void keep_above(cairn_keypoints *k, double threshold)
{
    int kept = 0;
    while (kept < k->count && k->points[kept].score > threshold) kept++;
    if (threshold > 0) k->count = kept;
}

/* Only the places: descriptors play no part here. */
static cairn_status copy_points(cairn_keypoints *out, const cairn_keypoints *from)
{
    cairn_status st = cairn_keypoints_create(out, from->count, 0);
    if (st >= 0) memcpy(out->points, from->points, (size_t)from->count * sizeof *from->points);
    return st;
}

cairn_status cairn_synthetic__detect(cairn_keypoints *points, cairn_keypoints *located,
                                     const cairn_synthetic_method *method, const cairn_image *gray,
                                     cairn_synthetic_rules rules)
{
    cairn_status st = CAIRN_OK;
    const cairn_protocol_view view = view_of(gray, rules);
    *points = *located = (cairn_keypoints){0};
    if (method->relative) {
        CAIRN_TRY(detect_raw(points, method, gray, rules, 0));
        CAIRN_TRY(cairn_keypoints_thin(points, gray->h, gray->w, &view.suppression, 0, 0));
    } else {
        CAIRN_TRY(cairn_detector_view(points, method->detector, gray, &view));
    }
    if (rules == CAIRN_SYNTHETIC_RPAUTRAT)
        CAIRN_TRY(detect_raw(located, method, gray, rules, method->detector->learned ? method->operating : 0));
    else
        CAIRN_TRY(copy_points(located, points));
    keep_above(located, method->operating);
done:
    if (st < 0) {
        cairn_keypoints_free(points);
        cairn_keypoints_free(located);
    }
    return st;
}

/* Joins the sets of i and j; parent[] is a forest. */
static int root(int *parent, int i)
{
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

/* Replaces corners by the middles of connected groups of their pixels. */
static cairn_status merge(double *corners, int *count)
{
    cairn_status st = CAIRN_OK;
    const size_t n = (size_t)*count;
    int *parent = malloc((n + 1) * sizeof *parent), *size = calloc(n + 1, sizeof *size);
    double *sum = calloc(2 * n + 1, sizeof *sum);
    if (!parent || !size || !sum) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %zu corners", n);
        goto done;
    }
    int pixels = 0;
    for (size_t i = 0; i < n; i++) { /* a pixel counts once */
        const double x = rint(corners[2 * i]), y = rint(corners[2 * i + 1]);
        bool fresh = true;
        for (int j = 0; j < pixels && fresh; j++) fresh = corners[2 * j] != x || corners[2 * j + 1] != y;
        if (!fresh) continue;
        corners[2 * pixels] = x;
        corners[2 * pixels + 1] = y;
        parent[pixels] = pixels;
        pixels++;
    }
    for (int i = 0; i < pixels; i++)
        for (int j = 0; j < i; j++)
            if (fabs(corners[2 * i] - corners[2 * j]) <= 1 && fabs(corners[2 * i + 1] - corners[2 * j + 1]) <= 1)
                parent[root(parent, i)] = root(parent, j);
    for (int i = 0; i < pixels; i++) {
        const int r = root(parent, i);
        sum[2 * r] += corners[2 * i];
        sum[2 * r + 1] += corners[2 * i + 1];
        size[r]++;
    }
    *count = 0;
    for (int r = 0; r < pixels; r++) {
        if (size[r] == 0) continue;
        corners[2 * *count] = sum[2 * r] / size[r];
        corners[2 * *count + 1] = sum[2 * r + 1] / size[r];
        ++*count;
    }
done:
    free(parent);
    free(size);
    free(sum);
    return st;
}

static int by_row(const void *left, const void *right)
{
    const double *a = left, *b = right;
    if (a[1] != b[1]) return a[1] < b[1] ? -1 : 1;
    return a[0] < b[0] ? -1 : a[0] > b[0];
}

/* Corners as the non-zero pixels of a map, row by row. */
static void to_pixels(double *corners, int *count)
{
    int kept = 0;
    for (int i = 0; i < 2 * *count; i++) corners[i] = rint(corners[i]);
    qsort(corners, (size_t)*count, 2 * sizeof *corners, by_row);
    for (int i = 0; i < *count; i++) {
        if (kept && corners[2 * kept - 2] == corners[2 * i] && corners[2 * kept - 1] == corners[2 * i + 1]) continue;
        corners[2 * kept] = corners[2 * i];
        corners[2 * kept++ + 1] = corners[2 * i + 1];
    }
    *count = kept;
}

cairn_status cairn_synthetic__corners(double **out, int *count, const cairn_keypoints *drawn,
                                      cairn_synthetic_rules rules)
{
    cairn_status st = CAIRN_OK;
    *count = drawn->count;
    *out = malloc((2 * (size_t)drawn->count + 1) * sizeof **out);
    if (!*out) return cairn_error_set(CAIRN_E_NOMEM, "no memory for %d corners", drawn->count);
    for (int i = 0; i < drawn->count; i++) {
        (*out)[2 * i] = drawn->points[i].x;
        (*out)[2 * i + 1] = drawn->points[i].y;
    }
    if (rules == CAIRN_SYNTHETIC_RPAUTRAT) to_pixels(*out, count);
    if (rules == CAIRN_SYNTHETIC_SP_FPN) CAIRN_TRY(merge(*out, count));
done:
    if (st < 0) {
        free(*out);
        *out = NULL;
    }
    return st;
}
