#include "experiments/baselines/baselines.h"

#include <string.h>

enum { RANDOM_POINTS = 4000 };

cairn_status cairn_baseline_by_name(cairn_detector *out, const char *name, int radius)
{
    *out = (cairn_detector){0};
    if (!strcmp(name, "harris")) return cairn_baseline_harris(out, radius);
    if (!strcmp(name, "shi-tomasi")) return cairn_baseline_shi_tomasi(out, radius);
    if (!strcmp(name, "fast")) return cairn_baseline_fast(out, radius);
    if (!strcmp(name, "orb")) return cairn_baseline_orb(out);
    if (!strcmp(name, "random")) return cairn_baseline_random(out, RANDOM_POINTS, 0);
    if (!strcmp(name, "sift")) return cairn_baseline_sift(out, false);
    if (!strcmp(name, "rootsift")) return cairn_baseline_sift(out, true);
    if (!strcmp(name, "hessian")) return cairn_baseline_covdet(out, CAIRN_COVDET_HESSIAN, false, true);
    if (!strcmp(name, "hessian-affine")) return cairn_baseline_covdet(out, CAIRN_COVDET_HESSIAN, true, true);
    if (!strcmp(name, "harris-laplace")) return cairn_baseline_covdet(out, CAIRN_COVDET_HARRIS_LAPLACE, false, true);
    if (!strcmp(name, "multiscale-harris"))
        return cairn_baseline_covdet(out, CAIRN_COVDET_MULTISCALE_HARRIS, false, true);
    return cairn_error_set(CAIRN_E_INVALID, "no baseline is called '%s'; there are " CAIRN_BASELINE_NAMES, name);
}
