// Operands of the binary kernels: broadcast by strides. Element (plane, row, column) of an operand is at
//   (plane / PLANES) * outer + (plane % PLANES) * plane + row * row + column * column, each stride zero where the
// operand's size is one; an operand with one channel against several gives its first component to all four.
layout(constant_id = 2) const uint KIND = 0u;
layout(constant_id = 3) const uint PADDED = 0u;  // padding channels need zeroing
layout(constant_id = 4) const uint SPLAT_A = 0u; // a has one channel, the result several
layout(constant_id = 5) const uint SPLAT_B = 0u;
layout(constant_id = 6) const uint OUTER = 0u; // the planes have two strides
layout(push_constant) uniform Push {
    uint first, rows, columns, c, planes;
    uint a_outer, a_plane, a_row, a_column;
    uint b_outer, b_plane, b_row, b_column;
    float parameter0, parameter1;
};

uint operand_base(uint outer, uint plane, uint column_stride, uint column)
{
    uint p = gl_WorkGroupID.z;
    uint base = column * column_stride;
    if (OUTER != 0u) return base + (p / planes) * outer + (p % planes) * plane;
    return base + p * plane;
}
