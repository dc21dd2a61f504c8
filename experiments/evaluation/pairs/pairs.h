#ifndef CAIRN_EVALUATION_PAIRS_H
#define CAIRN_EVALUATION_PAIRS_H
/* Where pairs of images with a known homography come from. A source hands them out one at a time, so that a set of any
 * size needs the memory of one pair. */
#include "experiments/evaluation/protocol.h"
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

enum { CAIRN_PAIR_NAME_BYTES = 128 };

typedef struct cairn_pair {
    char name[CAIRN_PAIR_NAME_BYTES + 16];    /* unique within its source: v_graf/1-3, photo_0007/2 */
    char sequence[CAIRN_PAIR_NAME_BYTES];     /* or photo: v_graf, photo_0007; may be a file's name */
    char image_a[CAIRN_PAIR_NAME_BYTES + 16]; /* v_graf/1, photo_0007/2a */
    char image_b[CAIRN_PAIR_NAME_BYTES + 16]; /* v_graf/3, photo_0007/2b */
    cairn_pair_kind kind;
    cairn_image a, b; /* gray, in [0,1]; owned */
    cairn_homography a_to_b;
} cairn_pair;
void cairn_pair_free(cairn_pair *pair); /* accepts an empty one */

typedef struct cairn_pair_source {
    char name[64]; /* of the set, for tables: sequences, photos */
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
    cairn_protocol_view view; /* size of both images: the photo is made so large, then warped */
    int pairs_per_image;
    uint32_t seed;
    cairn_homography_options homography;
    double contrast;   /* factor 1 - contrast .. 1 + contrast around mid gray, on image b */
    double brightness; /* added, -brightness .. brightness, on image b */
    double noise;      /* deviation of Gaussian noise on both images, up to this */
    bool frame;        /* b is the frame of the photo warped, black where the photo ends; else the patch fills it */
    double shrink;     /* b's sides, of a's */
} cairn_pair_options;
/* 240x320, 1 pair an image; patch ratio 0.85, scaling and perspective 0.2, rotation up to 25 degrees, no artifacts (the
 * whole of b shows the photo: no black borders, whose edges would be points of their own); contrast 0.3, brightness
 * 0.15, noise 0.03. */
#define CAIRN_PAIR_OPTIONS_INIT                                                                                        \
    ((cairn_pair_options){{.used = true, .h = 240, .w = 320},                                                          \
                          1,                                                                                           \
                          0,                                                                                           \
                          {.patch_ratio = 0.85,                                                                        \
                           .scaling_amplitude = 0.2,                                                                   \
                           .perspective_x = 0.2,                                                                       \
                           .perspective_y = 0.2,                                                                       \
                           .max_angle = 0.4363323129985824,                                                            \
                           .translation = true},                                                                       \
                          0.3,                                                                                         \
                          0.15,                                                                                        \
                          0.03,                                                                                        \
                          false,                                                                                       \
                          1})

typedef enum cairn_pair_warp {
    CAIRN_WARP_PHOTOS, /* CAIRN_PAIR_OPTIONS_INIT */
    /* rpautrat's evaluation on COCO (teacher.md 3.2): patch ratio 0.8, perspective 0.05, scaling 0.1, any rotation, no
     * artifacts; the warped frame shrunk to 0.8; light as it is. Pixel centres are kept, where that code scales H by 0.8
     * alone and so is off by 0.1 pixels. */
    CAIRN_WARP_COCO_PATCHES
} cairn_pair_warp;
#define CAIRN_PAIR_WARPS "photos,coco-patches" /* in the order of the enumeration; names of the sets, too */
const char *cairn_pair_warp_name(cairn_pair_warp warp);
/* View, pairs_per_image and seed: as CAIRN_PAIR_OPTIONS_INIT. */
cairn_pair_options cairn_pair_options_of(cairn_pair_warp warp);

/* Loads gray image i; `name` is filled with a name for it that no other image has, that of the file. The image may
 * have any size. */
typedef cairn_status (*cairn_pair_loader)(void *context, int i, cairn_image *gray, char name[CAIRN_PAIR_NAME_BYTES]);

/* Pairs i * pairs_per_image + k are photo i under its k-th homography, which depend on (seed, name, k) only: everyone
 * meets the same ones, in any order, and another photo beside them changes nothing. `context` is borrowed and must
 * outlive the source. error  CAIRN_E_INVALID for sizes under 32 pixels or numbers out of range */
cairn_status cairn_pairs_generate(cairn_pair_source *out, const char *name, int images, cairn_pair_loader load,
                                  void *context, const cairn_pair_options *options);
/* The same from image files. The list is copied; the names of the files without folder and extension must differ. */
cairn_status cairn_pairs_from_files(cairn_pair_source *out, const char *name, const cairn_file_list *files,
                                    const cairn_pair_options *options);

/* The pair that one image gives: a is the image resized, b its warp, both with their changes. */
cairn_status cairn_pair_from_image(cairn_pair *out, const cairn_image *gray, const char *image_name,
                                   uint32_t pair_index, const cairn_pair_options *options);

/* Sequences in HPatches layout below `folder`: image 1 with each other image of its sequence. Both images are resized
 * as the view says, and the homography follows. leave_out_large: see cairn_protocol. most: at most so many pairs,
 * spread evenly over the set (0: all). The last image 1 is kept from call to call: one caller at a time. */
cairn_status cairn_pairs_from_sequences(cairn_pair_source *out, const char *folder, const cairn_protocol_view *view,
                                        bool leave_out_large, int most);
#endif
