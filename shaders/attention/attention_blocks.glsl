// Attention by blocks of 32 queries and 32 keys in shared memory (class simt). A workgroup of 64 threads is 8 x 8:
// thread (tx, ty) has the products of rows ty + 8i with columns tx + 8j of a block, and of what it accumulates the rows
// ty + 8i and the vec4 columns tx + 8c. Host: src/ops/attention/blocks.c
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HEAD_GROUPS = 16u; // vec4 of one head's channels
layout(constant_id = 1) const uint TILE = 544u;       // BLOCK * STRIDE
layout(constant_id = 2) const uint HAS_MASK = 0u;
layout(constant_id = 3) const uint COLUMNS = 2u; // ceil(HEAD_GROUPS / 8)
const uint BLOCK = 32u, STRIDE = HEAD_GROUPS + 1u; // one more spreads the banks
const uint WEIGHT_STRIDE = 9u;
shared vec4 weights[288]; // [row][column / 4] of a block of softmax weights or of their gradients
layout(push_constant) uniform Push { uint n, m, heads; float scale; };
#define TX (gl_LocalInvocationID.x % 8u)
#define TY (gl_LocalInvocationID.x / 8u)
#define BATCH (gl_WorkGroupID.y / heads)
#define HEAD (gl_WorkGroupID.y % heads)

// Index of a head's first vec4 at point `row` of `count` points.
uint place_of(uint row, uint count)
{
    return ((BATCH * count + row) * heads + HEAD) * HEAD_GROUPS;
}
// Component i of a vec4, without a dynamic index, which one CPU driver's compiler takes without end in these kernels.
float component(vec4 v, uint i)
{
    return i == 0u ? v.x : i == 1u ? v.y : i == 2u ? v.z : v.w;
}
// Whether point `at` of `count` exists and, with a mask [B,1,1,count], counts.
#define POINT_KEPT(mask, at, count, masked) \
    (at < count && \
     (!(masked) || component(LOAD(mask, BATCH * ((count + 3u) / 4u) + min(at, count - 1u) / 4u), at % 4u) > 0.5))
// tile [BLOCK][STRIDE] = rows first.. of a tensor of `count` points, zero past the end.
#define FILL_TILE(tile, tensor, first, count) \
    for (uint i_ = gl_LocalInvocationID.x; i_ < BLOCK * HEAD_GROUPS; i_ += 64u) { \
        uint r_ = i_ / HEAD_GROUPS, g_ = i_ % HEAD_GROUPS; \
        vec4 v_ = vec4(0.0); \
        if (first + r_ < count) v_ = LOAD(tensor, place_of(first + r_, count) + g_); \
        tile[r_ * STRIDE + g_] = v_; \
    }
// s[i][j] = product of row ty + 8i of tile a with row tx + 8j of tile b.
#define BLOCK_PRODUCT(s, a, b) \
    [[unroll]] for (int i = 0; i < 4; i++) [[unroll]] for (int j = 0; j < 4; j++) s[i][j] = 0.0; \
    for (uint g_ = 0u; g_ < HEAD_GROUPS; g_++) { \
        vec4 a_[4], b_[4]; \
        [[unroll]] for (int i = 0; i < 4; i++) { \
            a_[i] = a[(TY + 8u * uint(i)) * STRIDE + g_]; \
            b_[i] = b[(TX + 8u * uint(i)) * STRIDE + g_]; \
        } \
        [[unroll]] for (int i = 0; i < 4; i++) \
            [[unroll]] for (int j = 0; j < 4; j++) s[i][j] += dot(a_[i], b_[j]); \
    }
// sum[i][c] += product of row ty + 8i of the weights with column tx + 8c of a tile.
#define ACCUMULATE(sum, tile) \
    for (uint k_ = 0u; k_ < BLOCK / 4u; k_++) { \
        vec4 w_[4]; \
        [[unroll]] for (int i = 0; i < 4; i++) w_[i] = weights[(TY + 8u * uint(i)) * WEIGHT_STRIDE + k_]; \
        [[unroll]] for (int j = 0; j < 4; j++) \
            [[unroll]] for (int c = 0; c < COLUMNS; c++) { \
                vec4 v_ = tile[(k_ * 4u + uint(j)) * STRIDE + min(TX + 8u * uint(c), HEAD_GROUPS - 1u)]; \
                [[unroll]] for (int i = 0; i < 4; i++) sum[i][c] += w_[i][j] * v_; \
            } \
    }
#define SET_WEIGHT(i, j, v) weights[(TY + 8u * uint(i)) * WEIGHT_STRIDE + (TX + 8u * uint(j)) / 4u][TX % 4u] = v
#define CLEAR(sum) \
    [[unroll]] for (int i = 0; i < 4; i++) [[unroll]] for (int c = 0; c < COLUMNS; c++) sum[i][c] = vec4(0.0)
// Rows first + ty + 8i of a tensor of `count` points from sum * factor[i].
#define STORE_ROWS(tensor, first, count, sum, factor) \
    [[unroll]] for (int i = 0; i < 4; i++) \
        [[unroll]] for (int c = 0; c < COLUMNS; c++) { \
            uint r_ = first + TY + 8u * uint(i), g_ = TX + 8u * uint(c); \
            if (r_ < count && g_ < HEAD_GROUPS) STORE(tensor, place_of(r_, count) + g_, sum[i][c] * factor); \
        }
