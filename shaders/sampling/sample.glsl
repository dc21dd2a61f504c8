// Bilinear taps of a point on a map, one axis at a time. Host: src/ops/sampling/sampling.h.
layout(constant_id = 0) const uint CLAMP = 0u; // enum cairn_border

struct Axis {
    int low;     // first tap; the second is low + 1
    vec2 weight; // of the two taps, zero where one lies outside
    float slope; // of the position with the coordinate: 1 / stride, zero where it is clamped
};
Axis axis_of(float coordinate, uint size, float inverse_stride)
{
    float u = (coordinate + 0.5) * inverse_stride - 0.5, last = float(size - 1u), slope = inverse_stride;
    if (CLAMP != 0u) {
        if (u < 0.0 || u > last) slope = 0.0;
        u = clamp(u, 0.0, last);
    }
    float low = floor(u), t = u - low;
    return Axis(int(low), vec2(low >= 0.0 && low <= last ? 1.0 - t : 0.0, low >= -1.0 && low < last ? t : 0.0), slope);
}
// The taps' places, clamped into the map where the weight is zero.
uvec2 taps_of(Axis a, uint size)
{
    return uvec2(clamp(ivec2(a.low, a.low + 1), ivec2(0), ivec2(int(size) - 1)));
}
