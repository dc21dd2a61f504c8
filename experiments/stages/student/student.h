#ifndef CAIRN_STAGES_STUDENT_H
#define CAIRN_STAGES_STUDENT_H
/* What the stages that train a student share: which network, what it starts from, the teacher beside it in the graph,
 * views of photographs and masks of points. */
#include "experiments/stages/photo_feed.h"
#include "student/network.h"
#include "train/trainer.h"

typedef struct cairn_student_settings {
    char start[CAIRN_SETTING_TEXT_BYTES], backbone[CAIRN_SETTING_TEXT_BYTES], taps[CAIRN_SETTING_TEXT_BYTES];
    double width;
    int64_t channels;
    bool large;
} cairn_student_settings;

/* Rows for a struct with a field `cairn_student_settings student`. */
#define CAIRN_STUDENT_ROWS(type, channels_, taps_)                                                                     \
    {"start", CAIRN_SETTING_TEXT, offsetof(type, student.start), 0, 0, 0, "", NULL,                                    \
     "stage whose student to go on from, which says what network it is; empty: a new one"},                            \
        {"backbone", CAIRN_SETTING_TEXT, offsetof(type, student.backbone), 0, 0, 0, "", NULL,                          \
         "file that cairn import made of a MobileNetV3: first weights, width and kind of the backbone"},               \
        {"width", CAIRN_SETTING_FLOAT, offsetof(type, student.width), 1, 0.25, 2, NULL, NULL,                          \
         "multiplies the channels of the backbone"},                                                                   \
        {"large", CAIRN_SETTING_BOOL, offsetof(type, student.large), 0, 0, 0, NULL, NULL,                              \
         "MobileNetV3-Large in place of Small"},                                                                       \
        {"channels", CAIRN_SETTING_INT, offsetof(type, student.channels), channels_, 8, 512, NULL, NULL,               \
         "of the feature pyramid"},                                                                                    \
    {                                                                                                                  \
        "taps", CAIRN_SETTING_TEXT, offsetof(type, student.taps), 0, 0, 0, taps_, NULL,                                \
            "features of the backbone that the pyramid reads, finest first"                                            \
    }

/* Where keypoints on the photographs come from. */
typedef struct cairn_student_points {
    char teacher[CAIRN_SETTING_TEXT_BYTES], labels[CAIRN_SETTING_TEXT_BYTES];
    double threshold;
    int64_t top_k, radius, border, side;
} cairn_student_points;

/* Rows for a struct with a field `cairn_student_points points`. */
#define CAIRN_STUDENT_POINTS_ROWS(type)                                                                                \
    {"teacher", CAIRN_SETTING_TEXT, offsetof(type, points.teacher), 0, 0, 0, NULL, NULL,                               \
     "stage whose network is the teacher"},                                                                            \
        {"labels", CAIRN_SETTING_TEXT, offsetof(type, points.labels), 0, 0, 0, NULL, NULL,                             \
         "stage whose keypoints are taken; empty: the teacher looks once at each photo"},                              \
        {"top_k", CAIRN_SETTING_INT, offsetof(type, points.top_k), 250, 1, 100000, NULL, NULL,                         \
         "keypoints of the teacher on each photo"},                                                                    \
        {"threshold", CAIRN_SETTING_FLOAT, offsetof(type, points.threshold), 0.0005, 0, 1, NULL, NULL,                 \
         "probability of a teacher's keypoint at least"},                                                              \
        {"radius", CAIRN_SETTING_INT, offsetof(type, points.radius), 4, 0, 64, NULL, NULL,                             \
         "of the suppression of the teacher's keypoints, pixels"},                                                     \
        {"border", CAIRN_SETTING_INT, offsetof(type, points.border), 4, 0, 64, NULL, NULL,                             \
         "pixels at the edge without keypoints"},                                                                      \
    {                                                                                                                  \
        "side", CAIRN_SETTING_INT, offsetof(type, points.side), 0, 0, 4096, NULL, NULL,                                \
            "longer side of the photo as the teacher sees it, pixels, of which radius and border are then, too; 0: "   \
            "as it is. SP-FPN's source: 1024"                                                                          \
    }
