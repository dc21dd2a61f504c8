// Joins of parameters (src/ops/optimiser/optimiser.h): a workgroup of 64 lanes takes one row of the table, at most 256
// vec4, and a lane up to four of them, 64 apart. To be included after INPUT(..., table).
layout(local_size_x = 64) in;

struct Chunk {
    uint first, count;
    float lr, decay;
};
Chunk chunk_of(uint row)
{
    vec4 t = LOAD(table, row);
    return Chunk(uint(t.x), uint(t.y), t.z, t.w);
}
#define FOR_CHUNK(i, chunk) \
    for (uint i = chunk.first + gl_LocalInvocationID.x; i < chunk.first + chunk.count; i += 64u)
