// What the kernels of photometric changes share. To be included after INPUT(..., rows), a tensor [N,1,1,40] of one row
// of parameters for each image; src/ops/image/photometric.h says what they are.
//
// Images between the kernels are packed: [N][h][blocks] vec4 of four neighbours in a row, blocks = (w + 3) / 4.
const uint CONTRAST = 1u, SPECKLE = 2u, NOISE = 3u, SHADE = 4u, MOTION = 5u; // brightness is 0

vec4 parameters(uint n, uint k)
{
    return LOAD(rows, n * 10u + k);
}

// The frame mirrored without repeating its pixels.
uint mirror(int i, uint size)
{
    uint period = 2u * size - 2u, k = uint(abs(i)) % period;
    return k < size ? k : period - k;
}
