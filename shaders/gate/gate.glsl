// What the passes of squeeze-and-excite share. A pass works by units: a sample n, a block of its pixels and a slab of
// its channel groups (4 to 16 groups in class texel, 8 in class simt). Both layers are linear up to the function
// between them, so each unit of the first pass takes its own pixels and channels through the first layer, and the
// second pass adds what the units of a sample left: no third pass stands between.
// A kernel declares INPUT(.., weight), the matrix [rows][columns] of vec4 of its layer, before it includes this.
layout(constant_id = 0) const uint BACKWARD = 0u; // 1: the same pass over gradients, with the other layer transposed
layout(push_constant) uniform Push {
    int units, pixels, groups, hidden_groups, channels, hidden_channels, blocks, slabs;
};

struct Unit {
    int n, part, block, slab, begin, end; // part: n * blocks + block; pixels begin..end-1
};

Unit unit_of(int number)
{
    Unit u;
    u.part = number / slabs;
    u.slab = number - u.part * slabs;
    u.n = u.part / blocks;
    u.block = u.part - u.n * blocks;
    int length = (pixels + blocks - 1) / blocks;
    u.begin = u.block * length;
    u.end = min(u.begin + length, pixels);
    return u;
}

// Four rows of the matrix from 4 * row on, one column; rows behind the last read the last (what they meet is zero).
void load_rows(out vec4 w[4], int row, int column, int rows, int columns)
{
    [[unroll]] for (int k = 0; k < 4; ++k) w[k] = LOAD(weight, min(4 * row + k, rows - 1) * columns + column);
}
vec4 times_rows(vec4 v, vec4 w[4])
{
    return (v.x * w[0] + v.y * w[1]) + (v.z * w[2] + v.w * w[3]);
}
vec4 times_columns(vec4 v, vec4 w[4])
{
    return vec4(dot(v, w[0]), dot(v, w[1]), dot(v, w[2]), dot(v, w[3]));
}

// First pass, from channel groups to hidden groups: weight is that of the first layer [channels][hidden_groups];
// backward that of the second [hidden_channels][groups], transposed.
void load_squeeze(out vec4 w[4], int group, int hidden)
{
    if (BACKWARD == 0u) load_rows(w, group, hidden, channels, hidden_groups);
    else load_rows(w, hidden, group, hidden_channels, groups);
}
vec4 squeezed(vec4 v, vec4 w[4])
{
    return BACKWARD == 0u ? times_rows(v, w) : times_columns(v, w);
}
// Second pass, from hidden groups to channel groups, with the other of the two.
void load_excite(out vec4 w[4], int hidden, int group)
{
    if (BACKWARD == 0u) load_rows(w, hidden, group, hidden_channels, groups);
    else load_rows(w, group, hidden, channels, hidden_groups);
}
vec4 excited(vec4 v, vec4 w[4])
{
    return BACKWARD == 0u ? times_rows(v, w) : times_columns(v, w);
}
vec4 hard_sigmoid(vec4 v)
{
    return clamp(v + 3.0, 0.0, 6.0) * (1.0 / 6.0);
}
vec4 hard_sigmoid_slope_at(vec4 result)
{
    bvec4 between = bvec4(uvec4(greaterThan(result, vec4(0.0))) & uvec4(lessThan(result, vec4(1.0))));
    return mix(vec4(0.0), vec4(1.0 / 6.0), between);
}
