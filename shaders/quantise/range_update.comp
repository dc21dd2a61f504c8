#version 450
// range_update.comp: the last pass of observe_range: chunks' ranges into the range that is kept.
// computes  share > 0: range += max(share, 1 / (seen + 1)) * (new - range); else the smaller and the larger of both
// bindings  0 parts [chunks][2][columns] read | 1 range [1,1,3,C] read, write: min, max, seen
// spec      0 PER_TENSOR: columns is 1 and the four components are one range
// push      columns, chunks, c (of the range), share
// dispatch  a lane for each of `columns`               host: src/ops/quantise/observe.c
//                                                      reference: src/reference/quantise/quantise.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const uint PER_TENSOR = 0u;
INPUT(0, parts);
UPDATE(1, range);
layout(push_constant) uniform Push { uint columns, chunks, c; float share; };

void main()
{
    uint column = gl_GlobalInvocationID.x;
    if (column >= columns) return;
    vec4 smallest = vec4(3.4e38), largest = vec4(-3.4e38);
    for (uint i = 0u; i < chunks; i++) {
        smallest = min(smallest, LOAD(parts, i * 2u * columns + column));
        largest = max(largest, LOAD(parts, (i * 2u + 1u) * columns + column));
    }
    if (PER_TENSOR != 0u) {
        smallest = vec4(min(min(smallest.x, smallest.y), min(smallest.z, smallest.w)));
        largest = vec4(max(max(largest.x, largest.y), max(largest.z, largest.w)));
    }
    vec4 low = LOAD_UPDATE(range, column), high = LOAD_UPDATE(range, columns + column);
    vec4 seen = LOAD_UPDATE(range, 2u * columns + column);
    if (share > 0.0) {
        vec4 part = max(vec4(share), 1.0 / (seen + 1.0));
        low += part * (smallest - low);
        high += part * (largest - high);
    } else {
        bvec4 first = equal(seen, vec4(0.0));
        low = mix(min(low, smallest), smallest, first);
        high = mix(max(high, largest), largest, first);
    }
    STORE(range, column, zero_padding(low, column, c));
    STORE(range, columns + column, zero_padding(high, column, c));
    STORE(range, 2u * columns + column, zero_padding(seen + 1.0, column, c));
}
