#ifndef CAIRN_TRAIN_MODEL_H
#define CAIRN_TRAIN_MODEL_H
/* Parameters and the layers that own them: what a model function uses to put a network into a graph.
 *
 * A model keeps the list of its parameters with their PyTorch shapes, so that checkpoints hold OIHW weights under
 * PyTorch's names while the device holds what the kernels read. Building the same layer twice in one graph (two views)
 * shares the parameters. */
#include "graph/graph.h"
#include "graph/store.h"
#include "ops/norm/norm.h"

typedef enum cairn_parameter_kind {
    CAIRN_PARAMETER_CONV,      /* device {k*k,1,ci,co}; file [co,ci,k,k] */
    CAIRN_PARAMETER_DEPTHWISE, /* device {k*k,1,1,c};   file [c,1,k,k] */
    CAIRN_PARAMETER_VECTOR,    /* device {1,1,1,c};     file [c] */
    CAIRN_PARAMETER_LINEAR     /* device {1,1,ci,co};   file [co,ci]: a matrix, as a 1x1 convolution reads it */
} cairn_parameter_kind;

typedef enum cairn_init {
    CAIRN_INIT_CONSTANT,       /* init_value everywhere */
    CAIRN_INIT_GLOROT,         /* U(-b,b), b = sqrt(6/(fan_in+fan_out)) */
    CAIRN_INIT_FAN_OUT_NORMAL, /* N(0, 2/fan_out) */
    CAIRN_INIT_FAN_IN_UNIFORM, /* U(-b,b), b = sqrt(3/fan_in) */
    CAIRN_INIT_UNIFORM,        /* U(-init_value, init_value) */
    CAIRN_INIT_NORMAL          /* N(0, init_value^2) */
} cairn_init;

typedef struct cairn_parameter {
    char name[96];
    cairn_tid tensor;
    cairn_parameter_kind kind;
    int co, ci, k;       /* vector: co elements, ci = k = 1 */
    bool trainable;      /* false: running statistics */
    bool decay;          /* weight decay applies (weights, not biases or normalisation) */
    cairn_init init;
    float init_value;
} cairn_parameter;

typedef struct cairn_batch_moments { /* of one normalisation layer of a training graph */
    cairn_tid mean, variance;
    char name[96]; /* the layer's name: its running statistics are <name>.running_mean and .running_var */
    double samples; /* elements a channel's moments are taken over */
} cairn_batch_moments;

typedef struct cairn_model {
    cairn_graph *g; /* borrowed */
    bool training;  /* batch statistics and running updates; else running statistics */
    bool keep_running; /* training graphs only: running statistics are not updated */
    bool observe;  /* other graphs only: moments of what normalisation layers get are kept, and nothing changes */
    cairn_parameter *parameters;
    int count, room;
    cairn_batch_moments *moments; /* in training graphs, and with observe */
    int moment_count, moment_room;
} cairn_model;

void cairn_model_init(cairn_model *m, cairn_graph *g, bool training);
void cairn_model_uninit(cairn_model *m);

cairn_tid cairn_model_parameter(cairn_model *m, const char *name, cairn_parameter_kind kind, int co, int ci, int k,
                                bool trainable, bool decay, cairn_init init, float value);

typedef struct cairn_conv_layer {
    int channels, kernel, stride; /* stride 0 means 1 */
    bool bias;
    cairn_init init;
    bool tensorflow; /* at stride 2: pads as TensorFlow's SAME, which for even sizes pads less in front than behind */
} cairn_conv_layer;
/* x [N,H,W,C] -> [N,H/stride,W/stride,channels]; parameters <name>.weight and, with bias, <name>.bias */
cairn_tid cairn_layer_conv(cairn_model *m, const char *name, cairn_tid x, const cairn_conv_layer *layer);
/* depthwise, no bias: <name>.weight; tensorflow: as above */
cairn_tid cairn_layer_depthwise(cairn_model *m, const char *name, cairn_tid x, int kernel, int stride, bool tensorflow);
/* <name>.weight .bias .running_mean .running_var; `update` is the weight of a new batch in the running statistics */
cairn_tid cairn_layer_batch_norm(cairn_model *m, const char *name, cairn_tid x, float eps, float update,
                                 cairn_activation activation);

/* x [N,H,W,C] -> [N,H,W,channels]: a matrix for each cell; <name>.weight and, with bias, <name>.bias, both drawn from
 * U(-1/sqrt(C), 1/sqrt(C)) as PyTorch's Linear. */
cairn_tid cairn_layer_linear(cairn_model *m, const char *name, cairn_tid x, int channels, bool bias);
/* Over the channels of each cell, eps 1e-5: <name>.weight .bias */
cairn_tid cairn_layer_layer_norm(cairn_model *m, const char *name, cairn_tid x);

/* Draws initial values of every parameter, each from its own stream (seed, name), so that they do not depend on the
 * order of layers. */
cairn_status cairn_model_initialise(const cairn_model *m, cairn_store *store, uint32_t seed);
int64_t cairn_model_parameter_count(const cairn_model *m); /* trainable */
int64_t cairn_parameter_elements(const cairn_parameter *p);
/* Its shape in a file: [co,ci,k,k], depthwise [c,1,k,k], linear [co,ci] or [c]. Returns the rank. */
int cairn_parameter_file_shape(const cairn_parameter *p, int64_t shape[4]);
/* Between the file's order (OIHW) and the device's dense order (HWIO). */
void cairn_parameter_to_device(const cairn_parameter *p, const float *file, float *device);
void cairn_parameter_to_file(const cairn_parameter *p, const float *device, float *file);
#endif
