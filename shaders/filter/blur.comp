#version 450
// blur.comp: a symmetric filter along one axis.
// computes  y[o][p][i] = weight[0] x[o][p][i] + sum over d = 1..radius of weight[d] (x[o][p-d][i] + x[o][p+d][i])
// bindings  0 x [outer][size][inner] read | 1 weights [radius+1] read | 2 y write; in vec4
// spec      0 ZERO: what lies outside counts as zero, else the line goes on mirrored, with its edge twice
// push      vectors, size, inner, radius
// dispatch  a linear range of `vectors` threads        host: src/ops/filter/blur.c    reference: src/reference/filter.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
layout(constant_id = 0) const uint ZERO = 0u;
INPUT(0, x);
INPUT(1, weights);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint vectors, size, inner, radius; };

vec4 at(uint line, int p)
{
    int from = p;
    if (ZERO == 0u && (p < 0 || p >= int(size))) {
        uint period = 2u * size, k = uint(p < 0 ? -1 - p : p) % period; // mirrored at -1/2 first
        from = int(k < size ? k : period - 1u - k);
    }
    vec4 v = LOAD(x, line + uint(clamp(from, 0, int(size) - 1)) * inner);
    return ZERO != 0u && from != clamp(from, 0, int(size) - 1) ? vec4(0.0) : v;
}

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint p = i / inner % size, line = i - p * inner;
    vec4 sum = LOAD(x, i) * LOAD(weights, 0).x;
    for (uint d = 1u; d <= radius; d++) sum += LOAD(weights, d).x * (at(line, int(p) - int(d)) + at(line, int(p + d)));
    STORE(y, i, sum);
}
