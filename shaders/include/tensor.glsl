// Access to tensors: the same names whether a tensor is a texel buffer (class texel, CPU drivers) or a storage buffer
// (class simt). The build compiles <name>.comp once for each class, <name>.texel.comp and <name>.simt.comp for one.
//
//   INPUT(0, x)            a tensor that is read                       vec4 LOAD(x, i)
//   OUTPUT(1, y)           a tensor that is written                    STORE(y, i, v)
//   UPDATE(2, p)           read and written by the same invocation     vec4 LOAD_UPDATE(p, i), STORE(p, i, v)
//   OUTPUT_PAIRS(1, y)     class texel: an even number of vec4, fp32,  STORE_PAIR(y, i, a, b): elements 2i and 2i+1
//                          written by twos, which costs less (winograd/convolve.texel.comp)
//
// Indices count vec4 elements from the start of the tensor's window and must lie inside it.
//
// Class texel reads through texel buffers, because there a storage buffer's load is a loop over the lanes, and writes
// through storage buffers, because an image buffer's store costs about twice as much (relu of 8x120x160x64: 9.7 ms of
// processor time instead of 16.7).
//
// Every shader is compiled a second time with CAIRN_GENERAL, and src/gpu/kernel.c takes that variant where a tensor
// needs it. In it a tensor behind INPUT or OUTPUT may be stored in fp16 (four halves an element); arithmetic stays fp32.
// The specialization constant HALF_MASK has its binding's bit set. In class texel the view's format converts, and stores
// go through image buffers, which may also be larger than storage buffers. In class simt the loads and stores convert.
// What UPDATE touches is always fp32.
//
// In class simt (and matrix) a third variant, with CAIRN_WIDE too, takes tensors beyond the device's range of a storage
// buffer: where WIDE_MASK has the binding's bit set, what is bound is not the tensor but its address, two words.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#ifdef CAIRN_GENERAL
layout(constant_id = 31) const uint HALF_MASK = 0u; // bit i: binding i holds fp16 (set by src/gpu/kernel.c)
#ifdef CAIRN_WIDE
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
layout(constant_id = 30) const uint WIDE_MASK = 0u; // bit i: binding i holds an address (set by src/gpu/kernel.c)
layout(buffer_reference, std430, buffer_reference_align = 16) buffer wide_vectors { vec4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) buffer wide_halves { uvec2 at[]; };
#endif

// To the nearest half, ties to even; beyond 65504 to infinity, NaN to NaN. Drivers may truncate when they convert, which
// biases sums and hides overflow from the loss scale. So values are rounded first, and what is converted is exact.
vec4 round_to_half(vec4 v)
{
    uvec4 bits = floatBitsToUint(v), sign = bits & 0x80000000u;
    bits ^= sign;
    uvec4 normal = (bits + 0xfffu + (bits >> 13 & 1u)) & 0xffffe000u;
    precise vec4 small = uintBitsToFloat(bits) + 0.5; // 2^-24, the least half, is its last digit
    small -= 0.5;
    uvec4 special = mix(uvec4(0x7f800000u), uvec4(0x7fc00000u), greaterThan(bits, uvec4(0x7f800000u)));
    bits = mix(mix(normal, floatBitsToUint(small), lessThan(bits, uvec4(0x38800000u))), special,
               greaterThanEqual(bits, uvec4(0x477ff000u)));
    return uintBitsToFloat(bits | sign);
}
#endif

