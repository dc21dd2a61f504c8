#ifndef CAIRN_STUDENT_MOBILENET_H
#define CAIRN_STUDENT_MOBILENET_H
/* MobileNetV3 features and classifier (Howard et al., ICCV 2019, tables 1 and 2), indexed as torchvision does: 0 the
 * stem, then the blocks, then the last 1x1 convolution. Parameters: <prefix>.<index>... under torchvision's names.
 *
 * The public implementations differ in small things that a checkpoint does not say and that cost most of its accuracy
 * when they are mixed (student.md 1.1); a style holds them. All zero: torchvision's Small. */
#include "train/model.h"

typedef struct cairn_mobilenet_style {
    bool large;         /* MobileNetV3-Large */
    bool se_before_act; /* squeeze-and-excite before the depthwise activation, in blocks with an expansion */
    bool same_padding;  /* TensorFlow's SAME at stride 2 */
    bool by_ratio;      /* expansions are multiples of the block's input, not of the table's numbers times the width */
    float bn_eps;       /* of the normalisations; 0: 1e-3 */
} cairn_mobilenet_style;

enum { CAIRN_MOBILENET_SMALL_FEATURES = 13, CAIRN_MOBILENET_LARGE_FEATURES = 17, CAIRN_MOBILENET_STYLE_BYTES = 80 };
static inline int cairn_mobilenet_feature_count(const cairn_mobilenet_style *style)
{
    return style->large ? CAIRN_MOBILENET_LARGE_FEATURES : CAIRN_MOBILENET_SMALL_FEATURES;
}
float cairn_mobilenet_eps(const cairn_mobilenet_style *style);

/* x [N,H,W,3] -> features[0..last], each at its stride. width multiplies the channels (rounded to 8 as published);
 * last < cairn_mobilenet_feature_count. */
void cairn_mobilenet(cairn_model *m, const char *prefix, cairn_tid x, double width, const cairn_mobilenet_style *style,
                     int last, cairn_tid *features);
/* max(8, v rounded to a multiple of 8), plus 8 where that loses more than 10 %. */
int cairn_mobilenet_round8(double v);
/* How many pixels of the image a pixel of feature i spans: 2 of the stem, at last 32. */
int cairn_mobilenet_stride(const cairn_mobilenet_style *style, int i);
/* What feature i's block has: an expansion, squeeze-and-excite. i of a block: not the first, not the last. */
void cairn_mobilenet_parts(const cairn_mobilenet_style *style, double width, int i, bool *expands, bool *squeezes);

/* "small" or "large", and "+se_before_act", "+same_padding", "+by_ratio", "+bn_eps=1e-05" where it is so; at most
 * CAIRN_MOBILENET_STYLE_BYTES. And back: false for anything else. */
void cairn_mobilenet_describe_style(char *text, size_t size, const cairn_mobilenet_style *style);
bool cairn_mobilenet_parse_style(cairn_mobilenet_style *style, const char *text);

/* The ImageNet classifier: what public checkpoints are, and what shows that one was read right. */
typedef struct cairn_classifier_options {
    double width;
    cairn_mobilenet_style style;
    int hidden, classes;   /* units of the last layers, 1..8192 and 1..65536 */
    double mean[3], std[3]; /* the network sees (x - mean) / std */
} cairn_classifier_options;
/* rgb [N,H,W,3] in [0,1], at least 32x32 -> logits [N,1,1,classes]. Parameters: features.*, classifier.0.*,
 * classifier.3.*. Dropout is left out: for inference. */
cairn_tid cairn_classifier(cairn_model *m, cairn_tid rgb, const cairn_classifier_options *options);
/* "mobilenetv3 width=1 hidden=1024 classes=1000 mean=.. std=.. backbone=.." of a checkpoint's metadata; and back. */
void cairn_classifier_describe(char *text, size_t size, const cairn_classifier_options *options);
bool cairn_classifier_parse(cairn_classifier_options *options, const char *text);
#endif
