// The k best pixels of a map (src/ops/sampling/top.c). The map is cut into segments of SEGMENT pixels in raster order;
// a batch element's segments lie behind each other. To be included after INPUT(..., scores) or without it.
const uint SEGMENT = 128u;
#define TOP_PUSH uint h, w, border, segments; float threshold

// Unsigned integers in the order of the scores; both zeros are one. Never 0 for a number.
uint order_of(float score)
{
    uint bits = floatBitsToUint(score == 0.0 ? 0.0 : score);
    return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}
// What lies between 0 and 2^32 as two floats that hold integers, and back.
vec4 halves_of(uint v)
{
    return vec4(float(v >> 16), float(v & 0xffffu), 0.0, 0.0);
}
uint join_halves(vec4 v)
{
    return uint(v.x) << 16 | uint(v.y);
}
