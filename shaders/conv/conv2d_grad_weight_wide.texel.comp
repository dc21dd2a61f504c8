#version 450
// conv2d_grad_weight_wide.texel.comp: gradient of a convolution's weight, for CPU drivers and more than 16 output
// channels. Sums over one chunk of rows; sum_parts adds the chunks in order.
// computes  part[chunk][ky*k+kx,ci,co] = sum over the chunk's (n,oy), and ox, of x[n,oy*s+ky-p,ox*s+kx-p,ci] *
//           dy[n,oy,ox,co]
// bindings  0 x [N,H,W,CI] read | 1 dy [N,OH,OW,CO] read | 2 part [chunks][K*K,1,CI,CO] write
// push      sizes as named; rows = n*oh, chunk = rows of one chunk, pixels = n*oh*ow
// spec      0 KERNEL, 1 STRIDE, 2 GROUPS output groups of a lane 1..2, 3 TILE input groups of a lane
// dispatch  threads (ceil(out_groups / (8*GROUPS)) * 8, KERNEL * ceil(in_groups / TILE), chunks)
// Lanes stand side by side over output channels: dy's loads are contiguous, x has the same address in all lanes (with
// KERNEL 1 and TILE 4 the lanes of a quad fetch its four groups and exchange them by quad broadcasts), and no sum over
// lanes is needed at the end.   host src/ops/conv/grad_weight.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 2) const int GROUPS = 2;
layout(constant_id = 3) const int TILE = 1;
const bool BY_QUAD = KERNEL == 1 && TILE == 4;
const int RUN = 4; // pixels of one row taken at a time
const int READ = (RUN - 1) * STRIDE + KERNEL;
INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, part);
layout(push_constant) uniform Push { int h, w, oh, ow, ci, in_groups, out_groups, pad, rows, chunk, pixels; };

void main()
{
    int lane_group = int(gl_WorkGroupID.x) * GROUPS * 8 + int(gl_LocalInvocationID.x);
    int ig = int(gl_WorkGroupID.y) / KERNEL * TILE;
    int ky = int(gl_WorkGroupID.y) % KERNEL;
    int group[GROUPS];
    [[unroll]] for (int q = 0; q < GROUPS; ++q) group[q] = min(lane_group + 8 * q, out_groups - 1);

    vec4 sum[TILE][4][KERNEL][GROUPS];
    [[unroll]] for (int t = 0; t < TILE; ++t)
        [[unroll]] for (int c = 0; c < 4; ++c)
            [[unroll]] for (int k = 0; k < KERNEL; ++k)
                [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[t][c][k][q] = vec4(0.0);

    int row = int(gl_WorkGroupID.z) * chunk;
    int end = min(row + chunk, rows);
    for (; row < end; ++row) {
        int n = row / oh;
        int iy = (row - n * oh) * STRIDE + ky - pad;
        if (iy < 0 || iy >= h) continue;
        int line = (n * h + iy) * w;
        int width = min(ow, pixels - row * ow);
        for (int ox = 0; ox < width; ox += RUN) {
            vec4 d[GROUPS][RUN];
            [[unroll]] for (int r = 0; r < RUN; ++r) {
                bool inside = ox + r < width;
                int pixel = (row * ow + (inside ? ox + r : 0)) * out_groups;
                [[unroll]] for (int q = 0; q < GROUPS; ++q) {
                    vec4 value = LOAD(dy, pixel + group[q]);
                    d[q][r] = inside ? value : vec4(0.0);
                }
            }
            vec4 v[READ];
            [[unroll]] for (int t = 0; t < TILE; ++t) {
                int tile_group = min(ig + (BY_QUAD ? int(gl_LocalInvocationID.x & 3u) : t), in_groups - 1);
                [[unroll]] for (int r = 0; r < READ; ++r) {
                    if (BY_QUAD && t > 0) continue;
                    int ix = ox * STRIDE + r - pad;
                    bool inside = ix >= 0 && ix < w && (KERNEL > 1 || STRIDE > 1 || line + ix < pixels);
                    vec4 value = LOAD(x, (inside ? line + ix : 0) * in_groups + tile_group);
                    v[r] = inside ? value : vec4(0.0);
                }
                [[unroll]] for (int q = 0; q < GROUPS; ++q)
                    [[unroll]] for (int k = 0; k < KERNEL; ++k)
                        [[unroll]] for (int c = 0; c < 4; ++c)
                            [[unroll]] for (int r = 0; r < RUN; ++r) {
                                float s = v[r * STRIDE + k][c];
                                sum[t][c][k][q] += (BY_QUAD ? subgroupQuadBroadcast(s, uint(t)) : s) * d[q][r];
                            }
            }
        }
    }

    int base = int(gl_WorkGroupID.z) * KERNEL * KERNEL * ci;
    [[unroll]] for (int t = 0; t < TILE; ++t)
        [[unroll]] for (int c = 0; c < 4; ++c) {
            int channel = (ig + t) * 4 + c;
            if (channel < ci) {
                [[unroll]] for (int k = 0; k < KERNEL; ++k)
                    [[unroll]] for (int q = 0; q < GROUPS; ++q)
                        if (lane_group + 8 * q < out_groups)
                            STORE(part, (base + (ky * KERNEL + k) * ci + channel) * out_groups + lane_group + 8 * q,
                                  sum[t][c][k][q]);
            }
        }
}
