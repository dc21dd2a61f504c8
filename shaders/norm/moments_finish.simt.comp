#version 450
// moments_finish.simt.comp: as moments_finish.texel.comp, with a workgroup for each column.
// bindings, push, source: moments_finish.texel.comp
// dispatch  x: 64 lanes for each column, z: planes
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "tree.glsl"

layout(local_size_x = 64) in;
INPUT(0, means);
INPUT(1, squares);
OUTPUT(2, mean);
OUTPUT(3, variance);
layout(push_constant) uniform Push { uint rows, columns, block_rows, chunks, step_log2; };
#include "chunk_rows.glsl"

void main()
{
    uint column = gl_WorkGroupID.x, plane = gl_WorkGroupID.z, lane = gl_LocalInvocationID.x;
    uint base = plane * chunks * columns + column;
    vec4 shift = LOAD(means, base), sum = vec4(0.0), square = vec4(0.0), within = vec4(0.0);
    for (uint j = lane; j < chunks; j += 64u) {
        float count = chunk_rows(j);
        vec4 d = count > 0.0 ? LOAD(means, base + j * columns) - shift : vec4(0.0);
        sum += count * d;
        square += count * d * d;
        within += LOAD(squares, base + j * columns);
    }
    sum = tree_sum(sum);
    square = tree_sum(square);
    within = tree_sum(within);
    if (lane != 0u) return;
    float total = 1.0 / float(rows);
    vec4 average = sum * total;
    STORE(mean, plane * columns + column, shift + average);
    STORE(variance, plane * columns + column, max((within + (square - sum * average)) * total, 0.0));
}
