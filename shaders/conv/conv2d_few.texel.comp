#version 450
// conv2d_few.texel.comp: 2D convolution of few input channels with optional bias, for CPU drivers.
// computes  y[n,oy,ox,co] = bias[co] + sum over (ky,kx,ci) of x[n,oy*s+ky-p,ox*s+kx-p,ci] * weight[ky*k+kx,ci,co]
// bindings  0 x [N,H,W,CI] read | 1 weight [K*K,1,CI,CO], TRANSPOSED: [1,1,CO,CI], read | 2 bias [1,1,1,CO] read
//           (anything if !has_bias) | 3 y [N,OH,OW,CO] write | 4 epilogue.glsl | 5 moments.glsl: a chunk is a row, or
//           what one quad makes of it | 6 and 7 weight and bias [1,1,1,CI] of SPREAD, read (else anything)
// push      sizes as named; out_groups = ceil(co/4), pixels = n*oh*ow
// spec      0 KERNEL, 1 STRIDE, 2 GROUPS output groups of a lane, 3 CHANNELS = CI, 4 LANES along output groups: 8, or 4
//           and the quads take turns along the row, 5 TRANSPOSED (KERNEL 1 only),
//           6 SPREAD 1: x has one channel, and its CI at most 4 are this times a weight, 2: plus a bias
// dispatch  threads (8 * ceil(out_groups / (LANES * GROUPS)), oh, n); with KERNEL 1 and STRIDE 1 the host cuts all
//           pixels into rows
// A workgroup fetches its weights once and walks along a row of the output. A quad fetches four neighbouring pixels of
// the input, one in each lane, and each lane gets all of them by quad broadcasts. Sums do not outlive a step: in a loop
// of this driver each value that does costs a masked copy. 1 to 64 channels, 8x120x160: 9.4 ms of processor time, not
// 30 as by conv2d (cairn benchmark ops, cpu_ms_min).   host src/ops/conv/texel.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"
#include "epilogue.glsl"
#include "moments.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 2) const int GROUPS = 2;
layout(constant_id = 3) const int CHANNELS = 1;
layout(constant_id = 4) const int LANES = 8;
layout(constant_id = 5) const bool TRANSPOSED = false;
layout(constant_id = 6) const int SPREAD = 0;
const int IN_GROUPS = (CHANNELS + 3) / 4;
const int RUN = 8; // output pixels of a step
const int WEIGHTS = TRANSPOSED ? IN_GROUPS * 4 : KERNEL * KERNEL * CHANNELS;
const int READ = (RUN - 1) * STRIDE + KERNEL;
const int FETCHES = (READ + 3) / 4;
INPUT(0, x);
INPUT(1, weight);
INPUT(2, bias);
OUTPUT(3, y);
EPILOGUE(4);
MOMENTS_OUTPUT(5);
INPUT(6, spread_weight);
INPUT(7, spread_bias);
layout(push_constant) uniform Push { int h, w, oh, ow, co, out_groups, pad, pixels, has_bias; };