#ifdef CAIRN_TEXEL
#define INPUT(slot, name) layout(set = 0, binding = slot) uniform samplerBuffer name##_tensor
#define LOAD(name, i) texelFetch(name##_tensor, int(i))
#ifdef CAIRN_GENERAL
// The last line takes the semicolon of OUTPUT(1, y);
#define OUTPUT(slot, name) \
    layout(set = 0, binding = slot) uniform writeonly imageBuffer name##_tensor; \
    void name##_store(int i, vec4 v) \
    { \
        imageStore(name##_tensor, i, (HALF_MASK >> slot & 1u) == 0u ? v : round_to_half(v)); \
    } \
    const uint name##_binding = slot
#define UPDATE(slot, name) \
    layout(set = 0, binding = slot, rgba32f) uniform imageBuffer name##_tensor; \
    void name##_store(int i, vec4 v) \
    { \
        imageStore(name##_tensor, i, v); \
    } \
    const uint name##_binding = slot
#define LOAD_UPDATE(name, i) imageLoad(name##_tensor, int(i))
#define OUTPUT_PAIRS(slot, name) OUTPUT(slot, name)
#define STORE_PAIR(name, i, a, b) name##_store(2 * int(i), a), name##_store(2 * int(i) + 1, b)
#define STORE(name, i, v) name##_store(int(i), v)
#else
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
u64vec2 tensor_bits(vec4 v)
{
    return u64vec2(packUint2x32(floatBitsToUint(v.xy)), packUint2x32(floatBitsToUint(v.zw)));
}
vec4 tensor_value(u64vec2 bits)
{
    return vec4(uintBitsToFloat(unpackUint2x32(bits.x)), uintBitsToFloat(unpackUint2x32(bits.y)));
}
#define OUTPUT(slot, name) \
    layout(set = 0, binding = slot, std430) writeonly buffer name##_block { u64vec2 name##_tensor[]; }
#define UPDATE(slot, name) layout(set = 0, binding = slot, std430) buffer name##_block { u64vec2 name##_tensor[]; }
#define LOAD_UPDATE(name, i) tensor_value(name##_tensor[i])
#define OUTPUT_PAIRS(slot, name) \
    layout(set = 0, binding = slot, std430) writeonly buffer name##_block { u64vec4 name##_tensor[]; }
#define STORE_PAIR(name, i, a, b) name##_tensor[i] = u64vec4(tensor_bits(a), tensor_bits(b))
#define STORE(name, i, v) name##_tensor[i] = tensor_bits(v)
#endif
#elif !defined CAIRN_GENERAL
#define INPUT(slot, name) \
    layout(set = 0, binding = slot, std430) readonly buffer name##_block { vec4 name##_tensor[]; }
#define OUTPUT(slot, name) \
    layout(set = 0, binding = slot, std430) writeonly buffer name##_block { vec4 name##_tensor[]; }
#define UPDATE(slot, name) layout(set = 0, binding = slot, std430) buffer name##_block { vec4 name##_tensor[]; }
#define LOAD(name, i) name##_tensor[i]
#define LOAD_UPDATE(name, i) name##_tensor[i]
#define STORE(name, i, v) name##_tensor[i] = v
#elif defined CAIRN_WIDE
#define INPUT(slot, name) \
    layout(set = 0, binding = slot, std430) readonly buffer name##_block { vec4 name##_tensor[]; }; \
    layout(set = 0, binding = slot, std430) readonly buffer name##_half_block { uvec2 name##_half[]; }; \
    vec4 name##_load(uint i) \
    { \
        bool wide = (WIDE_MASK >> slot & 1u) != 0u; \
        if ((HALF_MASK >> slot & 1u) == 0u) { \
            if (wide) return wide_vectors(name##_half[0]).at[i]; \
            return name##_tensor[i]; \
        } \
        uvec2 h; \
        if (wide) h = wide_halves(name##_half[0]).at[i]; \
        else h = name##_half[i]; \
        return vec4(unpackHalf2x16(h.x), unpackHalf2x16(h.y)); \
    } \
    const uint name##_binding = slot
#define OUTPUT(slot, name) \
    layout(set = 0, binding = slot, std430) buffer name##_block { vec4 name##_tensor[]; }; \
    layout(set = 0, binding = slot, std430) buffer name##_half_block { uvec2 name##_half[]; }; \
    void name##_store(uint i, vec4 v) \
    { \
        bool wide = (WIDE_MASK >> slot & 1u) != 0u; \
        if ((HALF_MASK >> slot & 1u) == 0u) { \
            if (wide) wide_vectors(name##_half[0]).at[i] = v; \
            else name##_tensor[i] = v; \
        } else { \
            vec4 rounded = round_to_half(v); \
            uvec2 h = uvec2(packHalf2x16(rounded.xy), packHalf2x16(rounded.zw)); \
            if (wide) wide_halves(name##_half[0]).at[i] = h; \
            else name##_half[i] = h; \
        } \
    } \
    const uint name##_binding = slot
// One declaration, since a second one would say that fp16 is possible.
#define UPDATE(slot, name) \
    layout(set = 0, binding = slot, std430) buffer name##_block { uvec4 name##_tensor[]; }; \
    vec4 name##_load_update(uint i) \
    { \
        if ((WIDE_MASK >> slot & 1u) == 0u) return uintBitsToFloat(name##_tensor[i]); \
        return wide_vectors(name##_tensor[0].xy).at[i]; \
    } \
    void name##_store(uint i, vec4 v) \
    { \
        if ((WIDE_MASK >> slot & 1u) == 0u) name##_tensor[i] = floatBitsToUint(v); \
        else wide_vectors(name##_tensor[0].xy).at[i] = v; \
    } \
    const uint name##_binding = slot
#define LOAD(name, i) name##_load(uint(i))
#define LOAD_UPDATE(name, i) name##_load_update(uint(i))
#define STORE(name, i, v) name##_store(uint(i), v)
#else
// Both declarations name one buffer; the constant decides which of them the driver keeps. The last line takes the
// semicolon of INPUT(0, x);
#define INPUT(slot, name) \
    layout(set = 0, binding = slot, std430) readonly buffer name##_block { vec4 name##_tensor[]; }; \
    layout(set = 0, binding = slot, std430) readonly buffer name##_half_block { uvec2 name##_half[]; }; \
    vec4 name##_load(uint i) \
    { \
        if ((HALF_MASK >> slot & 1u) == 0u) return name##_tensor[i]; \
        uvec2 h = name##_half[i]; \
        return vec4(unpackHalf2x16(h.x), unpackHalf2x16(h.y)); \
    } \
    const uint name##_binding = slot
#define OUTPUT(slot, name) \
    layout(set = 0, binding = slot, std430) writeonly buffer name##_block { vec4 name##_tensor[]; }; \
    layout(set = 0, binding = slot, std430) writeonly buffer name##_half_block { uvec2 name##_half[]; }; \
    void name##_store(uint i, vec4 v) \
    { \
        if ((HALF_MASK >> slot & 1u) == 0u) { \
            name##_tensor[i] = v; \
        } else { \
            vec4 rounded = round_to_half(v); \
            name##_half[i] = uvec2(packHalf2x16(rounded.xy), packHalf2x16(rounded.zw)); \
        } \
    } \
    const uint name##_binding = slot
#define UPDATE(slot, name) \
    layout(set = 0, binding = slot, std430) buffer name##_block { vec4 name##_tensor[]; }; \
    void name##_store(uint i, vec4 v) \
    { \
        name##_tensor[i] = v; \
    } \
    const uint name##_binding = slot
#define LOAD(name, i) name##_load(uint(i))
#define LOAD_UPDATE(name, i) name##_tensor[i]
#define STORE(name, i, v) name##_store(uint(i), v)
#endif

// A kernel whose threads are one linear range starts with LINEAR_KERNEL and takes its number from linear_index(); the
// host spreads the range with cairn_lower_linear.
const uint LINEAR_WIDTH = 65536u; // threads in x before y is used: a multiple of every local size
#define LINEAR_KERNEL layout(local_size_x = 64) in
uint linear_index()
{
    return gl_GlobalInvocationID.y * LINEAR_WIDTH + gl_GlobalInvocationID.x;
}

// v with the components that are padding channels (channel >= c) set to zero; group is the vec4's channel group.
vec4 zero_padding(vec4 v, uint group, uint c)
{
    uint first = group * 4u;
    return vec4(v.x, first + 1u < c ? v.y : 0.0, first + 2u < c ? v.z : 0.0, first + 3u < c ? v.w : 0.0);
}
