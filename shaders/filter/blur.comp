#version 450
// blur.comp: a symmetric filter along one axis. A lane makes four neighbours along it, for which it reads each element
// and each weight once.
// computes  y[o][p][i] = sum over |d| <= radius of weight[|d|] x[o][p+d][i]
// bindings  0 x [outer][size][inner] read | 1 weights [radius+1] read | 2 y write; in vec4
// spec      0 ZERO: what lies outside counts as zero, else the line goes on mirrored, with its edge twice
// push      threads, size, inner, radius
// dispatch  a linear range: outer * blocks of four along the axis * inner
//           host: src/ops/image/blur.c                reference: src/reference/image/filter.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
layout(constant_id = 0) const uint ZERO = 0u;
INPUT(0, x);
INPUT(1, weights);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint threads, size, inner, radius; };

vec4 at(uint line, int p)
{
    int from = p, last = int(size) - 1;
    if (ZERO == 0u && (p < 0 || p > last)) {
        uint period = 2u * size, k = uint(p < 0 ? -1 - p : p) % period; // mirrored at -1/2 first
        from = int(k < size ? k : period - 1u - k);
    }
    vec4 v = LOAD(x, line + uint(clamp(from, 0, last)) * inner);
    return ZERO != 0u && (from < 0 || from > last) ? vec4(0.0) : v;
}

void main()
{
    uint i = linear_index(), blocks = (size + 3u) / 4u;
    if (i >= threads) return;
    uint block = i / inner % blocks, first = block * 4u, line = i / (inner * blocks) * size * inner + i % inner;
    vec4 sum[4] = vec4[](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
    vec4 w = vec4(0.0); // of the element at hand, for each of the four
    for (int d = -int(radius); d <= int(radius) + 3; d++) {
        float next = LOAD(weights, min(uint(abs(d)), radius)).x;
        w = vec4(d <= int(radius) ? next : 0.0, w.xyz);
        vec4 v = at(line, int(first) + d);
        sum[0] += w.x * v;
        sum[1] += w.y * v;
        sum[2] += w.z * v;
        sum[3] += w.w * v;
    }
    [[unroll]] for (uint k = 0u; k < 4u; k++)
        if (first + k < size) STORE(y, line + (first + k) * inner, sum[k]);
}
