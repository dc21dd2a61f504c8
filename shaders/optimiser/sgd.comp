#version 450
// sgd.comp: one step of gradient descent with momentum over all parameters, in place.
// computes  d = grad * scale * multiplier * clip + decay p;  b = momentum b + d
//           p = p - lr * (NESTEROV ? d + momentum b : b)
// bindings  0 p read, write | 1 grad read | 2 b read, write | 3 table | 4 scalars | 5 control
// spec      0 NESTEROV
// dispatch  64 lanes for each row of the table          host: src/ops/optimiser/update.c
//                                                       reference: src/reference/optimiser/optimiser.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
layout(constant_id = 0) const uint NESTEROV = 0u;
UPDATE(0, p);
INPUT(1, grad);
UPDATE(2, b);
INPUT(3, table);
INPUT(4, scalars);
INPUT(5, control);
#include "parameters.glsl"

void main()
{
    vec4 s0 = LOAD(scalars, 0), s1 = LOAD(scalars, 1), s2 = LOAD(scalars, 2), c = LOAD(control, 0);
    if (c.y != 0.0 || s2.y == 0.0) return;
    Chunk chunk = chunk_of(gl_WorkGroupID.x);
    float momentum = s0.y, scale = s1.w * c.x * c.z, lr = s0.x * chunk.lr, decay = s1.z * chunk.decay;
    FOR_CHUNK(i, chunk) {
        vec4 p_old = LOAD_UPDATE(p, i), d = LOAD(grad, i) * scale + decay * p_old;
        vec4 buffered = momentum * LOAD_UPDATE(b, i) + d;
        STORE(b, i, buffered);
        STORE(p, i, p_old - lr * (NESTEROV != 0u ? d + momentum * buffered : buffered));
    }
}
