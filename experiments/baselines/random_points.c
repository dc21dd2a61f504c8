#include "base/rng.h"
#include "experiments/baselines/baselines.h"

#include <string.h>

typedef struct random_points {
    int count;
    uint32_t seed;
} random_points;

/* FNV-1a over the pixels: another image, other points; the same image, the same points. */
static uint32_t hash(const cairn_image *image)
{
    uint32_t value = 2166136261u;
    size_t count = (size_t)image->h * (size_t)image->w * (size_t)image->c;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &image->pixels[i], sizeof bits);
        value = (value ^ bits) * 16777619u;
    }
    return value;
}

static cairn_status detect(void *state, const cairn_image *gray, int top_k, cairn_keypoints *out)
{
    enum { PURPOSE = 0x72616e64 };
    const random_points *self = state;
    cairn_status st = CAIRN_OK;
    int count = top_k > 0 && top_k < self->count ? top_k : self->count;
    cairn_rng rng = cairn_rng_stream(self->seed, 0, hash(gray), 0, PURPOSE);
    CAIRN_TRY(cairn_keypoints_create(out, count, 0));
    for (int i = 0; i < count; i++) {
        float x = (float)cairn_rng_integer(&rng, 0, gray->w - 1), y = (float)cairn_rng_integer(&rng, 0, gray->h - 1);
        out->points[i] = (cairn_keypoint){x, y, 1.0f - (float)i / (float)count};
    }
done:
    return st;
}

cairn_status cairn_baseline_random(cairn_detector *out, int count, uint32_t seed)
{
    *out = (cairn_detector){0};
    random_points *self = malloc(sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the random points");
    *self = (random_points){count, seed};
    *out = (cairn_detector){.name = "random points", .state = self, .detect = detect, .destroy = free};
    return CAIRN_OK;
}
