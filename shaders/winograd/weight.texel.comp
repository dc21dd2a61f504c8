#version 450
// weight.texel.comp: the weight's side of a Winograd convolution, for CPU drivers.
// computes  planes[p][block][c][q] = plane p of G w G^T for input channel c and output group block * GROUPS + q;
//           zero for channels and groups past the end
// bindings  0 weight w [9,1,CI,CO], TURNED: [9,1,CO,CI] and read with its taps turned round, as the gradient of a
//           convolution's input wants it | 1 planes [N*N][blocks*in_groups*4*GROUPS+8] write
// push      ci, in_groups = ceil(ci/4), out_groups, blocks = ceil(out_groups/GROUPS), co
// spec      0 M output pixels of a tile along each axis: 1, 2 or 4, 1 GROUPS, 2 TURNED
// dispatch  threads (in_groups * 4 * GROUPS, blocks).   host src/ops/conv/winograd.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int M = 4;
layout(constant_id = 1) const int GROUPS = 4;
layout(constant_id = 2) const bool TURNED = false;
const int N = M + 2;
INPUT(0, weight);
OUTPUT(1, planes);
layout(push_constant) uniform Push { int ci, in_groups, out_groups, blocks, co; };

// G on one column of taps. By factors: a division takes this driver several times as long.
vec4[6] transform(vec4 a, vec4 b, vec4 c)
{
    vec4 t[6];
    if (M == 1) {
        t[0] = a + b + c;
        t[1] = a;
        t[2] = c;
    } else if (M == 4) {
        vec4 near = (a + c) * (-1.0 / 6.0), far = a * (1.0 / 24.0) + c * (1.0 / 6.0);
        vec4 b6 = b * (1.0 / 6.0), b12 = b * (1.0 / 12.0);
        t[0] = a * 0.25;
        t[1] = near - b6;
        t[2] = near + b6;
        t[3] = far + b12;
        t[4] = far - b12;
        t[5] = c;
    } else {
        vec4 even = 0.5 * (a + c);
        t[0] = a;
        t[1] = even + 0.5 * b;
        t[2] = even - 0.5 * b;
        t[3] = c;
    }
    return t;
}

// The weight of a tap from channel c to the four of an output group, which exist.
vec4 weight_at(int tap, int c, int group)
{
    if (!TURNED) return LOAD(weight, (tap * ci + c) * out_groups + group);
    vec4 w;
    [[unroll]] for (int e = 0; e < 4; ++e) {
        vec4 four = LOAD(weight, ((8 - tap) * co + min(group * 4 + e, co - 1)) * in_groups + c / 4);
        int part = c & 3;
        w[e] = part < 2 ? (part == 0 ? four.x : four.y) : part == 2 ? four.z : four.w;
    }
    return zero_padding(w, uint(group), uint(co));
}

void main()
{
    int place = int(gl_GlobalInvocationID.x);
    int channels = in_groups * 4;
    int c = place / GROUPS;
    int block = int(gl_GlobalInvocationID.y);
    int group = block * GROUPS + place - c * GROUPS;
    bool inside = c < ci && group < out_groups;
    vec4 t[3][6];
    [[unroll]] for (int kx = 0; kx < 3; ++kx) {
        vec4 k[3];
        [[unroll]] for (int ky = 0; ky < 3; ++ky) {
            vec4 value = weight_at(ky * 3 + kx, inside ? c : 0, inside ? group : 0);
            k[ky] = inside ? value : vec4(0.0);
        }
        t[kx] = transform(k[0], k[1], k[2]);
    }
    if (c < channels) {
        [[unroll]] for (int i = 0; i < N; ++i) {
            vec4 u[6] = transform(t[0][i], t[1][i], t[2][i]);
            [[unroll]] for (int j = 0; j < N; ++j)
                STORE(planes, (j * N + i) * (blocks * channels * GROUPS + 8) + block * channels * GROUPS + place, u[j]);
        }
    }
}
