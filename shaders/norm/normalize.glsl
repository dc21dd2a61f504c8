// What the kernels of shaders/norm share: per-channel values of one lane, loaded once for all of its rows.
layout(constant_id = 2) const uint ACTIVATION = 0u;
layout(constant_id = 3) const uint HAS_GAMMA = 0u;
layout(constant_id = 4) const uint HAS_BETA = 0u;
// Columns of one lane, 2^COLUMNS_LOG2 apart: so that in class texel a vector of lanes walks through memory row by row,
// although each of its lanes keeps the values of several channels.
layout(constant_id = 6) const uint COLUMN_STEPS = 1u;
uint channel_column(uint k)
{
    return ((gl_WorkGroupID.x * COLUMN_STEPS + k) << COLUMNS_LOG2) +
           (gl_LocalInvocationID.x & ((1u << COLUMNS_LOG2) - 1u));
}

struct Channel {
    vec4 mean, inverse, gamma, beta; // inverse: 1 / sqrt(variance + eps)
};
#define LOAD_CHANNEL(ch, at, column, eps) \
    ch.mean = LOAD(mean, at); \
    ch.inverse = 1.0 / sqrt(LOAD(variance, at) + eps); \
    ch.gamma = vec4(1.0); \
    ch.beta = vec4(0.0); \
    if (HAS_GAMMA != 0u) ch.gamma = LOAD(gamma, column); \
    if (HAS_BETA != 0u) ch.beta = LOAD(beta, column)
