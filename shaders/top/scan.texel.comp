#version 450
// scan.texel.comp: how many of each kind lie in earlier segments; one lane for a map.
// bindings  0 parts [B*segments] read | 1 before [B*segments] write | 2 totals [B] write | 3 count [B,1,1,1] write
// push      segments, k
// dispatch  a lane for each batch element              host: src/ops/sampling/top.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 1) in;
INPUT(0, parts);
OUTPUT(1, before);
OUTPUT(2, totals);
OUTPUT(3, count);
layout(push_constant) uniform Push { uint segments, k; };

void main()
{
    uint b = gl_GlobalInvocationID.x;
    vec4 sum = vec4(0.0);
    for (uint s = b * segments; s < (b + 1u) * segments; s++) {
        STORE(before, s, sum);
        sum += LOAD(parts, s);
    }
    STORE(totals, b, sum);
    STORE(count, b, vec4(min(sum.x + sum.y, float(k)), 0.0, 0.0, 0.0));
}
