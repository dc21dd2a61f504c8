// The batched matrix product for tile.glsl. Described in shaders/matrix/matmul.simt.comp. Include after tensor.glsl.
#define A_ALONG_K !TRANSPOSE_A
#define B_ALONG_K TRANSPOSE_B
layout(constant_id = 0) const bool TRANSPOSE_A = false;
layout(constant_id = 1) const bool TRANSPOSE_B = false;
#include "tile/tile.glsl"
#include "epilogue.glsl"

INPUT(0, a);
INPUT(1, b);
OUTPUT(2, y);
TILE_RANGES(3, 4)
#ifdef CAIRN_MATRIX
INPUT(5, bias);
EPILOGUE(6);
#else
INPUT(3, bias);
EPILOGUE(4);
#endif
layout(push_constant) uniform Push { int m, p, k, a_groups, b_groups, y_groups, has_bias; };

int first_row, first_column, first_a, first_b, first_y, slice;

void begin()
{
    int n = int(gl_WorkGroupID.z);
    first_column = int(gl_WorkGroupID.x) * TILE_N, first_row = int(gl_WorkGroupID.y) * TILE_M;
    first_a = n * (TRANSPOSE_A ? k : m) * a_groups, first_b = n * (TRANSPOSE_B ? p : k) * b_groups;
    first_y = n * m * y_groups;
    slice = 0;
}

void advance()
{
    ++slice;
}

vec4 fetch_a(int i, int part)
{
    int row = a_outer(i) + (TRANSPOSE_A ? slice * SLICE : first_row);
    int group = a_vector(part) + (TRANSPOSE_A ? first_row : slice * SLICE) / 4;
    vec4 v = vec4(0.0);
    if (row < (TRANSPOSE_A ? k : m) && group < a_groups) v = LOAD(a, first_a + row * a_groups + group);
    return v;
}

vec4 fetch_b(int i, int part)
{
    int row = b_outer(i) + (TRANSPOSE_B ? first_column : slice * SLICE);
    int group = b_vector(part) + (TRANSPOSE_B ? slice * SLICE : first_column) / 4;
    vec4 v = vec4(0.0);
    if (row < (TRANSPOSE_B ? p : k) && group < b_groups) v = LOAD(b, first_b + row * b_groups + group);
    return v;
}

void finish(int row, int column, vec4 v)
{
    int at = first_row + row, group = (first_column + column) / 4;
    if (at >= m || group >= y_groups) return;
    v = zero_padding(v, uint(group), uint(p));
    if (has_bias != 0) v += LOAD(bias, group);
    STORE(y, first_y + at * y_groups + group, epilogue(v, first_y + at * y_groups + group));
}

void main()
{
    begin();
    tile_run((k + SLICE - 1) / SLICE);
    tile_finish();
}
