#ifndef CAIRN_EVALUATION_PROTOCOL_H
#define CAIRN_EVALUATION_PROTOCOL_H
/* Everything in which published evaluations differ, as one struct. Numbers of different protocols are not comparable
 * and never share a column. docs/evaluation.md shows the table. */
#include "experiments/evaluation/metrics/metrics.h"
#include "geometry/homography.h"
#include "geometry/postprocess.h"

#include <cjson/cJSON.h>

/* How an image becomes the one that methods see. */
typedef enum cairn_resize_style {
    CAIRN_RESIZE_CROP,       /* scale by max(h/H, w/W), then the centre h x w (rpautrat) */
    CAIRN_RESIZE_TOP_LEFT,   /* the top left int(h/s) x int(w/s), then to h x w; s is image 1's for both images */
    CAIRN_RESIZE_SHORT_SIDE, /* short side h, aspect kept, the other side truncated; w is not used */
    CAIRN_RESIZE_STRETCH,    /* to h x w, aspect lost */
    CAIRN_RESIZE_NATIVE,     /* as it is; h and w are not used */
    CAIRN_RESIZE_STYLES
} cairn_resize_style;
const char *cairn_resize_style_name(cairn_resize_style style);

/* One size at which methods run, and how their points are chosen there. */
typedef struct cairn_protocol_view {
    bool used;
    cairn_resize_style resize;
    int h, w; /* pixels */
    cairn_suppression suppression;
    double threshold; /* of a network's probability; classical methods give their best points, whatever their scale */
    int border;       /* pixels at the edge without points, of networks */
    int classical_border; /* the same of classical methods: rpautrat's cut only the network's */
    bool classical_unsuppressed; /* SP-FPN's script: classical responses without suppression (they cluster) */
    bool subpixel;               /* networks refine by a soft-argmax */
    bool parabola;               /* or then by the vertex of a parabola */
    bool batch_statistics;       /* networks normalise by the image's own statistics instead of the running ones:
                                    pytorch-superpoint evaluates in training mode */
    bool integer;                /* positions are cut to whole pixels before suppression: rpautrat puts SIFT's points on
                                    the pixel grid like a network's */
    int points;                  /* best points kept after suppression */
} cairn_protocol_view;

typedef enum cairn_match_labels {
    CAIRN_LABELS_TRUTH,  /* a match is right if it is near the true place */
    CAIRN_LABELS_INLIERS /* pytorch-superpoint: if it is an inlier of the homography estimated from the matches
                            themselves, which rewards self-consistent errors */
} cairn_match_labels;

enum { CAIRN_PROTOCOL_VIEWS = 2, CAIRN_PROTOCOL_EPS = 3, CAIRN_PROTOCOL_THRESHOLDS = 6 };
typedef enum cairn_view_id { CAIRN_VIEW_DETECT, CAIRN_VIEW_DESCRIBE } cairn_view_id;

typedef struct cairn_protocol {
    char id[64]; /* rpautrat; "rpautrat, changed" when a setting was overridden */
    const char *about;
    /* [0] for repeatability and localisation, [1] for descriptors and homographies; alike where a source uses one */
    cairn_protocol_view view[CAIRN_PROTOCOL_VIEWS];
    /* repeatability */
    double eps[CAIRN_PROTOCOL_EPS]; /* pixels; [0] is the headline, 0 ends the list */
    int top_k;                      /* points after the visibility filter; mutual repeatability: before it */
    /* descriptors and homographies */
    double match_eps;          /* pixels: a match is right within this */
    cairn_match_labels labels; /* what a right match is, for matching score and NN mean average precision */
    bool swapped_visibility;   /* pytorch-superpoint's matching score confuses x and y in the visibility test */
    double max_distance;       /* of descriptors (L2) for NN mean average precision; 0: none */
    double thresholds[CAIRN_PROTOCOL_THRESHOLDS]; /* RANSAC inlier distances, pixels, 0 ends the list. Several: the one
                                                     with the best mean AUC is taken for each method (tuned!) */
    int iterations;
    double confidence;
    cairn_estimator estimator; /* lo: ours; cv: as the common library does it */
    bool shared;               /* also with only the points whose true place is in the other image */
    bool auc;                  /* areas under the curve of errors, also without RANSAC */
    bool mma;
    bool outer_corners;     /* corners 0..W instead of 0..W-1 (glue-factory) */
    bool leave_out_large;   /* without the eight sequences above 1600x1200 pixels (108 of HPatches' 116) */
    bool medians;           /* precision as the median over pairs instead of the mean */
} cairn_protocol;

/* NULL-ended list of ids, the default first. */
extern const char *const cairn_protocol_ids[];
#define CAIRN_PROTOCOL_CHOICES "recommended,rpautrat,pytorch-superpoint,sp-fpn,glue-factory,d2-net"
/* error  CAIRN_E_INVALID with the list of ids and the closest one */
cairn_status cairn_protocol_find(cairn_protocol *out, const char *id, const char *where);
/* Everything above as JSON: two evaluations may be compared if these are equal. Caller deletes; NULL: no memory. */
cJSON *cairn_protocol_json(const cairn_protocol *protocol);
/* Settings in place of the protocol's own. It is then called "rpautrat, changed", so that its numbers stand apart. */
typedef struct cairn_protocol_overrides {
    int h, w, points, top_k; /* 0: the protocol's; sizes are those of both views, which are then cut from the centre */
    int radius, border;      /* -1: the protocol's; a radius without a suppression is one of squares */
    int suppression;         /* 0: the protocol's, else 1 + cairn_suppression_kind of size `radius` or its own */
    int subpixel;            /* 0: the protocol's, 1 on, 2 off, 3 by parabolas; of networks */
    double eps;              /* 0: the protocol's */
} cairn_protocol_overrides;
/* Choices of settings for two of them. */
#define CAIRN_PROTOCOL_SUPPRESSION_CHOICES "protocol," CAIRN_SUPPRESSION_CHOICES
#define CAIRN_PROTOCOL_SUBPIXEL_CHOICES "protocol,on,off,parabola"
#define CAIRN_PROTOCOL_OVERRIDES_INIT ((cairn_protocol_overrides){.radius = -1, .border = -1})
void cairn_protocol_override(cairn_protocol *protocol, const cairn_protocol_overrides *overrides);
/* Whether a method with descriptors of this length (0: none) is looked at in a view. Without descriptors the second
 * view is only used where there is no first. */
bool cairn_protocol_wants(const cairn_protocol *protocol, cairn_view_id view, int dimension);
/* Whether a sequence is one of those that leave_out_large means. */
bool cairn_protocol_is_large(const char *sequence);

/* Where a resized image came from: x_out = scale_x * x_in - offset_x, likewise y. */
typedef struct cairn_adaptation {
    double scale_x, scale_y, offset_x, offset_y;
} cairn_adaptation;
/* Resizes an image (gray) for a view. first: image 1 of the sequence, NULL for image 1 itself.
 * error  CAIRN_E_INVALID where the result would have a side below 32 or above 16384 pixels */
cairn_status cairn_adapt_image(cairn_image *out, cairn_adaptation *adaptation, const cairn_image *image,
                               const cairn_image *first, const cairn_protocol_view *view);
/* The homography between two resized images: H' = T(-p2) S(s2) H S(1/s1) T(p1). */
cairn_homography cairn_adapt_homography(const cairn_homography *a_to_b, const cairn_adaptation *a,
                                        const cairn_adaptation *b);
#endif
