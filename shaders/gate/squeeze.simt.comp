#version 450
// squeeze.simt.comp: first pass of squeeze-and-excite: pools, and starts the first layer. What it computes, its
// bindings, constants and push block: squeeze.texel.comp
// dispatch  a linear range of one workgroup for each unit: 8 channel groups by 8 rows of pixels
//           host: src/ops/gate/squeeze_excite.c          reference: src/reference/gate/squeeze_excite.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, x);
INPUT(1, dy);
INPUT(2, gate);
INPUT(3, weight);
OUTPUT(4, sums);
OUTPUT(5, part);
#include "gate.glsl"
const int SLAB = 8;
const int ROWS = 8;
shared vec4 cells[ROWS][SLAB];

void main()
{
    int number = int(linear_index() / 64u), lane = int(gl_LocalInvocationID.x);
    if (number >= units) return;
    Unit u = unit_of(number);
    int slot = lane % SLAB, row = lane / SLAB, group = u.slab * SLAB + slot;
    bool mine = group < groups;

    vec4 sum = vec4(0.0);
    for (int p = u.begin + row; p < u.end && mine; p += ROWS) {
        int at = (u.n * pixels + p) * groups + group;
        vec4 v = LOAD(x, at);
        if (BACKWARD != 0u) v *= LOAD(dy, at);
        sum += v;
    }
    cells[row][slot] = sum;
    barrier();
    if (row == 0) {
        sum = vec4(0.0);
        for (int r = 0; r < ROWS; ++r) sum += cells[r][slot];
        if (BACKWARD == 0u) sum *= 1.0 / float(pixels);
        else if (mine) sum *= hard_sigmoid_slope_at(LOAD(gate, u.n * groups + group));
        cells[0][slot] = sum;
        if (mine) STORE(sums, u.part * groups + group, sum);
    }
    barrier();
    int count = min(SLAB, groups - u.slab * SLAB);
    for (int hidden = lane; hidden < hidden_groups; hidden += 64) {
        vec4 total = vec4(0.0), w[4];
        for (int i = 0; i < count; ++i) {
            load_squeeze(w, u.slab * SLAB + i, hidden);
            total += squeezed(cells[0][i], w);
        }
        STORE(part, (u.part * slabs + u.slab) * hidden_groups + hidden, total);
    }
}
