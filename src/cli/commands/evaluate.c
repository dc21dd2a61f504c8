/* cairn evaluate: trained networks beside untrained ones and classical methods, on the same pairs of images. */
#include "cli/command.h"
#include "cli/images.h"
#include "cli/open_device.h"
#include "experiments/baselines/baselines.h"
#include "experiments/detectors/learned.h"
#include "experiments/evaluation/evaluate.h"

#include <string.h>

typedef struct evaluate_options {
    char model[CAIRN_SETTING_TEXT_BYTES], sequences[CAIRN_SETTING_TEXT_BYTES], photos[CAIRN_SETTING_TEXT_BYTES];
    char baselines[CAIRN_SETTING_TEXT_BYTES], out[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
    bool untrained;
    int64_t height, width, pairs, points, top_k, radius, seed;
    double eps;
} evaluate_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(evaluate_options, model, "", "checkpoint (safetensors), or several with commas"),
    CAIRN_SETTING_TEXT_ROW(evaluate_options, sequences, "", "folder of sequences in HPatches layout"),
    CAIRN_SETTING_TEXT_ROW(evaluate_options, photos, "", "folder of photographs, warped by known homographies"),
    CAIRN_SETTING_TEXT_ROW(evaluate_options, baselines, "harris,sift,random", "classical methods, \"\" for none"),
    CAIRN_SETTING_BOOL_ROW(evaluate_options, untrained, 1, "the same networks with their first weights"),
    CAIRN_SETTING_TEXT_ROW(evaluate_options, out, "", "folder for evaluation.json, else only the table"),
    CAIRN_SETTING_INT_ROW(evaluate_options, height, 240, 32, 4096, "of the compared images, pixels"),
    CAIRN_SETTING_INT_ROW(evaluate_options, width, 320, 32, 4096, "of the compared images, pixels"),
    CAIRN_SETTING_INT_ROW(evaluate_options, pairs, 0, 0, 1e6, "most pairs, 0 for all"),
    CAIRN_SETTING_INT_ROW(evaluate_options, points, 1000, 1, 100000, "keypoints kept for matching"),
    CAIRN_SETTING_INT_ROW(evaluate_options, top_k, 300, 1, 100000, "keypoints for repeatability"),
    CAIRN_SETTING_INT_ROW(evaluate_options, radius, 4, 0, 64, "of everyone's suppression, pixels"),
    CAIRN_SETTING_FLOAT_ROW(evaluate_options, eps, 3, 0.1, 100, "distance of a repeated point, pixels"),
    CAIRN_SETTING_INT_ROW(evaluate_options, seed, 0, 0, 4294967295.0, "of homographies, noise and intervals"),
    CAIRN_CLI_DEVICE_ROW(evaluate_options),
    {0},
};

enum { MOST_METHODS = 24 };

typedef struct contest {
    const evaluate_options *options;
    cairn_gpu *gpu;
    cairn_detector detectors[MOST_METHODS];
    cairn_method methods[MOST_METHODS];
    char weights[MOST_METHODS][CAIRN_SETTING_TEXT_BYTES], names[MOST_METHODS][64];
    int count;
} contest;

/* The next free place, for one method more. */
static cairn_status next_place(contest *c, cairn_role role, cairn_detector **detector)
{
    if (c->count == MOST_METHODS)
        return cairn_error_set(CAIRN_E_INVALID, "command line: at most %d methods at once", MOST_METHODS);
    *detector = &c->detectors[c->count];
    c->methods[c->count] = (cairn_method){*detector, role, NULL};
    c->count++;
    return CAIRN_OK;
}

static cairn_detect_options detect_options(const evaluate_options *o)
{
    cairn_detect_options detect = CAIRN_DETECT_OPTIONS_INIT;
    detect.radius = (int)o->radius;
    detect.threshold = 0; /* the best points of everyone, whatever their scores mean */
    return detect;
}

static cairn_status add_untrained(contest *c, const cairn_network_spec *spec)
{
    cairn_status st = CAIRN_OK;
    const bool teacher = spec->kind == CAIRN_NETWORK_SUPERPOINT;
    const cairn_detect_options detect = detect_options(c->options);
    cairn_network *network = NULL;
    cairn_detector *detector = NULL;
    CAIRN_TRY(next_place(c, teacher ? CAIRN_ROLE_UNTRAINED_TEACHER : CAIRN_ROLE_UNTRAINED_STUDENT, &detector));
    CAIRN_TRY(cairn_network_create_untrained(&network, c->gpu, spec, (uint32_t)c->options->seed));
    CAIRN_TRY(cairn_detector_wrap(detector, network, teacher ? "untrained teacher" : "untrained student", &detect));
done:
    return st;
}

/* runs/demo/teacher/model.safetensors is called teacher, anything else by its own name. */
static void name_model(char name[64], const char *path)
{
    const char *file = strrchr(path, '/'), *start = file;
    if (file && !strcmp(file, "/model.safetensors")) {
        while (start > path && start[-1] != '/') start--;
        snprintf(name, 64, "%.*s", file - start < 63 ? (int)(file - start) : 63, start);
    } else {
        snprintf(name, 64, "%.63s", file ? file + 1 : path);
    }
}

