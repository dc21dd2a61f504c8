#version 450
// accumulate.comp: sums the gradients of a step's passes.
// computes  sum = (first pass ? 0 : sum) + grad
// bindings  0 sum read, write | 1 grad read | 2 table | 3 scalars
// dispatch  64 lanes for each row of the table          host: src/ops/optimiser/update.c
//                                                       reference: src/reference/optimiser/optimiser.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
UPDATE(0, sum);
INPUT(1, grad);
INPUT(2, table);
INPUT(3, scalars);
#include "parameters.glsl"

void main()
{
    bool first = LOAD(scalars, 2).x != 0.0;
    Chunk chunk = chunk_of(gl_WorkGroupID.x);
    FOR_CHUNK(i, chunk) {
        vec4 x = LOAD(grad, i);
        if (!first) x += LOAD_UPDATE(sum, i); /* not 0 * sum: an infinite sum of the step before must not stay */
        STORE(sum, i, x);
    }
}
