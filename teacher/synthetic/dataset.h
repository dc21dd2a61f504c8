#ifndef CAIRN_TEACHER_SYNTHETIC_DATASET_H
#define CAIRN_TEACHER_SYNTHETIC_DATASET_H
/* Synthetic shapes as files, for programs that read them instead of drawing them (teacher.md 2.4). Our own training
 * draws on the fly and needs none. */
#include "teacher/synthetic/synthetic_shapes.h"

typedef enum cairn_shapes_layout {
    /* PRIMITIVE/images/SPLIT/N.png and PRIMITIVE/points/SPLIT/N.npy, float64 [K,2] of (row, column), as the TensorFlow
     * code writes them and pytorch-superpoint reads them; its names: draw_lines, draw_polygon, draw_multiple_polygons,
     * draw_ellipses, draw_star, draw_checkerboard, draw_stripes, draw_cube, gaussian_noise. */
    CAIRN_SHAPES_LAYOUT_TF,
    /* SPLIT/PRIMITIVE-N.png beside SPLIT/PRIMITIVE-N.npz: points, float32 [K,3] of (x, y, 1), and size, int32 [2] of
     * (height, width), as in our label files; our names of primitives. */
    CAIRN_SHAPES_LAYOUT_PAIRS,
    CAIRN_SHAPES_LAYOUTS
} cairn_shapes_layout;

typedef struct cairn_shapes_dataset_options {
    cairn_shapes_options shapes;
    cairn_shapes_layout layout;
    uint32_t seed;
    int images; /* training images of a primitive that is kept whole, 1..1000000; 10000 as published. Validation has a
                 * fiftieth and test a twentieth of it, ellipses 0.3, stripes 0.2 and noise 0.1 of the others; each
                 * count is rounded, and at least 1 */
    bool primitives[CAIRN_SHAPE_COUNT]; /* which are drawn */
    bool progress;                      /* a bar on standard error */
} cairn_shapes_dataset_options;
#define CAIRN_SHAPES_DATASET_OPTIONS_INIT                                                                              \
    ((cairn_shapes_dataset_options){CAIRN_SHAPES_OPTIONS_INIT, CAIRN_SHAPES_LAYOUT_TF, 0, 10000,                       \
                                    {true, true, true, true, true, true, true, true, true}, false})

typedef struct cairn_shapes_dataset_report {
    int made, there;     /* images drawn now, and those of an earlier run */
    double seconds;      /* wall */
    double cpu_seconds;  /* of the process, all threads: drawing, encoding, writing */
    double draw_seconds; /* of them, in cairn_shapes_draw */
} cairn_shapes_dataset_report;

/* Draws on all cores into `folder`. Image N of a split and primitive depends on the seed alone, not on counts or the
 * choice of primitives. Points are written before their image, each by rename, so an image that is there is whole, has
 * its points and is skipped: a run that was killed goes on, and one with more images adds to those that are there.
 * folder/synthetic.json says how the images were drawn.
 * error  CAIRN_E_INVALID for options out of range, or a folder whose images were drawn in another way or are more;
 *        CAIRN_E_IO; the interruption's status */
cairn_status cairn_shapes_dataset_write(cairn_shapes_dataset_report *report, const char *folder,
                                        const cairn_shapes_dataset_options *options);
#endif
