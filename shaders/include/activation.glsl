// Activation functions and their derivatives; the numbers are enum cairn_activation of src/ops/norm/norm.h.
const uint ACTIVATION_NONE = 0u;
const uint ACTIVATION_RELU = 1u;
const uint ACTIVATION_HSWISH = 2u;

vec4 hsigmoid(vec4 x)
{
    return clamp(x + 3.0, 0.0, 6.0) * (1.0 / 6.0);
}
vec4 hswish_slope(vec4 x)
{
    return mix(mix((2.0 * x + 3.0) * (1.0 / 6.0), vec4(1.0), greaterThanEqual(x, vec4(3.0))), vec4(0.0),
               lessThanEqual(x, vec4(-3.0)));
}
vec4 activate(vec4 x, uint kind)
{
    if (kind == ACTIVATION_RELU) return max(x, 0.0);
    if (kind == ACTIVATION_HSWISH) return x * hsigmoid(x);
    return x;
}
// dy times the derivative at x
vec4 activate_backward(vec4 x, vec4 dy, uint kind)
{
    if (kind == ACTIVATION_RELU) return mix(vec4(0.0), dy, greaterThan(x, vec4(0.0)));
    if (kind == ACTIVATION_HSWISH) return dy * hswish_slope(x);
    return dy;
}
