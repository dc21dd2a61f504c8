#version 450
// moments_finish.texel.comp: second pass of mean and variance: merges the chunks in order.
// bindings  0 chunk means read | 1 chunk squares read | 2 mean [planes][columns] write | 3 variance, alike, write
// push      rows, columns, block_rows, chunks of the first pass, its log2 of ROWS_PER_STEP
// dispatch  x: columns, z: planes
// source    Chan, Golub, LeVeque 1979, relative to the first chunk's mean; the variance is the biased one
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, means);
INPUT(1, squares);
OUTPUT(2, mean);
OUTPUT(3, variance);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks, step_log2; };
#include "chunk_rows.glsl"

void main()
{
    uint column = gl_GlobalInvocationID.x, plane = gl_GlobalInvocationID.z;
    if (column >= columns) return;
    uint base = plane * chunks * columns + column;
    vec4 shift = LOAD(means, base), sum = vec4(0.0), square = vec4(0.0), within = vec4(0.0);
    for (uint j = 0u; j < chunks; j++) {
        float count = chunk_rows(j);
        vec4 d = count > 0.0 ? LOAD(means, base + j * columns) - shift : vec4(0.0);
        sum += count * d;
        square += count * d * d;
        within += LOAD(squares, base + j * columns);
    }
    float total = 1.0 / float(rows);
    vec4 average = sum * total;
    STORE(mean, plane * columns + column, shift + average);
    STORE(variance, plane * columns + column, max((within + (square - sum * average)) * total, 0.0));
}
