#version 450
// rank.comp: puts the listed pixels in order: each counts those that are better.
// bindings  0 list [B][k] read | 1 count [B] read | 2 points [B,1,k,2] write | 3 ranked [B,1,k,1] write: scores
// push      k
// dispatch  threads (k, B)                             host: src/ops/sampling/top.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "top.glsl"

layout(local_size_x = 32) in;
INPUT(0, list);
INPUT(1, count);
OUTPUT(2, points);
OUTPUT(3, ranked);
layout(push_constant) uniform Push { uint k; };

void main()
{
    uint i = gl_GlobalInvocationID.x, b = gl_GlobalInvocationID.y, n = uint(LOAD(count, b).x);
    if (i >= k) return;
    if (i >= n) {
        STORE(points, b * k + i, vec4(-1.0, -1.0, 0.0, 0.0));
        STORE(ranked, b * k + i, vec4(0.0));
        return;
    }
    vec4 own = LOAD(list, b * k + i);
    uint key = order_of(own.z), rank = 0u;
    for (uint j = b * k; j < b * k + n; j++) {
        vec4 other = LOAD(list, j);
        uint other_key = order_of(other.z);
        if (other_key > key || (other_key == key && other.w < own.w)) rank++;
    }
    STORE(points, b * k + rank, vec4(own.xy, 0.0, 0.0));
    STORE(ranked, b * k + rank, vec4(own.z, 0.0, 0.0, 0.0));
}
