// The loss scale's state (src/ops/optimiser/loss_scale.h): (log2 of the scale less 16, steps since it changed, steps
// left out, 0).

// 2^n for whole n, exactly, which exp2 need not give.
float power_of_two(float n)
{
    return uintBitsToFloat(uint(127 + int(n)) << 23);
}
