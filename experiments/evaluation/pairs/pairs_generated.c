#include "base/hash.h"
#include "base/rng.h"
#include "experiments/evaluation/pairs/pairs.h"

#include <math.h>
#include <string.h>

enum { LEAST_SIDE = 32 };
enum { STAGE = 0x45564151, PURPOSE_HOMOGRAPHY = 1, PURPOSE_LIGHT, PURPOSE_NOISE_A, PURPOSE_NOISE_B };

typedef struct generated {
    cairn_pair_options options;
    cairn_pair_loader load;
    void *context;
    char **files; /* owned copies, or NULL when `load` is the caller's */
    int images;
} generated;

void cairn_pair_free(cairn_pair *pair)
{
    cairn_image_free(&pair->a);
    cairn_image_free(&pair->b);
    *pair = (cairn_pair){0};
}

void cairn_pair_source_free(cairn_pair_source *source)
{
    if (source->destroy) source->destroy(source->state);
    *source = (cairn_pair_source){0};
}

const char *cairn_pair_kind_name(cairn_pair_kind kind)
{
    static const char *const names[] = {"generated", "illumination", "viewpoint", "blur"};
    return kind < CAIRN_PAIR_KINDS ? names[kind] : "unknown";
}

const char *cairn_pair_warp_name(cairn_pair_warp warp)
{
    return warp == CAIRN_WARP_COCO_PATCHES ? "coco-patches" : "photos";
}

cairn_pair_options cairn_pair_options_of(cairn_pair_warp warp)
{
    cairn_pair_options o = CAIRN_PAIR_OPTIONS_INIT;
    if (warp == CAIRN_WARP_PHOTOS) return o;
    o.homography = (cairn_homography_options){.patch_ratio = 0.8,
                                              .scaling_amplitude = 0.1,
                                              .perspective_x = 0.05,
                                              .perspective_y = 0.05,
                                              .max_angle = 3.14,
                                              .translation = true};
    o.contrast = o.brightness = o.noise = 0;
    o.frame = true;
    o.shrink = 0.8;
    return o;
}

static void change_light(cairn_image *image, double contrast, double brightness, double deviation, cairn_rng *noise)
{
    size_t count = (size_t)image->h * (size_t)image->w * (size_t)image->c;
    for (size_t i = 0; i < count; i++) {
        double v = (image->pixels[i] - 0.5) * contrast + 0.5 + brightness;
        if (deviation > 0) v += deviation * cairn_rng_normal(noise);
        image->pixels[i] = (float)(v < 0 ? 0 : v > 1 ? 1 : v);
    }
}

/* The sampler moves the central patch; here the whole of b takes the patch's place, so that without artifacts no part
 * of b lies outside the photo. */
static cairn_homography frame_to_patch(double ratio, int h, int w)
{
    const double margin = (1 - ratio) / 2;
    return (cairn_homography){{ratio, 0, margin * w, 0, ratio, margin * h, 0, 0, 1}};
}

/* Shrinks the warped image; *b_to_a then maps from its pixels. */
static cairn_status shrink(cairn_image *b, cairn_homography *b_to_a, double to)
{
    cairn_status st = CAIRN_OK;
    const int h = (int)lround(to * b->h), w = (int)lround(to * b->w);
    const double x = (double)b->w / w, y = (double)b->h / h;
    const cairn_homography grow = {{x, 0, (x - 1) / 2, 0, y, (y - 1) / 2, 0, 0, 1}};
    cairn_image small = {0};
    if (h < LEAST_SIDE || w < LEAST_SIDE)
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID,
                                  "an evaluation image of %dx%d would be shrunk to %dx%d pixels; "
                                  "sides of %d or more are needed",
                                  b->w, b->h, w, h, LEAST_SIDE));
    CAIRN_TRY(cairn_image_resize(&small, b, h, w));
    cairn_image_free(b);
    *b = small;
    *b_to_a = cairn_homography_multiply(b_to_a, &grow);
