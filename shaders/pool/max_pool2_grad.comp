#version 450
// max_pool2_grad.comp: gradient of max_pool2.comp: the first maximum of a window in scan order receives dy. One lane
// writes a whole window, also the partial windows of an odd last row or column, which are zero.
// bindings  0 x [N,H,W,C] read | 1 dy [N,H/2,W/2,C] read | 2 dx [N,H,W,C] write
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 ODD: H is odd
// push      first, rows = ceil(W/2), columns = groups, width = W, height = H
// dispatch  rows.glsl; z: N * ceil(H/2)          host: src/ops/image/pool.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint ODD = 0u;
INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, dx);
layout(push_constant) uniform Push { uint first, rows, columns, width, height; };

vec4 take(inout vec4 left, bvec4 wins) // what a cell receives of the gradient that nobody has taken yet
{
    vec4 share = mix(vec4(0.0), left, wins);
    left = mix(left, vec4(0.0), wins);
    return share;
}

void main()
{
    uint column = lane_column(), plane = gl_WorkGroupID.z;
    if (column >= columns) return;
    uint line = 2u * plane, out_line = plane;
    bool inside = true;
    if (ODD != 0u) {
        uint lines = height / 2u + 1u, n = plane / lines;
        line -= n;
        out_line -= n;
        inside = plane - n * lines < lines - 1u;
    }
    uint upper = line * width * columns + column, below = inside ? width * columns : 0u, half_width = width / 2u;
    FOR_ROWS(r, first, rows) {
        bool right = 2u * r + 1u < width;
        uint i = upper + 2u * r * columns, step = right ? columns : 0u;
        vec4 a = LOAD(x, i), b = LOAD(x, i + step), c = LOAD(x, i + below), d = LOAD(x, i + below + step);
        vec4 most = max(max(a, b), max(c, d)), left = vec4(0.0);
        if (right && inside) left = LOAD(dy, (out_line * half_width + r) * columns + column);
        STORE(dx, i, take(left, equal(a, most)));
        if (right) STORE(dx, i + step, take(left, equal(b, most)));
        if (inside) STORE(dx, i + below, take(left, equal(c, most)));
        if (right && inside) STORE(dx, i + below + step, take(left, equal(d, most)));
    }
}
