/* The table of protocols: one row for each source, with what its code does (evaluation.md, sections 5 to 8). */
#include "experiments/evaluation/protocol.h"

#include "base/settings.h"

#include <string.h>

const char *cairn_resize_style_name(cairn_resize_style style)
{
    static const char *const names[] = {"centre crop", "top-left crop", "short side", "stretch", "native"};
    return style < CAIRN_RESIZE_STYLES ? names[style] : "unknown";
}

const char *const cairn_protocol_ids[] = {"recommended",  "rpautrat", "pytorch-superpoint", "sp-fpn",
                                          "glue-factory", "d2-net",   NULL};

/* Rows of `.view` */
#define CROP(h_, w_) .used = true, .resize = CAIRN_RESIZE_CROP, .h = h_, .w = w_
#define SQUARE(radius_) .suppression = {CAIRN_SUPPRESS_SQUARE, radius_}
#define BOX(size_) .suppression = {CAIRN_SUPPRESS_BOX, size_}

static const cairn_protocol table[] = {
    {
        .id = "recommended",
        .about = "one suppression and border for everyone, sub-pixel points, homographies with and without the filter",
        .view = {{CROP(240, 320), SQUARE(4), .border = 4, .classical_border = 4, .subpixel = true, .points = 1000},
                 {CROP(480, 640), SQUARE(4), .border = 4, .classical_border = 4, .subpixel = true, .points = 1000}},
        .eps = {3},
        .top_k = 300,
        .match_eps = 3,
        .thresholds = {3},
        .iterations = 2000,
        .confidence = 0.995,
        .estimator = CAIRN_ESTIMATOR_LO,
        .shared = true,
        .auc = true,
        .mma = true,
    },
    {
        .id = "rpautrat",
        .about = "rpautrat/SuperPoint: 240x320 and 480x640, box suppression, whole pixels, points of the shared region",
        .view = {{CROP(240, 320), BOX(4), .threshold = 0.001, .border = 4, .integer = true, .points = 1000},
                 {CROP(480, 640), BOX(8), .threshold = 0.001, .border = 4, .integer = true, .points = 1000}},
        .eps = {3},
        .top_k = 300,
        .match_eps = 3,
        .thresholds = {3},
        .iterations = 2000,
        .confidence = 0.995,
        .estimator = CAIRN_ESTIMATOR_CV,
        .shared = true,
    },
    {
        .id = "pytorch-superpoint",
        .about = "eric-yyjau/pytorch-superpoint: everything at 240x320 of the top-left crop, right = RANSAC inlier",
        .view = {{.used = true, .resize = CAIRN_RESIZE_TOP_LEFT, .h = 240, .w = 320, SQUARE(4), .threshold = 0.015,
                  .border = 4, .subpixel = true, .batch_statistics = true, .points = 1000},
                 {.used = true, .resize = CAIRN_RESIZE_TOP_LEFT, .h = 240, .w = 320, SQUARE(4), .threshold = 0.015,
                  .border = 4, .subpixel = true, .batch_statistics = true, .points = 1000}},
        .eps = {3},
        .top_k = 1000,
        .match_eps = 3,
        .labels = CAIRN_LABELS_INLIERS,
        .max_distance = 1.2,
        .thresholds = {3},
        .iterations = 2000,
        .confidence = 0.995,
        .estimator = CAIRN_ESTIMATOR_CV,
        .swapped_visibility = true,
    },
    {
        /* Its target (256, 160) is read as rows and columns, so crops are upright; it has no homography estimation. */
        .id = "sp-fpn",
        .about = "SP-FPN's repeatability script: 256 rows of 160 columns, distances 3, 1 and 8, classical without "
                 "suppression",
        .view = {{CROP(256, 160), BOX(4), .threshold = 0.015, .border = 4, .classical_unsuppressed = true,
                  .integer = true, .points = 1000}},
        .eps = {3, 1, 8},
        .top_k = 300,
    },
    {
        .id = "glue-factory",
        .about = "glue-factory on HPatches: short side 480, 1024 points, AUC; the RANSAC distance is tuned per method",
        .view = {{0},
                 {.used = true, .resize = CAIRN_RESIZE_SHORT_SIDE, .h = 480, SQUARE(3), .border = 4, .points = 1024}},
        .match_eps = 3,
        .thresholds = {0.5, 1, 1.5, 2, 2.5, 3},
        .iterations = 3000,
        .confidence = 0.995,
        .estimator = CAIRN_ESTIMATOR_CV,
        .auc = true,
        .outer_corners = true,
        .leave_out_large = true,
        .medians = true,
    },
    {
        .id = "d2-net",
        .about = "D2-Net's matching accuracy: images as they are, mutual nearest neighbours of the best 5000 points",
        .view = {{0},
                 {.used = true, .resize = CAIRN_RESIZE_NATIVE, SQUARE(4), .border = 4, .classical_border = 4,
                  .subpixel = true, .points = 5000}},
        .match_eps = 3,
        .thresholds = {3},
        .iterations = 2000,
        .confidence = 0.995,
        .estimator = CAIRN_ESTIMATOR_CV,
        .mma = true,
        .leave_out_large = true,
    },
};
enum { PROTOCOLS = sizeof table / sizeof *table };

