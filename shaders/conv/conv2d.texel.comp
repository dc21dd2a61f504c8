#version 450
// conv2d.texel.comp: 2D convolution with optional bias, for CPU drivers. Also the gradient of the input at stride 1, on
// weights that conv2d_weight_flip has turned round.
// computes  y[n,oy,ox,co] = bias[co] + sum over (ky,kx,ci) of x[n,oy*s+ky-p,ox*s+kx-p,ci] * weight[ky*k+kx,ci,co]
// bindings  0 x [N,H,W,CI] read | 1 weight [K*K,1,CI,CO] read | 2 bias [1,1,1,CO] read (anything if !has_bias)
//           | 3 y [N,OH,OW,CO] write | 4 epilogue.glsl | 5 moments.glsl: a chunk
//           is 4 columns of ROWS pixels
// push      sizes as named; groups = vec4s over channels; row_blocks = ceil(oh / ROWS); pixels = n*oh*ow
// spec      0 KERNEL, 1 STRIDE, 2 GROUPS output groups of a lane 1..4, 3 CHANNELS input channels used of each group
//           (4, or CI if that is less), 4 RAGGED: CI > 4 and no multiple of 4,
//           5 ROWS output rows of a lane: 8, or fewer where there are few pixels
// dispatch  threads (ow, n * row_blocks, ceil(out_groups / GROUPS)); with KERNEL 1 and STRIDE 1 the host cuts all
//           pixels
//           into ROWS long rows
// A lane owns one column of ROWS pixels times GROUPS*4 channels. lavapipe makes each fetch a call, which empties all
// registers: so all fetches of a step come first, then each sum takes all its terms in one go (60 against 40 GFLOP/s
// with fetches and sums interleaved).   host src/ops/conv/lower.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "epilogue.glsl"
#include "moments.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 2) const int GROUPS = 2;
layout(constant_id = 3) const int CHANNELS = 4;
layout(constant_id = 4) const bool RAGGED = false;
layout(constant_id = 5) const int ROWS = 8;
const int READ = (ROWS - 1) * STRIDE + KERNEL;
INPUT(0, x);
INPUT(1, weight);
INPUT(2, bias);
OUTPUT(3, y);
EPILOGUE(4);
MOMENTS_OUTPUT(5);
layout(push_constant) uniform Push { int h, w, oh, ow, ci, in_groups, out_groups, pad, row_blocks, pixels, has_bias; };

void main()
{
    int ox = int(gl_GlobalInvocationID.x);
    int n = int(gl_WorkGroupID.y) / row_blocks;
    int oy = (int(gl_WorkGroupID.y) - n * row_blocks) * ROWS;
    int group = int(gl_WorkGroupID.z) * GROUPS;
    int last = out_groups - 1;

    vec4 sum[GROUPS][ROWS];
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        vec4 first = has_bias != 0 ? LOAD(bias, min(group + q, last)) : vec4(0.0);
        [[unroll]] for (int r = 0; r < ROWS; ++r) sum[q][r] = first;
    }

    for (int kx = 0; kx < KERNEL; ++kx) {
        int ix = ox * STRIDE + kx - pad;
        bool inside_x = ix >= 0 && ix < w;
        int address[READ];
        bool inside[READ];
        [[unroll]] for (int r = 0; r < READ; ++r) {
            int iy = oy * STRIDE + r - pad;
            int pixel = (n * h + iy) * w + ix;
            inside[r] = inside_x && iy >= 0 && iy < h && (KERNEL > 1 || STRIDE > 1 || pixel < pixels);
            address[r] = inside[r] ? pixel * in_groups : 0;
        }
        for (int g = 0; g < in_groups; ++g) {
            vec4 v[READ];
            [[unroll]] for (int r = 0; r < READ; ++r) {
                vec4 value = LOAD(x, address[r] + g);
                v[r] = inside[r] ? value : vec4(0.0);
            }
            vec4 k[KERNEL][4][GROUPS];
            [[unroll]] for (int ky = 0; ky < KERNEL; ++ky)
                [[unroll]] for (int c = 0; c < CHANNELS; ++c) {
                    int channel = RAGGED ? min(g * 4 + c, ci - 1) : g * 4 + c;
                    int row = ((ky * KERNEL + kx) * ci + channel) * out_groups;
                    [[unroll]] for (int q = 0; q < GROUPS; ++q) k[ky][c][q] = LOAD(weight, row + min(group + q, last));
                }
            [[unroll]] for (int q = 0; q < GROUPS; ++q)
                [[unroll]] for (int r = 0; r < ROWS; ++r)
                    [[unroll]] for (int ky = 0; ky < KERNEL; ++ky)
                        [[unroll]] for (int c = 0; c < CHANNELS; ++c)
                            sum[q][r] += v[r * STRIDE + ky][c] * k[ky][c][q];
        }
    }

    int pixel[ROWS];
    bool inside[ROWS];
    float count = 0.0;
    [[unroll]] for (int r = 0; r < ROWS; ++r) {
        pixel[r] = (n * oh + oy + r) * ow + ox;
        inside[r] = ox < ow && oy + r < oh && pixel[r] < pixels;
        count += inside[r] ? 1.0 : 0.0;
    }
    if (MOMENTS == 0u) {
        [[unroll]] for (int r = 0; r < ROWS; ++r)
            if (inside[r]) {
                [[unroll]] for (int q = 0; q < GROUPS; ++q) {
                    int i = pixel[r] * out_groups + group + q;
                    if (group + q < out_groups) STORE(y, i, epilogue(sum[q][r], i));
                }
            }
        return;
    }
    QuadMoments kept = QuadMoments(vec4(0.0), vec4(0.0), vec4(0.0));
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        vec4 shift, total = vec4(0.0), square = vec4(0.0);
        [[unroll]] for (int r = 0; r < ROWS; ++r) {
            int i = pixel[r] * out_groups + group + q;
            vec4 value = sum[q][r];
            if (inside[r] && group + q < out_groups) {
                value = epilogue(value, i);
                STORE(y, i, value);
            }
            if (r == 0) shift = quad_first(value);
            vec4 d = inside[r] ? value - shift : vec4(0.0);
            total += d;
            square += d * d;
        }
        quad_keep(kept, q, shift, total, square);
    }
    int lane = int(gl_LocalInvocationID.x);
    int row = (ow + 7) / 8; // workgroups along x
    int chunk = (int(gl_WorkGroupID.y) * row + int(gl_WorkGroupID.x)) * 2 + lane / 4;
    count = quad_sum(vec4(count)).x;
    if (group == 0 && lane % 4 == 0) store_moments_count(chunk, out_groups, count);
    if (lane % 4 < GROUPS && group + lane % 4 < out_groups)
        store_moments(chunk, out_groups, group + lane % 4, count, kept.shift, kept.sum, kept.square);
}
