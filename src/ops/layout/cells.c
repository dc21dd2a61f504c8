#include "ops/layout/cells.h"

cairn_status cairn_cells_call(cairn_lowering *l, cairn_kernel_call *call, int64_t cells, int groups)
{
    uint32_t log2 = 0;
    /* on a GPU neighbouring lanes share a cell, so that what they read lies together; two vec4 for each at least */
    if (cairn_lower_class(l) != CAIRN_CLASS_TEXEL)
        while (log2 < 6 && groups >= 4 << log2) log2++;
    call->constants[0] = log2;
    if (call->constant_count < 1) call->constant_count = 1;
    if (call->push_count < 2) call->push_count = 2;
    call->push[0] = (uint32_t)cells;
    call->push[1] = (uint32_t)groups;
    cairn_lower_linear(call, cells << log2);
    return cairn_lower_call(l, call);
}