cairn_status cairn_protocol_find(cairn_protocol *out, const char *id, const char *where)
{
    for (int i = 0; i < PROTOCOLS; i++) {
        if (strcmp(table[i].id, id)) continue;
        *out = table[i];
        return CAIRN_OK;
    }
    const char *closest = cairn_closest_name(id, cairn_protocol_ids);
    return cairn_error_set(CAIRN_E_INVALID, "%s: no protocol '%.64s'%s%s%s; there are %s", where, id,
                           closest ? "; did you mean '" : "", closest ? closest : "", closest ? "'?" : "",
                           CAIRN_PROTOCOL_CHOICES);
}

static void override_view(cairn_protocol_view *v, const cairn_protocol_overrides *o)
{
    if (!v->used) return;
    if ((o->h || o->w) && (v->resize == CAIRN_RESIZE_SHORT_SIDE || v->resize == CAIRN_RESIZE_NATIVE)) {
        v->resize = CAIRN_RESIZE_CROP;
        v->h = 480;
        v->w = 640;
    }
    if (o->h) v->h = o->h;
    if (o->w) v->w = o->w;
    if (o->points) v->points = o->points;
    if (o->radius >= 0) v->suppression = (cairn_suppression){CAIRN_SUPPRESS_SQUARE, o->radius};
    if (o->suppression) v->suppression.kind = (cairn_suppression_kind)(o->suppression - 1);
    if (o->subpixel) v->subpixel = o->subpixel != 2, v->parabola = o->subpixel == 3;
    if (o->border >= 0) v->border = v->classical_border = o->border;
}

void cairn_protocol_override(cairn_protocol *p, const cairn_protocol_overrides *o)
{
    static const char mark[] = ", changed";
    if (!o->h && !o->w && !o->points && !o->top_k && o->radius < 0 && o->border < 0 && !o->suppression &&
        !o->subpixel && !(o->eps > 0))
        return;
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) override_view(&p->view[v], o);
    if (o->top_k) p->top_k = o->top_k;
    if (o->eps > 0) p->eps[0] = p->match_eps = o->eps;
    if (strstr(p->id, mark)) return;
    const size_t length = strlen(p->id);
    snprintf(p->id + length, sizeof p->id - length, "%s", mark);
}

bool cairn_protocol_wants(const cairn_protocol *p, cairn_view_id view, int dimension)
{
    if (!p->view[view].used) return false;
    return view == CAIRN_VIEW_DETECT || dimension > 0 || !p->view[CAIRN_VIEW_DETECT].used;
}

