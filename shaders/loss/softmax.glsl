// Softmax statistics over the channels of one cell. To be included after INPUT(..., x) and a push block with
// `groups` and `channels`; `scale` multiplies the logits (1 / temperature).

// v with the components that are padding channels replaced by `value`.
vec4 fill_padding(vec4 v, uint group, uint c, float value)
{
    uint first = group * 4u;
    return vec4(v.x, first + 1u < c ? v.y : value, first + 2u < c ? v.z : value, first + 3u < c ? v.w : value);
}

float largest_of(vec4 v) { return max(max(v.x, v.y), max(v.z, v.w)); }
float sum_of(vec4 v) { return (v.x + v.y) + (v.z + v.w); }

// Returns (largest scaled logit, sum of exp(scaled logit - largest)).
vec2 softmax_statistics(uint first, float scale)
{
    float largest = -3.4e38;
    for (uint k = 0u; k < groups; k++)
        largest = max(largest, largest_of(fill_padding(LOAD(x, first + k) * scale, k, channels, -3.4e38)));
    float sum = 0.0;
    for (uint k = 0u; k < groups; k++)
        sum += sum_of(zero_padding(exp(LOAD(x, first + k) * scale - largest), k, channels));
    return vec2(largest, sum);
}
