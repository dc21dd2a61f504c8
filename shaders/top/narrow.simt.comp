#version 450
// narrow.simt.comp: adds up the segments' counts and appends a digit to the prefix; a workgroup for a map.
// bindings  0 parts [B*segments][4] read | 1 state [B] read (not with shift 28) | 2 next [B] write
// push      segments, k, shift
// dispatch  64 lanes for each batch element            host: src/ops/sampling/top.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tree.glsl"
#include "top.glsl"
#include "narrow.glsl"

layout(local_size_x = 64) in;
INPUT(0, parts);
INPUT(1, state);
OUTPUT(2, next);
layout(push_constant) uniform Push { uint segments, k, shift; };

void main()
{
    uint b = gl_WorkGroupID.x;
    vec4 counts[4] = vec4[](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
    for (uint s = gl_LocalInvocationID.x; s < segments; s += 64u)
        [[unroll]] for (uint i = 0u; i < 4u; i++) counts[i] += LOAD(parts, (b * segments + s) * 4u + i);
    [[unroll]] for (uint i = 0u; i < 4u; i++) counts[i] = tree_sum(counts[i]);
    if (gl_LocalInvocationID.x != 0u) return;
    uint prefix = 0u;
    if (shift != 28u) prefix = join_halves(LOAD(state, b));
    STORE(next, b, halves_of(prefix | digit_of(counts, float(k)) << shift));
}
