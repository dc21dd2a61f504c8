#ifndef CAIRN_MEASUREMENTS_AGREEMENT_H
#define CAIRN_MEASUREMENTS_AGREEMENT_H
/* How far students may stand in for the teacher whose descriptors they learnt: at the teacher's own points, so that only
 * the descriptors differ. source student.md 6.2: a mean cosine of 0.9 and 80 % of its matches are asked for */
#include "experiments/measurements/sheet.h"

typedef struct cairn_agreement_options {
    cairn_protocol_view view; /* size of the images, and which points the teacher has there */
    uint32_t seed;            /* of intervals */
    int resamples;            /* 1 or more */
    bool progress;            /* a bar on standard error */
} cairn_agreement_options;

/* For each pair: the mean cosine of student's and teacher's descriptors over the teacher's points of both images, and
 * the share of the teacher's mutual nearest neighbours that are the student's, too, with their number. A pair of which
 * the teacher matches nothing has no share; one that cannot be read is left out, with a warning.
 * teacher: a network's (detectors/learned.h), as each method's detector is. Groups: all, and each kind of pair
 * error  CAIRN_E_INVALID: descriptors of other lengths, or none; those of networks; CAIRN_E_NOTFOUND: no pair to read */
cairn_status cairn_agreement_run(cairn_sheet *out, const cairn_pair_source *pairs, const cairn_detector *teacher,
                                 const cairn_predictions *methods, int method_count,
                                 const cairn_agreement_options *options);
#endif
