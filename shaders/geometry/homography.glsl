// Points through homographies. To be included after INPUT(..., matrices), a tensor [N,1,1,9] of row-major matrices.

// Image of (x, y) by matrix number n; far outside of anything where it maps to infinity or lies behind the camera. The
// sign of a homography is free: `centre` of the mapped view lies in front.
vec2 project(uint n, float x, float y, vec2 centre)
{
    vec4 r0 = LOAD(matrices, n * 3u), r1 = LOAD(matrices, n * 3u + 1u), r2 = LOAD(matrices, n * 3u + 2u);
    float w = r1.z * x + r1.w * y + r2.x, front = r1.z * centre.x + r1.w * centre.y + r2.x;
    vec2 p = vec2(r0.x * x + r0.y * y + r0.z, r0.w * x + r1.x * y + r1.y) / w;
    bool seen = (front < 0.0 ? -w : w) > 0.0 && abs(p.x) < 1e6 && abs(p.y) < 1e6; /* false for NaN too */
    return seen ? p : vec2(-1e6);
}
