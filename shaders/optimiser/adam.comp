#version 450
// adam.comp: one step of Adam, with decoupled weight decay (AdamW) if asked, in place.
// computes  d = grad * scale;  m = beta1 m + (1 - beta1) d;  v = beta2 v + (1 - beta2) d^2
//           p = p * decay - lr / correction1 * m / (sqrt(v / correction2) + eps)
// bindings  0 p read, write | 1 grad read | 2 m read, write | 3 v read, write | 4 scalars [1,1,1,8] read
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
    float lr = s0.x, beta1 = s0.y, beta2 = s0.z, eps = s0.w;
    float correction1 = s1.x, correction2 = s1.y, decay_factor = decay != 0u ? s1.z : 1.0;
    vec4 d = LOAD(grad, i) * s1.w;
    vec4 first = beta1 * LOAD_UPDATE(m, i) + (1.0 - beta1) * d;
    vec4 second = beta2 * LOAD_UPDATE(v, i) + (1.0 - beta2) * d * d;
    STORE(m, i, first);
    STORE(v, i, second);
    vec4 denominator = sqrt(second / correction2) + eps;
    STORE(p, i, LOAD_UPDATE(p, i) * decay_factor - (lr / correction1) * (first / denominator));
}
