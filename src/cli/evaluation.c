#include "cli/evaluation.h"

#include "cli/images.h"
#include "experiments/baselines/baselines.h"
#include "experiments/detectors/learned.h"
#include "experiments/detectors/model_name.h"
#include "experiments/gallery/gallery.h"
#include "system/file.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool given(const char *text)
{
    return text[0] != 0;
}

cairn_predictions_config cairn_cli_contest_config(const cairn_cli_contest *c)
{
    const cairn_view_id view = c->protocol.view[CAIRN_VIEW_DETECT].used ? CAIRN_VIEW_DETECT : CAIRN_VIEW_DESCRIBE;
    return (cairn_predictions_config){.protocol = &c->protocol,
                                      .set = c->sources[view].name,
                                      .seed = (uint32_t)c->options->seed,
                                      .photos = given(c->options->photos)};
}

static cairn_status open_photos(cairn_cli_contest *c, cairn_view_id view)
{
    cairn_status st = CAIRN_OK;
    const cairn_cli_evaluation *o = c->options;
    cairn_file_list images = {0};
    const char *words[] = {o->photos, NULL};
    cairn_pair_options pairs = cairn_pair_options_of((cairn_pair_warp)o->warp);
    pairs.view = c->protocol.view[view];
    pairs.seed = (uint32_t)o->seed;
    CAIRN_TRY(cairn_cli_images(&images, words));
    const size_t all = images.count;
    if (o->pairs && (size_t)o->pairs < all) images.count = (size_t)o->pairs; /* the list is copied */
    st = cairn_pairs_from_files(&c->sources[view], cairn_pair_warp_name((cairn_pair_warp)o->warp), &images, &pairs);
    images.count = all;
done:
    cairn_file_list_free(&images);
    return st;
}

cairn_status cairn_cli_contest_open(cairn_cli_contest *c, const cairn_cli_evaluation *o, const char *id)
{
    cairn_status st = CAIRN_OK;
    const cairn_protocol_overrides overrides = {.h = (int)o->height,
                                                .w = (int)o->width,
                                                .points = (int)o->points,
                                                .top_k = (int)o->top_k,
                                                .radius = (int)o->radius,
                                                .border = -1,
                                                .suppression = o->suppression,
                                                .subpixel = o->subpixel,
                                                .eps = o->eps};
    *c = (cairn_cli_contest){.options = o};
    if (given(o->sequences) == given(o->photos))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: give --sequences DIR or --photos DIR"));
    CAIRN_TRY(cairn_protocol_find(&c->protocol, given(id) ? id : o->protocol, "command line: --protocol"));
    cairn_protocol_override(&c->protocol, &overrides);
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) {
        if (!c->protocol.view[v].used) continue;
        if (given(o->photos))
            CAIRN_TRY(open_photos(c, (cairn_view_id)v));
        else
            CAIRN_TRY(cairn_pairs_from_sequences(&c->sources[v], o->sequences, &c->protocol.view[v],
                                                 c->protocol.leave_out_large, (int)o->pairs));
    }
done:
    return st;
}

void cairn_cli_contest_close(cairn_cli_contest *c)
{
    for (int i = 0; i < CAIRN_CLI_MOST_METHODS; i++) cairn_predictions_free(&c->methods[i]);
    for (int i = 0; i < CAIRN_CLI_MOST_METHODS; i++) cairn_detector_free(&c->detectors[i]);
    cairn_describer_destroy(&c->describer);
    for (int i = 0; i < c->matcher_count; i++) cairn_matcher_free(&c->matchers[i]);
    for (int v = 0; v < CAIRN_PROTOCOL_VIEWS; v++) cairn_pair_source_free(&c->sources[v]);
    cairn_gpu_destroy(&c->gpu);
}

static cairn_status check_room(const cairn_cli_contest *c)
{
    if (c->count < CAIRN_CLI_MOST_METHODS) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID, "command line: at most %d methods at once", CAIRN_CLI_MOST_METHODS);
}

/* The detector in the next place takes part. */
static cairn_status enter(cairn_cli_contest *c, cairn_role role, const char *weights)
{
    const int i = c->count;
    const cairn_status st = cairn_predictions_live(&c->methods[i], &c->detectors[i], &c->protocol, role, weights);
    if (st >= 0) c->count++;
    return st;
}

/* The hash of a file, as text. */
static cairn_status hash_file(char text[32], const char *path)
{
    uint64_t hash;
    const cairn_status st = cairn_file_hash(&hash, path);
    snprintf(text, 32, "%016llx", (unsigned long long)hash);
    return st;
}

