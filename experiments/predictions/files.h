#ifndef CAIRN_PREDICTIONS_FILES_H
#define CAIRN_PREDICTIONS_FILES_H
/* Private to the predictions: one file of points, and the description of a folder. */
#include "experiments/predictions/predictions.h"

/* FOLDER/<image_id>.<H>x<W>.<extension>; caller frees. */
cairn_status cairn_predictions__path(char **out, const char *folder, const char *image_id, int h, int w,
                                     const char *extension);
/* The points of an image of h x w pixels, best first, at most `points`; descriptors get unit norm where they have not.
 * error  CAIRN_E_NOTFOUND, CAIRN_E_FORMAT, CAIRN_E_SHAPE with file, array and what was expected */
cairn_status cairn_predictions__read(cairn_keypoints *out, double *seconds, const char *path, int h, int w,
                                     int dimension, int points);
cairn_status cairn_predictions__write(const char *path, const cairn_keypoints *points, double seconds);
/* FOLDER/predictions.json: *out is NULL where there is none. */
cairn_status cairn_predictions__load_json(cJSON **out, const char *folder);
cairn_status cairn_predictions__save_json(const cJSON *json, const char *folder);
/* What predictions of a method must say of themselves; method NULL: left empty. */
cJSON *cairn_predictions__describe(const cairn_predictions *method, const cairn_predictions_config *config);
/* Compares a description that was read with what is expected: protocol, parameters, set of pairs and its seed.
 * error  CAIRN_E_INVALID naming folder, setting, and both values */
cairn_status cairn_predictions__compare(const cJSON *there, const cJSON *here, const char *folder);
#endif
