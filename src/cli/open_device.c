#include "cli/open_device.h"

#include "reference/self_test.h"

cairn_status cairn_cli_open_device(cairn_gpu **gpu, const char *device)
{
    cairn_gpu_options options = CAIRN_GPU_OPTIONS_INIT;
    options.device = device[0] ? device : NULL;
    return cairn_self_test_open(gpu, &options);
}
