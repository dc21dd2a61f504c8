#version 450
// range_parts.comp: smallest and largest value of each chunk of rows, per channel or (columns 1) over all of them.
// computes  part[chunk][column] = (min, max) over the chunk's rows of x[row][column]
// bindings  0 x [rows][columns] of vec4 read | 1 parts [chunks][2][columns] write
// spec      0 PER_TENSOR
// push      rows, columns, chunk_rows, chunks, groups, c (of x)
// dispatch  a linear range of chunks * columns threads  host: src/ops/quantise/observe.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
layout(constant_id = 0) const uint PER_TENSOR = 0u;
INPUT(0, x);
OUTPUT(1, parts);
layout(push_constant) uniform Push { uint rows, columns, chunk_rows, chunks, groups, c; };

void main()
{
    uint i = linear_index();
    if (i >= chunks * columns) return;
    uint chunk = i / columns, column = i % columns;
    vec4 smallest = vec4(3.4e38), largest = vec4(-3.4e38);
    for (uint row = chunk * chunk_rows, end = min(row + chunk_rows, rows); row < end; row++) {
        uint at = row * columns + column, first = at % groups * 4u;
        vec4 v = LOAD(x, at);
        /* over all channels, padding must not count: it repeats the first one */
        if (PER_TENSOR != 0u) v = mix(vec4(v.x), v, lessThan(uvec4(0u, 1u, 2u, 3u) + first, uvec4(c)));
        smallest = min(smallest, v);
        largest = max(largest, v);
    }
    STORE(parts, chunk * 2u * columns + column, smallest);
    STORE(parts, (chunk * 2u + 1u) * columns + column, largest);
}
