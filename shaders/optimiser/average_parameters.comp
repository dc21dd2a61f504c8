#version 450
// average_parameters.comp: exponential moving average of all parameters.
// computes  average += share * (p - average)
// bindings  0 average read, write | 1 p read | 2 table | 3 scalars | 4 control
// dispatch  64 lanes for each row of the table          host: src/ops/optimiser/update.c
//                                                       reference: src/reference/optimiser/optimiser.c
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
UPDATE(0, average);
INPUT(1, p);
INPUT(2, table);
INPUT(3, scalars);
INPUT(4, control);
#include "parameters.glsl"

void main()
{
    vec4 s2 = LOAD(scalars, 2);
    if (LOAD(control, 0).y != 0.0 || s2.y == 0.0) return;
    Chunk chunk = chunk_of(gl_WorkGroupID.x);
    FOR_CHUNK(i, chunk) {
        vec4 old = LOAD_UPDATE(average, i);
        STORE(average, i, old + s2.z * (LOAD(p, i) - old));
    }
}