void main()
{
    int lane = int(gl_LocalInvocationID.x), outputs = out_groups;
    int first_group = int(gl_WorkGroupID.x) * LANES * GROUPS + lane % LANES;
    int oy = int(gl_WorkGroupID.y), n = int(gl_WorkGroupID.z);

    vec4 k[WEIGHTS][GROUPS], first[GROUPS];
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        int group = min(first_group + LANES * q, outputs - 1);
        first[q] = has_bias != 0 ? LOAD(bias, group) : vec4(0.0);
        [[unroll]] for (int i = 0; i < WEIGHTS; ++i)
            k[i][q] = LOAD(weight, TRANSPOSED ? min(group * 4 + i % 4, co - 1) * IN_GROUPS + i / 4
                                              : i * outputs + group);
    }

    vec4 spread = SPREAD > 0 ? LOAD(spread_weight, 0) : vec4(0.0), lift = SPREAD > 1 ? LOAD(spread_bias, 0) : vec4(0.0);
    int line[KERNEL];
    bool inside_y[KERNEL];
    [[unroll]] for (int ky = 0; ky < KERNEL; ++ky) {
        int iy = oy * STRIDE + ky - pad;
        inside_y[ky] = iy >= 0 && iy < h;
        line[ky] = inside_y[ky] ? (n * h + iy) * w : 0;
    }
    int row = (n * oh + oy) * ow, width = min(ow, pixels - row);
    vec4 shift[GROUPS], total[GROUPS], square[GROUPS]; // for the moments
    float count = 0.0;
    [[unroll]] for (int q = 0; q < GROUPS; ++q) shift[q] = total[q] = square[q] = vec4(0.0);
    for (int start = 0; start < width; start += RUN * (8 / LANES)) {
        int ox = start + lane / LANES * RUN;
        vec4 v[KERNEL][FETCHES][IN_GROUPS];
        [[unroll]] for (int f = 0; f < FETCHES; ++f) {
            int ix = ox * STRIDE + 4 * f + (lane & 3) - pad;
            bool inside_x = ix >= 0 && ix < w && (KERNEL > 1 || STRIDE > 1 || row + ix < pixels);
            [[unroll]] for (int ky = 0; ky < KERNEL; ++ky)
                [[unroll]] for (int g = 0; g < IN_GROUPS; ++g) {
                    vec4 value = LOAD(x, (inside_x ? line[ky] + ix : 0) * IN_GROUPS + g);
                    if (SPREAD > 0) value = value.x * spread + lift;
                    v[ky][f][g] = inside_x && inside_y[ky] ? value : vec4(0.0);
                }
        }
        int first_out = (row + ox) * outputs + first_group;
        [[unroll]] for (int r = 0; r < RUN; ++r) {
            vec4 sum[GROUPS];
            [[unroll]] for (int q = 0; q < GROUPS; ++q) sum[q] = first[q];
            [[unroll]] for (int ky = 0; ky < KERNEL; ++ky)
                [[unroll]] for (int kx = 0; kx < KERNEL; ++kx)
                    [[unroll]] for (int c = 0; c < CHANNELS; ++c) {
                        int at = r * STRIDE + kx;
                        float s = subgroupQuadBroadcast(v[ky][at / 4][c / 4][c % 4], uint(at % 4));
                        [[unroll]] for (int q = 0; q < GROUPS; ++q) {
                            int from = c / 4 * 4; // TRANSPOSED: four output channels of this input channel
                            sum[q] += s * (TRANSPOSED ? vec4(k[from][q][c % 4], k[from + 1][q][c % 4],
                                                             k[from + 2][q][c % 4], k[from + 3][q][c % 4])
                                                      : k[(ky * KERNEL + kx) * CHANNELS + c][q]);
                        }
                    }
            bool inside = ox + r < width;
            [[unroll]] for (int q = 0; q < GROUPS; ++q) {
                int i = first_out + r * outputs + LANES * q;
                int group = first_group + LANES * q;
                if (TRANSPOSED) sum[q] = zero_padding(sum[q], uint(group), uint(co));
                if (inside && group < outputs) {
                    sum[q] = epilogue(sum[q], i);
                    STORE(y, i, sum[q]);
                }
                if (MOMENTS != 0u) {
                    if (start == 0 && r == 0) shift[q] = sum[q];
                    vec4 d = inside ? sum[q] - shift[q] : vec4(0.0);
                    total[q] += d;
                    square[q] += d * d;
                }
            }
            if (MOMENTS != 0u) count += inside ? 1.0 : 0.0;
        }
    }
    if (MOMENTS != 0u) {
        int chunk = (n * oh + oy) * (8 / LANES) + lane / LANES;
        if (first_group == 0) store_moments_count(chunk, outputs, count);
        [[unroll]] for (int q = 0; q < GROUPS; ++q)
            if (first_group + LANES * q < outputs)
                store_moments(chunk, outputs, first_group + LANES * q, count, shift[q], total[q], square[q]);
    }
}