done:
    return st;
}

static uint32_t key_of(const char *name)
{
    const uint64_t hash = cairn_hash_text(CAIRN_HASH_START, name);
    return (uint32_t)(hash ^ hash >> 32);
}

cairn_status cairn_pair_from_image(cairn_pair *out, const cairn_image *gray, const char *image_name,
                                   uint32_t pair_index, const cairn_pair_options *o)
{
    cairn_status st = CAIRN_OK;
    cairn_homography sampled, b_to_a, zoom;
    cairn_adaptation unused;
    const uint32_t image = key_of(image_name);
    *out = (cairn_pair){.kind = CAIRN_PAIR_GENERATED};
    cairn_rng shape = cairn_rng_stream(o->seed, STAGE, image, pair_index, PURPOSE_HOMOGRAPHY);
    cairn_rng light = cairn_rng_stream(o->seed, STAGE, image, pair_index, PURPOSE_LIGHT);
    cairn_rng noise_a = cairn_rng_stream(o->seed, STAGE, image, pair_index, PURPOSE_NOISE_A);
    cairn_rng noise_b = cairn_rng_stream(o->seed, STAGE, image, pair_index, PURPOSE_NOISE_B);
    double contrast = cairn_rng_between(&light, 1 - o->contrast, 1 + o->contrast);
    double brightness = cairn_rng_between(&light, -o->brightness, o->brightness);
    double deviation_a = cairn_rng_between(&light, 0, o->noise), deviation_b = cairn_rng_between(&light, 0, o->noise);
    CAIRN_TRY(cairn_adapt_image(&out->a, &unused, gray, NULL, &o->view));
    const int h = out->a.h, w = out->a.w;
    CAIRN_TRY(cairn_homography_sample(&sampled, &shape, h, w, &o->homography));
    zoom = o->frame ? CAIRN_HOMOGRAPHY_IDENTITY : frame_to_patch(o->homography.patch_ratio, h, w);
    b_to_a = cairn_homography_multiply(&sampled, &zoom);
    CAIRN_TRY(cairn_homography_warp(&out->b, NULL, &out->a, &b_to_a, h, w));
    if (o->shrink != 1) CAIRN_TRY(shrink(&out->b, &b_to_a, o->shrink));
    CAIRN_TRY(cairn_homography_invert(&out->a_to_b, &b_to_a));
    change_light(&out->a, 1, 0, deviation_a, &noise_a);
    change_light(&out->b, contrast, brightness, deviation_b, &noise_b);
done:
    if (st < 0) cairn_pair_free(out);
    return st;
}

static cairn_status get(void *state, int i, cairn_pair *out)
{
    const generated *self = state;
    cairn_status st = CAIRN_OK;
    cairn_image gray = {0};
    char name[CAIRN_PAIR_NAME_BYTES] = "";
    int image = i / self->options.pairs_per_image, k = i % self->options.pairs_per_image;
    CAIRN_TRY(self->load(self->context, image, &gray, name));
    CAIRN_TRY(cairn_pair_from_image(out, &gray, name, (uint32_t)k, &self->options));
    snprintf(out->name, sizeof out->name, "%s/%d", name, k + 1);
    snprintf(out->sequence, sizeof out->sequence, "%s", name);
    snprintf(out->image_a, sizeof out->image_a, "%s/%da", name, k + 1);
    snprintf(out->image_b, sizeof out->image_b, "%s/%db", name, k + 1);
done:
    cairn_image_free(&gray);
    return st;
}

static void destroy(void *state)
{
    generated *self = state;
    for (int i = 0; self->files && i < self->images; i++) free(self->files[i]);
    free(self->files);
    free(self);
}

