// Interpolation along one axis: which elements an output position reads, and with what weights. The position is kept as
// a fraction of integers, so that no size loses digits, and so that the gradient uses the very same weights.
layout(constant_id = 2) const uint MODE = 0u; // enum cairn_resize
// Columns of one lane, 2^COLUMNS_LOG2 apart: the weights, which cost more than the sums, are found once for all of them.
layout(constant_id = 3) const uint COLUMN_STEPS = 1u; // 1 or 4
const uint COLUMN_STRIDE = 1u << COLUMNS_LOG2;
uint first_column()
{
    return ((gl_WorkGroupID.x * COLUMN_STEPS) << COLUMNS_LOG2) + (gl_LocalInvocationID.x & (COLUMN_STRIDE - 1u));
}
const uint MODE_NEAREST = 0u;
const uint MODE_BILINEAR = 1u;
const uint MODE_BICUBIC = 2u;
const uint TAPS = MODE == MODE_NEAREST ? 1u : MODE == MODE_BILINEAR ? 2u : 4u;
const int FIRST_TAP = MODE == MODE_BICUBIC ? -1 : 0; // relative to the base

struct Tap {
    int base;
    vec4 weight; // of the TAPS elements from base + FIRST_TAP on, each clamped into the input
};

vec4 cubic(float t) // a = -0.75
{
    const float a = -0.75;
    vec4 d = vec4(1.0 + t, t, 1.0 - t, 2.0 - t);
    vec2 inner = ((a + 2.0) * d.yz - (a + 3.0)) * d.yz * d.yz + 1.0;
    vec2 outer = ((a * d.xw - 5.0 * a) * d.xw + 8.0 * a) * d.xw - 4.0 * a;
    return vec4(outer.x, inner, outer.y);
}

Tap tap_of(uint position, uint in_length, uint out_length)
{
    // source position = numerator / denominator
    int numerator, denominator;
    if (MODE == MODE_NEAREST) {
        numerator = int(position * in_length);
        denominator = int(out_length);
    } else { // (position + 0.5) * in / out - 0.5
        numerator = int((2u * position + 1u) * in_length) - int(out_length);
        denominator = int(2u * out_length);
    }
    float inverse = 1.0 / float(denominator);
    int base = int(floor(float(numerator) * inverse)), rest = numerator - base * denominator;
    if (rest < 0) { // the quotient in float may be off by one
        base--;
        rest += denominator;
    }
    if (rest >= denominator) {
        base++;
        rest -= denominator;
    }
    float t = float(rest) * inverse;
    Tap tap;
    tap.base = base;
    if (MODE == MODE_NEAREST) tap.weight = vec4(1.0, 0.0, 0.0, 0.0);
    else if (MODE == MODE_BILINEAR) tap.weight = vec4(1.0 - t, t, 0.0, 0.0);
    else tap.weight = cubic(t);
    return tap;
}
