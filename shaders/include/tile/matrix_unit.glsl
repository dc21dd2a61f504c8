// Cooperative matrices of a subgroup: fp16 factors from shared memory, fp32 sums. Three forms of the same source:
//   (default)               GL_NV_cooperative_matrix; the build rewrites the result to SPV_KHR_cooperative_matrix as
//                           well (src/gpu/matrix/spirv_khr.h). The KHR type says whether a matrix is A, B or C of a
//                           product; the rewriter tells it from the sizes' constants, which is why each has its own
//                           pair.
//   CAIRN_MATRIX_EMULATED   plain GLSL, for tests only: for devices without matrices, so that all that surrounds them
//                           can be tested there: factors are read from shared memory when they are multiplied, sums are
//                           spread over SUBGROUP consecutive threads
//
// The includer declares `shared uvec4 area[]` and SUBGROUP. at and stride count uvec4s, which hold 8 factors or 4 sums;
// a stride is between rows, or between columns where `columns` is true.
layout(constant_id = 101) const int A_ROWS = 16; // m
layout(constant_id = 102) const int A_COLUMNS = 16; // k
layout(constant_id = 103) const int B_ROWS = 16; // k
layout(constant_id = 104) const int B_COLUMNS = 16; // n
layout(constant_id = 105) const int C_ROWS = 16; // m
layout(constant_id = 106) const int C_COLUMNS = 16; // n

#ifndef CAIRN_MATRIX_EMULATED
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_NV_cooperative_matrix : require
#extension GL_KHR_shader_subgroup_basic : require

#define MATRIX_A fcoopmatNV<16, gl_ScopeSubgroup, A_ROWS, A_COLUMNS>
#define MATRIX_B fcoopmatNV<16, gl_ScopeSubgroup, B_ROWS, B_COLUMNS>
#define MATRIX_C fcoopmatNV<32, gl_ScopeSubgroup, C_ROWS, C_COLUMNS>
#define MATRIX_ZERO(c) c = MATRIX_C(0.0)
#define MATRIX_LOAD(m, at, stride, columns) coopMatLoadNV(m, area, uint(at), uint(stride), columns)
#define MATRIX_MULTIPLY(c, a, b) c = coopMatMulAddNV(a, b, c)
#define MATRIX_STORE(c, at, stride) coopMatStoreNV(c, area, uint(at), uint(stride), false)
#define MATRIX_UNROLL [[unroll]]
int subgroup_number() { return int(gl_SubgroupID); }
int subgroup_lane() { return int(gl_SubgroupInvocationID); }
#else

const int C_PARTS = C_ROWS * C_COLUMNS / SUBGROUP;
struct factor {
    int at, stride;
    bool columns;
};
struct sums {
    float parts[C_PARTS];
};
int subgroup_number() { return int(gl_LocalInvocationID.x) / SUBGROUP; }
int subgroup_lane() { return int(gl_LocalInvocationID.x) % SUBGROUP; }

float factor_at(factor f, int row, int column)
{
    int i = f.columns ? column * f.stride * 8 + row : row * f.stride * 8 + column;
    return unpackHalf2x16(area[f.at + i / 8][i % 8 / 2])[i % 2];
}

// Few loops that stay loops: lavapipe ends all of an invocation's after 65535 rounds in total, without a word.
void sums_add(inout sums c, factor a, factor b)
{
    [[dont_unroll]] for (int q = 0; q < C_PARTS; ++q) {
        int e = subgroup_lane() + q * SUBGROUP;
        [[unroll]] for (int k = 0; k < A_COLUMNS; ++k)
            c.parts[q] += factor_at(a, e / C_COLUMNS, k) * factor_at(b, k, e % C_COLUMNS);
    }
}

void sums_store(sums c, int at, int stride)
{
    [[dont_unroll]] for (int q = 0; q < C_PARTS; ++q) {
        int e = subgroup_lane() + q * SUBGROUP, column = e % C_COLUMNS;
        area[at + e / C_COLUMNS * stride + column / 4][column % 4] = floatBitsToUint(c.parts[q]);
    }
}

#define MATRIX_UNROLL [[dont_unroll]] // it would take minutes to compile
#define MATRIX_A factor
#define MATRIX_B factor
#define MATRIX_C sums
#define MATRIX_ZERO(c) [[dont_unroll]] for (int q = 0; q < C_PARTS; ++q) c.parts[q] = 0.0
#define MATRIX_LOAD(m, at, stride, columns) m = factor(at, stride, columns)
#define MATRIX_MULTIPLY(c, a, b) sums_add(c, a, b)
#define MATRIX_STORE(c, at, stride) sums_store(c, at, stride)
#endif