bool cairn_protocol_is_large(const char *sequence)
{
    static const char *const large[] = {"i_contruction", "i_crownnight", "i_dc",          "i_pencils",
                                        "i_whitebuilding", "v_artisans", "v_astronautis", "v_talent"};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        if (!strcmp(large[i], sequence)) return true;
    return false;
}

static void add_view(cJSON *parent, const char *name, const cairn_protocol_view *v)
{
    if (!v->used) return;
    cJSON *o = cJSON_AddObjectToObject(parent, name);
    cJSON_AddStringToObject(o, "resize", cairn_resize_style_name(v->resize));
    if (v->resize != CAIRN_RESIZE_NATIVE) cJSON_AddNumberToObject(o, "height", v->h);
    if (v->resize != CAIRN_RESIZE_NATIVE && v->resize != CAIRN_RESIZE_SHORT_SIDE)
        cJSON_AddNumberToObject(o, "width", v->w);
    cJSON_AddStringToObject(o, "suppression", cairn_suppression_name(v->suppression.kind));
    cJSON_AddNumberToObject(o, "suppression_size", v->suppression.size);
    cJSON_AddNumberToObject(o, "threshold", v->threshold);
    cJSON_AddNumberToObject(o, "border", v->border);
    cJSON_AddNumberToObject(o, "classical_border", v->classical_border);
    cJSON_AddBoolToObject(o, "classical_unsuppressed", v->classical_unsuppressed);
    cJSON_AddBoolToObject(o, "subpixel", v->subpixel);
    if (v->parabola) cJSON_AddBoolToObject(o, "parabola", true); /* files without the name are as before */
    cJSON_AddBoolToObject(o, "batch_statistics", v->batch_statistics);
    cJSON_AddBoolToObject(o, "integer", v->integer);
    cJSON_AddNumberToObject(o, "points", v->points);
}

static void add_numbers(cJSON *parent, const char *name, const double *values, int most)
{
    int count = 0;
    while (count < most && values[count] > 0) count++;
    cJSON_AddItemToObject(parent, name, cJSON_CreateDoubleArray(values, count));
}

cJSON *cairn_protocol_json(const cairn_protocol *p)
{
    cJSON *o = cJSON_CreateObject();
    if (!o) return NULL;
    add_view(o, "detect", &p->view[CAIRN_VIEW_DETECT]);
    add_view(o, "describe", &p->view[CAIRN_VIEW_DESCRIBE]);
    if (p->view[CAIRN_VIEW_DETECT].used) {
        add_numbers(o, "eps", p->eps, CAIRN_PROTOCOL_EPS);
        cJSON_AddNumberToObject(o, "top_k", p->top_k);
    }
    if (p->view[CAIRN_VIEW_DESCRIBE].used) {
        cJSON_AddNumberToObject(o, "match_eps", p->match_eps);
        cJSON_AddStringToObject(o, "right_match", p->labels == CAIRN_LABELS_TRUTH ? "truth" : "inlier");
        cJSON_AddBoolToObject(o, "swapped_visibility", p->swapped_visibility);
        cJSON_AddNumberToObject(o, "max_distance", p->max_distance);
        cJSON_AddStringToObject(o, "estimator", cairn_estimator_name(p->estimator));
        add_numbers(o, "ransac_threshold", p->thresholds, CAIRN_PROTOCOL_THRESHOLDS);
        cJSON_AddNumberToObject(o, "ransac_iterations", p->iterations);
        cJSON_AddNumberToObject(o, "ransac_confidence", p->confidence);
        cJSON_AddStringToObject(o, "corners", p->outer_corners ? "0..W" : "0..W-1");
        cJSON_AddStringToObject(o, "precision", p->medians ? "median over pairs" : "mean over pairs");
    }
    cJSON_AddBoolToObject(o, "leave_out_large", p->leave_out_large);
    return o;
}
