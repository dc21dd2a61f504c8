#ifndef CAIRN_CLI_EVALUATION_H
#define CAIRN_CLI_EVALUATION_H
/* What the commands that evaluate share: which methods, which pairs of images, by which protocol. */
#include "base/settings.h"
#include "cli/open_device.h"
#include "experiments/detectors/describer.h"
#include "experiments/evaluation/evaluate.h"

/* Options of cairn evaluate, export, images and score; a command's table has the rows that it understands, and the
 * other fields keep what cairn_cli_evaluation_defaults leaves. */
typedef struct cairn_cli_evaluation {
    char model[CAIRN_SETTING_TEXT_BYTES], sequences[CAIRN_SETTING_TEXT_BYTES], photos[CAIRN_SETTING_TEXT_BYTES];
    char baselines[CAIRN_SETTING_TEXT_BYTES], out[CAIRN_SETTING_TEXT_BYTES], device[CAIRN_SETTING_TEXT_BYTES];
    char protocol[CAIRN_SETTING_TEXT_BYTES], markdown[CAIRN_SETTING_TEXT_BYTES];
    char matcher_model[CAIRN_SETTING_TEXT_BYTES], describe[CAIRN_SETTING_TEXT_BYTES];
    bool untrained, pictures;
    int64_t height, width, pairs, points, top_k, radius, seed;
    int suppression, subpixel, sampling, warp;
    double eps;
} cairn_cli_evaluation;

#define CAIRN_CLI_PAIRS_ROWS                                                                                           \
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, sequences, "", "folder of sequences in HPatches layout"),             \
        CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, photos, "",                                                       \
                               "folder of photographs, warped by known homographies"),                                 \
        CAIRN_SETTING_CHOICE_ROW(cairn_cli_evaluation, warp, 0, CAIRN_PAIR_WARPS,                                      \
                                 "of --photos: ours, or rpautrat's evaluation on COCO"),                               \
        CAIRN_SETTING_INT_ROW(cairn_cli_evaluation, pairs, 0, 0, 1e6, "most pairs, 0 for all")
#define CAIRN_CLI_METHODS_ROWS                                                                                         \
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, model, "", "checkpoint (safetensors), or several with commas")
#define CAIRN_CLI_MATCHER_ROW                                                                                          \
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, matcher_model, "",                                                    \
                           "LightGlue checkpoint, or several: models are also matched by each that fits")
#define CAIRN_CLI_DESCRIBE_ROW                                                                                         \
    CAIRN_SETTING_TEXT_ROW(cairn_cli_evaluation, describe, "",                                                         \
                           "checkpoint whose descriptors are taken at the points of models without any")
#define CAIRN_CLI_CHANGES_ROWS                                                                                         \
    CAIRN_SETTING_INT_ROW(cairn_cli_evaluation, height, 0, 0, 4096,                                                    \
                          "of the compared images, pixels; 0: the protocol's"),                                        \
        CAIRN_SETTING_INT_ROW(cairn_cli_evaluation, width, 0, 0, 4096,                                                 \
                              "of the compared images, pixels; 0: the protocol's"),                                    \
        CAIRN_SETTING_INT_ROW(cairn_cli_evaluation, points, 0, 0, 100000, "keypoints kept; 0: the protocol's"),        \
        CAIRN_SETTING_INT_ROW(cairn_cli_evaluation, top_k, 0, 0, 100000,                                               \
                              "keypoints for repeatability; 0: the protocol's"),                                       \
        CAIRN_SETTING_INT_ROW(cairn_cli_evaluation, radius, -1, -1, 64,                                                \
                              "radius or size of the suppression, pixels; -1: the protocol's"),                        \
        CAIRN_SETTING_CHOICE_ROW(cairn_cli_evaluation, suppression, 0, CAIRN_PROTOCOL_SUPPRESSION_CHOICES,             \
                                 "squares of a radius, or boxes of a size (rpautrat)"),                                \
        CAIRN_SETTING_CHOICE_ROW(cairn_cli_evaluation, subpixel, 0, CAIRN_PROTOCOL_SUBPIXEL_CHOICES,                   \
                                 "networks' points: soft-argmax, or the vertex of a parabola for broad peaks"),        \
        CAIRN_SETTING_FLOAT_ROW(cairn_cli_evaluation, eps, 0, 0, 100,                                                  \
                                "distance of a repeated point; 0: the protocol's")
#define CAIRN_CLI_SAMPLING_ROW                                                                                         \
    CAIRN_SETTING_CHOICE_ROW(cairn_cli_evaluation, sampling, 0, CAIRN_SAMPLING_CHOICES,                                \
                             "where networks' descriptors are read, see cairn detect --help")
#define CAIRN_CLI_PICTURES_ROW                                                                                         \
    CAIRN_SETTING_BOOL_ROW(cairn_cli_evaluation, pictures, 1, "with --out: worst, median and best pairs, drawn")
#define CAIRN_CLI_SEED_ROW                                                                                             \
    CAIRN_SETTING_INT_ROW(cairn_cli_evaluation, seed, 0, 0, 4294967295.0, "of homographies, noise and intervals")

enum { CAIRN_CLI_MOST_METHODS = 32, CAIRN_CLI_MOST_MATCHERS = 8 };

typedef struct cairn_cli_contest {
    const cairn_cli_evaluation *options; /* borrowed */
    cairn_protocol protocol;
    cairn_gpu *gpu; /* NULL without a network */
    cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS];
    cairn_detector detectors[CAIRN_CLI_MOST_METHODS];
    cairn_predictions methods[CAIRN_CLI_MOST_METHODS];
    char names[CAIRN_CLI_MOST_METHODS][64];
    int count;
    cairn_matcher matchers[CAIRN_CLI_MOST_MATCHERS];
    char matcher_names[CAIRN_CLI_MOST_MATCHERS][64], matcher_weights[CAIRN_CLI_MOST_MATCHERS][32];
    cairn_describer *describer;   /* of --describe; NULL without */
    char describer_name[64], describer_weights[32];
    int matcher_count, described; /* described: models with the descriptors of --describe */
} cairn_cli_contest;

/* The contest of a command: protocol and pairs of images. id: of the protocol; "": the option's. Free it on failure,
 * too. error  CAIRN_E_INVALID with "command line" in front where not one of --sequences and --photos is given */
cairn_status cairn_cli_contest_open(cairn_cli_contest *out, const cairn_cli_evaluation *options, const char *id);
/* The networks of --model (each with its untrained twin where wanted, and once more for each matcher of --matcher-model
 * that takes its descriptors) and the methods of --baselines. */
cairn_status cairn_cli_contest_add_methods(cairn_cli_contest *contest);
void cairn_cli_contest_close(cairn_cli_contest *contest);
cairn_predictions_config cairn_cli_contest_config(const cairn_cli_contest *contest);
/* Evaluates, prints the table, writes what --out and --markdown ask for. */
cairn_status cairn_cli_contest_run(cairn_cli_contest *contest);
#endif
