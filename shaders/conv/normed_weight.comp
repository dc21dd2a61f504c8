#version 450
// normed_weight.comp: weight and bias of a 1x1 convolution of a normalised input, for the input as it is.
// computes  s[ci] = 1 / sqrt(variance[ci] + eps); out[ci,co] = weight[ci,co] * s[ci]
//           out_bias[co] = bias[co] - sum over ci of mean[ci] * out[ci,co]
// bindings  0 weight [1,1,CI,CO] read | 1 bias [1,1,1,CO] read (anything if !has_bias) | 2 mean [1,1,1,CI] read
//           | 3 variance [1,1,1,CI] read | 4 out as weight, write | 5 out_bias [1,1,1,CO] write
// push      ci, groups = ceil(co/4), has_bias, eps
// dispatch  a linear range of groups.   host src/ops/conv/lower.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, weight);
INPUT(1, bias);
INPUT(2, mean);
INPUT(3, variance);
OUTPUT(4, result);
OUTPUT(5, result_bias);
layout(push_constant) uniform Push { uint ci, groups, has_bias; float eps; };

void main()
{
    uint group = linear_index();
    if (group >= groups) return;
    vec4 first = has_bias != 0u ? LOAD(bias, group) : vec4(0.0), sum = vec4(0.0);
    for (uint c = 0u; c < ci; c += 4u) {
        vec4 m = LOAD(mean, c / 4u), s = 1.0 / sqrt(LOAD(variance, c / 4u) + eps);
        [[unroll]] for (uint k = 0u; k < 4u; ++k)
            if (c + k < ci) {
                uint i = (c + k) * groups + group;
                vec4 w = LOAD(weight, i) * s[k];
                sum += m[k] * w;
                STORE(result, i, w);
            }
    }
    STORE(result_bias, group, first - sum);
}
