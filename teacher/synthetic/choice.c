/* Which of the primitives are drawn, and in what shares. */
#include "teacher/synthetic/synthetic_shapes.h"

#include "base/settings.h"

#include <string.h>

static cairn_status unknown(const char *name, const char *const *known, const char *where)
{
    char list[160] = "all";
    const char *closest = cairn_closest_name(name, known);
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, ", %s", known[p]);
    }
    return cairn_error_set(CAIRN_E_INVALID, "%s: there is no '%s'; %s%s%sthere are %s", where, name,
                           closest ? "did you mean '" : "", closest ? closest : "", closest ? "'? " : "", list);
}

/* The next name of the list without the spaces around it; what is longer than any name is cut. */
static void next_name(char name[32], const char **list)
{
    const char *at = *list + strspn(*list, " ");
    size_t length = strcspn(at, ",");
    *list = at + length + (at[length] == ',');
    while (length && at[length - 1] == ' ') length--;
    snprintf(name, 32, "%.*s", (int)(length < 31 ? length : 31), at);
}

cairn_status cairn_shapes_choose(bool chosen[CAIRN_SHAPE_COUNT], const char *list, const char *where)
{
    const char *known[CAIRN_SHAPE_COUNT + 1] = {0};
    const bool all = !strcmp(list, "all");
    int count = 0;
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) {
        known[p] = cairn_shape_name((cairn_primitive)p);
        chosen[p] = all;
    }
    if (all) return CAIRN_OK;
    while (*list) {
        char name[32];
        int p = 0;
        next_name(name, &list);
        while (p < CAIRN_SHAPE_COUNT && strcmp(known[p], name)) p++;
        if (p == CAIRN_SHAPE_COUNT) return unknown(name, known, where);
        chosen[p] = true;
        count++;
    }
    return count ? CAIRN_OK : cairn_error_set(CAIRN_E_INVALID, "%s: none is named; 'all' are nine", where);
}

cairn_primitive cairn_shape_sample(cairn_rng *rng, const bool *chosen)
{
    double total = 0;
    int last = -1;
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) {
        if (chosen && !chosen[p]) continue;
        total += cairn_shape_share((cairn_primitive)p);
        last = p;
    }
    CAIRN_ASSERT(last >= 0);
    double u = cairn_rng_uniform(rng) * total;
    for (int p = 0; p < last; p++) {
        const double share = cairn_shape_share((cairn_primitive)p);
        if (chosen && !chosen[p]) continue;
        if (u < share) return (cairn_primitive)p;
        u -= share;
    }
    return (cairn_primitive)last;
}
