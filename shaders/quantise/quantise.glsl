// Scale and zero point of a vec4 of channels; with PER_TENSOR the one pair of the tensor (src/ops/quantise/quantise.h).
// To be included after INPUT(..., parameters): two rows of `groups` vec4, or of one.
layout(constant_id = 0) const uint PER_TENSOR = 0u;

vec4 parameter(uint row, uint group, uint groups)
{
    if (PER_TENSOR != 0u) return vec4(LOAD(parameters, row).x);
    return LOAD(parameters, row * groups + group);
}
// Scales of padding channels are zero; their values too.
vec4 positive_scale(vec4 scale)
{
    return mix(scale, vec4(1.0), equal(scale, vec4(0.0)));
}
