#version 450
// conv2d_grad_weight_few.texel.comp: gradient of a convolution's weight, for CPU drivers, 1 to 4 input channels and
// more than 16 output channels. Sums over one chunk of rows; sum_parts adds the chunks in order.
// computes  part[chunk][ky*k+kx,ci,co] = sum over the chunk's (n,oy), and ox, of
//           x[n,oy*s+ky-p,ox*s+kx-p,ci] * dy[n,oy,ox,co]
// bindings  0 x [N,H,W,CI] read | 1 dy [N,OH,OW,CO] read | 2 part [chunks][K*K,1,CI,CO] write
// push      sizes as named; rows = n*oh, chunk = rows of one chunk
// spec      0 KERNEL, 1 STRIDE, 2 GROUPS output groups of a lane 1..2, 3 CHANNELS = CI
// dispatch  threads (ceil(out_groups / (8*GROUPS)) * 8, 1, chunks)
// Lanes along output channels; a quad fetches four neighbouring pixels of x, one a lane, and all lanes get each of
// them by quad broadcasts. Eight output pixels at a time, so that each sum takes eight terms.
// host src/ops/conv/grad_weight.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 2) const int GROUPS = 2;
layout(constant_id = 3) const int CHANNELS = 1;
const int RUN = 8; // output pixels of a row taken at a time
const int FETCHES = ((RUN - 1) * STRIDE + KERNEL + 3) / 4;
INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, part);
layout(push_constant) uniform Push { int h, w, oh, ow, out_groups, pad, rows, chunk; };

void main()
{
    int lane = int(gl_LocalInvocationID.x), outputs = out_groups, width = ow;
    int lane_group = int(gl_WorkGroupID.x) * GROUPS * 8 + lane;
    int group[GROUPS];
    [[unroll]] for (int q = 0; q < GROUPS; ++q) group[q] = min(lane_group + 8 * q, outputs - 1);

    vec4 sum[KERNEL * KERNEL][CHANNELS][GROUPS];
    [[unroll]] for (int tap = 0; tap < KERNEL * KERNEL; ++tap)
        [[unroll]] for (int c = 0; c < CHANNELS; ++c)
            [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[tap][c][q] = vec4(0.0);

    int row = int(gl_WorkGroupID.z) * chunk;
    int end = min(row + chunk, rows);
    for (; row < end; ++row) {
        int n = row / oh, oy = row - n * oh;
        for (int ox = 0; ox < width; ox += RUN) {
            vec4 v[KERNEL][FETCHES], d[GROUPS][RUN];
            [[unroll]] for (int ky = 0; ky < KERNEL; ++ky)
                [[unroll]] for (int f = 0; f < FETCHES; ++f) {
                    int iy = oy * STRIDE + ky - pad, ix = ox * STRIDE + 4 * f + (lane & 3) - pad;
                    bool inside = iy >= 0 && iy < h && ix >= 0 && ix < w;
                    vec4 value = LOAD(x, inside ? (n * h + iy) * w + ix : 0);
                    v[ky][f] = inside ? value : vec4(0.0);
                }
            [[unroll]] for (int r = 0; r < RUN; ++r) {
                bool inside = ox + r < width;
                int pixel = (row * width + (inside ? ox + r : 0)) * outputs;
                [[unroll]] for (int q = 0; q < GROUPS; ++q) {
                    vec4 value = LOAD(dy, pixel + group[q]);
                    d[q][r] = inside ? value : vec4(0.0);
                }
            }
            [[unroll]] for (int ky = 0; ky < KERNEL; ++ky)
                [[unroll]] for (int kx = 0; kx < KERNEL; ++kx)
                    [[unroll]] for (int c = 0; c < CHANNELS; ++c) {
                        float s[RUN];
                        [[unroll]] for (int r = 0; r < RUN; ++r) {
                            int at = r * STRIDE + kx;
                            s[r] = subgroupQuadBroadcast(v[ky][at / 4][c], uint(at % 4));
                        }
                        [[unroll]] for (int q = 0; q < GROUPS; ++q)
                            [[unroll]] for (int e = 0; e < 4; ++e) {
                                float t = sum[ky * KERNEL + kx][c][q][e];
                                [[unroll]] for (int r = 0; r < RUN; ++r) t += s[r] * d[q][r][e];
                                sum[ky * KERNEL + kx][c][q][e] = t;
                            }
                    }
        }
    }

    [[unroll]] for (int q = 0; q < GROUPS; ++q)
        if (lane_group + 8 * q < outputs) {
            [[unroll]] for (int tap = 0; tap < KERNEL * KERNEL; ++tap)
                [[unroll]] for (int c = 0; c < CHANNELS; ++c)
                    STORE(part, ((int(gl_WorkGroupID.z) * KERNEL * KERNEL + tap) * CHANNELS + c) * outputs +
                                    lane_group + 8 * q, sum[tap][c][q]);
        }
}
