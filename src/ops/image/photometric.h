#ifndef CAIRN_OPS_PHOTOMETRIC_H
#define CAIRN_OPS_PHOTOMETRIC_H
/* Changes of light for training, on the device: the six of teacher.md 2.5, each image by parameters and in an order of
 * its own that the host drew. teacher/augment.h draws them and does the same on the host. */
#include "graph/graph.h"

typedef enum cairn_photometric {
    CAIRN_PHOTOMETRIC_BRIGHTNESS, /* v + add */
    CAIRN_PHOTOMETRIC_CONTRAST,   /* (v - centre) factor + centre */
    CAIRN_PHOTOMETRIC_SPECKLE,    /* 0, 1 or v: by word speckle_word + pixel of the stream */
    CAIRN_PHOTOMETRIC_NOISE,      /* v + deviation * normal: Box-Muller of words noise_word + 2 (pixel / 2) and the
                                     next, the cosine for even pixels, the sine for odd ones */
    CAIRN_PHOTOMETRIC_SHADE,      /* v (1 - tau * blurred mask) */
    CAIRN_PHOTOMETRIC_MOTION,     /* mean along a line */
    CAIRN_PHOTOMETRIC_COUNT
} cairn_photometric;

/* One image's changes. Pixels are numbered along rows; the frame is mirrored without repeating its pixels. A Gaussian
 * of steps d weighs norm * exp(-scale d^2), |d| <= radius, where norm makes the weights' sum one. */
typedef struct cairn_photometric_row {
    int order[CAIRN_PHOTOMETRIC_COUNT]; /* each of them once */
    float add, factor;
    float centre; /* negative: the mean of what contrast begins with */
    float tau;
    int shade_radius; /* 0..127, along rows and along columns */
    float shade_scale, shade_norm;
    int motion_radius, motion_x, motion_y; /* 0..31; -1..1: the step of the line */
    float motion_scale, motion_norm;
    float deviation;
    uint32_t key[2], counter[3];         /* of the stream (base/rng.h) */
    uint32_t speckle_word, noise_word;   /* first words; below 2^32 - 2 H W */
    uint32_t black_below, white_below;   /* words: black below the first, else white below the second */
} cairn_photometric_row;

enum { CAIRN_PHOTOMETRIC_FLOATS = 40 }; /* channels of a row as a tensor */
void cairn_photometric_encode(float out[CAIRN_PHOTOMETRIC_FLOATS], const cairn_photometric_row *row);

/* Channel 0 of x [N,H,W,C], 0..1, changed by rows [N,1,1,40] -> [N,H,W,1]. After each change but motion values are
 * clipped to 0..1. The shade's masks, 0..1, are channel `channel` of masks [N,H,W,D]. Sides of 16 pixels or more,
 * images of up to 2^23. Equal to the host's cairn_photometric_apply but for rounding, noise and speckles too. No
 * gradient.
 * It takes ten dispatches over a packed copy of the images, four pixels a vec4. */
cairn_tid cairn_op_photometric(cairn_graph *g, cairn_tid x, cairn_tid masks, int channel, cairn_tid rows);
#endif
