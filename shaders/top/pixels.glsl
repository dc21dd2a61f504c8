// The pixels of one segment (top.glsl), after INPUT(..., scores) and the push block.
// 0 where the pixel is no candidate
uint key_of(float score, uint at)
{
    uint x = at % w, y = at / w;
    bool inside = x >= border && x + border < w && y >= border && y + border < h;
    return inside && score > threshold ? order_of(score) : 0u;
}
#define FOR_SEGMENT(at, segment) \
    for (uint at = segment % segments * SEGMENT, end_##at = min(at + SEGMENT, h * w); at < end_##at; at++)
#define SCORE(segment, at) LOAD(scores, segment / segments * (h * w) + at).x
