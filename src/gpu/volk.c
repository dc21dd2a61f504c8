/* The Vulkan loader's functions, found at run time: volk ships as headers that one file turns into code. */
#define VOLK_IMPLEMENTATION
#include <volk.h>
