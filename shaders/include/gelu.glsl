// Gaussian error linear unit x * Phi(x), its tanh form, and their derivatives.
// source  Hendrycks and Gimpel 2016. erf: two polynomials fitted for this file (minimax by Lawson's weights: erf(x) / x
//         in x^2 on 0..1, -log(erfc(x)) / x on 0.9..4.2); largest absolute error in float 1.3e-7.
vec4 erf_of(vec4 x)
{
    vec4 t = min(abs(x), 4.0), s = x * x;
    vec4 small = x * (1.12837917 + s * (-0.376126271 + s * (0.112836002 + s * (-0.0268544446 + s * (0.00518953535 +
                 s * (-0.000802084133 + s * 7.88911968e-05))))));
    vec4 p = t * (1.12886886 + t * (0.634263547 + t * (0.107696493 + t * (-0.0250238799 + t * (0.00425584941 +
             t * (-0.000487462068 + t * (3.29583671e-05 - t * 9.72162916e-07)))))));
    vec4 large = sign(x) * (1.0 - exp(-p));
    return mix(large, small, lessThan(t, vec4(0.95)));
}
vec4 gelu(vec4 x)
{
    return 0.5 * x * (1.0 + erf_of(x * 0.70710678));
}
vec4 gelu_slope(vec4 x)
{
    return 0.5 * (1.0 + erf_of(x * 0.70710678)) + x * 0.39894228 * exp(-0.5 * x * x);
}
// tanh of the built-in library overflows for large arguments on some drivers: 2 / (1 + exp(-2u)) - 1 does not.
vec4 gelu_tanh(vec4 x)
{
    return x / (1.0 + exp(-1.5957691216 * (x + 0.044715 * x * x * x)));
}
vec4 gelu_tanh_slope(vec4 x)
{
    vec4 s = 1.0 / (1.0 + exp(-1.5957691216 * (x + 0.044715 * x * x * x)));
    return s + x * s * (1.0 - s) * 1.5957691216 * (1.0 + 0.134145 * x * x);
}
