// LightGlue's log-assignment: what its kernels share. Sizes: N x M scores s [B][n][S_GROUPS], the assignment
// [B][n + 1][Y_GROUPS]; masks of points are packed, four in a vec4. To be included after the push block with uint n, m.
layout(constant_id = 4) const uint HAS_MASK_0 = 0u;
layout(constant_id = 5) const uint HAS_MASK_1 = 0u;
float component(vec4 v, uint i) // without a dynamic index, which one CPU driver's compiler may take without end
{
    return i == 0u ? v.x : i == 1u ? v.y : i == 2u ? v.z : v.w;
}
#define S_GROUPS ((m + 3u) / 4u)
#define Y_GROUPS ((m + 4u) / 4u)
// 1 for points of image 0 that count.
#define ROW_COUNTS(mask, batch, row) \
    (HAS_MASK_0 == 0u || component(LOAD(mask, (batch) * ((n + 3u) / 4u) + (row) / 4u), (row) % 4u) > 0.5)
// 1 for those of four points of image 1 that count; 0 for padding.
#define COLUMNS_COUNT(mask, batch, group) \
    mix(vec4(0.0), vec4(1.0), greaterThan( \
        zero_padding(HAS_MASK_1 == 0u ? vec4(1.0) : LOAD(mask, (batch) * S_GROUPS + (group)), group, m), vec4(0.5)))
float log_sigmoid(float z)
{
    return min(z, 0.0) - log(1.0 + exp(-abs(z)));
}
float sigmoid_of(float z)
{
    return 1.0 / (1.0 + exp(-z));
}
