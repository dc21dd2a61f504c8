// Winograd's minimal filtering F(M x M, 3 x 3) with M = 2 or 4 (Lavin and Gray, arXiv:1509.09308): an output tile of
// M x M pixels from an input tile of N x N pixels, N = M + 2, by N * N products for each pair of channels, where the
// plain sum takes 9 * M * M. The polynomial's points are 0, 1, -1 (M = 2), also 2, -2 (M = 4), and infinity, in order.
//   y = A^T [ (G w G^T) * (B^T x B) ] A,   a "plane" is one of the N * N places of the product
// Needs const int M and const int N. Arrays are as long as M = 4 wants: GLSL passes none that are sized by a
// specialization constant.

// M = 1 is the same for an image that is enlarged before, each pixel to a block of F x F equal ones, F >= 2. A tile is
// a pixel x with its neighbours u before and v behind it. Along an axis with taps a, b, c the first of the block's
// results is a u + (b + c) x = s x + a (u - x), s = a + b + c, those between are s x, and the last is s x + c (v - x):
// three products.

// B^T on one line of an input tile: in place.
void winograd_input(inout vec4 d[6])
{
    if (M == 1) {
        vec4 before = d[0], pixel = d[1];
        d[0] = pixel;
        d[1] = before - pixel;
        d[2] = d[2] - pixel;
    } else if (M == 4) {
        vec4 d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3], d4 = d[4], d5 = d[5];
        vec4 even = d4 - 4.0 * d2, odd = d3 - 4.0 * d1;
        vec4 far_even = d4 - d2, far_odd = 2.0 * (d3 - d1);
        d[0] = 4.0 * (d0 - d2) + far_even;
        d[1] = even + odd;
        d[2] = even - odd;
        d[3] = far_even + far_odd;
        d[4] = far_even - far_odd;
        d[5] = d5 - d3 - 4.0 * (d3 - d1);
    } else {
        vec4 d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3];
        d[0] = d0 - d2;
        d[1] = d1 + d2;
        d[2] = d2 - d1;
        d[3] = d3 - d1;
    }
}

// A^T on one line of sums.
vec4[4] winograd_output(vec4 s[6])
{
    vec4 o[4];
    vec4 even = s[1] + s[2], odd = s[1] - s[2];
    if (M == 4) {
        vec4 far_even = s[3] + s[4], far_odd = s[3] - s[4];
        o[0] = s[0] + even + far_even;
        o[1] = odd + 2.0 * far_odd;
        o[2] = even + 4.0 * far_even;
        o[3] = odd + 8.0 * far_odd + s[5];
    } else {
        o[0] = s[0] + even;
        o[1] = odd + s[3];
    }
    return o;
}

// A on one line of outputs: in place, M values become N.
void winograd_output_turned(inout vec4 d[6])
{
    vec4 d0 = d[0], d1 = d[1];
    if (M == 4) {
        vec4 d2 = d[2], d3 = d[3];
        vec4 even = d0 + d2, odd = d1 + d3, far_even = d0 + 4.0 * d2, far_odd = 2.0 * d1 + 8.0 * d3;
        d[1] = even + odd;
        d[2] = even - odd;
        d[3] = far_even + far_odd;
        d[4] = far_even - far_odd;
        d[5] = d3;
    } else {
        d[1] = d0 + d1;
        d[2] = d0 - d1;
        d[3] = d1;
    }
}
