#version 450
// conv2d_grad_input_strided.comp: gradient of a convolution's input at stride 2, gathered pixel by pixel from the outputs
// that read it.
// computes  dx[n,iy,ix,ci] = sum over (ky,kx,co) of dy[n,(iy+p-ky)/s,(ix+p-kx)/s,co] * weight[ky*k+kx,ci,co], where exact
// bindings  0 dy [N,OH,OW,CO] read | 1 flipped [K*K,1,CO,CI] read (from conv2d_weight_flip) | 2 dx [N,H,W,CI] write
// push      sizes as named; in_groups counts dx's channel groups
// spec      0 KERNEL, 1 STRIDE
// dispatch  threads (w, n * h, in_groups)
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const int KERNEL = 3;
layout(constant_id = 1) const int STRIDE = 2;
INPUT(0, dy);
INPUT(1, flipped);
OUTPUT(2, dx);
layout(push_constant) uniform Push { int h, w, oh, ow, co, in_groups, out_groups, pad; };

void main()
{
    int ix = int(gl_GlobalInvocationID.x);
    int n = int(gl_WorkGroupID.y) / h;
    int iy = int(gl_WorkGroupID.y) - n * h;
    int group = int(gl_WorkGroupID.z);
    vec4 sum = vec4(0.0);
    for (int ky = 0; ky < KERNEL; ++ky) {
        int ty = iy + pad - ky; // times the stride of the output row that reads this row through tap ky
        if (ty < 0 || ty % STRIDE != 0 || ty / STRIDE >= oh) continue;
        for (int kx = 0; kx < KERNEL; ++kx) {
            int tx = ix + pad - kx;
            bool inside = tx >= 0 && tx % STRIDE == 0 && tx / STRIDE < ow;
            int from = inside ? ((n * oh + ty / STRIDE) * ow + tx / STRIDE) * out_groups : 0;
            int row = (KERNEL * KERNEL - 1 - (ky * KERNEL + kx)) * co;
            for (int g = 0; g < out_groups; ++g) {
                vec4 value = LOAD(dy, from + g);
                vec4 d = inside ? value : vec4(0.0);
                [[unroll]] for (int c = 0; c < 4; ++c)
                    sum += d[c] * LOAD(flipped, (row + min(g * 4 + c, co - 1)) * in_groups + group);
            }
        }
    }
    if (ix < w) STORE(dx, ((n * h + iy) * w + ix) * in_groups + group, sum);
}
