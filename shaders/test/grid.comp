#version 450
#include "tensor.glsl"
// grid.comp: for the tests of src/gpu: a workgroup sized by constants, a stripped binding, vectors in the push block.
// computes  y[row * width + column] = (column, row, local_size_x, local_size_y) + offset
// bindings  0 unused | 1 y [height, width] vec4 write
// push      vec4 offset, uvec2 size (width, height)
// spec      0 LOCAL_X, 1 LOCAL_Y
// dispatch  threads (width, height, 1)
layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(push_constant) uniform push_block { vec4 offset; uvec2 size; };
INPUT(0, unused);
OUTPUT(1, y);

void main()
{
    uvec2 at = gl_GlobalInvocationID.xy;
    if (at.x >= size.x || at.y >= size.y) return;
    STORE(y, at.y * size.x + at.x, vec4(at, gl_WorkGroupSize.xy) + offset);
}
