// The next digit of the k-th best key: the largest j that at least `k` pixels reach.
uint digit_of(vec4 counts[4], float k)
{
    uint digit = 0u;
    for (uint j = 1u; j < 16u; j++)
        if (counts[j / 4u][j % 4u] >= k) digit = j;
    return digit;
}
