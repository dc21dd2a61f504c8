#version 450
// multiply_add.comp: fp32 multiply-adds without memory, as a ceiling for kernels that only compute.
// computes  twelve independent chains v = v * a + b a thread, 16 * turns steps long; y[i] = the sum of the chains, so
//           that none can be left out
// bindings  0 y [threads]
// push      turns, a, b
// dispatch  a linear range of threads          host: src/gpu/ceilings.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
OUTPUT(0, y);
layout(push_constant) uniform Push { uint turns; float a, b; };

void main()
{
    uint i = linear_index();
    float s = float(i & 1023u) * 1e-3;
    vec4 p = s + vec4(0.1, 0.2, 0.3, 0.4), q = p + 0.5, r = p + 0.7;
    for (uint t = 0u; t < turns; t++) {
        [[unroll]] for (int k = 0; k < 16; k++) {
            p = p * a + b;
            q = q * a + b;
            r = r * a + b;
        }
    }
    STORE(y, i, p + q + r);
}
