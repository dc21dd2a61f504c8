#version 450
// conv2d_grad_weight.simt.comp: gradient of a convolution's weight as an implicit matrix product, for GPUs. Sums over one
// chunk of pixels; sum_parts adds the chunks in order.
// computes  part[chunk][ky*k+kx,ci,co] = sum over the chunk's pixels of x[n,oy*s+ky-p,ox*s+kx-p,ci] * dy[n,oy,ox,co]
// bindings  0 x [N,H,W,CI] read | 1 dy [N,OH,OW,CO] read | 2 part [chunks][K*K,1,CI,CO] write
// push      sizes as named; pixels = n*oh*ow, chunk = pixels of one chunk (a multiple of 16)
// spec      0 KERNEL, 1 STRIDE
// dispatch  threads (ceil(K*K*in_groups / 16) * 64, ceil(out_groups / 16), chunks): a workgroup makes 16 rows of (tap, input
//           group) by 16 output groups, a thread 2 rows by 2 groups.   host src/ops/conv/grad_weight.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, part);
layout(push_constant) uniform Push { int h, w, oh, ow, ci, in_groups, out_groups, pad, pixels, chunk; };

const int SLICE = 16; // pixels at a time
shared vec4 shared_x[SLICE][16];
shared vec4 shared_dy[SLICE][16];

void main()
{
    int t = int(gl_LocalInvocationID.x);
    int first_row = int(gl_WorkGroupID.x) * 16;
    int first_group = int(gl_WorkGroupID.y) * 16;
    int begin = int(gl_WorkGroupID.z) * chunk;
    int end = min(begin + chunk, pixels);
    int rows = KERNEL * KERNEL * in_groups;

    // The row and the output group that this thread loads.
    int load_row = min(first_row + t % 16, rows - 1);
    int load_group = min(first_group + t % 16, out_groups - 1);
    int tap = load_row / in_groups;
    int from_group = load_row - tap * in_groups;
    int ky = tap / KERNEL - pad, kx = tap % KERNEL - pad;

    vec4 sum[2][4][2]; // row, channel of the row, output group
    [[unroll]] for (int i = 0; i < 2; ++i)
        [[unroll]] for (int c = 0; c < 4; ++c)
            [[unroll]] for (int q = 0; q < 2; ++q) sum[i][c][q] = vec4(0.0);

    for (int p = begin; p < end; p += SLICE) {
        barrier();
        [[unroll]] for (int i = 0; i < SLICE; i += 4) {
            int slot = i + t / 16;
            int pixel = p + slot;
            int n = pixel / (oh * ow);
            int rest = pixel - n * oh * ow;
            int iy = rest / ow * STRIDE + ky, ix = rest % ow * STRIDE + kx;
            vec4 v = vec4(0.0), d = vec4(0.0);
            if (pixel < end) d = LOAD(dy, pixel * out_groups + load_group);
            if (pixel < end && iy >= 0 && iy < h && ix >= 0 && ix < w)
                v = LOAD(x, ((n * h + iy) * w + ix) * in_groups + from_group);
            shared_x[slot][t % 16] = v;
            shared_dy[slot][t % 16] = d;
        }
        barrier();
        [[unroll]] for (int i = 0; i < SLICE; ++i) {
            vec4 d0 = shared_dy[i][t % 8], d1 = shared_dy[i][t % 8 + 8];
            [[unroll]] for (int j = 0; j < 2; ++j) {
                vec4 v = shared_x[i][t / 8 + 8 * j];
                [[unroll]] for (int c = 0; c < 4; ++c) {
                    sum[j][c][0] += v[c] * d0;
                    sum[j][c][1] += v[c] * d1;
                }
            }
        }
    }

    int base = int(gl_WorkGroupID.z) * KERNEL * KERNEL * ci;
    [[unroll]] for (int j = 0; j < 2; ++j) {
        int row = first_row + t / 8 + 8 * j;
        int row_tap = row / in_groups, row_group = row - row_tap * in_groups;
        [[unroll]] for (int c = 0; c < 4; ++c) {
            int channel = row_group * 4 + c;
            if (row < rows && channel < ci) {
                [[unroll]] for (int q = 0; q < 2; ++q) {
                    int group = first_group + t % 8 + 8 * q;
                    if (group < out_groups)
                        STORE(part, (base + row_tap * ci + channel) * out_groups + group, sum[j][c][q]);
                }
            }
        }
    }
}
