/* Linked into the program and every test of a sanitizer build: libraries stay loaded until the end, so that the leak
 * checker can say whose leak it is and tests/lsan.supp can leave those of the Vulkan driver out. Without this, their
 * frames have no module. */
#include <dlfcn.h>

int dlclose(void *library)
{
    (void)library;
    return 0;
}