static cairn_status check(const cairn_pair_options *o, int images)
{
    enum { MOST_SIDE = 16384, MOST_PAIRS = 1 << 24 };
    const cairn_protocol_view *v = &o->view;
    if (v->resize <= CAIRN_RESIZE_TOP_LEFT &&
        (v->h < LEAST_SIDE || v->w < LEAST_SIDE || v->h > MOST_SIDE || v->w > MOST_SIDE))
        return cairn_error_set(CAIRN_E_INVALID, "evaluation images of %dx%d: expected sides of %d to %d pixels", v->w,
                               v->h, LEAST_SIDE, MOST_SIDE);
    if (o->pairs_per_image < 1 || images < 0 || images > MOST_PAIRS / o->pairs_per_image)
        return cairn_error_set(CAIRN_E_INVALID,
                               "%d pairs for each of %d images: expected 1 or more, and at most %d in all",
                               o->pairs_per_image, images, MOST_PAIRS);
    if (!(o->contrast >= 0 && o->contrast <= 1 && o->brightness >= 0 && o->brightness <= 1 && o->noise >= 0 &&
          o->noise <= 1))
        return cairn_error_set(CAIRN_E_INVALID,
                               "changes of evaluation pairs: contrast %g, brightness %g, noise %g, expected "
                               "0 to 1",
                               o->contrast, o->brightness, o->noise);
    if (!(o->shrink > 0 && o->shrink <= 1))
        return cairn_error_set(CAIRN_E_INVALID, "evaluation images shrunk to %g of the photo's sides: expected 0 to 1",
                               o->shrink);
    return CAIRN_OK;
}

cairn_status cairn_pairs_generate(cairn_pair_source *out, const char *name, int images, cairn_pair_loader load,
                                  void *context, const cairn_pair_options *options)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_pair_source){0};
    CAIRN_TRY(check(options, images));
    generated *self = calloc(1, sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a source of pairs");
    *self = (generated){*options, load, context, NULL, images};
    *out =
        (cairn_pair_source){.count = images * options->pairs_per_image, .state = self, .get = get, .destroy = destroy};
    snprintf(out->name, sizeof out->name, "%s", name);
done:
    return st;
}

/* The file's name without folder and extension; a hash takes the place of the end of a long one, cut where a character
 * of UTF-8 begins. */
static cairn_status name_file(char name[CAIRN_PAIR_NAME_BYTES], const char *path)
{
    char *stem = cairn_file_stem(path);
    if (!stem) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the name of %s", path);
    int length = (int)strlen(stem);
    if (length < CAIRN_PAIR_NAME_BYTES) {
        snprintf(name, CAIRN_PAIR_NAME_BYTES, "%s", stem);
    } else {
        length = CAIRN_PAIR_NAME_BYTES - 18;
        while (length > 0 && ((unsigned char)stem[length] & 0xc0) == 0x80) length--;
        snprintf(name, CAIRN_PAIR_NAME_BYTES, "%.*s-%016llx", length, stem,
                 (unsigned long long)cairn_hash_text(CAIRN_HASH_START, stem));
    }
    free(stem);
    return CAIRN_OK;
}

static cairn_status load_file(void *context, int i, cairn_image *gray, char name[CAIRN_PAIR_NAME_BYTES])
{
    const generated *self = context;
    const cairn_status st = name_file(name, self->files[i]);
    if (st < 0) return st;
    return cairn_image_load(gray, self->files[i], 1);
}

cairn_status cairn_pairs_from_files(cairn_pair_source *out, const char *name, const cairn_file_list *files,
                                    const cairn_pair_options *options)
{
    cairn_status st = CAIRN_OK;
    int count = files->count > INT32_MAX / 2 ? INT32_MAX / 2 : (int)files->count;
    CAIRN_TRY(cairn_pairs_generate(out, name, count, load_file, NULL, options));
    generated *self = out->state;
    self->context = self;
    self->files = calloc((size_t)count + 1, sizeof *self->files);
    for (int i = 0; self->files && i < count; i++)
        if (!(self->files[i] = strdup(files->paths[i]))) st = CAIRN_E_NOMEM;
    if (!self->files || st < 0) st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a list of %d images", count);
done:
    if (st < 0) cairn_pair_source_free(out);
    return st;
}
