// Reductions over the channels of one cell by a team of lanes: one lane on a CPU driver, 2^TEAM_LOG2 lanes of a
// workgroup of 64 elsewhere, which take every TEAM-th vec4 of the cell and add up through shared memory, always in the
// same order. Every lane of a workgroup must call every reduction, so a kernel does not return before the last one: it
// reads the last cell where team_cell() is past the end, and stores only if `live`. A kernel declares its push block
// with uint cells, groups first. Host: src/ops/layout/cells.h
layout(constant_id = 0) const uint TEAM_LOG2 = 0u;
float sum_of(vec4 v) { return (v.x + v.y) + (v.z + v.w); }
float largest_of(vec4 v) { return max(max(v.x, v.y), max(v.z, v.w)); }
#ifdef CAIRN_TEXEL
layout(local_size_x = 8) in;
const uint TEAM = 1u;
uint team_lane() { return 0u; }
uint team_cell() { return linear_index(); }
float team_sum(vec4 v) { return sum_of(v); }
float team_largest(vec4 v) { return largest_of(v); }
#else
layout(local_size_x = 64) in;
const uint TEAM = 1u << TEAM_LOG2;
shared float team_values[64];
uint team_lane() { return gl_LocalInvocationID.x & (TEAM - 1u); }
uint team_cell() { return linear_index() >> TEAM_LOG2; }
float team_sum(vec4 v)
{
    uint lane = gl_LocalInvocationID.x;
    barrier(); // the values may still be read from an earlier call
    team_values[lane] = sum_of(v);
    for (uint half_team = TEAM / 2u; half_team > 0u; half_team /= 2u) {
        barrier();
        if (team_lane() < half_team) team_values[lane] += team_values[lane + half_team];
    }
    barrier();
    return team_values[lane - team_lane()];
}
float team_largest(vec4 v)
{
    uint lane = gl_LocalInvocationID.x;
    barrier();
    team_values[lane] = largest_of(v);
    for (uint half_team = TEAM / 2u; half_team > 0u; half_team /= 2u) {
        barrier();
        if (team_lane() < half_team) team_values[lane] = max(team_values[lane], team_values[lane + half_team]);
    }
    barrier();
    return team_values[lane - team_lane()];
}
#endif
#define TEAM_BEGIN \
    bool live = team_cell() < cells; \
    uint cell = min(team_cell(), cells - 1u), at_first = cell * groups
#define FOR_TEAM(k) for (uint k = team_lane(); k < groups; k += TEAM)
// v with the components that are padding channels replaced by `value`.
vec4 fill_padding(vec4 v, uint group, uint c, float value)
{
    uint at = group * 4u;
    return vec4(v.x, at + 1u < c ? v.y : value, at + 2u < c ? v.z : value, at + 3u < c ? v.w : value);
}
