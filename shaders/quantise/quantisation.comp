#version 450
// quantisation.comp: scale and zero point from a range.
// computes  symmetric (low < 0): s = max(|min|, |max|) / high, z = 0
//           else: s = (max(max, 0) - min(min, 0)) / high, z = roundEven(-min(min, 0) / s);   s = 1 where it would be 0
// bindings  0 range [1,1,3,C] read: min, max, seen | 1 parameters [1,1,2,C] write: s, z
// push      groups, c, low, high
// dispatch  a lane for each of `groups`                host: src/ops/quantise/observe.c
//                                                      reference: src/reference/quantise/quantise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
INPUT(0, range);
OUTPUT(1, parameters);
layout(push_constant) uniform Push { uint groups, c; float low, high; };

void main()
{
    uint group = gl_GlobalInvocationID.x;
    if (group >= groups) return;
    vec4 smallest = LOAD(range, group), largest = LOAD(range, groups + group), s, z = vec4(0.0);
    if (low < 0.0) {
        s = max(abs(smallest), abs(largest)) / high;
    } else {
        smallest = min(smallest, 0.0);
        s = (max(largest, 0.0) - smallest) / high;
    }
    s = mix(s, vec4(1.0), equal(s, vec4(0.0)));
    if (low >= 0.0) z = roundEven(-smallest / s);
    STORE(parameters, group, zero_padding(s, group, c));
    STORE(parameters, groups + group, zero_padding(z, group, c));
}
