// What a kernel still does with its result before it stores it: a function, a second tensor added, a function. The host
// side is src/ops/product/epilogue.h. A kernel declares EPILOGUE(binding) beside its tensors and stores epilogue(v, i)
// at i.
layout(constant_id = 21) const uint EPILOGUE_FIRST = 0u; // 0: none, 1 relu, 2 hard-swish, 3 hard-sigmoid, 4 sigmoid
layout(constant_id = 22) const uint EPILOGUE_RESIDUAL = 0u;
layout(constant_id = 23) const uint EPILOGUE_LAST = 0u;

vec4 epilogue_function(vec4 v, uint kind)
{
    switch (kind) {
    case 1u: return max(v, 0.0);
    case 2u: return v * (clamp(v + 3.0, 0.0, 6.0) * (1.0 / 6.0));
    case 3u: return clamp(v + 3.0, 0.0, 6.0) * (1.0 / 6.0);
    case 4u: return 1.0 / (1.0 + exp(-v));
    default: return v;
    }
}

#define EPILOGUE(slot) \
    INPUT(slot, residual); \
    vec4 epilogue(vec4 v, int i) \
    { \
        v = epilogue_function(v, EPILOGUE_FIRST); \
        if (EPILOGUE_RESIDUAL != 0u) v += LOAD(residual, i); \
        return epilogue_function(v, EPILOGUE_LAST); \
    } \
    const uint residual_binding_of = slot
