#ifndef CAIRN_STAGES_SAMPLES_H
#define CAIRN_STAGES_SAMPLES_H
/* Training samples of the teacher: an image with its augmentations, and labels for each 8x8 cell.
 *
 * The work on pixels is the host's (threads of the feed) or the device's, in front of the network in the same program.
 * Either way the host draws all parameters, from the same streams, and makes labels and valid cells, so that the views
 * differ by rounding alone. */
#include "student/network.h"
#include "teacher/augment.h"
#include "teacher/losses.h"
#include "train/trainer.h"

enum { CAIRN_AUGMENT_AUTO, CAIRN_AUGMENT_HOST, CAIRN_AUGMENT_DEVICE }; /* CAIRN_AUGMENT_PLACES, in order */
#define CAIRN_AUGMENT_PLACES "auto,host,device"
/* auto: the device where it is a GPU. A CPU driver works on the host's cores and takes longer. 8 views of 120x160,
 * light and warp as for joint training, in processor time on lavapipe: the host's own 12.4 ms; the device's 36.7 ms,
 * and 2.1 of the host for drawing parameters and masks; of 240x320: 48.1, 156.6 and 7.8 (best of 5: test_samples,
 * which prints them; the machine was shared). */
bool cairn_sample_on_device(const cairn_gpu *gpu, int place);

typedef struct cairn_sample_stream { /* what the random numbers of one sample depend on */
    uint32_t seed, stage, step, sample;
} cairn_sample_stream;

typedef struct cairn_sample_view {
    float *image;  /* [h,w] */
    float *labels; /* [h/8,w/8] class 0..64; soft: [h/8,w/8,65] */
    float *valid;  /* [h/8,w/8] 0 or 1 */
    bool soft;     /* labels are those of cairn_labels_soft */
    /* Where the device makes the view; NULL: the host does. */
    float *light;  /* [CAIRN_PHOTOMETRIC_FLOATS] */
    float *matrix; /* [9]; NULL: no random view */
    float *mask;   /* of the shade, and `image` the photo as it is (NULL: it is there): every `stride`th float */
    int stride;
} cairn_sample_view;

/* A synthetic or real image with its points: photometric changes, then (homographic) the random view; NULL options
 * leave a change out. */
cairn_status cairn_sample_detector(cairn_sample_view *out, const cairn_image *gray, const cairn_keypoints *points,
                                   const cairn_photometric_options *photometric,
                                   const cairn_homographic_options *homographic, const cairn_sample_stream *stream);
/* The warped view of joint training: homography first, then photometric changes of its own.
 * to_warped  photo to warped pixels */
cairn_status cairn_sample_warped(cairn_sample_view *out, cairn_homography *to_warped, const cairn_image *gray,
                                 const cairn_keypoints *points, const cairn_photometric_options *photometric,
                                 const cairn_homographic_options *homographic, const cairn_sample_stream *stream);
/* What the device makes of a photo [N,H,W,1 + views], whose channel 1 + v is the mask of view v: changes of light by
 * rows of view v (CAIRN_NONE: none), a view through `matrices` (CAIRN_NONE: none) before them or behind. */
typedef struct cairn_device_view {
    cairn_tid photo, rows, matrices;
    int view;
    bool warp_first;
} cairn_device_view;
cairn_tid cairn_sample_device_view(cairn_graph *g, const cairn_device_view *view);

/* A stage whose network sees one view of each image: its inputs begin with image, labels and valid cells; where the
 * device makes the views, the image is a photo with its mask, and rows and matrices follow behind all others. */
typedef struct cairn_sample_layout {
    int inputs, h, w, label_channels;
    bool device, photometric, homographic;
} cairn_sample_layout;
/* Adds the inputs for the image to a graph that has the others (t->input_count says so).
 * returns  what the network sees, [n,h,w,1] */
cairn_tid cairn_sample_detector_input(cairn_training *t, int n, const cairn_sample_layout *layout);
/* Puts all these inputs, the network on n views and its detector's loss into the graph. */
void cairn_sample_build_detector(cairn_training *t, const cairn_network_spec *spec, int n,
                                 const cairn_sample_layout *layout, const cairn_detector_options *options);
/* Sample i in the arrays of the inputs. */
cairn_sample_view cairn_sample_detector_view(float *const *inputs, int i, const cairn_sample_layout *layout,
                                             bool soft);
#endif
