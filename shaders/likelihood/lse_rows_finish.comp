#version 450
// lse_rows_finish.comp: second pass of lse_rows: merges the chunks in order.
// computes  y = log of the sum over chunks of sum * exp(top); 0 where nothing was kept
// bindings  0 top, 1 sum [planes][chunks][columns] read | 2 y [planes][columns] write
// push      vectors (of y), columns, chunks, channels
// dispatch  a linear range of vectors          host: src/ops/loss/log_sum_exp.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
INPUT(0, top);
INPUT(1, sum);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint vectors, columns, chunks, channels; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    uint plane = i / columns, column = i - plane * columns, base = plane * chunks * columns + column;
    vec4 largest = vec4(-3e38), total = vec4(0.0);
    for (uint j = 0u; j < chunks; j++) largest = max(largest, LOAD(top, base + j * columns));
    for (uint j = 0u; j < chunks; j++) {
        vec4 t = LOAD(top, base + j * columns), s = LOAD(sum, base + j * columns);
        total += mix(vec4(0.0), s * exp(t - largest), greaterThan(t, vec4(-1e38)));
    }
    vec4 v = mix(vec4(0.0), largest + log(max(total, 1e-30)), greaterThan(largest, vec4(-1e38)));
    STORE(y, i, zero_padding(v, column, channels));
}
