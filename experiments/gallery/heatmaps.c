#include "experiments/gallery/heatmaps.h"

#include "experiments/gallery/drawing.h"

#include <math.h>

enum { MOST = 32 };

/* How many of `count` pictures of w by h stand beside each other. */
static int columns_for(int count, int h, int w)
{
    const double screen = 1.6; /* width over height */
    int best = 1;
    double least = INFINITY;
    for (int columns = 1; columns <= count && columns <= MOST; columns++) {
        const int rows = (count + columns - 1) / columns;
        const double off = fabs(log((double)columns * w / ((double)rows * h) / screen));
        if (off < least) least = off, best = columns;
    }
    return best;
}

static float largest(const float *values, size_t count)
{
    float most = 0;
    for (size_t i = 0; i < count; i++) most = values[i] > most ? values[i] : most;
    return most;
}

cairn_status cairn_draw_heatmaps(cairn_image *out, const cairn_image *photo, const char *title,
                                 const cairn_heatmap *heatmaps, int count)
{
    cairn_status st = CAIRN_OK;
    cairn_image drawn[MOST + 1] = {{0}}, gray = {0};
    cairn_picture pictures[MOST + 1];
    char titles[MOST][96];
    *out = (cairn_image){0};
    if (count < 1 || count > MOST)
        return cairn_error_set(CAIRN_E_INVALID, "%d heatmaps: expected 1 to %d", count, MOST);
    /* Enlarged as the heatmaps are, so that all have one size. */
    CAIRN_TRY(cairn_draw_keypoints(&drawn[0], &(cairn_picture){photo, NULL, NULL}));
    pictures[0] = (cairn_picture){&drawn[0], NULL, title};
    CAIRN_TRY(cairn_image_to_gray(&gray, photo)); /* colours are the heatmaps' alone */
    for (int i = 0; i < count; i++) {
        const double most = (double)largest(heatmaps[i].values, (size_t)photo->h * (size_t)photo->w);
        CAIRN_TRY(cairn_draw_heatmap(&drawn[i + 1], &gray, heatmaps[i].values, photo->h, photo->w));
        snprintf(titles[i], sizeof titles[i], "%.64s, largest %.3f", heatmaps[i].name, most);
        pictures[i + 1] = (cairn_picture){&drawn[i + 1], NULL, titles[i]};
    }
    CAIRN_TRY(cairn_draw_grid(out, pictures, count + 1, columns_for(count + 1, photo->h, photo->w)));
done:
    cairn_image_free(&gray);
    for (int i = 0; i <= count; i++) cairn_image_free(&drawn[i]);
    return st;
}
