#version 450
// gate_grad_weight.comp: gradients of both layers of squeeze-and-excite.
// computes  dw1[c,d] = sum over n of pooled[n,c] * dz1[n,d], db1[d] = sum of dz1[n,d], and dw2[d,c] = sum over n of
//           hidden[n,d] * dz2[n,c], db2[c] = sum of dz2[n,c]; pooled and dz2 are the sums of their blocks
// bindings  0 pooled [N,1,blocks,C] read | 1 dz1 [N,1,1,D] read | 2 hidden [N,1,1,D] read | 3 dz2 [N,1,blocks,C] read
//           | 4 dw1 [C][hidden_groups] write | 5 db1 [1,1,1,D] write | 6 dw2 [D][groups] write | 7 db2 [1,1,1,C] write
// push      samples, groups, hidden_groups, channels (C), hidden_channels (D), blocks
// dispatch  a linear range of hidden_groups * groups threads, group fastest: 4 by 4 elements of both matrices each
//           host: src/ops/gate/squeeze_excite.c          reference: src/reference/gate/squeeze_excite.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
INPUT(0, pooled);
INPUT(1, dz1);
INPUT(2, hidden);
INPUT(3, dz2);
OUTPUT(4, dw1);
OUTPUT(5, db1);
OUTPUT(6, dw2);
OUTPUT(7, db2);
layout(push_constant) uniform Push { int samples, groups, hidden_groups, channels, hidden_channels, blocks; };

void main()
{
    int thread = int(linear_index());
    int row = thread / groups, group = thread - row * groups;
    if (row >= hidden_groups) return;
    vec4 first[4], second[4], first_bias = vec4(0.0), second_bias = vec4(0.0);
    [[unroll]] for (int k = 0; k < 4; ++k) first[k] = second[k] = vec4(0.0);
    for (int n = 0; n < samples; ++n) {
        vec4 d = LOAD(dz1, n * hidden_groups + row), h = LOAD(hidden, n * hidden_groups + row);
        vec4 s = vec4(0.0), z = vec4(0.0);
        for (int b = 0; b < blocks; ++b) {
            int at = (n * blocks + b) * groups + group;
            s += LOAD(pooled, at);
            z += LOAD(dz2, at);
        }
        first_bias += d;
        second_bias += z;
        [[unroll]] for (int k = 0; k < 4; ++k) {
            first[k] += s[k] * d;
            second[k] += h[k] * z;
        }
    }
    [[unroll]] for (int k = 0; k < 4; ++k) {
        if (4 * group + k < channels) STORE(dw1, (4 * group + k) * hidden_groups + row, first[k]);
        if (4 * row + k < hidden_channels) STORE(dw2, (4 * row + k) * groups + group, second[k]);
    }
    if (group == 0) STORE(db1, row, first_bias);
    if (row == 0) STORE(db2, group, second_bias);
}
