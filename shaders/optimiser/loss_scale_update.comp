#version 450
// loss_scale_update.comp: halves the scale after a step whose gradients overflowed, doubles it after `interval` others.
// bindings  0 state read, write | 1 statistics read | 2 scalars read (element 9: 0 while passes of the step follow)
// push      interval
// dispatch  one lane                                    host: src/ops/optimiser/loss_scale.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
layout(local_size_x = 1) in;
UPDATE(0, state);
INPUT(1, statistics);
INPUT(2, scalars);
layout(push_constant) uniform Push { float interval; };

void main()
{
    vec4 s = LOAD_UPDATE(state, 0);
    if (LOAD(scalars, 2).y == 0.0) return;
    if (LOAD(statistics, 0).y != 0.0)
        s.xyz = vec3(max(s.x - 1.0, -16.0), 0.0, min(s.z + 1.0, 1e6));
    else if (s.y + 1.0 >= interval)
        s.xy = vec2(min(s.x + 1.0, 8.0), 0.0);
    else
        s.y += 1.0;
    STORE(state, 0, s);
}
