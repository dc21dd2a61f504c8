#version 450
// excite.simt.comp: second pass of squeeze-and-excite: ends the first layer, does the second, scales. What it computes,
// its bindings, constants and push block: excite.texel.comp
// dispatch  a linear range of one workgroup for each unit: 8 channel groups by 8 rows of pixels
//           host: src/ops/gate/squeeze_excite.c          reference: src/reference/gate/squeeze_excite.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

layout(local_size_x = 64) in;
INPUT(0, x);
INPUT(1, part);
INPUT(2, first);
INPUT(3, second);
INPUT(4, weight);
OUTPUT(5, y);
OUTPUT(6, kept);
OUTPUT(7, gate);
#include "gate.glsl"
const int SLAB = 8;
const int ROWS = 8;
shared vec4 cells[ROWS * SLAB];

vec4 hidden_of(Unit u, int hidden)
{
    int parts = blocks * slabs, at = u.n * parts * hidden_groups + hidden;
    vec4 sum = BACKWARD == 0u ? LOAD(first, hidden) : vec4(0.0);
    for (int i = 0; i < parts; ++i, at += hidden_groups) sum += LOAD(part, at);
    if (BACKWARD == 0u) return max(sum, 0.0);
    return mix(vec4(0.0), sum, greaterThan(LOAD(first, u.n * hidden_groups + hidden), vec4(0.0)));
}

void main()
{
    int number = int(linear_index() / 64u), lane = int(gl_LocalInvocationID.x);
    if (number >= units) return;
    Unit u = unit_of(number);
    int slot = lane % SLAB, row = lane / SLAB, group = u.slab * SLAB + slot;
    bool mine = group < groups, keeper = u.block == 0 && u.slab == 0;
    group = min(group, groups - 1);

    vec4 sum = vec4(0.0), w[4];
    for (int begin = 0; begin < hidden_groups; begin += ROWS * SLAB) {
        int hidden = begin + lane, count = min(ROWS * SLAB, hidden_groups - begin);
        if (lane < count) {
            vec4 h = hidden_of(u, hidden);
            if (keeper) STORE(kept, u.n * hidden_groups + hidden, h);
            cells[lane] = h;
        }
        barrier();
        for (int i = row; i < count; i += ROWS) {
            load_excite(w, begin + i, group);
            sum += excited(cells[i], w);
        }
        barrier();
    }
    cells[lane] = sum;
    barrier();
    sum = vec4(0.0);
    for (int r = 0; r < ROWS; ++r) sum += cells[r * SLAB + slot];
    if (!mine) return;

    vec4 scale, shift = vec4(0.0);
    if (BACKWARD == 0u) {
        scale = zero_padding(hard_sigmoid(LOAD(second, group) + sum), group, channels);
        if (u.block == 0 && row == 0) STORE(gate, u.n * groups + group, scale);
    } else {
        scale = LOAD(second, u.n * groups + group);
        shift = zero_padding(sum * (1.0 / float(pixels)), group, channels);
    }
    for (int p = u.begin + row; p < u.end; p += ROWS) {
        int at = (u.n * pixels + p) * groups + group;
        STORE(y, at, LOAD(x, at) * scale + shift);
    }
}