#define CAIRN_STUDENT_POINTS_NEWER "side" /* for cairn_stage_kind.newer */

/* Labels the feed's photographs: from the stage, or by the teacher, whose keypoints then lie in teacher/ beside the
 * stage's checkpoint. */
cairn_status cairn_student_points_open(cairn_photo_feed *feed, cairn_stage *stage, const cairn_student_points *s);
/* error  CAIRN_E_INVALID with `where` in front: neither is set, or no teacher where its network is needed */
cairn_status cairn_student_points_check(const cairn_student_points *s, bool network, const char *where);
/* The caller frees *out. */
cairn_status cairn_student_copy_points(cairn_keypoints *out, const cairn_keypoints *points);

/* error  CAIRN_E_INVALID with `where` in front: taps that are none */
cairn_status cairn_student_check(const cairn_student_settings *s, const char *where);
/* The network that the settings say: that of `start`, else a new one of this kind.
 * error  those of reading the checkpoint or the file; CAIRN_E_INVALID for taps that the backbone does not have */
cairn_status cairn_student_spec(cairn_network_spec *out, const cairn_stage *stage, const cairn_student_settings *s,
                                cairn_network_kind kind);
/* The first weights: those of `start` or of `backbone`, or as they are. */
cairn_status cairn_student_start(cairn_training *t, const cairn_stage *stage, const cairn_student_settings *s);
/* A backbone whose file has its BatchNorm folded gets the statistics of the run's first batches, and scale and shift
 * that leave what it computes as it is, so that training starts from what was imported and not from normalised noise.
 * build: that of cairn_stage_training. Nothing where no such file is the start. */
cairn_status cairn_student_unfold(cairn_training *t, const cairn_network_spec *spec, const cairn_student_settings *s,
                                  void (*build)(cairn_training *, const cairn_network_spec *, const void *));

/* ---- a teacher in the graph: it takes no part in training ---- */
typedef struct cairn_frozen_teacher {
    char *path; /* its checkpoint; owned */
    cairn_network_spec spec;
} cairn_frozen_teacher;
cairn_status cairn_frozen_teacher_open(cairn_frozen_teacher *out, const cairn_stage *stage, const char *stage_name);
void cairn_frozen_teacher_close(cairn_frozen_teacher *teacher);
/* Its outputs for `image` [N,H,W,1], constants for the gradient. Its parameters must have other names than those of
 * the network that is trained. */
cairn_network_graph cairn_frozen_teacher_build(cairn_graph *g, const cairn_frozen_teacher *teacher, cairn_tid image);
/* Puts its weights into the store of a graph that it was built into. */
cairn_status cairn_frozen_teacher_load(cairn_store *store, const cairn_frozen_teacher *teacher);

/* ---- views and masks ---- */
typedef struct cairn_student_view {
    float *clean; /* [h,w] the view before changes of light; NULL: not wanted */
    float *image; /* [h,w] */
    float *valid; /* [h,w] 0/1: what shows the photograph; NULL: not wanted */
} cairn_student_view;
/* Mirrored by chance, with probability `warped` seen through a homography of student.md 5.1, then changes of light.
 * points: moved, those that leave the view dropped. */
cairn_status cairn_student_make_view(const cairn_student_view *out, cairn_keypoints *points, const cairn_image *gray,
                                     cairn_rng *rng, double warped, bool photometric);
/* student.md 5.1: the homographies of both phases. */
cairn_homography_options cairn_student_homographies(void);
/* 1, and 0 within `radius` pixels of the points. */
void cairn_student_mask_out(float *out, int h, int w, const cairn_keypoints *points, double radius);
#endif
