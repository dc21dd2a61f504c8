#ifndef CAIRN_MATCHING_LIGHTGLUE_IMPORT_H
#define CAIRN_MATCHING_LIGHTGLUE_IMPORT_H
/* Public LightGlue checkpoints as ours (key map: matching.md 2.7). */
#include "formats/import.h"

#include <stdbool.h>

#define CAIRN_LIGHTGLUE_LAYOUT "superpoint-lightglue"

/* Whether the file names LightGlue's positional encoding. */
bool cairn_lightglue_names_fit(const cairn_weights *weights);
/* Writes `out`, a checkpoint of ours, by rename. Reads both namings, self_attn.0.Wqkv.weight (the published files) and
 * transformers.0.self_attn.Wqkv.weight (the current code), behind any prefix. Layers, heads, width and descriptor are
 * what the shapes say. Queries, keys and values, which take turns in the rows of one matrix there, become three.
 * error  CAIRN_E_NOTFOUND a tensor that is needed, CAIRN_E_SHAPE with both shapes, CAIRN_E_NUMERIC numbers that are not
 *        finite, CAIRN_E_UNSUPPORTED positions of more than two numbers, CAIRN_E_FORMAT no LightGlue; nothing is
 *        written then */
cairn_status cairn_lightglue_import(cairn_import_report *report, const cairn_weights *weights, const char *out);
#endif
