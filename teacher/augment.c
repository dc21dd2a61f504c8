#include "teacher/augment.h"
#include "teacher/synthetic/draw.h"

#include <math.h>
#include <string.h>

cairn_photometric_options cairn_photometric_preset(cairn_augment_preset preset)
{
    static const cairn_photometric_options presets[] = {
        {75, 0.3, 1.8, 0.0035, 15, 51, 99, -0.5, 0.8, 7, 20, false, false},
        {50, 0.3, 1.5, 0.0035, 10, 101, 149, -0.5, 0.5, 3, 20, false, false},
        {50, 0.5, 1.5, 0.0035, 10, 101, 149, -0.5, 0.5, 3, 20, false, false},
        {0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 20, false, false},
        {50, 0.5, 1.5, 0.0035, 10, 101, 149, -0.5, 0.5, 3, 15, false, false},
        {50, 0.5, 1.5, 0.0035, 10, 101, 149, -0.5, 0.5, 3, 20, true, true},
        {75, 0.3, 1.8, 0.0035, 15, 51, 99, -0.5, 0.8, 7, 20, true, true},
        {50, 1, 1, 0, 0, 1, 1, 0, 0, 3, 20, false, false},
        {0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 20, false, false},
    };
    _Static_assert(sizeof presets / sizeof *presets == CAIRN_AUGMENT_COUNT, "one row for each preset");
    CAIRN_ASSERT((unsigned)preset < CAIRN_AUGMENT_COUNT);
    return presets[preset];
}

cairn_homographic_options cairn_homographic_preset(cairn_augment_preset preset)
{
    cairn_homographic_options o = {CAIRN_HOMOGRAPHY_OPTIONS_INIT, 3};
    const double degree = 3.141592653589793 / 180;
    CAIRN_ASSERT((unsigned)preset < CAIRN_AUGMENT_COUNT);
    o.sampler.max_angle = preset == CAIRN_AUGMENT_ADAPTATION ? 180 * degree : 1.57;
    o.sampler.full_corners = preset == CAIRN_AUGMENT_PYTORCH_SUPERPOINT || preset == CAIRN_AUGMENT_PYTORCH_SYNTHETIC;
    if (preset == CAIRN_AUGMENT_OMERCOHEN || preset == CAIRN_AUGMENT_OMERCOHEN_ADAPTATION) {
        const bool joint = preset == CAIRN_AUGMENT_OMERCOHEN;
        o.sampler.affine = true;
        o.sampler.max_angle = (joint ? 5 : 15) * degree;
        o.sampler.affine_translation = joint ? 0.2 : 0.3;
        o.sampler.affine_low = joint ? 1.2 : 1.1;
        o.sampler.affine_high = 1.5;
        o.sampler.affine_shear = (joint ? 15 : 20) * degree;
    }
    if (preset == CAIRN_AUGMENT_SYNTHETIC || preset == CAIRN_AUGMENT_PYTORCH_SYNTHETIC) {
        o.sampler.patch_ratio = 0.8;
        o.sampler.translation_overflow = 0.05;
        o.margin = 2;
    }
    return o;
}

/* What each operation works on. */
typedef struct work {
    cairn_image *image;
    const cairn_photometric_plan *plan;
} work;

static size_t values_of(const cairn_image *image)
{
    return (size_t)image->h * (size_t)image->w * (size_t)image->c;
}

static float clip(float v)
{
    return v > 0 ? (v < 1 ? v : 1) : 0;
}

static cairn_status brightness(work *w)
{
    size_t n = values_of(w->image);
    for (size_t i = 0; i < n; i++) w->image->pixels[i] = clip(w->image->pixels[i] + w->plan->add);
    return CAIRN_OK;
}

static cairn_status contrast(work *w)
{
    float factor = w->plan->factor;
    size_t n = values_of(w->image);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += w->image->pixels[i];
    float mean = w->plan->mid_grey ? 0.5f : (float)(sum / (double)n);
    for (size_t i = 0; i < n; i++) w->image->pixels[i] = clip((w->image->pixels[i] - mean) * factor + mean);
    return CAIRN_OK;
}

