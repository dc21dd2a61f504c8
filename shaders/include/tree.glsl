// Sum over a workgroup of 64 lanes in a fixed order, through shared memory (class simt only). Every lane must call it.
shared vec4 tree_cells[64];

vec4 tree_sum(vec4 v)
{
    uint lane = gl_LocalInvocationID.x;
    barrier(); // the cells may still be read from an earlier call
    tree_cells[lane] = v;
    for (uint half_count = 32u; half_count > 0u; half_count /= 2u) {
        barrier();
        if (lane < half_count) tree_cells[lane] += tree_cells[lane + half_count];
    }
    barrier();
    return tree_cells[0];
}
