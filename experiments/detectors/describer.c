#include "experiments/detectors/describer.h"

#include "base/hash.h"

#include <string.h>

enum { KEPT = 4 }; /* the two images of a pair, each at the sizes for detection and for description */

typedef struct kept {
    uint64_t image; /* hash of its pixels */
    int h, w;
    bool raw, batch_statistics;
    float *map; /* NULL: empty */
} kept;

struct cairn_describer {
    cairn_network *network;
    kept kept[KEPT];
    int next; /* place of the next map */
};

cairn_status cairn_describer_create(cairn_describer **out, cairn_network *network)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    if (!cairn_network_dimension(network))
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "the network that should describe points has no descriptors"));
    *out = calloc(1, sizeof **out);
    if (!*out) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a describing network"));
    (*out)->network = network;
done:
    if (st < 0) cairn_network_destroy(&network);
    return st;
}

void cairn_describer_destroy(cairn_describer **describer)
{
    if (!*describer) return;
    for (int i = 0; i < KEPT; i++) free((*describer)->kept[i].map);
    cairn_network_destroy(&(*describer)->network);
    free(*describer);
    *describer = NULL;
}

int cairn_describer_dimension(const cairn_describer *describer)
{
    return cairn_network_dimension(describer->network);
}

static const kept *find(const cairn_describer *d, const kept *wanted)
{
    for (int i = 0; i < KEPT; i++) {
        const kept *k = &d->kept[i];
        if (k->map && k->image == wanted->image && k->h == wanted->h && k->w == wanted->w && k->raw == wanted->raw &&
            k->batch_statistics == wanted->batch_statistics)
            return k;
    }
    return NULL;
}

cairn_status cairn_describer_map(float *map, cairn_describer *d, const cairn_image *gray, bool raw,
                                 bool batch_statistics)
{
    cairn_status st = CAIRN_OK;
    const size_t pixels = (size_t)gray->h * (size_t)gray->w;
    const size_t cells = (size_t)cairn_network_cells(gray->h) * (size_t)cairn_network_cells(gray->w);
    const size_t bytes = sizeof(float) * cells * (size_t)cairn_describer_dimension(d);
    const uint64_t image = cairn_hash_bytes(CAIRN_HASH_START, gray->pixels, sizeof(float) * pixels);
    kept fresh = {image, gray->h, gray->w, raw, batch_statistics, NULL};
    float *heatmap = NULL;
    const kept *old = find(d, &fresh);
    if (old) {
        memcpy(map, old->map, bytes);
        goto done;
    }
    heatmap = malloc(sizeof(float) * pixels); /* which nobody asked for */
    fresh.map = malloc(bytes);
    if (!heatmap || !fresh.map)
        CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for the descriptors of %dx%d pixels", gray->w, gray->h));
    cairn_network_use_raw_descriptors(d->network, raw);
    cairn_network_use_batch_statistics(d->network, batch_statistics);
    CAIRN_TRY(cairn_network_run(d->network, gray->pixels, 1, gray->h, gray->w, heatmap, fresh.map));
    memcpy(map, fresh.map, bytes);
    free(d->kept[d->next].map);
    d->kept[d->next] = fresh;
    d->next = (d->next + 1) % KEPT;
    fresh.map = NULL;
done:
    free(heatmap);
    free(fresh.map);
    return st;
}
