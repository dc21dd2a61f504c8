#ifndef CAIRN_TEACHER_SYNTHETIC_SHAPES_H
#define CAIRN_TEACHER_SYNTHETIC_SHAPES_H
/* Synthetic Shapes: drawn figures whose corners are known exactly (teacher.md 2.1 to 2.4). */
#include "base/rng.h"
#include "data/image.h"
#include "geometry/keypoints.h"

#include <stdbool.h>

typedef enum cairn_primitive {
    CAIRN_SHAPE_LINES,
    CAIRN_SHAPE_POLYGON,
    CAIRN_SHAPE_POLYGONS,
    CAIRN_SHAPE_ELLIPSES,
    CAIRN_SHAPE_STAR,
    CAIRN_SHAPE_CHECKERBOARD,
    CAIRN_SHAPE_STRIPES,
    CAIRN_SHAPE_CUBE,
    CAIRN_SHAPE_NOISE,
    CAIRN_SHAPE_COUNT,
    CAIRN_SHAPES_ANY = CAIRN_SHAPE_COUNT /* a random one: ellipses 0.3, stripes 0.2, noise 0.1, the others 1 (of 6.6) */
} cairn_primitive;

typedef struct cairn_shapes_options {
    int h, w;          /* size of the image, 8..2048 a side */
    int canvas_height; /* rows of the canvas that is drawn on, h..4096; its width follows from w/h. 960 is the published
                        * size; 480 or 240 scale every length with it and are faster, with coarser edges */
    bool literal_labels; /* labels at x * w / canvas width, as the TensorFlow version has them: 0.44 px off at 120x160.
                          * Otherwise (x + 0.5) * w / canvas width - 0.5, where the image has the corner */
} cairn_shapes_options;
#define CAIRN_SHAPES_OPTIONS_INIT ((cairn_shapes_options){120, 160, 960, false})

/* Draws one example.
 * out    gray     [h,w,1] in [0,1]
 * out    corners  in pixels of the image, inside it, score 1, no descriptors; may be empty
 * in     rng      a stream of its own for each example: cairn_rng_stream(seed, stage, step, sample, purpose)
 * error  CAIRN_E_INVALID for options out of range
 * thread any number at once, each with its own rng */
cairn_status cairn_shapes_draw(cairn_image *gray, cairn_keypoints *corners, cairn_rng *rng, cairn_primitive shape,
                               const cairn_shapes_options *options);
/* error  CAIRN_E_INVALID for options out of range */
cairn_status cairn_shapes_check(const cairn_shapes_options *options);
/* "lines", "polygon", ... "noise", "any". */
const char *cairn_shape_name(cairn_primitive shape);
/* Kept part of the published images of a primitive: 1, ellipses 0.3, stripes 0.2, noise 0.1. */
double cairn_shape_share(cairn_primitive shape);

/* Which primitives are drawn, from text: names with commas, or "all".
 * in     where   stands in front of the message, "command line: primitives"
 * error  CAIRN_E_INVALID: an unknown name, with those that there are; or none */
cairn_status cairn_shapes_choose(bool chosen[CAIRN_SHAPE_COUNT], const char *list, const char *where);
/* A random one of the chosen ones (at least one; NULL: all) in the shares of above, relative to each other. All: the
 * same draw as CAIRN_SHAPES_ANY. */
cairn_primitive cairn_shape_sample(cairn_rng *rng, const bool *chosen);

/* A picture for people: rows x cols examples (1..64 each), three times enlarged, corners marked by green rings. Example
 * n shows primitive n mod m of the m chosen ones (NULL: all nine) with the stream (seed, 0, n, 0, 0).
 * out    rgb  [rows * 3h + gaps, cols * 3w + gaps, 3] */
cairn_status cairn_shapes_contact_sheet(cairn_image *rgb, uint32_t seed, int rows, int cols, const bool *chosen,
                                        const cairn_shapes_options *options);
#endif
