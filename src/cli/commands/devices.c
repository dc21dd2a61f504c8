/* cairn devices: what Vulkan offers on this machine. */
#include "cli/command.h"
#include "gpu/gpu.h"

#include <cJSON.h>
#include <stdbool.h>

typedef struct devices_options {
    bool json;
} devices_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_BOOL_ROW(devices_options, json, 0, "print a JSON array"),
    {0},
};

static cairn_status print_json(const cairn_gpu_info *devices, int count)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < count; i++) {
        const cairn_gpu_info *d = &devices[i];
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddNumberToObject(entry, "index", i);
        cJSON_AddStringToObject(entry, "name", d->name);
        cJSON_AddStringToObject(entry, "driver", d->driver);
        cJSON_AddStringToObject(entry, "uuid", d->uuid);
        cJSON_AddStringToObject(entry, "type", d->type);
        cJSON_AddBoolToObject(entry, "usable", d->usable);
        cJSON_AddStringToObject(entry, "reason", d->reason);
        cJSON_AddStringToObject(entry, "kernels", cairn_kernel_class_name(d->kernel_class));
        cJSON_AddNumberToObject(entry, "memory_bytes", (double)d->heap_bytes);
        cJSON_AddNumberToObject(entry, "subgroup_size", d->subgroup_size);
        cJSON_AddStringToObject(entry, "matrices", cairn_matrix_form_name(d->matrix.form));
        cJSON_AddStringToObject(entry, "matrix_sizes", d->matrix.shapes);
        cJSON_AddItemToArray(list, entry);
    }
    char *text = cJSON_Print(list);
    cJSON_Delete(list);
    if (!text) return cairn_error_set(CAIRN_E_NOMEM, "out of memory");
    puts(text);
    cJSON_free(text);
    return CAIRN_OK;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    const devices_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_gpu_info *devices = NULL;
    int count = 0;
    CAIRN_TRY(cairn_gpu_list(&devices, &count));
    if (o->json) {
        CAIRN_TRY(print_json(devices, count));
        goto done;
    }
    for (int i = 0; i < count; i++) {
        const cairn_gpu_info *d = &devices[i];
        printf("%d  %s\n   %s, %.1f GiB, kernels: %s, driver: %s, uuid %s\n", i, d->name, d->type,
               (double)d->heap_bytes / (1 << 30), cairn_kernel_class_name(d->kernel_class), d->driver, d->uuid);
        if (d->matrix.form == CAIRN_MATRIX_KHR || d->matrix.form == CAIRN_MATRIX_NV)
            printf("   matrices: %s, %ux%ux%u of %s\n", cairn_matrix_form_name(d->matrix.form), d->matrix.m,
                   d->matrix.n, d->matrix.k, d->matrix.shapes);
        if (!d->usable) printf("   not usable: %s\n", d->reason);
    }
done:
    free(devices);
    return st;
}

const cairn_command cairn_command_devices = {
    .name = "devices",
    .summary = "list the Vulkan devices of this machine",
    .synopsis = "[--json]",
    .details =
        "The best device comes first and is used unless --device (or the variable CAIRN_DEVICE) names another by\n"
        "its index, its UUID or a part of its name.",
    .example = "  cairn devices --json",
    .options = table,
    .options_bytes = sizeof(devices_options),
    .run = run,
};
