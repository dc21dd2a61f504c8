#include "support/joint.h"

#include "data/image.h"
#include "support/scratch.h"
#include "support/test.h"
#include "system/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Without learning (lr 0) and without normalisation over the batch, a loss is that of the step's samples alone. */
static const char recipe[] = "name: joint\n"
                             "seed: 5\n"
                             "stages:\n"
                             "  - {name: shapes, kind: magicpoint, steps: 1, batch: 1, width: 0.0625, height: 32,\n"
                             "     image_width: 48, canvas_height: 64, order: none, validate_every: 0}\n"
                             "  - {name: labels, kind: adaptation, teacher: shapes, views: 1, threshold: 0,\n"
                             "     top_k: 20, previews: 0}\n"
                             "  - {name: joint, kind: superpoint, labels: labels, steps: 9, batch: 1, width: 0.0625,\n"
                             "     order: none, lr: 0, log_every: 1, calibrate: 0}\n"
                             "photos: {height: 32, width: 48, holdout: 0}\n";

static void put_photo(int number)
{
    cairn_image image;
    assert_ok(cairn_image_create(&image, 32, 48, 1));
    for (int i = 0; i < 32 * 48; i++)
        image.pixels[i] =
            (float)(0.5 + 0.4 * sin(0.3 * (number + 1) * (i % 48)) * cos(0.2 * (3 - number) * (double)(i / 48)));
    assert_ok(cairn_file_make_folder(test_path("photos")));
    assert_ok(cairn_image_save_png(&image, test_path("photos/photo%d.png", number)));
    cairn_image_free(&image);
}

void test_joint_words(const char *words[TEST_JOINT_WORDS], const char *const *settings)
{
    static char root[512];
    snprintf(root, sizeof root, "photos.root=%s", test_path("photos"));
    const char *const first[] = {"run", test_path("joint.yaml"), root, "--out", test_path("run")};
    memset(words, 0, TEST_JOINT_WORDS * sizeof *words);
    memcpy(words, first, sizeof first);
    for (int i = 0; settings[i]; i++) words[5 + i] = settings[i];
}

void test_joint_train(cairn_program_run *run, const char *const *settings)
{
    const char *words[TEST_JOINT_WORDS];
    test_joint_words(words, settings);
    cairn_program_succeed(run, words);
}

int test_joint_logged(double *out, int most, const char *name)
{
    uint8_t *text = NULL;
    size_t size = 0;
    char key[64];
    int count = 0;
    snprintf(key, sizeof key, "\"%s\":", name);
    assert_ok(cairn_file_read(&text, &size, test_path("run/joint/metrics.jsonl"), 1 << 16));
    for (const char *at = (char *)text; count < most && (at = strstr(at, key)); at++)
        out[count++] = strtod(at + strlen(key), NULL);
    free(text);
    return count;
}

int test_joint_create(void **state)
{
    if (test_scratch_create(state)) return -1;
    for (int i = 0; i < TEST_JOINT_PHOTOS; i++) put_photo(i);
    test_put_text(test_path("joint.yaml"), recipe);
    return 0;
}
