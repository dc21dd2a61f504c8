#version 450
// clip.comp: the factor that brings the gradient's norm down to most_norm.
// computes  norm = sqrt(sum of squares) * |scale * multiplier|;  clip = min(1, most_norm / (norm + 1e-6))
// bindings  0 statistics read | 1 scalars read | 2 control read | 3 y [1,1,1,4] write: control with clip, skip and norm
// push      most_norm
// dispatch  one lane                                    host: src/ops/optimiser/clip.c
//                                                       reference: src/reference/optimiser/optimiser.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
layout(local_size_x = 1) in;
INPUT(0, statistics);
INPUT(1, scalars);
INPUT(2, control);
OUTPUT(3, y);
layout(push_constant) uniform Push { float most_norm; };

void main()
{
    vec4 s = LOAD(statistics, 0), c = LOAD(control, 0);
    if (s.y != 0.0) { /* no norm: nothing to clip to */
        STORE(y, 0, vec4(c.x, 1.0, c.z, s.x));
        return;
    }
    float norm = sqrt(s.x) * abs(LOAD(scalars, 1).w * c.x);
    STORE(y, 0, vec4(c.x, c.y, min(1.0, most_norm / (norm + 1e-6)), norm));
}
