#include "reference/self_test.h"

#include "system/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "gpu/inject.h"
#include "gpu/cache/tuning.h"
#include "graph/program.h"
#include "ops/conv/conv.h"
#include "ops/product/matrix.h"
#include "ops/reduce/reduce.h"
#include "reference/evaluate.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* fp32 kernels are off by some 1e-13; a lost row, a wrong tile or fp16 sums by far more. */
static const double most_nmse = 1e-10;
enum { OUTPUTS = 4, MOST_INPUTS = 8, MOST_VALUES = 16384 };

typedef struct test {
    cairn_graph *g;
    cairn_store *store;
    cairn_program *program;
    cairn_reference *reference;
    cairn_tid inputs[MOST_INPUTS], outputs[OUTPUTS];
    int input_count;
    float values[MOST_VALUES];
} test;

static cairn_tid input(test *t, const char *name, cairn_shape s)
{
    CAIRN_ASSERT(t->input_count < MOST_INPUTS && cairn_shape_count(s) <= MOST_VALUES);
    return t->inputs[t->input_count++] = cairn_graph_input(t->g, name, s);
}

/* Sizes that fill no tile of any kernel. Class texel computes the second convolution by Winograd's algorithm. */
static cairn_status build(test *t)
{
    cairn_status st;
    CAIRN_TRY(cairn_graph_create(&t->g));
    const cairn_conv_options window = {.kernel = 3, .stride = 1};
    cairn_tid x = input(t, "x", (cairn_shape){2, 11, 13, 7});
    cairn_tid weight = input(t, "weight", cairn_conv2d_weight_shape(3, 7, 21));
    cairn_tid bias = input(t, "bias", (cairn_shape){1, 1, 1, 21});
    cairn_tid wide_x = input(t, "wide_x", (cairn_shape){2, 15, 16, 21});
    cairn_tid wide_weight = input(t, "wide_weight", cairn_conv2d_weight_shape(3, 21, 24));
    cairn_tid a = input(t, "a", (cairn_shape){1, 1, 37, 45}), b = input(t, "b", (cairn_shape){1, 1, 45, 29});
    t->outputs[0] = cairn_op_conv2d(t->g, x, weight, bias, &window);
    t->outputs[1] = cairn_op_reduce_to(t->g, x, (cairn_shape){1, 1, 1, 7});
    t->outputs[2] = cairn_op_matmul(t->g, a, b, false, false);
    t->outputs[3] = cairn_op_conv2d(t->g, wide_x, wide_weight, CAIRN_NONE, &window);
    for (int i = 0; i < OUTPUTS; i++) cairn_graph_output(t->g, t->outputs[i], "out");
    st = cairn_graph_status(t->g);
done:
    return st;
}

static cairn_status fill(test *t)
{
    cairn_status st = CAIRN_OK;
    for (int i = 0; i < t->input_count; i++) {
        const int64_t count = cairn_shape_count(cairn_graph_shape(t->g, t->inputs[i]));
        double *reference = cairn_reference_values(t->reference, t->inputs[i]);
        cairn_rng rng = cairn_rng_stream(1, 0, 0, (uint32_t)i, 0);
        for (int64_t k = 0; k < count; k++) {
            t->values[k] = (float)cairn_rng_between(&rng, -1, 1);
            reference[k] = (double)t->values[k];
        }
        CAIRN_TRY(cairn_program_write(t->program, t->inputs[i], t->values));
    }
done:
    return st;
}

static cairn_status compare(test *t, cairn_gpu *gpu, int output)
{
    cairn_status st;
    const cairn_tensor *tensor = cairn_graph_tensor(t->g, t->outputs[output]);
    const char *op = cairn_graph_node(t->g, tensor->producer)->op->name;
    const int64_t count = cairn_shape_count(tensor->shape);
    const double *expected = cairn_reference_values(t->reference, t->outputs[output]);
    double error = 0, size = 0;
    CAIRN_ASSERT(count <= MOST_VALUES);
    CAIRN_TRY(cairn_program_read(t->program, t->outputs[output], t->values));
    if (output == 0 && cairn_inject(CAIRN_FAULT_SELF_TEST)) t->values[count / 2] += 0.01f;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)t->values[i] - expected[i];
        error += d * d;
        size += expected[i] * expected[i];
    }
    if (!(error <= most_nmse * size)) { /* or not a number */
        const cairn_gpu_info *info = cairn_gpu_get_info(gpu);
        st = cairn_error_set(CAIRN_E_DEVICE,
                             "'%.80s' with driver '%.80s' computes wrong results: %s is off by %.2g of its size "
                             "(allowed is %.0e): update the driver, choose another device (--device), or set "
                             "CAIRN_SELF_TEST=0 to use it all the same",
                             info->name, info->driver, op, sqrt(error / size), sqrt(most_nmse));
    }
