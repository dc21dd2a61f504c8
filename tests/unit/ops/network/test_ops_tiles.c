/* Every tile of the matrix product's kernels, by force, on shapes around the edges of tiles and slices: convolution,
 * its gradients and the plain product; class matrix by emulation where the device has no matrices. Which tile a shape
 * gets by itself does not matter here. */
#include "support/device/product_case.h"

enum { VARIANTS = 6 /* at least as many as src/ops/product/tile.c has for a class; more wrap round */ };

static const op_case_spec specs[] = {
    CONV_CASE("one channel, more pixels than a tile", 1, 13, 11, 1, 5, 3, 1, 0, true),
    CONV_CASE("3 to 65, two images", 2, 7, 5, 3, 65, 3, 1, 0, true),
    CONV_CASE("20 to 36, stride 2, odd", 1, 9, 7, 20, 36, 3, 2, 0, true),
    CONV_CASE("17 to 9, stride 2, even, no padding", 2, 8, 6, 17, 9, 3, 2, CAIRN_PAD_NONE, false),
    CONV_CASE("5x5, stride 2", 1, 7, 10, 6, 7, 5, 2, 0, true),
    CONV_CASE("5x5, stride 2, padding 4", 1, 4, 3, 2, 3, 5, 2, 4, true),
    CONV_CASE("3x3, narrower than the kernel", 1, 1, 2, 9, 4, 3, 1, 2, false),
    CONV_CASE("1x1, 68 to 33", 1, 5, 14, 68, 33, 1, 1, 0, true),
    CONV_CASE("1x1, stride 2", 3, 5, 4, 7, 12, 1, 2, 0, false),
    MATMUL_CASE("plain", 2, 35, 70, 41, false, false),
    MATMUL_CASE("a transposed", 1, 66, 33, 5, true, false),
    MATMUL_CASE("b transposed", 1, 5, 37, 131, false, true),
    MATMUL_CASE("both transposed", 2, 63, 17, 34, true, true),
};
enum { SPECS = sizeof specs / sizeof *specs };

/* One or two tiles for each case, other ones for its neighbour: compiling kernels is what takes the time. */
static void some_tiles(const op_case_spec *spec, int count)
{
    for (int i = 0; i < count; i++) {
        char number[8];
        snprintf(number, sizeof number, "%d", (int)(spec - specs + i * (VARIANTS / 2)) % VARIANTS);
        setenv("CAIRN_TILE", number, 1);
        op_case_run(spec);
    }
    unsetenv("CAIRN_TILE");
}

static void simt_tiles(void **state)
{
    setenv("CAIRN_KERNELS", "simt", 1);
    some_tiles(*state, 2);
}

static void matrix_tiles(void **state)
{
    setenv("CAIRN_KERNELS", "matrix", 1);
    some_tiles(*state, 1);
}

/* Factors rounded to fp16: off by some 2^-11 each, or 2^-10 where the driver rounds towards zero. */
static void rounded_tiles(void **state)
{
    op_case_spec rounded = *(const op_case_spec *)*state;
    rounded.nmse = 4e-6;
    rounded.tolerance = 4e-3;
    setenv("CAIRN_KERNELS", "matrix", 1);
    setenv("CAIRN_MATRIX_SPLIT", "0", 1);
    op_case_run(&rounded);
    unsetenv("CAIRN_MATRIX_SPLIT");
}

int main(void)
{
    static char names[SPECS][3][80];
    static void (*const runs[3])(void **) = {simt_tiles, matrix_tiles, rounded_tiles};
    static const char *const what[3] = {"simt", "matrix", "matrix, rounded"};
    struct CMUnitTest tests[3 * SPECS];
    int count = 0;
    for (int k = 0; k < 3; k++)
        for (int i = k == 1; i < SPECS; i += k == 0 ? 1 : 2 * k) { /* the emulation is slow */
            snprintf(names[i][k], sizeof names[i][k], "%s (%s)", specs[i].name, what[k]);
            tests[count++] = (struct CMUnitTest){names[i][k], runs[k], NULL, NULL, (void *)(uintptr_t)&specs[i]};
        }
    return op_case_main("tiles", NULL, 0, tests, count);
}
