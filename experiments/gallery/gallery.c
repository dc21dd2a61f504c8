#include "experiments/gallery/gallery.h"

#include "base/log.h"
#include "experiments/detectors/learned.h"
#include "experiments/gallery/drawing.h"
#include "experiments/gallery/heatmaps.h"
#include "experiments/report/page/html.h"
#include "matching/nearest.h"
#include "system/file.h"
#include "system/interrupt.h"

#include <math.h>
#include <string.h>

enum { MOST_NETWORKS = 8, RANKS = 3, SHOWN_POINTS = 300, SHOWN_MATCHES = 150 };
static const char *const rank_names[RANKS] = {"worst", "median", "best"};

/* One method on one of its pairs. */
typedef struct job {
    cJSON *gallery; /* the list of entries */
    const char *folder;
    char prefix[160]; /* of the names of files */
    const cairn_evaluation *evaluation;
    const cairn_predictions *method, *methods; /* this one, and all of them */
    int method_count;
    cairn_measure measure;
    int rank, pair_index, method_index;
    cairn_view_id view;
    cairn_pair pair;
    cairn_keypoints a, b;
} job;

static void job_clear(job *j)
{
    cairn_pair_free(&j->pair);
    cairn_keypoints_free(&j->a);
    cairn_keypoints_free(&j->b);
}

static double value_of(const job *j, int pair)
{
    return j->evaluation->method[j->method_index].rows[pair].value[j->measure];
}

