#version 450
// suppress_column.comp: completes the window's maximum along columns and decides; the steps of max-pool suppression.
// The state of a pixel is (score, kept, inside a kept window, score outside of kept windows).
// computes  m = max of rows.x[n,i+d,j] over |d| <= radius inside the image, then by STEP
//           0  state = (score, score == m, ...)                 rows: of the scores; `state` binding is the heatmap
//           1  state = (score, kept, m > 0, m > 0 ? 0 : score)  rows: of `kept`
//           2  kept = kept or (not inside and w == m)           rows: of the score outside kept windows
//           3  as 2, then the result: kept and score > threshold ? score : 0
// bindings  0 rows [N,H,W] vec4 read | 1 state [N,H,W] vec4 read | 2 y [N,H,W] vec4 write
// push      h, w, radius, threshold
// spec      0 STEP
// dispatch  threads (w, h, N)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 0) const uint STEP = 0u;
INPUT(0, rows);
INPUT(1, state);
OUTPUT(2, y);
layout(push_constant) uniform Push { uint h, w; int radius; float threshold; };

void main()
{
    uint column = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y, n = gl_GlobalInvocationID.z;
    if (column >= w || row >= h) return;
    float m = -3.4e38;
    for (int d = -radius; d <= radius; d++)
        m = max(m, LOAD(rows, (n * h + uint(clamp(int(row) + d, 0, int(h) - 1))) * w + column).x);
    uint at = (n * h + row) * w + column;
    vec4 s = LOAD(state, at);
    if (STEP == 0u) {
        s = vec4(s.x, s.x == m ? 1.0 : 0.0, 0.0, 0.0);
    } else if (STEP == 1u) {
        s = vec4(s.xy, m > 0.0 ? 1.0 : 0.0, m > 0.0 ? 0.0 : s.x);
    } else {
        if (s.z == 0.0 && s.w == m) s.y = 1.0;
        if (STEP == 3u) s = vec4(s.y > 0.0 && s.x > threshold ? s.x : 0.0, 0.0, 0.0, 0.0);
    }
    STORE(y, at, s);
}
