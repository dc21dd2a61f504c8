#ifndef CAIRN_CLI_OPEN_DEVICE_H
#define CAIRN_CLI_OPEN_DEVICE_H
#include "base/settings.h"
#include "gpu/gpu.h"

/* Row of the option --device for a struct with a field `device`. */
#define CAIRN_CLI_DEVICE_ROW(type)                                                                                     \
    CAIRN_SETTING_TEXT_ROW(type, device, "", "index, UUID or part of the name, see cairn devices")

/* The device of the option ("": the best). The caller destroys it. */
cairn_status cairn_cli_open_device(cairn_gpu **gpu, const char *device);
#endif
