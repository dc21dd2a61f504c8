#version 450
// copy.comp: a plain copy, cut as the pointwise kernels are: a ceiling for kernels that only move memory.
// computes  y[i] = x[i]
// bindings  0 x, 1 y [rows]
// spec      0 COLUMNS_LOG2 = 0, 1 STEPS
// push      first = 0, rows
// dispatch  rows.glsl          host: src/gpu/ceilings.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint first, rows; };

void main()
{
    FOR_ROWS(r, first, rows) STORE(y, r, LOAD(x, r));
}
