#ifndef CAIRN_FORMATS_IMPORT_H
#define CAIRN_FORMATS_IMPORT_H
/* What the importers share: tensors of a foreign file by their names, and a checkpoint of ours made of them. */
#include "formats/safetensors.h"
#include "formats/weights.h"

enum { CAIRN_IMPORT_PREFIX = 256 };

/* What importing such a file into a checkpoint of ours did. */
typedef struct cairn_import_report {
    const char *layout; /* static */
    char model[256];    /* metadata "model" of the checkpoint */
    int taken;          /* tensors of the file that it is made of */
    int left;           /* tensors of the file that have no place in it */
    char **left_names;  /* [left]; owned. Counters of batches and the state of an optimiser
                           (optimizer_state_dict.state.0.exp_avg) are no loss and not named */
} cairn_import_report;
void cairn_import_report_free(cairn_import_report *report); /* accepts an empty one */

/* A file that is being imported. */
typedef struct cairn_import_source {
    const cairn_weights *weights;
    const char *layout;               /* static */
    char prefix[CAIRN_IMPORT_PREFIX]; /* in front of every name of the file: "", "module.", "state_dict." ... */
    bool *used;                       /* [weights->count] what cairn_import_require gave; from cairn_import_open on */
} cairn_import_source;
/* Sets weights and makes room for `used`. error  CAIRN_E_NOMEM */
cairn_status cairn_import_open(cairn_import_source *source, const cairn_weights *weights);
void cairn_import_close(cairn_import_source *source); /* accepts an empty one */
/* Takes the prefix from the first name that ends in `ending` at the beginning or behind a dot; false: there is none. */
bool cairn_import_find_prefix(cairn_import_source *source, const char *ending);
/* The tensor prefix + name; NULL: there is none. Borrowed. */
const cairn_weight *cairn_import_find(const cairn_import_source *source, const char *name);
/* Whether the shape is this one. A dense layer's matrix [a,b] is a 1x1 kernel's [a,b,1,1], too. */
bool cairn_import_fits(const cairn_weight *w, int rank, const int64_t *shape);
/* The tensor prefix + name, which has this shape.
 * error  CAIRN_E_NOTFOUND with the layout's name, CAIRN_E_SHAPE with both shapes, CAIRN_E_NUMERIC where it holds
 *        numbers that are not finite */
cairn_status cairn_import_require(const cairn_weight **out, cairn_import_source *source, const char *name, int rank,
                                  const int64_t *shape);
/* Room for a tensor of ours, whose numbers the caller fills in. The caller frees it with cairn_import_free_tensors, on
 * failure, too. error  CAIRN_E_NOMEM */
cairn_status cairn_import_room(cairn_safetensor *to, const char *name, int rank, const int64_t *shape);
void cairn_import_free_tensors(cairn_safetensor *tensors, int count); /* not the list itself */
/* Writes the checkpoint by rename, and the report. threshold: further metadata, or NULL. On failure, too, the caller
 * frees the report. */
cairn_status cairn_import_write(cairn_import_report *report, const char *out, const cairn_safetensor *tensors,
                                int count, const cairn_import_source *source, const char *model,
                                const char *threshold);
#endif
