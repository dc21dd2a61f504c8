#version 450
// normalize.comp: y = activation((x - mean) / sqrt(variance + eps) * gamma + beta).
// bindings  0 x [planes][rows][columns] read | 1 mean, 2 variance [planes][columns] read | 3 gamma, 4 beta [columns]
//           read (anything where absent) | 5 y write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ACTIVATION, 3 HAS_GAMMA, 4 HAS_BETA
// push      first, rows, columns, eps
// dispatch  rows.glsl; z: planes          host: src/ops/norm.c          reference: src/reference/norm.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"
#include "activation.glsl"
#include "normalize.glsl"

INPUT(0, x);
INPUT(1, mean);
INPUT(2, variance);
INPUT(3, gamma);
INPUT(4, beta);
OUTPUT(5, y);
layout(push_constant) uniform Push { uint first, rows, columns; float eps; };

void main()
{
    uint column = lane_column(), plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    Channel ch;
    LOAD_CHANNEL(ch, plane * columns + column, column, eps);
    vec4 scale = ch.inverse * ch.gamma;
    uint base = plane * rows * columns + column;
    FOR_ROWS(r, first, rows) {
        uint i = base + r * columns;
        STORE(y, i, activate((LOAD(x, i) - ch.mean) * scale + ch.beta, ACTIVATION));
    }
}
