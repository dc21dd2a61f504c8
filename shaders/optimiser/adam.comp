#version 450
// adam.comp: one step of Adam, with decoupled weight decay (AdamW) if asked, in place.
// computes  d = grad * scale;  m = (1 - share1) m + share1 d;  v = (1 - share2) v + share2 d^2    (share = 1 - beta)
//           p = p * decay - lr / correction1 * m / (sqrt(v / correction2) + eps)
// bindings  0 p read, write | 1 grad read | 2 m read, write | 3 v read, write | 4 scalars [1,1,1,8] read: lr, share1,
//           share2, eps, correction1, correction2, decay, scale
// push      vectors, decay (0: p is not decayed)
// dispatch  a linear range of `vectors` threads
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

LINEAR_KERNEL;
UPDATE(0, p);
INPUT(1, grad);
UPDATE(2, m);
UPDATE(3, v);
INPUT(4, scalars);
layout(push_constant) uniform Push { uint vectors, decay; };

void main()
{
    uint i = linear_index();
    if (i >= vectors) return;
    vec4 s0 = LOAD(scalars, 0), s1 = LOAD(scalars, 1);
    float lr = s0.x, share1 = s0.y, share2 = s0.z, eps = s0.w;
    float correction1 = s1.x, correction2 = s1.y, decay_factor = decay != 0u ? s1.z : 1.0;
    vec4 d = LOAD(grad, i) * s1.w;
    vec4 first = (1.0 - share1) * LOAD_UPDATE(m, i) + share1 * d;
    vec4 second = (1.0 - share2) * LOAD_UPDATE(v, i) + share2 * d * d;
    STORE(m, i, first);
    STORE(v, i, second);
    vec4 denominator = sqrt(second / correction2) + eps;
    STORE(p, i, LOAD_UPDATE(p, i) * decay_factor - (lr / correction1) * (first / denominator));
}
