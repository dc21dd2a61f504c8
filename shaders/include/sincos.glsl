// Cosine and sine by reduction to -pi/4..pi/4 and polynomials, because Vulkan asks of the built-in ones no more than an
// absolute error of 2^-11.
// source  Cody and Waite's reduction and the polynomials of the Cephes library (Moshier)
void cos_sin(vec4 x, out vec4 c, out vec4 s)
{
    vec4 q = floor(x * 0.63661977 + 0.5);
    vec4 r = ((x - q * 1.5703125) - q * 4.837512969970703125e-4) - q * 7.54978995489188216e-8;
    vec4 z = r * r;
    vec4 sine = r + r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1);
    vec4 cosine =
        1.0 - 0.5 * z + z * z * ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2);
    ivec4 quadrant = ivec4(q) & 3;
    bvec4 odd = equal(quadrant & 1, ivec4(1));
    vec4 a = mix(sine, cosine, odd), b = mix(cosine, sine, odd);
    s = mix(a, -a, greaterThanEqual(quadrant, ivec4(2)));
    c = mix(b, -b, equal((quadrant + 1) & 2, ivec4(2)));
}
