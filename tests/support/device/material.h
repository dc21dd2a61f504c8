#ifndef CAIRN_TESTS_SUPPORT_MATERIAL_H
#define CAIRN_TESTS_SUPPORT_MATERIAL_H
/* What tests of stages run on, in the scratch folder: photographs, networks with random weights, recipes. */
#include "student/network.h"

enum { TEST_PHOTO_H = 96, TEST_PHOTO_W = 128, TEST_DESCRIPTOR = 16 };

/* photos/0.png .. photos/<count - 1>.png: blocks of random grey, TEST_PHOTO_H x TEST_PHOTO_W pixels. */
void test_save_photos(int count);
/* A checkpoint of a network with the initial values of seed 4. */
void test_save_network(const char *path, const cairn_network_spec *spec);
/* The same of a small SuperPoint with TEST_DESCRIPTOR channels of descriptor. */
void test_save_detector(const char *path);
/* <name>: the text with the path of photos/ in place of each PHOTOS. */
void test_save_recipe(const char *name, const char *text);
/* A group's set-up: the scratch folder with so many photographs, detector.safetensors as above and student.safetensors,
 * an SP-FPN of a quarter's width. */
int test_save_stage_material(void **state, int photos);
/* The values behind a key (as "\"loss\":") in the first and the last line of a metric log that have it: two or more. */
void test_log_ends(const char *path, const char *key, double ends[2]);
#endif