static cairn_status add_untrained(cairn_cli_contest *c, const cairn_network_spec *spec)
{
    cairn_status st = CAIRN_OK;
    const bool teacher = spec->kind == CAIRN_NETWORK_SUPERPOINT;
    char weights[32];
    cairn_network *network = NULL;
    CAIRN_TRY(check_room(c));
    CAIRN_TRY(cairn_network_create_untrained(&network, c->gpu, spec, (uint32_t)c->options->seed));
    CAIRN_TRY(cairn_detector_wrap(&c->detectors[c->count], network, teacher ? "untrained teacher" : "untrained student",
                                  NULL));
    snprintf(weights, sizeof weights, "seed %u", (uint32_t)c->options->seed);
    CAIRN_TRY(enter(c, teacher ? CAIRN_ROLE_UNTRAINED_TEACHER : CAIRN_ROLE_UNTRAINED_STUDENT, weights));
done:
    return st;
}

/* Model `model` of the contest again, matched by each matcher that takes its descriptors. */
static cairn_status add_matched(cairn_cli_contest *c, int model, const char *weights)
{
    cairn_status st = CAIRN_OK;
    const cairn_detector *detector = &c->detectors[model];
    for (int i = 0; i < c->matcher_count; i++) {
        if (!detector->dimension || c->matchers[i].dimension != detector->dimension) continue;
        CAIRN_TRY(check_room(c));
        cairn_predictions *method = &c->methods[c->count];
        CAIRN_TRY(cairn_predictions_live(method, detector, &c->protocol, c->methods[model].role, NULL));
        method->matcher = &c->matchers[i];
        snprintf(method->name, sizeof method->name, "%.30s + %.30s", detector->name, c->matcher_names[i]);
        snprintf(method->weights, sizeof method->weights, "%.60s, matcher %s", weights, c->matcher_weights[i]);
        c->count++;
    }
done:
    return st;
}

static cairn_status open_matcher(cairn_cli_contest *c, const char *path)
{
    cairn_status st = CAIRN_OK;
    const int i = c->matcher_count;
    cairn_matcher_options complete = CAIRN_MATCHER_OPTIONS_INIT; /* every layer on every point: reproducible */
    complete.kind = CAIRN_MATCHER_LIGHTGLUE;
    complete.weights = path;
    if (i == CAIRN_CLI_MOST_MATCHERS)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: at most %d matchers at once", i));
    CAIRN_TRY(hash_file(c->matcher_weights[i], path));
    CAIRN_TRY(cairn_matcher_open(&c->matchers[i], c->gpu, &complete));
    cairn_model_name(c->matcher_names[i], path, c->options->matcher_model);
    c->matcher_count++;
done:
    return st;
}

/* A matcher that no model fits would be left out in silence. */
static cairn_status check_matchers(const cairn_cli_contest *c)
{
    for (int i = 0; i < c->matcher_count; i++) {
        bool used = false;
        for (int m = 0; m < c->count; m++) used |= c->methods[m].matcher == &c->matchers[i];
        if (!used)
            return cairn_error_set(CAIRN_E_INVALID,
                                   "command line: --matcher-model: '%s' takes descriptors of %d numbers, which no "
                                   "model of --model has",
                                   c->matcher_names[i], c->matchers[i].dimension);
    }
    return CAIRN_OK;
}

static cairn_status open_describer(cairn_cli_contest *c, const char *path)
{
    cairn_status st = CAIRN_OK;
    cairn_network *network = NULL;
    CAIRN_TRY(hash_file(c->describer_weights, path));
    CAIRN_TRY(cairn_network_load(&network, c->gpu, path));
    st = cairn_describer_create(&c->describer, network);
    if (st == CAIRN_E_INVALID)
        CAIRN_TRY(cairn_error_set(st, "command line: --describe: %s has no descriptors", path));
    CAIRN_TRY(st);
    cairn_model_name(c->describer_name, path, path);
done:
    return st;
}

/* Model `i`, which only detects, gets the descriptors of --describe; name and weights say so. */
static cairn_status describe_model(cairn_cli_contest *c, int i, char *weights, size_t size)
{
    char own[64];
    if (!c->describer || c->detectors[i].dimension) return CAIRN_OK;
    const cairn_status st = cairn_detector_describe_by(&c->detectors[i], c->describer);
    if (st < 0) return st;
    snprintf(own, sizeof own, "%s", c->names[i]);
    snprintf(c->names[i], sizeof c->names[i], "%.24s, described by %.24s", own, c->describer_name);
    const size_t length = strlen(weights);
    snprintf(weights + length, size - length, ", descriptors %s", c->describer_weights);
    c->described++;
    return CAIRN_OK;
}

