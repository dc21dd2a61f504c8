/* cairn match: the matches of two images, drawn. */
#include "cli/command.h"
#include "cli/open_device.h"
#include "experiments/detectors/learned.h"
#include "experiments/gallery/drawing.h"
#include "matching/nearest.h"
#include "system/file.h"

#include <string.h>

typedef struct match_options {
    char model[CAIRN_SETTING_TEXT_BYTES], out[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
    double threshold, ratio;
    int64_t radius, top_k, lines;
} match_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(match_options, model, "", "checkpoint (safetensors) with descriptors"),
    CAIRN_SETTING_TEXT_ROW(match_options, out, "", "PNG file to write"),
    CAIRN_SETTING_FLOAT_ROW(match_options, threshold, 0.015, 0, 1, "least probability of a keypoint"),
    CAIRN_SETTING_INT_ROW(match_options, radius, 4, 0, 64, "of the suppression, pixels"),
    CAIRN_SETTING_INT_ROW(match_options, top_k, 1000, 0, 1e6, "most keypoints of an image, 0 for all"),
    CAIRN_SETTING_FLOAT_ROW(match_options, ratio, 0, 0, 1, "largest distance ratio of best to second best, 0 for any"),
    CAIRN_SETTING_INT_ROW(match_options, lines, 300, 0, 1e6, "most lines drawn, 0 for all"),
    CAIRN_CLI_DEVICE_ROW(match_options),
    {0},
};

enum { INLIER_PIXELS = 3, ITERATIONS = 2000 };

typedef struct side {
    const char *path;
    cairn_image rgb, gray;
    cairn_keypoints points;
} side;

static void side_free(side *s)
{
    cairn_image_free(&s->rgb);
    cairn_image_free(&s->gray);
    cairn_keypoints_free(&s->points);
}

static cairn_status side_detect(side *s, const cairn_detector *detector, int top_k)
{
    cairn_status st = detector->detect(detector->state, &s->gray, top_k, &s->points);
    if (st < 0) cairn_error_set(st, "%s: %s", s->path, cairn_error_message());
    return st;
}

static cairn_status side_load(side *s, const char *path)
{
    cairn_status st = CAIRN_OK;
    s->path = path;
    CAIRN_TRY(cairn_image_load(&s->rgb, path, 3));
    CAIRN_TRY(cairn_image_to_gray(&s->gray, &s->rgb));
done:
    return st;
}

/* Draws all matches; those that one homography explains are green. */
static cairn_status draw(const match_options *o, const side *a, const side *b, const cairn_match *matches, int count)
{
    cairn_status st = CAIRN_OK;
    cairn_image drawing = {0};
    cairn_homography h;
    double *places = calloc(4 * (size_t)count + 4, sizeof *places);
    uint8_t *inliers = calloc((size_t)count + 1, 1);
    int agreeing = 0;
    if (!places || !inliers) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    double *from = places, *to = places + 2 * count;
    for (int i = 0; i < count; i++) {
        const cairn_keypoint p = a->points.points[matches[i].a], q = b->points.points[matches[i].b];
        from[2 * i] = p.x, from[2 * i + 1] = p.y;
        to[2 * i] = q.x, to[2 * i + 1] = q.y;
    }
    st = cairn_homography_ransac(&h, from, to, count, INLIER_PIXELS, ITERATIONS, 0.995, 0, inliers);
    if (st < 0 && st != CAIRN_E_NUMERIC) goto done;
    if (st < 0) memset(inliers, 0, (size_t)count);
    for (int i = 0; i < count; i++) agreeing += inliers[i];
    const cairn_picture left = {&a->rgb, NULL, NULL}, right = {&b->rgb, NULL, NULL};
    CAIRN_TRY(cairn_draw_matches(&drawing, &left, &right, from, to, inliers, count, (int)o->lines));
    CAIRN_TRY(cairn_image_save_png(&drawing, o->out));
    printf("%d and %d keypoints, %d matches, %d agree on one homography within %d pixels: %s\n", a->points.count,
           b->points.count, count, agreeing, INLIER_PIXELS, o->out);
done:
    cairn_image_free(&drawing);
    free(places);
    free(inliers);
    return st;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)word_count;
    const match_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_gpu *gpu = NULL;
    cairn_detector detector = {0};
    side a = {0}, b = {0};
    cairn_match *matches = NULL;
    int count = 0;
    cairn_detect_options detect = CAIRN_DETECT_OPTIONS_INIT;
    detect.threshold = o->threshold;
    detect.radius = (int)o->radius;
    if (!o->model[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --model FILE is missing"));
    if (!o->out[0]) CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out FILE.png is missing"));
    for (int i = 0; i < 2; i++)
        if (cairn_file_same(o->out, words[i]))
            CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: the drawing would overwrite %s itself; give "
                                      "another --out", words[i]));
    CAIRN_TRY(side_load(&a, words[0]));
    CAIRN_TRY(side_load(&b, words[1]));
    CAIRN_TRY(cairn_cli_open_device(&gpu, o->device));
    CAIRN_TRY(cairn_detector_load(&detector, gpu, o->model, &detect));
    if (!detector.dimension)
        CAIRN_TRY(cairn_error_set(CAIRN_E_UNSUPPORTED, "%s: this model has no descriptors; matching needs a teacher "
                                  "(superpoint)", o->model));
    CAIRN_TRY(side_detect(&a, &detector, (int)o->top_k));
    CAIRN_TRY(side_detect(&b, &detector, (int)o->top_k));
    CAIRN_TRY(cairn_match_nearest(&matches, &count, &a.points, &b.points, 0, (float)o->ratio));
    CAIRN_TRY(draw(o, &a, &b, matches, count));
done:
    free(matches);
    side_free(&a);
    side_free(&b);
    cairn_detector_free(&detector);
    cairn_gpu_destroy(&gpu);
    return st;
}

const cairn_command cairn_command_match = {
    .name = "match",
    .summary = "match two images and draw the matches",
    .synopsis = "--model FILE A B --out FILE.png",
    .details = "Mutual nearest neighbours of the descriptors. Green lines agree on one homography within 3 pixels.",
    .example = "  cairn match --model runs/demo/teacher/model.safetensors left.jpg right.jpg --out matches.png",
    .options = table,
    .options_bytes = sizeof(match_options),
    .least_words = 2,
    .most_words = 2,
    .run = run,
};
