#version 450
// apply.comp: six changes of light in each image's own order. Contrast needs the mean and motion the neighbours of what
// came before them, so each of the two begins a pass; a pass does what lies between (PASS 0: before the first).
// computes  y = the pass's changes of source, each but motion clipped to 0..1
// bindings  0 source: PASS 0 [N,H,W,C], its channel 0; else packed; read | 1 rows [N,1,1,40] read | 2 noise
//           | 3 speckle | 4 shade, packed, read | 5 sums [N] of source (PASS 0: not read)
//           | 6 y: PASS 2 [N,H,W,1], else packed; write
// spec      0 PASS 0..2
// push      h, w, blocks, groups (of source in PASS 0)
// dispatch  threads (h * blocks, N)
//           host: src/ops/image/photometric.c        reference: src/reference/image/photometric.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint PASS = 0u;
INPUT(0, source);
INPUT(1, rows);
INPUT(2, noise);
INPUT(3, speckle);
INPUT(4, shade);
INPUT(5, sums);
OUTPUT(6, y);
layout(push_constant) uniform Push { uint h, w, blocks, groups; };
#include "photometric.glsl"

float pixel(uint n, int row, int column)
{
    uint at = mirror(column, w);
    return LOAD(source, (n * h + mirror(row, h)) * blocks + at / 4u)[at % 4u];
}

// A Gaussian along a line through each of the four.
vec4 motion(uint n, int row, int column, int radius)
{
    vec4 line = parameters(n, 3u), sum = vec4(0.0);
    float scale = parameters(n, 4u).x;
    ivec2 direction = ivec2(line.zw);
    for (int k = -radius; k <= radius; k++) {
        int r = row + k * direction.y, c = column + k * direction.x;
        vec4 v = vec4(pixel(n, r, c), pixel(n, r, c + 1), pixel(n, r, c + 2), pixel(n, r, c + 3));
        sum += exp(-scale * float(k * k)) * v;
    }
    return sum;
}

vec4 begin(uint n, uint row, uint block, uint kind)
{
    if (PASS == 0u) {
        vec4 v = vec4(0.0);
        uint last = w - 1u, line = (n * h + row) * w;
        [[unroll]] for (uint k = 0u; k < 4u; k++) v[k] = LOAD(source, (line + min(block * 4u + k, last)) * groups).x;
        return v;
    }
    float norm = kind == MOTION ? parameters(n, 4u).y : 1.0;
    vec4 v = norm * motion(n, int(row), int(block * 4u), kind == MOTION ? int(parameters(n, 3u).y) : 0);
    float own = LOAD(sums, n).x / float(h * w), centre = parameters(n, 2u).x;
    if (centre < 0.0) centre = own;
    return kind == CONTRAST ? clamp((v - centre) * parameters(n, 1u).w + centre, 0.0, 1.0) : v;
}

void main()
{
    uint i = gl_GlobalInvocationID.x, n = gl_GlobalInvocationID.y;
    if (i >= h * blocks) return;
    uint at = n * h * blocks + i, row = i / blocks, block = i % blocks;
    vec4 a = parameters(n, 0u), b = parameters(n, 1u);
    uint order[6] = uint[](uint(a.x), uint(a.y), uint(a.z), uint(a.w), uint(b.x), uint(b.y));
    uint passes = 0u, kind = 0u; // of the change that begins this pass
    [[unroll]] for (int k = 0; k < 6; k++) {
        bool begins = order[k] == CONTRAST || order[k] == MOTION;
        passes += begins ? 1u : 0u;
        if (begins && passes == PASS) kind = order[k];
    }
    vec4 v = begin(n, row, block, kind);
    vec4 grain = LOAD(noise, at), spot = LOAD(speckle, at), light = LOAD(shade, at);
    passes = 0u;
    [[unroll]] for (int k = 0; k < 6; k++) {
        bool begins = order[k] == CONTRAST || order[k] == MOTION;
        passes += begins ? 1u : 0u;
        vec4 add = order[k] == NOISE ? grain : order[k] == SPECKLE ? 2.0 * spot : vec4(b.z);
        vec4 changed = clamp(order[k] == SHADE ? v * light : v + add, 0.0, 1.0);
        if (passes == PASS && !begins) v = changed;
    }
    if (PASS == 2u) {
        [[unroll]] for (uint k = 0u; k < 4u; k++)
            if (block * 4u + k < w) STORE(y, (n * h + row) * w + block * 4u + k, vec4(v[k], 0.0, 0.0, 0.0));
    } else {
        uvec4 columns = block * 4u + uvec4(0u, 1u, 2u, 3u);
        STORE(y, at, mix(vec4(0.0), v, lessThan(columns, uvec4(w)))); // zeros: what lies beyond is added up too
    }
}
