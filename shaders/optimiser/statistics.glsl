// {sum over the four components, 1 if it is not finite, 0, 0}, by the bits: a driver may assume that no NaN exists.
vec4 statistics_of(vec4 sums)
{
    float sum = (sums.x + sums.y) + (sums.z + sums.w);
    bool finite = (floatBitsToUint(sum) & 0x7f800000u) != 0x7f800000u;
    return vec4(sum, finite ? 0.0 : 1.0, 0.0, 0.0);
}
