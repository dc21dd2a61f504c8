#version 450
#include "tensor.glsl"
// shared.comp: for the tests of src/gpu: shared memory sized by a constant.
// computes  y[i] = x[the mirrored position of i in its group]
// bindings  0 x [n] vec4 read | 1 y [n] vec4 write; n a multiple of 64
// push      none
// spec      0 spare: vec4 of shared memory beyond the 64 that are used
// dispatch  n threads, linear
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint spare = 0u;
INPUT(0, x);
OUTPUT(1, y);
shared vec4 tile[64u + spare];

void main()
{
    uint i = gl_GlobalInvocationID.x, lane = gl_LocalInvocationID.x;
    tile[lane] = LOAD(x, i);
    barrier();
    STORE(y, i, tile[63u - lane]);
}
