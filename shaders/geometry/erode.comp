#version 450
// erode.comp: smallest value within a disc; pixels outside the image do not count.
// computes  y[n,i,j,0] = min of x[n,i+dy,j+dx,0] over dx^2 + dy^2 <= (radius - 1/2)^2
// bindings  0 x [N,H,W,1] read | 1 y [N,H,W,1] write
// push      h, w, reach (largest |dx|), square (floor of (radius - 1/2)^2)
// dispatch  threads (w, h, N)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
INPUT(0, x);
OUTPUT(1, y);
layout(push_constant) uniform Push { uint h, w; int reach, square; };

void main()
{
    uint column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (column >= w || row >= h) return;
    float least = 3.4e38;
    for (int dy = -reach; dy <= reach; dy++) {
        int at_y = int(row) + dy;
        if (at_y < 0 || at_y >= int(h)) continue;
        uint line = (n * h + uint(at_y)) * w;
        for (int dx = -reach; dx <= reach; dx++) {
            /* a column outside the image is replaced by the nearest one of the disc's row that lies inside it */
            uint at_x = uint(clamp(int(column) + dx, 0, int(w) - 1));
            if (dx * dx + dy * dy <= square) least = min(least, LOAD(x, line + at_x).x);
        }
    }
    STORE(y, (n * h + row) * w + column, vec4(least, 0.0, 0.0, 0.0));
}