static cairn_status speckle(work *w)
{
    double p = w->plan->speckle;
    cairn_rng rng = w->plan->speckles;
    size_t n = (size_t)w->image->h * (size_t)w->image->w, c = (size_t)w->image->c;
    for (size_t i = 0; i < n; i++) {
        double u = cairn_rng_uniform(&rng);
        if (u >= 2 * p) continue;
        for (size_t k = 0; k < c; k++) w->image->pixels[i * c + k] = u < p ? 0 : 1;
    }
    return CAIRN_OK;
}

static cairn_status noise(work *w)
{
    cairn_rng rng = w->plan->noise;
    size_t n = values_of(w->image);
    for (size_t i = 0; i < n; i++)
        w->image->pixels[i] = clip(w->image->pixels[i] + (float)(w->plan->deviation * cairn_rng_normal(&rng)));
    return CAIRN_OK;
}

static double shade_sigma(int kernel)
{
    return 0.15 * kernel + 0.35;
}

/* The inner loops of the blur run along rows, so that they vectorise. */
static void add_row(float *to, const float *from, float weight, int n)
{
    for (int i = 0; i < n; i++) to[i] += weight * from[i];
}

/* Gaussian blur of a mask [h,w] with an odd kernel, mirrored at the frame; memory: [h,w] and a padded row. */
static void blur_mask(float *mask, int h, int w, int kernel, float *rows, float *line)
{
    int radius = kernel / 2;
    double sigma = shade_sigma(kernel), sum = 0;
    float weights[256];
    for (int k = -radius; k <= radius; k++) sum += exp(-0.5 * k * k / (sigma * sigma));
    for (int k = -radius; k <= radius; k++) weights[k + radius] = (float)(exp(-0.5 * k * k / (sigma * sigma)) / sum);
    memset(rows, 0, sizeof *rows * (size_t)h * (size_t)w);
    for (int y = 0; y < h; y++) {
        for (int x = -radius; x < w + radius; x++) line[x + radius] = mask[(size_t)y * w + cairn_mirror(x, w)];
        for (int k = 0; k < kernel; k++) add_row(rows + (size_t)y * w, line + k, weights[k], w);
    }
    memset(mask, 0, sizeof *mask * (size_t)h * (size_t)w);
    for (int y = 0; y < h; y++)
        for (int k = -radius; k <= radius; k++)
            add_row(mask + (size_t)y * w, rows + (size_t)cairn_mirror(y + k, h) * w, weights[k + radius], w);
}

/* Draws ELLIPSE_WORDS words for each of them. */
enum { ELLIPSE_WORDS = 5 };
static void draw_ellipses(cairn_canvas *canvas, cairn_rng rng, int count)
{
    double m = (canvas->h < canvas->w ? canvas->h : canvas->w) / 4.0;
    for (int i = 0; i < count; i++) {
        int a = (int)fmax(cairn_rng_uniform(&rng) * m, m / 5), b = (int)fmax(cairn_rng_uniform(&rng) * m, m / 5);
        a = a < 1 ? 1 : a;
        b = b < 1 ? 1 : b;
        int reach = a > b ? a : b;
        int x = cairn_rng_integer(&rng, reach, canvas->w - reach - 1);
        int y = cairn_rng_integer(&rng, reach, canvas->h - reach - 1);
        cairn_draw_ellipse(canvas, x, y, a, b, 90 * cairn_rng_uniform(&rng), 1);
    }
}

static cairn_status shade(work *w)
{
    int height = w->image->h, width = w->image->w, c = w->image->c;
    size_t n = (size_t)height * (size_t)width;
    const float tau = w->plan->tau;
    cairn_canvas canvas = {0};
    float *memory = NULL;
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_canvas_create(&canvas, height, width));
    memory = malloc((2 * n + (size_t)width + 256) * sizeof *memory);
    if (!memory) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory to shade an image of %dx%d", width, height));
    draw_ellipses(&canvas, w->plan->shade, w->plan->ellipses);
    for (size_t i = 0; i < n; i++) memory[i] = canvas.pixels[i];
    blur_mask(memory, height, width, w->plan->shade_kernel, memory + n, memory + 2 * n);
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < c; k++) {
            float *v = w->image->pixels + i * (size_t)c + k;
            *v = clip(*v * (1 - tau * memory[i]));
        }
