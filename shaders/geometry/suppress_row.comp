#version 450
// suppress_row.comp: largest value of one component over a window of each row.
// computes  y.x[n,i,j] = max of x[n,i,j+d][COMPONENT] over |d| <= radius inside the image
// bindings  0 x [N,H,W] vec4 read | 1 y [N,H,W] vec4 write
// push      h, w, radius
// spec      0 COMPONENT
// dispatch  threads (w, h, N)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 0) const uint COMPONENT = 0u;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint h, w; int radius; };

void main()
{
    uint column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (column >= w || row >= h) return;
    uint line = (n * h + row) * w;
    float largest = -3.4e38;
    for (int d = -radius; d <= radius; d++) /* a column outside is replaced by the edge, which is in the window */
        largest = max(largest, LOAD(x, line + uint(clamp(int(column) + d, 0, int(w) - 1)))[COMPONENT]);
    STORE(y, line + column, vec4(largest, 0.0, 0.0, 0.0));
}
