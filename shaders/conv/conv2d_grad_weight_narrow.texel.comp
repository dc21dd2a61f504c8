#version 450
// conv2d_grad_weight_narrow.texel.comp: gradient of a convolution's weight, for CPU drivers and few output channels.
// Sums over one chunk of row blocks; sum_parts adds the chunks (and the lanes) in order.
// computes  part[chunk][lane][ky*k+kx,ci,co] = sum over pixels of x[n,oy*s+ky-p,ox*s+kx-p,ci] * dy[n,oy,ox,co]
// bindings  0 x [N,H,W,CI] read | 1 dy [N,OH,OW,CO] read | 2 part [chunks*8][K*K,1,CI,CO] write
// push      sizes as named; row_blocks = ceil(oh / ROWS), blocks = n * row_blocks, chunk = blocks of one chunk
// spec      0 KERNEL, 1 STRIDE, 2 GROUPS output groups of a lane, 3 CHANNELS input channels used of each group (4, or
//           CI if that is less)
// dispatch  threads (ceil(out_groups / GROUPS) * 8, KERNEL * in_groups, chunks)
// Lanes stand side by side over pixels of a row and walk along it.   host src/ops/conv/grad_weight.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 2) const int GROUPS = 2;
layout(constant_id = 3) const int CHANNELS = 4;
const int ROWS = 4;
const int READ = (ROWS - 1) * STRIDE + KERNEL;
INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, part);
layout(push_constant) uniform Push { int h, w, oh, ow, ci, in_groups, out_groups, pad, row_blocks, blocks, chunk; };

void main()
{
    int lane = int(gl_LocalInvocationID.x);
    int group = int(gl_WorkGroupID.x) * GROUPS;
    int ig = int(gl_WorkGroupID.y) / KERNEL;
    int kx = int(gl_WorkGroupID.y) % KERNEL;

    vec4 sum[GROUPS][KERNEL][CHANNELS];
    [[unroll]] for (int q = 0; q < GROUPS; ++q)
        [[unroll]] for (int k = 0; k < KERNEL; ++k)
            [[unroll]] for (int c = 0; c < CHANNELS; ++c) sum[q][k][c] = vec4(0.0);

    int block = int(gl_WorkGroupID.z) * chunk;
    int end = min(block + chunk, blocks);
    for (; block < end; ++block) {
        int n = block / row_blocks;
        int oy = (block - n * row_blocks) * ROWS;
        for (int ox0 = 0; ox0 < ow; ox0 += 8) {
            int ox = ox0 + lane;
            int ix = ox * STRIDE + kx - pad;
            vec4 v[READ];
            [[unroll]] for (int r = 0; r < READ; ++r) {
                int iy = oy * STRIDE + r - pad;
                bool inside = ix >= 0 && ix < w && iy >= 0 && iy < h;
                vec4 value = LOAD(x, (inside ? (n * h + iy) * w + ix : 0) * in_groups + ig);
                v[r] = inside ? value : vec4(0.0);
            }
            [[unroll]] for (int q = 0; q < GROUPS; ++q) {
                vec4 d[ROWS];
                [[unroll]] for (int r = 0; r < ROWS; ++r) {
                    bool inside = ox < ow && oy + r < oh;
                    int pixel = inside ? (n * oh + oy + r) * ow + ox : 0;
                    vec4 value = LOAD(dy, pixel * out_groups + min(group + q, out_groups - 1));
                    d[r] = inside ? value : vec4(0.0);
                }
                [[unroll]] for (int k = 0; k < KERNEL; ++k)
                    [[unroll]] for (int c = 0; c < CHANNELS; ++c)
                        [[unroll]] for (int r = 0; r < ROWS; ++r) sum[q][k][c] += v[r * STRIDE + k][c] * d[r];
            }
        }
    }

    int base = (int(gl_WorkGroupID.z) * 8 + lane) * KERNEL * KERNEL * ci;
    [[unroll]] for (int q = 0; q < GROUPS; ++q)
        if (group + q < out_groups) {
            [[unroll]] for (int c = 0; c < CHANNELS; ++c)
                if (ig * 4 + c < ci) {
                    [[unroll]] for (int k = 0; k < KERNEL; ++k)
                        STORE(part, (base + (k * KERNEL + kx) * ci + ig * 4 + c) * out_groups + group + q,
                            sum[q][k][c]);
                }
        }
}