static cairn_status add_model(cairn_cli_contest *c, const char *path)
{
    cairn_status st = CAIRN_OK;
    char weights[96];
    const int i = c->count;
    CAIRN_TRY(check_room(c));
    cairn_detect_options detect = CAIRN_DETECT_OPTIONS_INIT;
    detect.sampling = (cairn_sampling)c->options->sampling;
    CAIRN_TRY(cairn_detector_load(&c->detectors[i], c->gpu, path, &detect));
    CAIRN_TRY(hash_file(weights, path));
    const cairn_network_spec *spec = cairn_network_get_spec(cairn_detector_network(&c->detectors[i]));
    cairn_model_name(c->names[i], path, c->options->model);
    if (detect.sampling != CAIRN_SAMPLE_CENTRES) { /* another method in tables and predictions */
        const size_t length = strlen(c->names[i]);
        snprintf(c->names[i] + length, sizeof c->names[i] - length, " (%s)", cairn_sampling_name(detect.sampling));
    }
    c->detectors[i].name = c->names[i];
    CAIRN_TRY(describe_model(c, i, weights, sizeof weights));
    CAIRN_TRY(enter(c, spec->kind == CAIRN_NETWORK_SUPERPOINT ? CAIRN_ROLE_TEACHER : CAIRN_ROLE_STUDENT, weights));
    CAIRN_TRY(add_matched(c, i, weights));
    if (c->options->untrained) CAIRN_TRY(add_untrained(c, spec));
done:
    return st;
}

static cairn_status add_baseline(cairn_cli_contest *c, const char *name)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(check_room(c));
    CAIRN_TRY(cairn_baseline_by_name(&c->detectors[c->count], name, 0)); /* the protocol says the radius */
    CAIRN_TRY(enter(c, strcmp(name, "random") ? CAIRN_ROLE_CLASSICAL : CAIRN_ROLE_CHANCE, NULL));
done:
    return st;
}

/* Calls `add` for each part of a comma-separated list. */
static cairn_status each_part(cairn_cli_contest *c, const char *list,
                              cairn_status (*add)(cairn_cli_contest *c, const char *part))
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

cairn_status cairn_cli_contest_add_methods(cairn_cli_contest *c)
{
    cairn_status st = CAIRN_OK;
    const cairn_cli_evaluation *o = c->options;
    if (given(o->matcher_model) && !given(o->model))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --matcher-model wants a --model with descriptors"));
    if (given(o->model)) CAIRN_TRY(cairn_cli_open_device(&c->gpu, o->device));
    CAIRN_TRY(each_part(c, o->matcher_model, open_matcher));
    if (given(o->model) && given(o->describe)) CAIRN_TRY(open_describer(c, o->describe));
    CAIRN_TRY(each_part(c, o->model, add_model));
    CAIRN_TRY(check_matchers(c));
    if (given(o->describe) && !c->described)
        CAIRN_TRY(
            cairn_error_set(CAIRN_E_INVALID, "command line: --describe: there is no --model without descriptors"));
    CAIRN_TRY(each_part(c, o->baselines, add_baseline));
done:
    return st;
}

/* Of the terminal that standard output is; 100 elsewhere. */
static cairn_table_style terminal_style(void)
{
    struct winsize size = {0};
    cairn_table_style style = {.columns = 100, .bold = isatty(STDOUT_FILENO) == 1};
    if (style.bold && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) style.columns = size.ws_col;
    if (style.columns > 200) style.columns = 200;
    return style;
}

static cairn_status print(const cairn_evaluation *evaluation, const char *markdown)
{
    cairn_status st = CAIRN_OK;
    const cairn_table_style terminal = terminal_style(), document = {.markdown = true};
    char *text = NULL, *page = NULL;
    CAIRN_TRY(cairn_evaluation_table(&text, evaluation, &terminal));
    fputs(text, stdout);
    if (!given(markdown)) goto done;
    CAIRN_TRY(cairn_evaluation_table(&page, evaluation, &document));
    CAIRN_TRY(cairn_file_write(markdown, page, strlen(page)));
done:
    free(text);
    free(page);
    return st;
}

cairn_status cairn_cli_contest_run(cairn_cli_contest *c)
{
    cairn_status st = CAIRN_OK;
    const cairn_cli_evaluation *o = c->options;
    const cairn_evaluation_options options = {.protocol = &c->protocol, .seed = (uint32_t)o->seed, .progress = true};
    cJSON *set = NULL;
    cairn_evaluation evaluation = {0};
    if (given(o->out)) CAIRN_TRY(cairn_file_make_folder(o->out)); /* before the work */
    CAIRN_TRY(cairn_evaluation_run(&evaluation, c->sources, c->methods, c->count, &options));
    if (c->gpu) {
        const cairn_gpu_info *info = cairn_gpu_get_info(c->gpu);
        snprintf(evaluation.device, sizeof evaluation.device, "%s", info->name);
        snprintf(evaluation.driver, sizeof evaluation.driver, "%s", info->driver);
    }
    CAIRN_TRY(print(&evaluation, o->markdown));
    if (given(o->out)) {
        CAIRN_TRY(cairn_evaluation_json(&set, &evaluation));
        if (o->pictures)
            CAIRN_TRY(cairn_gallery_draw(set, o->out, &evaluation, c->sources, c->methods, c->count));
        CAIRN_TRY(cairn_evaluation_write_sets(&set, 1, o->out)); /* takes the set over */
    }
done:
    cJSON_Delete(set);
    cairn_evaluation_free(&evaluation);
    return st;
}
