// What a kernel leaves of the mean and variance of its result's channels, so that no other has to read the result for
// them (cairn_partial_moments of src/graph/lower.h): parts [chunks][2 * groups + 1] of vec4, a chunk's means, squared
// differences from these, and its number of elements. A kernel declares MOMENTS_OUTPUT(binding) beside its tensors.
// Sums are taken relative to one of the elements, so that a mean far larger than the deviation costs no digits.
layout(constant_id = 20) const uint MOMENTS = 0u; // 0: none are wanted, and the binding may be anything
#define MOMENTS_OUTPUT(slot) \
    OUTPUT(slot, moments); \
    void store_moments(int chunk, int groups, int group, float count, vec4 shift, vec4 sum, vec4 square) \
    { \
        vec4 average = sum * (1.0 / max(count, 1.0)); \
        int at = chunk * (2 * groups + 1) + group; \
        STORE(moments, at, shift + average); \
        STORE(moments, at + groups, max(square - sum * average, 0.0)); \
    } \
    void store_moments_count(int chunk, int groups, float count) \
    { \
        STORE(moments, (chunk + 1) * (2 * groups + 1) - 1, vec4(count, 0.0, 0.0, 0.0)); \
    } \
    const uint moments_binding_of = slot

#ifdef CAIRN_TEXEL
// The four lanes of a quad hold elements of the same channels and make one chunk of them: the lane's sums of one group
// go in, and lane `group % 4` of the quad keeps the quad's, so that each lane stores those of one group in four.
#extension GL_KHR_shader_subgroup_quad : require
struct QuadMoments {
    vec4 shift, sum, square;
};
vec4 quad_first(vec4 v)
{
    return subgroupQuadBroadcast(v, 0u);
}
vec4 quad_sum(vec4 v)
{
    v += subgroupQuadSwapHorizontal(v);
    return v + subgroupQuadSwapVertical(v);
}
void quad_keep(inout QuadMoments kept, int group, vec4 shift, vec4 sum, vec4 square)
{
    bvec4 mine = bvec4((int(gl_LocalInvocationID.x) & 3) == (group & 3));
    kept.shift = mix(kept.shift, shift, mine);
    kept.sum = mix(kept.sum, quad_sum(sum), mine);
    kept.square = mix(kept.square, quad_sum(square), mine);
}
#endif
