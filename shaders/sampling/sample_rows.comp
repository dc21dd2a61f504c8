#version 450
// sample_rows.comp: the points that reach each row of the map, in their order, so that the gradient of a cell looks at
// those of its row only.
// computes  list[b][r][0] = (how many, 0, 0, 0); list[b][r][1 + k] = (point, first column, weights of it and the next)
// bindings  0 points [B,1,N,2] read | 1 list [B][H][N + 1] write
// spec      0 CLAMP (sample.glsl)
// push      h, w, points, inverse_stride
// dispatch  threads (h, B)                             host: src/ops/sampling/sample.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "sample.glsl"

layout(local_size_x = 8) in;
INPUT(0, points);
OUTPUT(1, list);
layout(push_constant) uniform Push { uint h, w, count; float inverse_stride; };

void main()
{
    uint row = gl_GlobalInvocationID.x, b = gl_GlobalInvocationID.y, found = 0u;
    if (row >= h) return;
    uint first = (b * h + row) * (count + 1u);
    for (uint i = 0u; i < count; i++) {
        vec4 p = LOAD(points, b * count + i);
        Axis ay = axis_of(p.y, h, inverse_stride);
        int below = int(row) - ay.low;
        float weight = below == 0 ? ay.weight.x : below == 1 ? ay.weight.y : 0.0;
        if (weight == 0.0) continue;
        Axis ax = axis_of(p.x, w, inverse_stride);
        found++;
        STORE(list, first + found, vec4(float(i), float(ax.low), ax.weight * weight));
    }
    STORE(list, first, vec4(float(found), 0.0, 0.0, 0.0));
}
