// The largest and the second largest of numbers that come in order, and where the largest is; ties: the first. What is
// not above BEST_NONE (NaN too) counts as absent.
const float BEST_NONE = -3e38;

struct Best {
    float most, second, index;
};

void offer(inout Best b, float v, float index)
{
    if (!(v > BEST_NONE)) v = BEST_NONE;
    bool more = v > b.most;
    b.second = more ? b.most : max(b.second, v);
    b.index = more ? index : b.index;
    b.most = more ? v : b.most;
}

// `later` comes behind all that b has seen.
void merge(inout Best b, Best later)
{
    bool more = later.most > b.most;
    b.second = more ? max(b.most, later.second) : max(b.second, later.most);
    b.index = more ? later.index : b.index;
    b.most = more ? later.most : b.most;
}
