#ifndef CAIRN_PREDICTIONS_H
#define CAIRN_PREDICTIONS_H
/* Where the keypoints of an image come from: a method that runs now, or files that any program may have written.
 * docs/evaluation.md describes the files. */
#include "experiments/evaluation/detector.h"
#include "experiments/evaluation/pairs/pairs.h"
#include "matching/matcher.h"

/* What a method is to the report. */
typedef enum cairn_role {
    CAIRN_ROLE_CLASSICAL,
    CAIRN_ROLE_TEACHER,
    CAIRN_ROLE_UNTRAINED_TEACHER, /* the teacher's network with its first weights */
    CAIRN_ROLE_STUDENT,
    CAIRN_ROLE_UNTRAINED_STUDENT,
    CAIRN_ROLE_CHANCE, /* random points */
    CAIRN_ROLES
} cairn_role;
const char *cairn_role_name(cairn_role role); /* classical, teacher, untrained-teacher, student, ... as in the JSON */

typedef struct cairn_predictions {
    char name[64], weights[128]; /* weights: what identifies them (a hash, a file), "" for none */
    cairn_role role;
    int dimension;                  /* of the descriptors, 0: none */
    const cairn_detector *detector; /* borrowed; NULL when the points come from files */
    const cairn_matcher *matcher;   /* borrowed; NULL: nearest neighbours */
    void *state;                    /* owned */
    /* The points of an image as a view of the protocol wants them. `gray` is the image at the view's size, image_id its
     * name in the pairs' source. The caller frees *out (empty on entry). *seconds: detection took so long; NaN:
     * unknown. One caller at a time. error  the method's; CAIRN_E_NOTFOUND, CAIRN_E_FORMAT with the file's name */
    cairn_status (*get)(void *state, cairn_view_id view, const char *image_id, const cairn_image *gray,
                        cairn_keypoints *out, double *seconds);
    void (*destroy)(void *state);
} cairn_predictions;
void cairn_predictions_free(cairn_predictions *predictions); /* accepts an empty one; leaves it empty */

/* A method that runs now, once for each image: the last two images of a view are remembered, so that image 1 of a
 * sequence is looked at once. The detector is borrowed. weights may be NULL. */
cairn_status cairn_predictions_live(cairn_predictions *out, const cairn_detector *detector,
                                    const cairn_protocol *protocol, cairn_role role, const char *weights);

/* What a folder of predictions must have been made with. */
typedef struct cairn_predictions_config {
    const cairn_protocol *protocol;
    const char *set; /* name of the source of pairs; compared for photos only: how they are warped */
    uint32_t seed;   /* of generated pairs; likewise */
    bool photos;
} cairn_predictions_config;

/* FOLDER/predictions.json and FOLDER/<sequence>/<k>.<H>x<W>.npz, all hostile.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT, and CAIRN_E_INVALID where they were made with other settings: names the
 *        setting, its value there and here */
cairn_status cairn_predictions_open(cairn_predictions *out, const char *folder, const cairn_predictions_config *config);
/* The id of the protocol that a folder was made with, and whether for photos. */
cairn_status cairn_predictions_protocol(char id[64], bool *photos, const char *folder);

/* Writes the points of all images of the sources (one for each view of the protocol; a view that the protocol does not
 * use is left out). Files of an earlier export with the same settings are kept, so that it can be cut short and taken
 * up. progress: a bar on standard error error  CAIRN_E_INVALID if the folder holds predictions with other settings */
cairn_status cairn_predictions_export(const char *folder, const cairn_predictions *method,
                                      const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                                      const cairn_predictions_config *config, bool progress);
/* Writes the images themselves as FOLDER/<sequence>/<k>.<H>x<W>.png, gray, and FOLDER/predictions.json, to which
 * another program adds its "method" and its files. */
cairn_status cairn_predictions_images(const char *folder, const cairn_pair_source sources[CAIRN_PROTOCOL_VIEWS],
                                      const cairn_predictions_config *config, bool progress);
#endif
