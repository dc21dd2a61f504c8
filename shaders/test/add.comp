#version 450
#include "tensor.glsl"
// add.comp: for the tests of src/gpu.
// computes  y[i] = x[i] + scale * p[i] + float(repeat) * bias, p[i] = y[i]
// bindings  0 x [n] vec4 read | 1 p [n] vec4 read and write | 2 y [n] vec4 write
// push      uint n, float scale, float bias
// spec      0 repeat
// dispatch  n threads, linear
LINEAR_KERNEL;
layout(constant_id = 0) const uint repeat = 1u;
layout(push_constant) uniform push_block { uint n; float scale; float bias; };
INPUT(0, x);
UPDATE(1, p);
OUTPUT(2, y);

void main()
{
    uint i = linear_index();
    if (i >= n) return;
    vec4 sum = LOAD(x, i) + scale * LOAD_UPDATE(p, i) + vec4(float(repeat) * bias);
    STORE(p, i, sum);
    STORE(y, i, sum);
}