done:
    cairn_canvas_free(&canvas);
    free(memory);
    return st;
}

static cairn_status motion(work *w)
{
    const int size = w->plan->motion_kernel, radius = size / 2, step[2] = {w->plan->motion_x, w->plan->motion_y};
    if (size == 1) return CAIRN_OK;
    cairn_image source = {0};
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_image_copy(&source, w->image));
    float weights[64];
    double sum = 0;
    int length = step[0] * step[0] + step[1] * step[1]; /* squared step of the line */
    for (int k = -radius; k <= radius; k++) sum += exp(-k * k * length / (2 * size * size / 16.0));
    for (int k = -radius; k <= radius; k++)
        weights[k + radius] = (float)(exp(-k * k * length / (2 * size * size / 16.0)) / sum);
    int height = source.h, width = source.w, c = source.c;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int i = 0; i < c; i++) {
                float v = 0;
                for (int k = -radius; k <= radius; k++) {
                    int yy = cairn_mirror(y + k * step[1], height), xx = cairn_mirror(x + k * step[0], width);
                    v += weights[k + radius] * source.pixels[((size_t)yy * width + xx) * c + i];
                }
                w->image->pixels[((size_t)y * width + x) * c + i] = v;
            }
done:
    cairn_image_free(&source);
    return st;
}

static cairn_status check(int h, int w, const cairn_photometric_options *o)
{
    if (h < 16 || w < 16)
        return cairn_error_set(CAIRN_E_INVALID, "photometric augmentation: an image of %dx%d; needs 16x16 or more",
                               w, h);
    bool odd = o->shade_kernel_low % 2 == 1 && o->shade_kernel_high % 2 == 1 && o->motion_kernel % 2 == 1;
    if (!odd || o->shade_kernel_low < 1 || o->shade_kernel_high < o->shade_kernel_low || o->shade_kernel_high > 255 ||
        o->motion_kernel < 1 || o->motion_kernel > 63)
        return cairn_error_set(CAIRN_E_INVALID,
                               "photometric augmentation: kernels must be odd, the shade's 1..255 with "
                               "low <= high, the motion's 1..63");
    if (o->ellipses < 0 || o->ellipses > 1000)
        return cairn_error_set(CAIRN_E_INVALID, "photometric augmentation: %d ellipses; 0..1000 are possible",
                               o->ellipses);
    if (!(o->brightness >= 0) || !(o->speckle >= 0) || !(o->speckle <= 0.5) || !(o->noise >= 0) ||
        !(o->contrast_high >= o->contrast_low) || !(o->shade_high >= o->shade_low))
        return cairn_error_set(CAIRN_E_INVALID, "photometric augmentation: brightness, noise >= 0, speckle 0..0.5, and "
                                                "low <= high are needed");
    return CAIRN_OK;
}

/* Words of the stream that were handed out. */
static uint64_t words_of(const cairn_rng *rng)
{
    return 4ull * rng->counter[3] + (uint64_t)rng->used - 4;
}

static void skip_words(cairn_rng *rng, uint64_t words)
{
    const uint64_t to = words_of(rng) + words;
    rng->counter[3] = (uint32_t)(to / 4);
    rng->used = 4;
    for (uint64_t i = 0; i < to % 4; i++) (void)cairn_rng_u32(rng);
}

/* Normals come by twos, from two words; the second waits as the stream's spare. */
static void skip_normals(cairn_rng *rng, uint64_t count)
{
    if (rng->has_spare && count) {
        rng->has_spare = 0;
        count--;
    }
    skip_words(rng, count / 2 * 2);
    if (count % 2) (void)cairn_rng_normal(rng);
}

