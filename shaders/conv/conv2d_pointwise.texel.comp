#version 450
// conv2d_pointwise.texel.comp: 1x1 convolution at stride 1 with optional bias, for CPU drivers: a matrix product with
// lanes along output channels. With the weight transposed the gradient of such a convolution's input.
// computes  y[pixel,co] = bias[co] + sum over ci of x[pixel,ci] * weight[ci,co]
// bindings  0 x [N,H,W,CI] read | 1 weight [1,1,CI,CO], TRANSPOSED: [1,1,CO,CI], read | 2 bias [1,1,1,CO] (anything
//           if !has_bias) | 3 y [N,H,W,CO] write | 4 epilogue.glsl | 5 moments.glsl: a chunk is ROWS pixels
// push      sizes as named; groups = vec4s over channels; pixels = n*h*w, blocks = ceil(pixels / (ROWS * 8 / LANES))
// spec      0 GROUPS output groups of a lane 1..3, 1 TRANSPOSED, 2 ROWS pixels of a lane: 4, 8 or 16,
//           3 LANES along output groups: 8, or 4 and the other quad makes the next ROWS pixels
// dispatch  threads (8 * at most 32768, ceil(out_groups / (LANES * GROUPS)), and as many as the blocks need)
// A quad fetches four neighbouring pixels, one in each lane, and all lanes get each of them by quad broadcasts:
// one instruction each, where a fetch is a call. All fetches of a step come first, then each sum takes all its terms.
// host src/ops/conv/texel.c
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_quad : require
#include "tensor.glsl"
#include "epilogue.glsl"
#include "moments.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int GROUPS = 2;
layout(constant_id = 1) const bool TRANSPOSED = false;
layout(constant_id = 2) const int ROWS = 16;
layout(constant_id = 3) const int LANES = 8;
INPUT(0, x);
INPUT(1, weight);
INPUT(2, bias);
OUTPUT(3, y);
EPILOGUE(4);
MOMENTS_OUTPUT(5);
layout(push_constant) uniform Push { int ci, co, in_groups, out_groups, pixels, blocks, has_bias; };

void main()
{
    int lane = int(gl_LocalInvocationID.x), inputs = in_groups, outputs = out_groups;
    int first_group = int(gl_WorkGroupID.y) * LANES * GROUPS + lane % LANES;
    int line = min(blocks, 32768); // LONGEST_LINE of src/ops/conv/texel.c
    int block = int(gl_WorkGroupID.z) * line + int(gl_WorkGroupID.x);
    if (block >= blocks) return;
    int pixel = (block * (8 / LANES) + lane / LANES) * ROWS;
    int group[GROUPS], address[ROWS / 4];
    [[unroll]] for (int q = 0; q < GROUPS; ++q) group[q] = min(first_group + LANES * q, outputs - 1);
    [[unroll]] for (int f = 0; f < ROWS / 4; ++f) address[f] = min(pixel + 4 * f + (lane & 3), pixels - 1) * inputs;

    vec4 sum[ROWS][GROUPS];
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        vec4 first = has_bias != 0 ? LOAD(bias, group[q]) : vec4(0.0);
        [[unroll]] for (int r = 0; r < ROWS; ++r) sum[r][q] = first;
    }
    for (int g = 0; g < inputs; ++g) {
        vec4 v[ROWS / 4], k[4][GROUPS];
        [[unroll]] for (int f = 0; f < ROWS / 4; ++f) v[f] = LOAD(x, address[f] + g);
        [[unroll]] for (int c = 0; c < 4; ++c)
            [[unroll]] for (int q = 0; q < GROUPS; ++q)
                k[c][q] = LOAD(weight, TRANSPOSED ? min(group[q] * 4 + c, co - 1) * inputs + g
                                                  : min(g * 4 + c, ci - 1) * outputs + group[q]);
        [[unroll]] for (int r = 0; r < ROWS; ++r) {
            float s[4];
            [[unroll]] for (int c = 0; c < 4; ++c) s[c] = subgroupQuadBroadcast(v[r / 4][c], uint(r % 4));
            [[unroll]] for (int q = 0; q < GROUPS; ++q)
                [[unroll]] for (int e = 0; e < 4; ++e) {
                    float t = sum[r][q][e];
                    [[unroll]] for (int c = 0; c < 4; ++c) t += s[c] * (TRANSPOSED ? k[e][q][c] : k[c][q][e]);
                    sum[r][q][e] = t;
                }
        }
    }

    int chunk = pixel / ROWS;
    float count = float(min(pixels - pixel, ROWS));
    [[unroll]] for (int q = 0; q < GROUPS; ++q) {
        int to = first_group + LANES * q;
        bool mine = pixel < pixels && to < outputs;
        vec4 shift, total = vec4(0.0), square = vec4(0.0); // for the moments
        [[unroll]] for (int r = 0; r < ROWS; ++r) {
            vec4 value = TRANSPOSED ? zero_padding(sum[r][q], uint(to), uint(co)) : sum[r][q];
            bool inside = pixel + r < pixels && to < outputs;
            if (inside) {
                int i = (pixel + r) * outputs + to;
                value = epilogue(value, i);
                STORE(y, i, value);
            }
            if (MOMENTS != 0u) {
                if (r == 0) shift = value;
                vec4 d = inside ? value - shift : vec4(0.0);
                total += d;
                square += d * d;
            }
        }
        if (MOMENTS != 0u && mine) {
            if (to == 0) store_moments_count(chunk, outputs, count);
            store_moments(chunk, outputs, to, count, shift, total, square);
        }
    }
}
