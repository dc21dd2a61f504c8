#include "support/device/material.h"

#include "base/rng.h"
#include "data/image.h"
#include "support/device/test_gpu.h"
#include "support/scratch.h"
#include "system/file.h"
#include "train/checkpoint.h"

#include <stdlib.h>

static void save_photo(int number)
{
    enum { BLOCK = 8, ACROSS = TEST_PHOTO_W / BLOCK, BLOCKS = TEST_PHOTO_H / BLOCK * ACROSS };
    cairn_image image;
    cairn_rng rng = cairn_rng_stream(8, 0, (uint32_t)number, 0, 0);
    float grey[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) grey[i] = (float)cairn_rng_uniform(&rng);
    assert_ok(cairn_image_create(&image, TEST_PHOTO_H, TEST_PHOTO_W, 1));
    for (int y = 0; y < TEST_PHOTO_H; y++)
        for (int x = 0; x < TEST_PHOTO_W; x++)
            image.pixels[y * TEST_PHOTO_W + x] = grey[y / BLOCK * ACROSS + x / BLOCK];
    assert_ok(cairn_image_save_png(&image, test_path("photos/%d.png", number)));
    cairn_image_free(&image);
}

void test_save_photos(int count)
{
    assert_ok(cairn_file_make_folder(test_path("photos")));
    for (int i = 0; i < count; i++) save_photo(i);
}

void test_save_network(const char *path, const cairn_network_spec *spec)
{
    char description[128];
    cairn_graph *g;
    cairn_store *store;
    cairn_model m;
    cairn_network_describe(description, sizeof description, spec);
    const cairn_metadata metadata = {"model", description};
    assert_ok(cairn_graph_create(&g));
    assert_ok(cairn_store_create(&store, test_gpu(CAIRN_CLASS_AUTO)));
    cairn_model_init(&m, g, false);
    cairn_network_build(&m, spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1}));
    assert_ok(cairn_model_initialise(&m, store, 4));
    assert_ok(cairn_checkpoint_save(path, store, &m, false, &metadata, 1));
    cairn_store_destroy(&store);
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
}

void test_save_detector(const char *path)
{
    test_save_network(path, &(cairn_network_spec){.kind = CAIRN_NETWORK_SUPERPOINT,
                                                  .superpoint = {0.125, TEST_DESCRIPTOR, CAIRN_ORDER_NONE}});
}

void test_save_recipe(const char *name, const char *text)
{
    char filled[4096] = "";
    const char *photos = test_path("photos"), *at;
    while ((at = strstr(text, "PHOTOS"))) {
        assert_true(strlen(filled) + strlen(text) + strlen(photos) < sizeof filled);
        strncat(filled, text, (size_t)(at - text));
        strcat(filled, photos);
        text = at + 6;
    }
    assert_true(strlen(filled) + strlen(text) < sizeof filled);
    strcat(filled, text);
    test_put_text(test_path("%s", name), filled);
}

int test_save_stage_material(void **state, int photos)
{
    if (test_scratch_create(state)) return 1;
    test_save_photos(photos);
    test_save_detector(test_path("detector.safetensors"));
    test_save_network(test_path("student.safetensors"),
                      &(cairn_network_spec){.kind = CAIRN_NETWORK_SP_FPN, .sp_fpn = {0.25, 8, {1, 2, 4, 12}, {0}}});
    test_gpu_destroy_all();
    return 0;
}

void test_log_ends(const char *path, const char *key, double ends[2])
{
    uint8_t *text;
    size_t size;
    int found = 0;
    assert_ok(cairn_file_read(&text, &size, path, 1 << 20));
    for (const char *at = (char *)text; (at = strstr(at, key)); found++) {
        at += strlen(key);
        ends[found > 0] = strtod(at, NULL);
    }
    if (found < 2) fail_msg("%s has %d times %s", path, found, key);
    free(text);
}
