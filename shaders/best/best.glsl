// The largest and the second largest of numbers, four columns of them side by side, and where the largest is; ties: the
// lowest index. What is not above BEST_NONE (NaN too) counts as absent.
const float BEST_NONE = -3e38;

struct Best {
    vec4 most, second, index;
};

Best best_none()
{
    return Best(vec4(BEST_NONE), vec4(BEST_NONE), vec4(-1.0));
}

// v, whose indices are higher than all that b has seen in the same column; those from `limit` on are absent.
void offer(inout Best b, vec4 v, vec4 index, float limit)
{
    v = mix(vec4(BEST_NONE), v, greaterThan(v, vec4(BEST_NONE)));
    v = mix(vec4(BEST_NONE), v, lessThan(index, vec4(limit)));
    bvec4 more = greaterThan(v, b.most);
    b.second = mix(max(b.second, v), b.most, more);
    b.index = mix(b.index, index, more);
    b.most = mix(b.most, v, more);
}

// The other has higher indices than all that b has seen in the same column.
void merge(inout Best b, vec4 most, vec4 second, vec4 index)
{
    bvec4 more = greaterThan(most, b.most);
    b.second = mix(max(b.second, most), max(b.most, second), more);
    b.index = mix(b.index, index, more);
    b.most = mix(b.most, most, more);
}
