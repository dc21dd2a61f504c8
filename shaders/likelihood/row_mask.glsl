// Masks of the rows of a plane.
layout(constant_id = 2) const uint MASK = 0u; // 0 none, 1 a vec4 for each row, 2 four rows in a vec4
// Component i of a vec4 without a dynamic index, which one CPU driver's compiler may take without end.
float component(vec4 v, uint i)
{
    return i == 0u ? v.x : i == 1u ? v.y : i == 2u ? v.z : v.w;
}
#define ROW_KEPT(mask, plane, row, rows) \
    component(LOAD(mask, MASK == 1u ? (plane) * (rows) + (row) : (plane) * (((rows) + 3u) / 4u) + (row) / 4u), \
              MASK == 1u ? 0u : (row) % 4u)
