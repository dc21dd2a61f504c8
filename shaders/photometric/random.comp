#version 450
// random.comp: the random numbers of noise and speckles of four neighbours: words of the stream of Philox 4x32-10 that
// the row names (Salmon et al., SC 2011; src/base/rng.h), so that host and device draw the same.
// computes  noise = deviation * normal of the pixel (Box-Muller); speckle = -1 black, 1 white, 0 none
// bindings  0 rows [N,1,1,40] read | 1 noise packed write | 2 speckle packed write
// push      h, w, blocks
// dispatch  threads (h * blocks, N)
//           host: src/ops/image/photometric.c        reference: src/reference/image/photometric.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, rows);
OUTPUT(1, noise);
OUTPUT(2, speckle);
layout(push_constant) uniform Push { uint h, w, blocks; };
#include "photometric.glsl"
#include "sincos.glsl"

struct random_stream {
    uvec2 key;
    uvec3 counter;
};

uint word_of(vec2 halves) // high and low 16 bits
{
    return uint(halves.x) << 16 | uint(halves.y);
}

uvec4 philox(random_stream s, uint block)
{
    uvec4 c = uvec4(s.counter, block);
    uvec2 k = s.key;
    for (int round = 0; round < 10; round++) {
        uint high0, low0, high1, low1;
        umulExtended(0xD2511F53u, c.x, high0, low0);
        umulExtended(0xCD9E8D57u, c.z, high1, low1);
        c = uvec4(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
        k += uvec2(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// Words at..at+3.
uvec4 words(random_stream s, uint at)
{
    uvec4 a = philox(s, at >> 2), b = philox(s, (at >> 2) + 1u);
    bool two = (at & 2u) != 0u;
    uvec4 c = two ? uvec4(a.zw, b.xy) : a;
    return (at & 1u) != 0u ? uvec4(c.yzw, two ? b.z : b.x) : c;
}

// Box-Muller of the pairs (u.x, u.y) and (u.z, u.w), each a cosine, then a sine.
vec4 normals(uvec4 u)
{
    vec2 rest = (vec2(~u.xz) + 1.0) * 2.3283064365386963e-10; // 1 - u
    vec4 radius = sqrt(max(-2.0 * log(rest), 0.0)).xxyy, c, s;
    cos_sin(6.283185307 * 2.3283064365386963e-10 * vec4(u.yyww), c, s);
    return radius * vec4(c.x, s.y, c.z, s.w);
}

void main()
{
    uint i = gl_GlobalInvocationID.x, n = gl_GlobalInvocationID.y;
    if (i >= h * blocks) return;
    vec4 a = parameters(n, 5u), b = parameters(n, 6u), c = parameters(n, 7u), d = parameters(n, 8u);
    random_stream s = random_stream(uvec2(word_of(a.xy), word_of(a.zw)),
                                    uvec3(word_of(b.xy), word_of(b.zw), word_of(c.xy)));
    uint pixel = i / blocks * w + i % blocks * 4u;
    uvec4 u = words(s, word_of(c.zw) + pixel);
    uint black = word_of(d.zw), white = word_of(parameters(n, 9u).xy);
    vec4 light = mix(vec4(0.0), vec4(1.0), lessThan(u, uvec4(white)));
    STORE(speckle, n * h * blocks + i, mix(light, vec4(-1.0), lessThan(u, uvec4(black))));
    uint pairs = word_of(d.xy) + (pixel & ~1u); // two words for two pixels
    vec4 z = normals(words(s, pairs));
    if ((pixel & 1u) != 0u) z = vec4(z.yzw, normals(words(s, pairs + 4u)).x);
    STORE(noise, n * h * blocks + i, parameters(n, 4u).z * z);
}
