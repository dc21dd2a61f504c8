#ifndef CAIRN_TRAIN_MODEL_IMPORT_H
#define CAIRN_TRAIN_MODEL_IMPORT_H
/* Importing a network: each parameter of the network, in its order, from the file's tensor of the name that the
 * importer says. */
#include "formats/import.h"
#include "train/model.h"

enum { CAIRN_IMPORT_NAME = 160 };

typedef struct cairn_model_import cairn_model_import;
struct cairn_model_import { /* first member of the importer's own */
    cairn_import_source from;
    cairn_model model; /* the network whose parameters are wanted; from cairn_model_import_build on */
    /* Puts the network into m's graph. */
    void (*record)(cairn_model *m, const cairn_model_import *import);
    /* The file's name of a parameter, without the prefix; "" where this layout leaves it out. */
    void (*source_name)(char name[CAIRN_IMPORT_NAME], const cairn_model_import *import, const char *ours);
    /* Changes the numbers into ours: those of the file, or zeros where the layout leaves it out. NULL: they are ours. */
    void (*adapt)(const cairn_model_import *import, const char *ours, float *values, size_t count);
};

/* (Re)builds the list of parameters. error  those of the graph */
cairn_status cairn_model_import_build(cairn_model_import *import);
/* Parameters that the file lacks or has in another shape. */
int cairn_model_import_misfits(const cairn_model_import *import);
/* Writes the checkpoint by rename and fills the report.
 * model: its metadata; threshold: as cairn_import_write.
 * error  as cairn_import_require and cairn_import_write; nothing is written then, and the report is empty */
cairn_status cairn_model_import_write(cairn_import_report *report, cairn_model_import *import, const char *out,
                                      const char *model, const char *threshold);
void cairn_model_import_close(cairn_model_import *import); /* accepts an empty one */
#endif
