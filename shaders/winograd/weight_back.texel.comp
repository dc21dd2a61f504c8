#version 450
// weight_back.texel.comp: the last step of a Winograd weight gradient, for CPU drivers.
// computes  dw[ky*3+kx,c,o] = (G^T S G)[ky,kx] with S the planes of c and o
// bindings  0 sums [N*N][in_groups*4*out_groups+8] read (row_product.texel.comp) | 1 dw [9,1,CI,CO] write
// push      ci, in_groups, out_groups
// spec      0 M output pixels of a tile along each axis: 2 or 4
// dispatch  threads (ci * out_groups).   host src/ops/conv/winograd_weight.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int M = 4;
const int N = M + 2;
INPUT(0, sums);
OUTPUT(1, dw);
layout(push_constant) uniform Push { int ci, in_groups, out_groups; };

// G^T on one line of planes, by factors (shaders/winograd/weight.texel.comp).
vec4[3] transform(vec4 s[6])
{
    vec4 even = s[1] + s[2], odd = s[1] - s[2];
    if (M == 4) {
        vec4 far_even = s[3] + s[4], far_odd = s[3] - s[4];
        return vec4[3](s[0] * 0.25 - even * (1.0 / 6.0) + far_even * (1.0 / 24.0),
                       far_odd * (1.0 / 12.0) - odd * (1.0 / 6.0), (far_even - even) * (1.0 / 6.0) + s[5]);
    }
    return vec4[3](s[0] + 0.5 * even, 0.5 * odd, 0.5 * even + s[3]);
}

void main()
{
    int place = int(gl_GlobalInvocationID.x), step = in_groups * 4 * out_groups + 8;
    bool inside = place < ci * out_groups;
    vec4 part[3][6];
    [[unroll]] for (int j = 0; j < N; ++j) {
        vec4 s[6];
        [[unroll]] for (int i = 0; i < N; ++i) s[i] = LOAD(sums, inside ? (i * N + j) * step + place : 0);
        vec4 o[3] = transform(s);
        [[unroll]] for (int i = 0; i < 3; ++i) part[i][j] = o[i];
    }
    if (inside) {
        [[unroll]] for (int i = 0; i < 3; ++i) {
            vec4 o[3] = transform(part[i]);
            [[unroll]] for (int j = 0; j < 3; ++j) STORE(dw, (i * 3 + j) * ci * out_groups + place, o[j]);
        }
    }
}
