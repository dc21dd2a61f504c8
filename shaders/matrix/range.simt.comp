#version 450
// range.simt.comp: the largest magnitudes of a tensor, for the scale of split products (include/tile/matrix.glsl). Done
// twice: the second pass, by one workgroup, over what the first one left.
// computes  y[workgroup] = max over its elements of |x|, componentwise (the order does not matter)
// bindings  0 x [vectors] read | 1 y [workgroups] write
// push      vectors
// dispatch  threads (256 * workgroups)      host src/ops/product/tile.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 256) in;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint vectors; };
shared vec4 most[256];

void main()
{
    uint t = gl_LocalInvocationID.x, stride = min((vectors + 255u) / 256u, 256u) * 256u; // of all workgroups
    vec4 v = vec4(0.0);
    for (uint i = gl_GlobalInvocationID.x; i < vectors; i += stride) v = max(v, abs(LOAD(x, i)));
    most[t] = v;
    for (uint step = 128u; step > 0u; step /= 2u) {
        barrier();
        if (t < step) most[t] = max(most[t], most[t + step]);
    }
    if (t == 0u) STORE(y, gl_WorkGroupID.x, most[0]);
}
