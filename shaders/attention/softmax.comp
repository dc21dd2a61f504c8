#version 450
// softmax.comp: the softmax of rows of attention scores, left undivided.
// computes  y = exp(x - max of the row), 0 for scores below -1e38 and in rows whose query is masked;
//           sums = log of the sum of exp(x), 3e38 for a row with nothing; factors = 1 / sum of y, 0 for such a row
// bindings  0 x read | 1 y write (may be x) | 2 query mask [B,1,1,N] read | 3 sums, 4 factors write: a vec4 a row
// spec      0 HAS_MASK
// push      rows = planes * N, n = N, groups of a row, heads of this call; offset and strides of sums and factors for
//           the batch element and the head; offset and stride of the mask
// dispatch  a linear range of rows          host: src/ops/attention/matrices.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const uint HAS_MASK = 0u;
INPUT(0, x);
OUTPUT(1, y);
INPUT(2, mask);
OUTPUT(3, sums);
OUTPUT(4, factors);
layout(push_constant) uniform Push {
    uint rows, n, groups, heads;
    uint value_offset, value_batch, value_head;
    uint mask_offset, mask_batch;
};

void main()
{
    uint r = linear_index();
    if (r >= rows) return;
    uint plane = r / n, row = r - plane * n, batch = plane / heads, head = plane - batch * heads, at = r * groups;
    vec4 top = vec4(-3e38), sum = vec4(0.0);
    for (uint k = 0u; k < groups; k++) top = max(top, LOAD(x, at + k));
    float largest = max(max(top.x, top.y), max(top.z, top.w));
    bool any_key = largest > -1e38;
    if (HAS_MASK != 0u) any_key = any_key && LOAD(mask, mask_offset + batch * mask_batch + row / 4u)[row % 4u] > 0.5;
    for (uint k = 0u; k < groups; k++) {
        vec4 v = LOAD(x, at + k);
        vec4 e = mix(vec4(0.0), exp(v - largest), greaterThan(v, vec4(-1e38)));
        if (!any_key) e = vec4(0.0);
        sum += e;
        STORE(y, at + k, e);
    }
    float total = (sum.x + sum.y) + (sum.z + sum.w);
    uint i = value_offset + batch * value_batch + head * value_head + row;
    STORE(sums, i, vec4(any_key ? largest + log(total) : 3e38, 0.0, 0.0, 0.0));
    STORE(factors, i, vec4(any_key ? 1.0 / total : 0.0, 0.0, 0.0, 0.0));
}