done:
    return st;
}

cairn_status cairn_self_test(cairn_gpu *gpu)
{
    cairn_status st = CAIRN_OK;
    test *t = calloc(1, sizeof *t);
    if (!t) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the self-test");
    CAIRN_TRY(build(t));
    CAIRN_TRY(cairn_store_create(&t->store, gpu));
    CAIRN_TRY(cairn_reference_create(&t->reference, t->g));
    CAIRN_TRY(cairn_program_create(&t->program, gpu, t->g, t->store, NULL));
    CAIRN_TRY(fill(t));
    CAIRN_TRY(cairn_reference_run(t->reference));
    CAIRN_TRY(cairn_program_run(t->program));
    for (int i = 0; i < OUTPUTS; i++) CAIRN_TRY(compare(t, gpu, i));
done:
    cairn_program_destroy(&t->program);
    cairn_reference_destroy(&t->reference);
    cairn_store_destroy(&t->store);
    cairn_graph_destroy(&t->g);
    free(t);
    return st;
}

/* What the file of a device that passed holds; anything else in it means that it did not. */
static void write_passed(char *text, size_t size, const cairn_gpu *gpu)
{
    const cairn_gpu_info *info = cairn_gpu_get_info(gpu);
    const uint64_t shaders = cairn_gpu_family_hash(gpu, "conv") ^ cairn_gpu_family_hash(gpu, "reduce") * 3 ^
                             cairn_gpu_family_hash(gpu, "matrix") * 5 ^
                             cairn_gpu_family_hash(gpu, "winograd") * 7;
    snprintf(text, size, "cairn self-test 2\n%s\n%s\n%08x %s\nshaders %016" PRIx64 "\npassed\n", info->uuid, info->name,
             info->driver_version, info->driver, shaders);
}

static char *passed_path(const cairn_gpu *gpu, const char *folder)
{
    char name[80];
    const cairn_gpu_info *info = cairn_gpu_get_info(gpu);
    snprintf(name, sizeof name, "self-test-%s-%d.txt", info->uuid, (int)info->kernel_class);
    return cairn_gpu_cache_file(folder, name);
}

static bool has_passed(const char *path, const char *text)
{
    uint8_t *found = NULL;
    size_t size = 0;
    const bool same = path && cairn_file_exists(path) && cairn_file_read(&found, &size, path, 4096) >= 0 &&
                      size == strlen(text) && !memcmp(found, text, size);
    free(found);
    return same;
}

/* Only saves time: the next start tests again. */
static void remember(const char *path, const char *text)
{
    char folder[4096];
    if (!path || snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder) return;
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    if ((slash && cairn_file_make_folder(folder) < 0) || cairn_file_write(path, text, strlen(text)) < 0)
        cairn_debug("self-test: not kept: %s", cairn_error_message());
}

cairn_status cairn_self_test_open(cairn_gpu **out, const cairn_gpu_options *options)
{
    cairn_status st;
    char text[1024], *path = NULL;
    cairn_gpu *gpu = NULL;
    const char *variable = getenv("CAIRN_SELF_TEST");
    const bool skip = variable && !strcmp(variable, "0"), repeat = variable && !strcmp(variable, "1");
    *out = NULL;
    CAIRN_TRY(cairn_gpu_create(&gpu, options));
    if (!skip) {
        write_passed(text, sizeof text, gpu);
        path = passed_path(gpu, options ? options->cache_folder : NULL);
    }
    if (!skip && (repeat || !has_passed(path, text))) {
        CAIRN_TRY(cairn_self_test(gpu));
        remember(path, text);
    }
    *out = gpu;
    gpu = NULL;
done:
    free(path);
    cairn_gpu_destroy(&gpu);
    return st;
}
