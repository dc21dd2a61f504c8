/* The peer of `cairn benchmark compare` builds the same networks: parameters and multiply-accumulates of each are ours.
 * Skipped where PyTorch is absent. */
#include "experiments/benchmarks/networks.h"
#include "support/device/test_gpu.h"
#include "support/test.h"
#include "support/torch.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { H = 96, W = 128 };

static void test_peer__has_the_same_networks(void **state)
{
    (void)state;
    char command[4096], line[1024];
    const char *source = getenv("CAIRN_TEST_SOURCE");
    snprintf(command, sizeof command,
             "/usr/bin/python3 '%s/experiments/benchmarks/torch_peer.py' --count --threads 1 --height %d --width %d",
             source ? source : ".", H, W);
    FILE *peer = popen(command, "r");
    assert_non_null(peer);
    int i = 0;
    for (; fgets(line, sizeof line, peer); i++) {
        cairn_network_spec spec;
        double macs;
        int64_t parameters;
        cJSON *o = cJSON_Parse(line);
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(o, "model"));
        if (!name) fail_msg("the peer printed '%s'", line);
        assert_string_equal(name, cairn_benchmark_models[i]);
        assert_ok(cairn_benchmark_network(&spec, name, 1));
        assert_ok(cairn_network_cost(&spec, 1, H, W, &macs, &parameters));
        assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(o, "parameters")), parameters);
        /* sp-fpn: its last convolution is on all levels here (networks.h) */
        const double more = strcmp(name, "sp-fpn") ? 0 : 128.0 * (12 * 16 + 6 * 8 + 3 * 4) / 1e9;
        assert_near(macs / 1e9 - more, cJSON_GetNumberValue(cJSON_GetObjectItem(o, "gmac")), 1e-6);
        cJSON_Delete(o);
    }
    assert_int_equal(pclose(peer), 0);
    assert_null(cairn_benchmark_models[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_peer__has_the_same_networks)};
    if (!test_torch_available()) return TEST_SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
