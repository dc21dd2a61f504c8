#version 450
// loss_scale.comp: what a step takes from the loss scale's state.
// bindings  0 state [1,1,1,4] read | 1 statistics [1,1,1,4] read: y is nonzero if a gradient is not finite (PART 1)
//           2 y write: PART 0: the scale [1,1,1,1]; PART 1: control [1,1,1,4] = (1 / scale, skip, 1, 0)
// spec      0 PART
// dispatch  one lane                                    host: src/ops/optimiser/loss_scale.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "loss_scale.glsl"
layout(local_size_x = 1) in;
layout(constant_id = 0) const uint PART = 0u;
INPUT(0, state);
INPUT(1, statistics);
OUTPUT(2, y);

void main()
{
    float exponent = LOAD(state, 0).x + 16.0;
    if (PART == 0u)
        STORE(y, 0, vec4(power_of_two(exponent), 0.0, 0.0, 0.0));
    else
        STORE(y, 0, vec4(power_of_two(-exponent), LOAD(statistics, 0).y != 0.0 ? 1.0 : 0.0, 1.0, 0.0));
}