static void draw_one(cairn_photometric_plan *p, uint32_t which, cairn_rng *rng, const cairn_photometric_options *o)
{
    static const int directions[4][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
    const uint64_t pixels = (uint64_t)p->h * (uint64_t)p->w;
    switch (which) {
    case CAIRN_PHOTOMETRIC_BRIGHTNESS:
        p->add = (float)(cairn_rng_between(rng, -o->brightness, o->brightness) / 255);
        break;
    case CAIRN_PHOTOMETRIC_CONTRAST:
        p->factor = (float)cairn_rng_between(rng, o->contrast_low, o->contrast_high);
        break;
    case CAIRN_PHOTOMETRIC_SPECKLE:
        p->speckle = cairn_rng_between(rng, 0, o->speckle);
        p->speckles = *rng;
        skip_words(rng, pixels);
        break;
    case CAIRN_PHOTOMETRIC_NOISE:
        p->deviation = cairn_rng_between(rng, 0, o->noise) / 255;
        p->noise = *rng;
        skip_normals(rng, pixels * (uint64_t)p->c);
        break;
    case CAIRN_PHOTOMETRIC_SHADE:
        p->shade_kernel =
            o->shade_kernel_low + 2 * cairn_rng_integer(rng, 0, (o->shade_kernel_high - o->shade_kernel_low) / 2);
        p->tau = (float)cairn_rng_between(rng, o->shade_low, o->shade_high);
        p->ellipses = o->ellipses ? o->ellipses : 20;
        p->shade = *rng;
        skip_words(rng, (uint64_t)p->ellipses * ELLIPSE_WORDS);
        break;
    default:
        p->motion_kernel = 1 + 2 * cairn_rng_integer(rng, 0, (o->motion_kernel - 1) / 2);
        const int *step = directions[cairn_rng_integer(rng, 0, 3)];
        p->motion_x = step[0];
        p->motion_y = step[1];
    }
}

cairn_status cairn_photometric_draw(cairn_photometric_plan *out, cairn_rng *rng, int h, int w, int c,
                                    const cairn_photometric_options *options)
{
    static const uint32_t fixed[CAIRN_PHOTOMETRIC_COUNT] = {
        CAIRN_PHOTOMETRIC_BRIGHTNESS, CAIRN_PHOTOMETRIC_CONTRAST, CAIRN_PHOTOMETRIC_NOISE,
        CAIRN_PHOTOMETRIC_SPECKLE,    CAIRN_PHOTOMETRIC_MOTION,   CAIRN_PHOTOMETRIC_SHADE};
    cairn_status st = CAIRN_OK;
    *out = (cairn_photometric_plan){.h = h, .w = w, .c = c, .mid_grey = options->mid_grey};
    CAIRN_TRY(check(h, w, options));
    cairn_rng_shuffle(rng, out->order, CAIRN_PHOTOMETRIC_COUNT);
    if (options->fixed_order) memcpy(out->order, fixed, sizeof fixed);
    for (int i = 0; i < CAIRN_PHOTOMETRIC_COUNT; i++) draw_one(out, out->order[i], rng, options);
done:
    return st;
}

cairn_status cairn_photometric_apply(cairn_image *image, const cairn_photometric_plan *plan)
{
    static cairn_status (*const operations[CAIRN_PHOTOMETRIC_COUNT])(work *) = {brightness, contrast, speckle,
                                                                               noise,      shade,    motion};
    work w = {image, plan};
    cairn_status st = CAIRN_OK;
    CAIRN_ASSERT(image->h == plan->h && image->w == plan->w && image->c == plan->c);
    for (int i = 0; i < CAIRN_PHOTOMETRIC_COUNT; i++) CAIRN_TRY(operations[plan->order[i]](&w));
done:
    return st;
}

cairn_status cairn_augment_photometric(cairn_image *image, cairn_rng *rng, const cairn_photometric_options *options)
{
    cairn_photometric_plan plan;
    const cairn_status st = cairn_photometric_draw(&plan, rng, image->h, image->w, image->c, options);
    return st < 0 ? st : cairn_photometric_apply(image, &plan);
}

/* 1 over the sum of exp(-scale k^2), |k| <= radius. */
static float normaliser(double scale, int radius)
{
    double sum = 0;
    for (int k = -radius; k <= radius; k++) sum += exp(-scale * k * k);
    return (float)(1 / sum);
}

/* The least word that is not below the probability. */
static uint32_t threshold(double probability)
{
    return (uint32_t)fmin(ceil(probability * 0x1p32), UINT32_MAX);
}

cairn_status cairn_photometric_for_device(float row[CAIRN_PHOTOMETRIC_FLOATS], float *mask, int stride,
                                          const cairn_photometric_plan *plan)
{
    const int size = plan->motion_kernel, length = plan->motion_x * plan->motion_x + plan->motion_y * plan->motion_y;
    const double sigma = shade_sigma(plan->shade_kernel);
    const double shade_scale = 0.5 / (sigma * sigma), motion_scale = length / (2 * size * size / 16.0);
    cairn_canvas canvas = {0};
    CAIRN_ASSERT(plan->c == 1 && !plan->noise.has_spare);
    cairn_photometric_row r = {
        .add = plan->add,
        .factor = plan->factor,
        .centre = plan->mid_grey ? 0.5f : -1,
        .tau = plan->tau,
        .shade_radius = plan->shade_kernel / 2,
        .shade_scale = (float)shade_scale,
        .shade_norm = normaliser(shade_scale, plan->shade_kernel / 2),
        .motion_radius = size / 2,
        .motion_x = plan->motion_x,
        .motion_y = plan->motion_y,
        .motion_scale = (float)motion_scale,
        .motion_norm = normaliser(motion_scale, size / 2),
        .deviation = (float)plan->deviation,
        .speckle_word = (uint32_t)words_of(&plan->speckles),
        .noise_word = (uint32_t)words_of(&plan->noise),
        .black_below = threshold(plan->speckle),
        .white_below = threshold(2 * plan->speckle),
    };
    for (int i = 0; i < CAIRN_PHOTOMETRIC_COUNT; i++) r.order[i] = (int)plan->order[i];
    memcpy(r.key, plan->noise.key, sizeof r.key);
    memcpy(r.counter, plan->noise.counter, sizeof r.counter);
    cairn_photometric_encode(row, &r);
    const cairn_status st = cairn_canvas_create(&canvas, plan->h, plan->w);
    if (st < 0) return st;
    draw_ellipses(&canvas, plan->shade, plan->ellipses);
    for (size_t i = 0; i < (size_t)plan->h * (size_t)plan->w; i++) mask[i * (size_t)stride] = canvas.pixels[i];
    cairn_canvas_free(&canvas);
    return CAIRN_OK;
}

void cairn_augment_move_points(cairn_keypoints *points, const cairn_homography *map, int h, int w)
{
    int kept = 0;
    size_t d = (size_t)points->dimension;
    for (int i = 0; i < points->count; i++) {
        double x, y;
        cairn_keypoint p = points->points[i];
        if (!cairn_homography_apply(map, p.x, p.y, &x, &y)) continue;
        if (!(x >= 0 && y >= 0 && x <= w - 1 && y <= h - 1)) continue;
        if (d && kept < i)
            memcpy(points->descriptors + (size_t)kept * d, points->descriptors + (size_t)i * d, d * sizeof(float));
        points->points[kept++] = (cairn_keypoint){(float)x, (float)y, p.score};
    }
    points->count = kept;
}

cairn_status cairn_augment_homographic(cairn_image *out, float *valid, cairn_keypoints *points,
                                       const cairn_image *image, cairn_rng *rng,
                                       const cairn_homographic_options *options, cairn_homography *warped_to_input)
{
    cairn_homography to_input, to_warped;
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_homography_sample(&to_input, rng, image->h, image->w, &options->sampler));
    CAIRN_TRY(cairn_homography_invert(&to_warped, &to_input));
    CAIRN_TRY(cairn_homography_warp(out, valid, image, &to_input, image->h, image->w));
    if (valid) cairn_mask_erode(valid, image->h, image->w, options->margin);
    if (points) cairn_augment_move_points(points, &to_warped, image->h, image->w);
    if (warped_to_input) *warped_to_input = to_input;
done:
    return st;
}

cairn_status cairn_augment_view(float *valid, cairn_keypoints *points, int h, int w, cairn_rng *rng,
                                const cairn_homographic_options *options, cairn_homography *warped_to_input)
{
    cairn_homography to_warped;
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_homography_sample(warped_to_input, rng, h, w, &options->sampler));
    CAIRN_TRY(cairn_homography_invert(&to_warped, warped_to_input));
    cairn_homography_valid(valid, h, w, warped_to_input, h, w);
    cairn_mask_erode(valid, h, w, options->margin);
    cairn_augment_move_points(points, &to_warped, h, w);
done:
    return st;
}