/* Saves a picture and lists it. */
static cairn_status put(const job *j, const char *shows, const cairn_image *picture, const char *caption)
{
    cairn_status st = CAIRN_OK;
    char file[256];
    const double value = value_of(j, j->pair_index);
    snprintf(file, sizeof file, "pictures/%s-%s-%s.jpg", j->prefix, rank_names[j->rank], shows);
    char *path = cairn_file_join(j->folder, file);
    if (!path) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    CAIRN_TRY(cairn_image_save_jpeg(picture, path));
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddItemToArray(j->gallery, entry);
    cJSON_AddStringToObject(entry, "method", j->method->name);
    cJSON_AddStringToObject(entry, "pair", j->pair.name);
    cJSON_AddStringToObject(entry, "rank", rank_names[j->rank]);
    cJSON_AddStringToObject(entry, "measure", cairn_measure_name(j->measure));
    cJSON_AddItemToObject(entry, "value", isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
    cJSON_AddStringToObject(entry, "shows", shows);
    cJSON_AddStringToObject(entry, "file", file);
    cJSON_AddStringToObject(entry, "caption", caption);
done:
    free(path);
    return st;
}

/* "median pair v_graf/1-3, corner error 1.20 px" */
static void name_pair(char *text, size_t room, const job *j)
{
    const double value = value_of(j, j->pair_index);
    if (j->measure == CAIRN_MEASURE_REPEATABILITY)
        snprintf(text, room, "%s pair %s, repeatability %.3f", rank_names[j->rank], j->pair.name, value);
    else if (isfinite(value))
        snprintf(text, room, "%s pair %s, corner error %.2f px", rank_names[j->rank], j->pair.name, value);
    else
        snprintf(text, room, "%s pair %s, no homography found", rank_names[j->rank], j->pair.name);
}

static cairn_status draw_detections(const job *j)
{
    cairn_status st = CAIRN_OK;
    cairn_image out = {0};
    char name[300], caption[512];
    cairn_keypoints a = j->a, b = j->b; /* the same points, fewer of them: they are sorted, best first */
    if (a.count > SHOWN_POINTS) a.count = SHOWN_POINTS;
    if (b.count > SHOWN_POINTS) b.count = SHOWN_POINTS;
    const cairn_picture pictures[2] = {{&j->pair.a, &a, j->pair.image_a}, {&j->pair.b, &b, j->pair.image_b}};
    CAIRN_TRY(cairn_draw_grid(&out, pictures, 2, 2));
    name_pair(name, sizeof name, j);
    snprintf(caption, sizeof caption, "%s: the best %d and %d of %d and %d points", name, a.count, b.count, j->a.count,
             j->b.count);
    CAIRN_TRY(put(j, "detections", &out, caption));
done:
    cairn_image_free(&out);
    return st;
}

/* Which matches put the point of image a where it belongs in image b. */
static int judge(double *from, double *to, uint8_t *right, const job *j, const cairn_match *matches, int count)
{
    int good = 0;
    for (int i = 0; i < count; i++) {
        const cairn_keypoint *p = &j->a.points[matches[i].a], *q = &j->b.points[matches[i].b];
        double x, y;
        from[2 * i] = (double)p->x;
        from[2 * i + 1] = (double)p->y;
        to[2 * i] = (double)q->x;
        to[2 * i + 1] = (double)q->y;
        right[i] = cairn_homography_apply(&j->pair.a_to_b, (double)p->x, (double)p->y, &x, &y) &&
                   hypot(x - to[2 * i], y - to[2 * i + 1]) <= j->evaluation->protocol.match_eps;
        good += right[i];
    }
    return good;
}

static cairn_status draw_matches(const job *j)
{
    cairn_status st = CAIRN_OK;
    cairn_match *matches = NULL;
    cairn_image out = {0};
    double *from = NULL;
    uint8_t *right = NULL;
    char name[300], caption[512];
    int count = 0;
    const cairn_matcher *matcher = j->method->matcher;
    const cairn_match_side side_a = {&j->a, j->pair.a.h, j->pair.a.w}, side_b = {&j->b, j->pair.b.h, j->pair.b.w};
    CAIRN_TRY(matcher ? cairn_matcher_run(matcher, &side_a, &side_b, &matches, &count)
                      : cairn_match_nearest(&matches, &count, &j->a, &j->b, 0, 0));
    from = malloc(sizeof *from * 4 * ((size_t)count + 1));
    right = malloc((size_t)count + 1);
    if (!from || !right) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for %d matches", count));
    double *to = from + 2 * count;
    const int good = judge(from, to, right, j, matches, count);
    const cairn_picture a = {&j->pair.a, NULL, j->pair.image_a}, b = {&j->pair.b, NULL, j->pair.image_b};
    CAIRN_TRY(cairn_draw_matches(&out, &a, &b, from, to, right, count, SHOWN_MATCHES));
    name_pair(name, sizeof name, j);
    snprintf(caption, sizeof caption, "%s: %d of %d %s are right (green) within %g px%s", name, good, count,
             matcher ? "matches" : "mutual nearest neighbours", j->evaluation->protocol.match_eps,
             count > SHOWN_MATCHES ? "; a part is drawn" : "");
    CAIRN_TRY(put(j, "matches", &out, caption));
done:
    cairn_image_free(&out);
    free(matches);
    free(from);
    free(right);
    return st;
}

/* Trained networks that run now, in the contest's order; one that takes part with several matchers once. */
static int trained_networks(const cairn_predictions *found[MOST_NETWORKS], const job *j)
{
    int count = 0;
    for (int i = 0; i < j->method_count && count < MOST_NETWORKS; i++) {
        const cairn_predictions *m = &j->methods[i];
        bool wanted = m->detector && (m->role == CAIRN_ROLE_TEACHER || m->role == CAIRN_ROLE_STUDENT);
        for (int k = 0; wanted && k < count; k++)
            wanted = cairn_detector_network(found[k]->detector) != cairn_detector_network(m->detector);
        if (wanted) found[count++] = m;
    }
    return count;
}

/* What all networks see in image a: teacher and students side by side. */
static cairn_status draw_networks(const job *j)
{
    cairn_status st = CAIRN_OK;
    const cairn_predictions *found[MOST_NETWORKS];
    const int count = trained_networks(found, j);
    const cairn_image *gray = &j->pair.a;
    cairn_heatmap maps[MOST_NETWORKS];
    float *values[MOST_NETWORKS] = {NULL};
    cairn_image out = {0};
    char name[300], caption[512];
    if (count < 2) return CAIRN_OK;
    for (int i = 0; i < count; i++) {
        values[i] = malloc(sizeof(float) * (size_t)gray->h * (size_t)gray->w);
        if (!values[i]) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for heatmaps"));
        CAIRN_TRY(cairn_network_run(cairn_detector_network(found[i]->detector), gray->pixels, 1, gray->h, gray->w,
                                    values[i], NULL));
        maps[i] = (cairn_heatmap){found[i]->name, values[i]};
    }
    CAIRN_TRY(cairn_draw_heatmaps(&out, gray, j->pair.image_a, maps, count));
    name_pair(name, sizeof name, j);
    snprintf(caption, sizeof caption, "%s: heatmaps of all networks, square roots of shares of each one's largest value",
             name);
    CAIRN_TRY(put(j, "networks", &out, caption));
done:
    for (int i = 0; i < count; i++) free(values[i]);
    cairn_image_free(&out);
    return st;
}

static cairn_status heatmap_of(cairn_image *out, cairn_network *network, const cairn_image *gray)
{
    cairn_status st = CAIRN_OK;
    float *heatmap = malloc(sizeof *heatmap * (size_t)gray->h * (size_t)gray->w);
    if (!heatmap) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a heatmap of %dx%d", gray->w, gray->h));
    CAIRN_TRY(cairn_network_run(network, gray->pixels, 1, gray->h, gray->w, heatmap, NULL));
    CAIRN_TRY(cairn_draw_heatmap(out, gray, heatmap, gray->h, gray->w));
done:
    free(heatmap);
    return st;
}

static cairn_status draw_heatmaps(const job *j)
{
    cairn_status st = CAIRN_OK;
    cairn_image a = {0}, b = {0}, out = {0};
    char name[300], caption[512];
    cairn_network *network = cairn_detector_network(j->method->detector);
    CAIRN_TRY(heatmap_of(&a, network, &j->pair.a));
    CAIRN_TRY(heatmap_of(&b, network, &j->pair.b));
    const cairn_picture pictures[2] = {{&a, NULL, j->pair.image_a}, {&b, NULL, j->pair.image_b}};
    CAIRN_TRY(cairn_draw_grid(&out, pictures, 2, 2));
    name_pair(name, sizeof name, j);
    snprintf(caption, sizeof caption, "%s: heatmaps, square roots of shares of each one's largest value", name);
    CAIRN_TRY(put(j, "heatmap", &out, caption));
done:
    cairn_image_free(&a);
    cairn_image_free(&b);
    cairn_image_free(&out);
    return st;
}

static bool is_live_network(const cairn_predictions *method)
{
    return method->detector && method->role != CAIRN_ROLE_CLASSICAL && method->role != CAIRN_ROLE_CHANCE;
}

static cairn_status draw_pair(job *j, const cairn_pair_source *source)
{
    cairn_status st = CAIRN_OK;
    const cairn_predictions *m = j->method;
    double seconds;
    if (cairn_interrupted()) CAIRN_TRY(cairn_interrupted_status());
    if (source->get(source->state, j->pair_index, &j->pair) < 0) {
        cairn_warn("gallery: pair %d of %s is left out: %s", j->pair_index + 1, source->name, cairn_error_message());
        goto done;
    }
    CAIRN_TRY(m->get(m->state, j->view, j->pair.image_a, &j->pair.a, &j->a, &seconds));
    CAIRN_TRY(m->get(m->state, j->view, j->pair.image_b, &j->pair.b, &j->b, &seconds));
    CAIRN_TRY(draw_detections(j));
    if (j->measure != CAIRN_MEASURE_REPEATABILITY) CAIRN_TRY(draw_matches(j));
    if (is_live_network(m)) CAIRN_TRY(draw_heatmaps(j));
    if (is_live_network(m)) CAIRN_TRY(draw_networks(j));
done:
    job_clear(j);
    return st;
}

typedef struct ranked {
    double badness;
    int pair;
} ranked;

static int worst_first(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->badness != b->badness) return a->badness > b->badness ? -1 : 1;
    return a->pair - b->pair;
}