static cairn_status add_model(contest *c, const char *path)
{
    cairn_status st = CAIRN_OK;
    const cairn_detect_options detect = detect_options(c->options);
    cairn_detector *detector = NULL;
    const int place = c->count;
    CAIRN_TRY(next_place(c, CAIRN_ROLE_TEACHER, &detector));
    CAIRN_TRY(cairn_detector_load(detector, c->gpu, path, &detect));
    const cairn_network_spec *spec = cairn_network_get_spec(cairn_detector_network(detector));
    snprintf(c->weights[place], sizeof c->weights[place], "%s", path);
    c->methods[place].weights = c->weights[place];
    name_model(c->names[place], path);
    detector->name = c->names[place];
    if (spec->kind != CAIRN_NETWORK_SUPERPOINT) c->methods[place].role = CAIRN_ROLE_STUDENT;
    if (c->options->untrained) CAIRN_TRY(add_untrained(c, spec));
done:
    return st;
}

static cairn_status add_baseline(contest *c, const char *name)
{
    cairn_status st = CAIRN_OK;
    cairn_detector *detector = NULL;
    CAIRN_TRY(next_place(c, strcmp(name, "random") ? CAIRN_ROLE_CLASSICAL : CAIRN_ROLE_CHANCE, &detector));
    CAIRN_TRY(cairn_baseline_by_name(detector, name, (int)c->options->radius));
done:
    return st;
}

/* Calls `add` for each part of a comma-separated list. */
static cairn_status each_part(contest *c, const char *list, cairn_status (*add)(contest *c, const char *part))
{
    cairn_status st = CAIRN_OK;
    char part[CAIRN_SETTING_TEXT_BYTES];
    while (*list) {
        const size_t length = strcspn(list, ",");
        snprintf(part, sizeof part, "%.*s", (int)length, list);
        if (length) CAIRN_TRY(add(c, part));
        list += length + (list[length] == ',');
    }
done:
    return st;
}

static cairn_status open_pairs(cairn_pair_source *source, const evaluate_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_file_list images = {0};
    const char *words[] = {o->photos, NULL};
    if (o->sequences[0])
        return cairn_pairs_from_sequences(source, o->sequences, (int)o->height, (int)o->width, (int)o->pairs);
    cairn_pair_options pairs = CAIRN_PAIR_OPTIONS_INIT;
    pairs.h = (int)o->height;
    pairs.w = (int)o->width;
    pairs.seed = (uint32_t)o->seed;
    CAIRN_TRY(cairn_cli_images(&images, words));
    const size_t all = images.count;
    if (o->pairs && (size_t)o->pairs < all) images.count = (size_t)o->pairs; /* the list is copied */
    st = cairn_pairs_from_files(source, "photos", &images, &pairs);
    images.count = all;
done:
    cairn_file_list_free(&images);
    return st;
}

static cairn_status evaluate(contest *c, const cairn_pair_source *source)
{
    cairn_status st = CAIRN_OK;
    const evaluate_options *o = c->options;
    cairn_evaluation evaluation = {0};
    char *text = NULL;
    cairn_evaluation_options options = CAIRN_EVALUATION_OPTIONS_INIT;
    options.eps = o->eps;
    options.top_k = (int)o->top_k;
    options.points = (int)o->points;
    options.nms_radius = (int)o->radius;
    options.seed = (uint32_t)o->seed;
    CAIRN_TRY(cairn_evaluation_run(&evaluation, source, c->methods, c->count, &options, true));
    CAIRN_TRY(cairn_evaluation_table(&text, &evaluation));
    fputs(text, stdout);
    if (o->out[0]) {
        const cairn_evaluation *const sets[] = {&evaluation};
        CAIRN_TRY(cairn_file_make_folder(o->out));
        CAIRN_TRY(cairn_evaluation_write(sets, 1, o->out));
    }
done:
    free(text);
    cairn_evaluation_free(&evaluation);
    return st;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    const evaluate_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_pair_source source = {0};
    contest *c = calloc(1, sizeof *c);
    if (!c) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "out of memory"));
    c->options = o;
    if (!o->sequences[0] == !o->photos[0])
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: give --sequences DIR or --photos DIR"));
    if (!o->model[0] && !o->baselines[0])
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --model FILE is missing"));
    CAIRN_TRY(open_pairs(&source, o));
    if (o->model[0]) CAIRN_TRY(cairn_cli_open_device(&c->gpu, o->device));
    CAIRN_TRY(each_part(c, o->model, add_model));
    CAIRN_TRY(each_part(c, o->baselines, add_baseline));
    CAIRN_TRY(evaluate(c, &source));
done:
    for (int i = 0; c && i < c->count; i++) cairn_detector_free(&c->detectors[i]);
    if (c) cairn_gpu_destroy(&c->gpu);
    cairn_pair_source_free(&source);
    free(c);
    return st;
}

const cairn_command cairn_command_evaluate = {
    .name = "evaluate",
    .summary = "measure models beside untrained and classical ones",
    .synopsis = "--model FILE (--sequences DIR | --photos DIR) [--out DIR]",
    .details =
        "Repeatability, localisation, matching and homography estimation with 95 % intervals. Without --model only\n"
        "the classical methods are measured: harris, shi-tomasi, fast, sift, rootsift, hessian, harris-laplace,\n"
        "multiscale-harris, hessian-affine, random.",
    .example =
        "  cairn evaluate --model runs/demo/teacher/model.safetensors --photos /usr/share/backgrounds --pairs 10",
    .options = table,
    .options_bytes = sizeof(evaluate_options),
    .run = run,
};
