// Access to tensors: the same names whether a tensor is a texel buffer (class texel, CPU drivers) or a storage buffer
// (class simt). The build compiles <name>.comp once for each class, <name>.texel.comp and <name>.simt.comp for one.
//
//   INPUT(0, x)            a tensor that is read                       vec4 LOAD(x, i)
//   OUTPUT(1, y)           a tensor that is written                    STORE(y, i, v)
//   UPDATE(2, p)           read and written by the same invocation     vec4 LOAD_UPDATE(p, i), STORE(p, i, v)
//
// Indices count vec4 elements from the start of the tensor's window and must lie inside it.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#ifdef CAIRN_TEXEL
#define INPUT(slot, name) layout(set = 0, binding = slot) uniform samplerBuffer name##_tensor
#define OUTPUT(slot, name) layout(set = 0, binding = slot, rgba32f) uniform writeonly imageBuffer name##_tensor
#define UPDATE(slot, name) layout(set = 0, binding = slot, rgba32f) uniform imageBuffer name##_tensor
#define LOAD(name, i) texelFetch(name##_tensor, int(i))
#define LOAD_UPDATE(name, i) imageLoad(name##_tensor, int(i))
#define STORE(name, i, v) imageStore(name##_tensor, int(i), v)
#else
#define INPUT(slot, name) \
    layout(set = 0, binding = slot, std430) readonly buffer name##_block { vec4 name##_tensor[]; }
#define OUTPUT(slot, name) \
    layout(set = 0, binding = slot, std430) writeonly buffer name##_block { vec4 name##_tensor[]; }
#define UPDATE(slot, name) layout(set = 0, binding = slot, std430) buffer name##_block { vec4 name##_tensor[]; }
#define LOAD(name, i) name##_tensor[i]
#define LOAD_UPDATE(name, i) name##_tensor[i]
#define STORE(name, i, v) name##_tensor[i] = v
#endif

// A kernel whose threads are one linear range starts with LINEAR_KERNEL and takes its number from linear_index(); the
// host spreads the range with cairn_lower_linear.
const uint LINEAR_WIDTH = 65536u; // threads in x before y is used: a multiple of every local size
#ifdef CAIRN_TEXEL
#define LINEAR_KERNEL layout(local_size_x = 64) in
#else
#define LINEAR_KERNEL layout(local_size_x = 64) in
#endif
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
