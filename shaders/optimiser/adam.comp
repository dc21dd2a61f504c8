#version 450
// adam.comp: one step of Adam or AdamW over all parameters, in place.
// computes  d = grad * scale * multiplier * clip (+ decay p if not DECOUPLED)
//           m = (1 - share1) m + share1 d;  v = (1 - share2) v + share2 d^2    (share = 1 - beta)
//           p = p * (1 - lr decay if DECOUPLED) - lr / correction1 * m / (sqrt(v / correction2) + eps)
// bindings  0 p read, write | 1 grad read | 2 m read, write | 3 v read, write | 4 table | 5 scalars | 6 control
//           class texel: 0, 2 and 3 written only, and read as 7 p | 8 m | 9 v, since there a storage buffer's load is a
//           loop over the lanes
// spec      0 DECOUPLED
// dispatch  64 lanes for each row of the table          host: src/ops/optimiser/update.c (the elements of 5 and 6:
//           src/ops/optimiser/optimiser.h)                        reference: src/reference/optimiser/optimiser.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
layout(constant_id = 0) const uint DECOUPLED = 1u;
INPUT(1, grad);
#ifdef CAIRN_TEXEL
OUTPUT(0, p);
OUTPUT(2, m);
OUTPUT(3, v);
INPUT(7, p_before);
INPUT(8, m_before);
INPUT(9, v_before);
#define BEFORE(name, i) LOAD(name##_before, i)
#else
UPDATE(0, p);
UPDATE(2, m);
UPDATE(3, v);
#define BEFORE(name, i) LOAD_UPDATE(name, i)
#endif
INPUT(4, table);
INPUT(5, scalars);
INPUT(6, control);
#include "parameters.glsl"

void main()
{
    vec4 s0 = LOAD(scalars, 0), s1 = LOAD(scalars, 1), s2 = LOAD(scalars, 2), c = LOAD(control, 0);
    if (c.y != 0.0 || s2.y == 0.0) return;
    Chunk chunk = chunk_of(gl_WorkGroupID.x);
    float share1 = s0.y, share2 = s0.z, eps = s0.w, correction2 = s1.y, scale = s1.w * c.x * c.z;
    float lr = s0.x * chunk.lr, decay = s1.z * chunk.decay, keep = 1.0 - lr * decay, rate = lr / s1.x;
    FOR_CHUNK(i, chunk) {
        vec4 p_old = BEFORE(p, i), d = LOAD(grad, i) * scale, m_old = BEFORE(m, i), v_old = BEFORE(v, i);
        if (DECOUPLED == 0u) d += decay * p_old;
        vec4 first = (1.0 - share1) * m_old + share1 * d;
        vec4 second = (1.0 - share2) * v_old + share2 * d * d;
        STORE(m, i, first);
        STORE(v, i, second);
        vec4 kept = DECOUPLED != 0u ? p_old * keep : p_old;
        STORE(p, i, kept - rate * (first / (sqrt(second / correction2) + eps)));
    }
}
