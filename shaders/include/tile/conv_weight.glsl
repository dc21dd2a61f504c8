// The weight gradient as a product for tile.glsl: m counts (tap, input channel), n output channels, k output pixels.
// Described in shaders/conv/conv2d_grad_weight.simt.comp. Include after tensor.glsl.
#define A_ALONG_K false
#define B_ALONG_K false
#include "tile/tile.glsl"

layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 1;
INPUT(0, x);
INPUT(1, dy);
OUTPUT(2, part);
TILE_RANGES(3, 4)
layout(push_constant) uniform Push { int h, w, oh, ow, ci, in_groups, out_groups, pad, pixels, chunk; };

int first_row, first_group, begin_pixel, end_pixel;
int from_group[PARTS], from_y[PARTS], from_x[PARTS];        // of the rows that this thread loads
int pixel_base[A_LOADS], pixel_y[A_LOADS], pixel_x[A_LOADS]; // of the pixels in the slice
int slice_pixel;

void to_next_row(int i)
{
    while (pixel_x[i] >= ow) {
        pixel_x[i] -= ow;
        if (++pixel_y[i] == oh) pixel_y[i] = 0, pixel_base[i] += h * w;
    }
}

void begin()
{
    first_row = int(gl_WorkGroupID.x) * (TILE_M / 4);
    first_group = int(gl_WorkGroupID.y) * (TILE_N / 4);
    begin_pixel = int(gl_WorkGroupID.z) * chunk;
    end_pixel = min(begin_pixel + chunk, pixels);
    slice_pixel = begin_pixel;
    [[unroll]] for (int p = 0; p < PARTS; ++p) {
        int row = min(first_row + a_vector(p), KERNEL * KERNEL * in_groups - 1);
        int tap = row / in_groups;
        from_group[p] = row - tap * in_groups;
        from_y[p] = tap / KERNEL - pad, from_x[p] = tap % KERNEL - pad;
    }
    [[unroll]] for (int i = 0; i < A_LOADS; ++i) {
        int pixel = begin_pixel + a_outer(i);
        int image = pixel / (oh * ow), rest = pixel - image * oh * ow;
        pixel_base[i] = image * h * w;
        pixel_y[i] = rest / ow, pixel_x[i] = rest % ow;
    }
}

void advance()
{
    slice_pixel += SLICE;
    [[unroll]] for (int i = 0; i < A_LOADS; ++i) {
        pixel_x[i] += SLICE;
        to_next_row(i);
    }
}

vec4 fetch_a(int i, int p)
{
    int iy = pixel_y[i] * STRIDE + from_y[p], ix = pixel_x[i] * STRIDE + from_x[p];
    vec4 v = vec4(0.0);
    if (slice_pixel + a_outer(i) < end_pixel && uint(iy) < uint(h) && uint(ix) < uint(w))
        v = LOAD(x, (pixel_base[i] + iy * w + ix) * in_groups + from_group[p]);
    return v;
}

vec4 fetch_b(int i, int p)
{
    int pixel = slice_pixel + b_outer(i), to = first_group + b_vector(p);
    vec4 v = vec4(0.0);
    if (pixel < end_pixel && to < out_groups) v = LOAD(dy, pixel * out_groups + to);
    return v;
}

void finish(int row, int column, vec4 v)
{
    int vector = first_row + row / 4, to = first_group + column / 4;
    int tap = vector / in_groups, channel = (vector - tap * in_groups) * 4 + row % 4;
    if (tap < KERNEL * KERNEL && channel < ci && to < out_groups)
        STORE(part, ((int(gl_WorkGroupID.z) * KERNEL * KERNEL + tap) * ci + channel) * out_groups + to, v);
}

void main()
{
    begin();
    tile_run((end_pixel - begin_pixel + SLICE - 1) / SLICE);
    tile_finish();
}
