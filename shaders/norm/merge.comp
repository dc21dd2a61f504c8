#version 450
// merge.comp: merges chunks of partial moments (include/moments.glsl), in order: runs of them into one chunk each, or,
// with FINAL, all of them into mean and variance.
// bindings  0 parts [chunks][2*columns+1] read | 1 merged [ceil(chunks/run)][2*columns+1] write, or mean [columns]
//           write | 2 variance [columns] write (anything unless FINAL)
// spec      0 FINAL
// push      columns, chunks, run = chunks that one lane merges
// dispatch  x: columns, y: runs          host: src/ops/norm/norm.c
// source    Chan, Golub, LeVeque 1979, relative to the first chunk's mean; the variance is the biased one
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const uint FINAL = 0u;
INPUT(0, parts);
OUTPUT(1, merged);
OUTPUT(2, variance);
layout(push_constant) uniform Push { uint columns, chunks, run; };

void main()
{
    uint column = gl_GlobalInvocationID.x, row = 2u * columns + 1u;
    uint first = gl_WorkGroupID.y * run, end = min(first + run, chunks);
    if (column >= columns) return;
    vec4 shift = LOAD(parts, first * row + column), sum = vec4(0.0), square = vec4(0.0), within = vec4(0.0);
    float total = 0.0;
    for (uint j = first; j < end; j++) {
        vec4 mean = LOAD(parts, j * row + column), squares = LOAD(parts, j * row + columns + column);
        float count = LOAD(parts, j * row + 2u * columns).x;
        if (total == 0.0) shift = mean; // of the first chunk that is not empty
        vec4 d = count > 0.0 ? mean - shift : vec4(0.0);
        total += count;
        sum += count * d;
        square += count * d * d;
        within += count > 0.0 ? squares : vec4(0.0);
    }
    float share = 1.0 / max(total, 1.0);
    vec4 average = sum * share;
    vec4 squares = max(within + (square - sum * average), 0.0);
    if (FINAL != 0u) {
        STORE(merged, column, shift + average);
        STORE(variance, column, squares * share);
    } else {
        uint at = gl_WorkGroupID.y * row;
        STORE(merged, at + column, shift + average);
        STORE(merged, at + columns + column, squares);
        if (column == 0u) STORE(merged, at + 2u * columns, vec4(total, 0.0, 0.0, 0.0));
    }
}
