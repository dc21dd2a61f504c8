#version 450
// conv2d.simt.comp: 2D convolution with optional bias as an implicit matrix product, for GPUs. Also the gradient of the
// input at stride 1, on weights that conv2d_weight_flip has turned round.
// computes  y[n,oy,ox,co] = bias[co] + sum over (ky,kx,ci) of x[n,oy*s+ky-p,ox*s+kx-p,ci] * weight[ky*k+kx,ci,co]
// bindings  0 x [N,H,W,CI] read | 1 weight [K*K,1,CI,CO] read | 2 bias [1,1,1,CO] read (anything if !has_bias)
//           | 3 y [N,OH,OW,CO] write
// push      sizes as named; groups = vec4s over channels; pixels = n*oh*ow
// spec      0 KERNEL, 1 STRIDE
// dispatch  threads (64 * blocks of 64 pixels, ceil(out_groups / 16), further rows of blocks): a workgroup makes 64 pixels
//           by 16 channel groups, a thread 8 pixels by 2 groups, from slices of 4 input groups in shared memory
//           host src/ops/conv/lower.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
INPUT(0, x);
INPUT(1, weight);
INPUT(2, bias);
OUTPUT(3, y);
layout(push_constant) uniform Push { int h, w, oh, ow, ci, in_groups, out_groups, pad, pixels, has_bias; };

const int SLICE = 4; // input groups at a time
shared vec4 shared_x[SLICE][64];
shared vec4 shared_weight[SLICE * 4][16];

void main()
{
    int t = int(gl_LocalInvocationID.x);
    int first_pixel = int(gl_WorkGroupID.z * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64;
    int first_group = int(gl_WorkGroupID.y) * 16;

    // The pixel whose inputs this thread loads.
    int load_pixel = first_pixel + t;
    int n = load_pixel / (oh * ow);
    int rest = load_pixel - n * oh * ow;
    int iy0 = rest / ow * STRIDE - pad;
    int ix0 = rest % ow * STRIDE - pad;
    int load_group = min(first_group + t % 16, out_groups - 1);

    vec4 sum[8][2];
    [[unroll]] for (int i = 0; i < 8; ++i)
        [[unroll]] for (int q = 0; q < 2; ++q) sum[i][q] = vec4(0.0);

    // Steps go over (tap, input group) pairs, so that few input channels fill the slices too.
    int steps = KERNEL * KERNEL * in_groups;
    for (int step = 0; step < steps; step += SLICE) {
        barrier();
        [[unroll]] for (int i = 0; i < SLICE; ++i) {
            int tap = (step + i) / in_groups;
            int g = step + i - tap * in_groups;
            int iy = iy0 + tap / KERNEL, ix = ix0 + tap % KERNEL;
            bool inside = step + i < steps && load_pixel < pixels && iy >= 0 && iy < h && ix >= 0 && ix < w;
            vec4 v = vec4(0.0);
            if (inside) v = LOAD(x, ((n * h + iy) * w + ix) * in_groups + g);
            shared_x[i][t] = v;
            int channel = g * 4 + t / 16;
            vec4 k = vec4(0.0);
            if (step + i < steps && channel < ci) k = LOAD(weight, (tap * ci + channel) * out_groups + load_group);
            shared_weight[i * 4 + t / 16][t % 16] = k;
        }
        barrier();
        [[unroll]] for (int i = 0; i < SLICE; ++i) {
            vec4 v[8];
            [[unroll]] for (int j = 0; j < 8; ++j) v[j] = shared_x[i][t % 8 + 8 * j];
            [[unroll]] for (int c = 0; c < 4; ++c) {
                vec4 k0 = shared_weight[i * 4 + c][t / 8], k1 = shared_weight[i * 4 + c][t / 8 + 8];
                [[unroll]] for (int j = 0; j < 8; ++j) {
                    sum[j][0] += v[j][c] * k0;
                    sum[j][1] += v[j][c] * k1;
                }
            }
        }
    }

    [[unroll]] for (int q = 0; q < 2; ++q) {
        int group = first_group + t / 8 + 8 * q;
        if (group >= out_groups) continue;
        vec4 b = vec4(0.0);
        if (has_bias != 0) b = LOAD(bias, group);
        [[unroll]] for (int j = 0; j < 8; ++j) {
            int pixel = first_pixel + t % 8 + 8 * j;
            if (pixel < pixels) STORE(y, pixel * out_groups + group, sum[j][q] + b);
        }
    }
}
