#version 450
// weighted.comp: interpolation, and its gradient: each output is a weighted sum of a window of inputs. Where windows
// begin and their weights stand in a table for each axis (src/ops/image/resize_table.h), made once on the host: to find
// them here took longer than the sums.
// computes  y[n,oy,ox,c] = sum over j,i of wy[oy][j] * wx[ox][i] * x[n, by[oy]+j, bx[ox]+i, c] (+ addend[n,oy,ox,c])
// bindings  0 x [n*in_h][in_w][columns] read | 1 table_y [out_h][1 + ceil(TAPS_Y/4)] read | 2 table_x [rows][1 +
//           ceil(TAPS_X/4)] read | 3 addend as y, read | 4 y [n*out_h][rows][columns] write. Absent ones: anything.
// spec      0 COLUMNS_LOG2, 1 STEPS, 2 COLUMN_STEPS: columns of one lane, 2^COLUMNS_LOG2 apart, that share weights,
//           3 TAPS_Y, 4 TAPS_X (0: the axis stays as it is), 5 HAS_ADDEND
// push      first, rows (out_w), columns, in_h, in_w, out_h, first_plane
// dispatch  rows.glsl; z: n * out_h from first_plane on
//           host: src/ops/image/resize.c          reference: src/reference/image/resize.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint COLUMN_STEPS = 1u;
layout(constant_id = 3) const uint TAPS_Y = 0u;
layout(constant_id = 4) const uint TAPS_X = 0u;
layout(constant_id = 5) const uint HAS_ADDEND = 0u;
const uint COUNT_Y = TAPS_Y > 0u ? TAPS_Y : 1u;
const uint COUNT_X = TAPS_X > 0u ? TAPS_X : 1u;
const uint GROUPS_Y = (COUNT_Y + 3u) / 4u;
const uint GROUPS_X = (COUNT_X + 3u) / 4u;
const bool SMALL = COUNT_Y <= 4u && COUNT_X <= 4u; // all weights and a window in registers
INPUT(0, x);
INPUT(1, table_y);
INPUT(2, table_x);
INPUT(3, addend);
OUTPUT(4, y);
layout(push_constant) uniform Push { uint first, rows, columns, in_h, in_w, out_h, first_plane; };

vec4 weights_y(uint position, uint group)
{
    return TAPS_Y > 0u ? LOAD(table_y, position * (GROUPS_Y + 1u) + 1u + group) : vec4(1.0, 0.0, 0.0, 0.0);
}
vec4 weights_x(uint position, uint group)
{
    return TAPS_X > 0u ? LOAD(table_x, position * (GROUPS_X + 1u) + 1u + group) : vec4(1.0, 0.0, 0.0, 0.0);
}

void main()
{
    const uint stride = 1u << COLUMNS_LOG2;
    uint column = ((gl_WorkGroupID.x * COLUMN_STEPS) << COLUMNS_LOG2) + (gl_LocalInvocationID.x & (stride - 1u));
    if (column >= columns) return;
    uint plane = gl_WorkGroupID.z + first_plane, n = plane / out_h, oy = plane - n * out_h;
    uint begin_y = TAPS_Y > 0u ? uint(LOAD(table_y, oy * (GROUPS_Y + 1u)).x) : oy;
    uint line = (n * in_h + begin_y) * in_w, line_step = in_w * columns;
    vec4 wy = weights_y(oy, 0u);
    FOR_ROWS(r, first, rows) {
        uint begin_x = TAPS_X > 0u ? uint(LOAD(table_x, r * (GROUPS_X + 1u)).x) : r;
        uint from = (line + begin_x) * columns + column, to = (plane * rows + r) * columns + column;
        vec4 wx = weights_x(r, 0u);
        [[unroll]] for (uint k = 0u; k < COLUMN_STEPS; k++) {
            uint offset = k * stride;
            if (column + offset >= columns) continue;
            vec4 sum = vec4(0.0);
            if (HAS_ADDEND != 0u) sum = LOAD(addend, to + offset);
            if (SMALL) {
                vec4 v[COUNT_Y * COUNT_X];
                [[unroll]] for (uint j = 0u; j < COUNT_Y; j++)
                    [[unroll]] for (uint i = 0u; i < COUNT_X; i++)
                        v[j * COUNT_X + i] = LOAD(x, from + offset + j * line_step + i * columns);
                [[unroll]] for (uint j = 0u; j < COUNT_Y; j++) {
                    vec4 part = wx[0] * v[j * COUNT_X];
                    [[unroll]] for (uint i = 1u; i < COUNT_X; i++) part += wx[i] * v[j * COUNT_X + i];
                    sum += wy[j] * part;
                }
            } else {
                for (uint j = 0u; j < COUNT_Y; j++) {
                    uint at = from + offset + j * line_step;
                    vec4 part = vec4(0.0);
                    for (uint g = 0u; g < GROUPS_X; g++) {
                        vec4 w = weights_x(r, g);
                        [[unroll]] for (uint i = 0u; i < 4u; i++)
                            if (4u * g + i < COUNT_X) part += w[i] * LOAD(x, at + (4u * g + i) * columns);
                    }
                    sum += weights_y(oy, j / 4u)[j % 4u] * part;
                }
            }
            STORE(y, to + offset, sum);
        }
    }
}