/* Pairs of worst, median and best value; fewer where there are fewer pairs. Returns how many. */
static int choose(int pairs[RANKS], const job *j)
{
    const cairn_evaluation *e = j->evaluation;
    ranked *list = malloc(sizeof *list * ((size_t)e->pairs + 1));
    int count = 0, chosen = 0;
    for (int i = 0; list && i < e->pairs; i++) {
        const double value = value_of(j, i);
        if (!e->pair[i].used || isnan(value)) continue;
        list[count++] = (ranked){j->measure == CAIRN_MEASURE_REPEATABILITY ? -value : value, i};
    }
    if (count > 0) {
        qsort(list, (size_t)count, sizeof *list, worst_first);
        const int places[RANKS] = {0, count / 2, count - 1};
        while (chosen < RANKS && chosen < count) {
            pairs[chosen] = list[places[chosen]].pair;
            chosen++;
        }
    }
    free(list);
    return chosen;
}

cairn_status cairn_gallery_draw(cJSON *set, const char *folder, const cairn_evaluation *evaluation,
                                const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS], const cairn_predictions *methods,
                                int count)
{
    cairn_status st = CAIRN_OK;
    job j = {.folder = folder, .evaluation = evaluation, .methods = methods, .method_count = count};
    char set_name[64], protocol[64];
    char *pictures = cairn_file_join(folder, "pictures");
    if (!pictures) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a path"));
    CAIRN_TRY(cairn_file_make_folder(pictures));
    j.gallery = cJSON_AddArrayToObject(set, "gallery");
    if (!j.gallery) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a gallery"));
    cairn_html_slug(set_name, sizeof set_name, evaluation->set);
    cairn_html_slug(protocol, sizeof protocol, evaluation->protocol.id);
    for (int m = 0; m < count; m++) {
        int pairs[RANKS];
        const bool described = methods[m].dimension > 0 && evaluation->protocol.view[CAIRN_VIEW_DESCRIBE].used;
        if (methods[m].role == CAIRN_ROLE_CHANCE) continue;
        j.method = &methods[m];
        j.method_index = m;
        j.measure = described ? CAIRN_MEASURE_HOMOGRAPHY_ERROR : CAIRN_MEASURE_REPEATABILITY;
        j.view =
            described || !evaluation->protocol.view[CAIRN_VIEW_DETECT].used ? CAIRN_VIEW_DESCRIBE : CAIRN_VIEW_DETECT;
        snprintf(j.prefix, sizeof j.prefix, "%s-%s-%d", set_name, protocol, m + 1);
        const int chosen = choose(pairs, &j);
        for (j.rank = 0; j.rank < chosen; j.rank++) {
            j.pair_index = pairs[j.rank];
            CAIRN_TRY(draw_pair(&j, &sources[j.view]));
        }
    }
done:
    free(pictures);
    return st;
}
