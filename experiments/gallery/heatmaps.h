#ifndef CAIRN_HEATMAPS_H
#define CAIRN_HEATMAPS_H
/* Heatmaps of several networks beside the photograph that they looked at: teacher and students side by side. */
#include "data/image.h"

/* A heatmap [h,w] of the photograph's size, in 0..1. */
typedef struct cairn_heatmap {
    const char *name; /* of the network */
    const float *values;
} cairn_heatmap;

/* The photograph with its title, then each heatmap over the darkened gray photograph with its name and its largest value
 * (colours are shares of that one, see cairn_draw_heatmap), in rows whose number makes the sheet about as wide as a
 * screen. photo: gray or RGB. count 1..32.
 * owner  the caller frees *out */
cairn_status cairn_draw_heatmaps(cairn_image *out, const cairn_image *photo, const char *title,
                                 const cairn_heatmap *heatmaps, int count);
#endif
