#ifndef CAIRN_EVALUATION_PAIRS_H
#define CAIRN_EVALUATION_PAIRS_H
/* Where pairs of images with a known homography come from. A source hands them out one at a time, so that a set of any
 * size needs the memory of one pair. */
#include "geometry/homography.h"
#include "system/file.h"

typedef enum cairn_pair_kind {
    CAIRN_PAIR_GENERATED,    /* a photo and its own warp, with other brightness, contrast and noise */
    CAIRN_PAIR_ILLUMINATION, /* sequences i_* */
    CAIRN_PAIR_VIEWPOINT,    /* sequences v_* */
    CAIRN_PAIR_BLUR,         /* the blur sequences among v_*: bikes, trees */
    CAIRN_PAIR_KINDS
} cairn_pair_kind;
/* generated, illumination, viewpoint, blur */
const char *cairn_pair_kind_name(cairn_pair_kind kind);

typedef struct cairn_pair {
    char name[128]; /* unique within its source: v_graf/1-3, photo_0007/2 */
    cairn_pair_kind kind;
    cairn_image a, b; /* gray, in [0,1]; owned */
    cairn_homography a_to_b;
} cairn_pair;
void cairn_pair_free(cairn_pair *pair); /* accepts an empty one */

typedef struct cairn_pair_source {
    char name[64]; /* of the set, for tables: HPatches, photos */
    int count;     /* pairs */
    void *state;   /* owned */
    /* Pair i of 0..count-1, the same one at every call. *out is empty on entry; the caller frees it.
     * error  the file's, with its path; the caller may skip the pair and go on */
    cairn_status (*get)(void *state, int i, cairn_pair *out);
    void (*destroy)(void *state);
} cairn_pair_source;
void cairn_pair_source_free(cairn_pair_source *source); /* accepts an empty one */

/* How generated pairs differ. Amplitudes are the ends of uniform distributions around no change. */
typedef struct cairn_pair_options {
    int h, w; /* size of both images, pixels; a photo is scaled to cover it and cropped around its centre */
    int pairs_per_image;
    uint32_t seed;
    cairn_homography_options homography;
    double contrast;   /* factor 1 - contrast .. 1 + contrast around mid gray, on image b */
    double brightness; /* added, -brightness .. brightness, on image b */
    double noise;      /* deviation of Gaussian noise on both images, up to this */
} cairn_pair_options;
/* 240x320, 1 pair an image; patch ratio 0.85, scaling and perspective 0.2, rotation up to 25 degrees, no artifacts (the
 * whole of b shows the photo: no black borders, whose edges would be points of their own); contrast 0.3, brightness
 * 0.15, noise 0.03. */
#define CAIRN_PAIR_OPTIONS_INIT                                                                                        \
    ((cairn_pair_options){240, 320, 1, 0, {0.85, 0.2, 0.2, 0.2, 0.4363323129985824, false, 0.0, true}, 0.3, 0.15, 0.03})

/* Loads gray image i; `name` [64] is filled with a short name for it. The image may have any size. */
typedef cairn_status (*cairn_pair_loader)(void *context, int i, cairn_image *gray, char name[64]);

/* Pairs i * pairs_per_image + k are photo i under its k-th homography, which depend on (seed, i, k) only: everyone
 * meets the same ones, in any order. `context` is borrowed and must outlive the source. error  CAIRN_E_INVALID for
 * sizes under 32 pixels or numbers out of range */
cairn_status cairn_pairs_generate(cairn_pair_source *out, const char *name, int images, cairn_pair_loader load,
                                  void *context, const cairn_pair_options *options);
/* The same from image files. The list is copied. */
cairn_status cairn_pairs_from_files(cairn_pair_source *out, const char *name, const cairn_file_list *files,
                                    const cairn_pair_options *options);

/* The pair that one image gives: a is the image resized and cropped, b its warp, both with their changes. */
cairn_status cairn_pair_from_image(cairn_pair *out, const cairn_image *gray, uint32_t image_index, uint32_t pair_index,
                                   const cairn_pair_options *options);

/* Sequences in HPatches layout below `folder`: image 1 with each other image of its sequence. Both images are scaled
 * and cropped to h x w by themselves, and the homography follows: H' = T(-p2) S(s2) H S(1/s1) T(p1). most   at most so
 * many pairs, spread evenly over the set (0: all) */
cairn_status cairn_pairs_from_sequences(cairn_pair_source *out, const char *folder, int h, int w, int most);
/* The adaptation by itself: x_out = scale * x_in - offset for either image. */
cairn_homography cairn_pair_adapt(const cairn_homography *a_to_b, double scale_a, const double offset_a[2],
                                  double scale_b, const double offset_b[2]);
#endif
