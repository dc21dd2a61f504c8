#version 450
// depthwise2d.comp: each channel convolved with its own kernel, with optional bias.
// computes  y[n,oy,ox,c] = bias[c] + sum over (ky,kx) of x[n,oy*s+ky-p,ox*s+kx-p,c] * weight[ky*k+kx,c]
// bindings  0 x [N,H,W,C] read | 1 weight [K*K,1,1,C] read | 2 bias [1,1,1,C] read (anything if !has_bias)
//           | 3 y [N,OH,OW,C] write | 4 epilogue.glsl | 5 moments.glsl: a chunk is 4 by TILE_W pixels
// push      sizes as named; groups = ceil(C/4), columns = ceil(ow/TILE_W) * groups, row_blocks = ceil(oh/4)
// spec      0 KERNEL, 1 STRIDE, 3 TILE_W
// dispatch  threads (columns, n * row_blocks): one makes 4 by TILE_W pixels of one channel group, group fastest
//           host src/ops/conv/depthwise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "epilogue.glsl"
#include "moments.glsl"

#ifdef CAIRN_TEXEL
layout(local_size_x = 8) in;
#else
layout(local_size_x = 64) in;
#endif
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 3) const int TILE_W = 4;
const int TILE_H = 4;
const int READ_H = (TILE_H - 1) * STRIDE + KERNEL;
const int READ_W = (TILE_W - 1) * STRIDE + KERNEL;
INPUT(0, x);
INPUT(1, weight);
INPUT(2, bias);
OUTPUT(3, y);
EPILOGUE(4);
MOMENTS_OUTPUT(5);
layout(push_constant) uniform Push { int h, w, oh, ow, groups, pad, columns, row_blocks, has_bias; };

void main()
{
    int column = int(gl_GlobalInvocationID.x);
    bool within = column < columns;
    column = within ? column : 0;
    int group = column % groups;
    int ox = column / groups * TILE_W;
    int n = int(gl_WorkGroupID.y) / row_blocks;
    int oy = (int(gl_WorkGroupID.y) - n * row_blocks) * TILE_H;

    vec4 k[KERNEL * KERNEL];
    [[unroll]] for (int tap = 0; tap < KERNEL * KERNEL; ++tap) k[tap] = LOAD(weight, tap * groups + group);
    vec4 first = has_bias != 0 ? LOAD(bias, group) : vec4(0.0);
    vec4 sum[TILE_H][TILE_W];
    [[unroll]] for (int r = 0; r < TILE_H; ++r)
        [[unroll]] for (int c = 0; c < TILE_W; ++c) sum[r][c] = first;

    [[unroll]] for (int row = 0; row < READ_H; ++row) {
        int iy = oy * STRIDE + row - pad;
        bool inside_y = iy >= 0 && iy < h;
        int line = (n * h + iy) * w;
        vec4 v[READ_W];
        [[unroll]] for (int i = 0; i < READ_W; ++i) {
            int ix = ox * STRIDE + i - pad;
            bool inside = inside_y && ix >= 0 && ix < w;
            vec4 value = LOAD(x, (inside ? line + ix : 0) * groups + group);
            v[i] = inside ? value : vec4(0.0);
        }
        [[unroll]] for (int r = 0; r < TILE_H; ++r) {
            int ky = row - r * STRIDE;
            if (ky >= 0 && ky < KERNEL) {
                [[unroll]] for (int c = 0; c < TILE_W; ++c) { // each sum takes all its terms before the next
                    vec4 t = sum[r][c];
                    [[unroll]] for (int kx = 0; kx < KERNEL; ++kx) t += v[c * STRIDE + kx] * k[ky * KERNEL + kx];
                    sum[r][c] = t;
                }
            }
        }
    }

    vec4 shift, total = vec4(0.0), square = vec4(0.0); // for the moments
    [[unroll]] for (int r = 0; r < TILE_H; ++r)
        [[unroll]] for (int c = 0; c < TILE_W; ++c) {
            vec4 value = sum[r][c];
            bool inside = within && oy + r < oh && ox + c < ow;
            if (inside) {
                int i = ((n * oh + oy + r) * ow + ox + c) * groups + group;
                value = epilogue(value, i);
                STORE(y, i, value);
            }
            if (MOMENTS != 0u) {
                if (r == 0 && c == 0) shift = value;
                vec4 d = inside ? value - shift : vec4(0.0);
                total += d;
                square += d * d;
            }
        }
    if (MOMENTS != 0u && within) {
        int chunk = int(gl_WorkGroupID.y) * (columns / groups) + column / groups;
        float count = float(min(oh - oy, TILE_H) * min(ow - ox, TILE_W));
        if (group == 0) store_moments_count(chunk, groups, count);
        store_moments(chunk, groups, group, count, shift, total, square);
    }
}
