#include "teacher/synthetic/scene.h"

#include <math.h>
#include <stdlib.h>

uint8_t cairn_scene_contrast(cairn_scene *s, int from)
{
    int c = cairn_rng_integer(s->rng, 0, 255);
    return (uint8_t)(abs(c - from) < 30 ? (c + 128) % 256 : c);
}

uint8_t cairn_scene_different(cairn_scene *s, const uint8_t *previous, int count)
{
    int c = 0;
    for (int tries = 0; tries <= 20; tries++) {
        bool close = false;
        c = cairn_rng_integer(s->rng, 0, 255);
        for (int i = 0; i < count; i++) close = close || abs(c - previous[i]) < 50;
        if (!close) break;
    }
    return (uint8_t)c;
}

int cairn_scene_background(const cairn_scene *s)
{
    return (int)cairn_canvas_mean(&s->canvas);
}

int cairn_scene_length(cairn_scene *s, int low, int high, int least)
{
    int length = (int)lround(cairn_rng_integer(s->rng, low, high) * s->unit);
    return length < least ? least : length;
}

double cairn_scene_u(cairn_scene *s)
{
    return cairn_rng_uniform(s->rng);
}

int cairn_scene_pick(cairn_scene *s, int low, int high)
{
    return cairn_rng_integer(s->rng, low, high);
}

cairn_point cairn_scene_point(double x, double y)
{
    double most = CAIRN_DRAW_REACH;
    return (cairn_point){(int)fmax(-most, fmin(most, x)), (int)fmax(-most, fmin(most, y))};
}

bool cairn_scene_has(const cairn_scene *s, cairn_point p)
{
    return p.x >= 0 && p.y >= 0 && p.x < s->canvas.w && p.y < s->canvas.h;
}

void cairn_scene_label(cairn_scene *s, cairn_point p)
{
    if (!cairn_scene_has(s, p)) return;
    CAIRN_ASSERT(s->count < CAIRN_SCENE_POINTS);
    s->points[s->count++] = p;
}

/* Fills with U{0..254}; with threshold >= 0, 255 where the draw is above it and else 0. Half a random word for each
 * pixel: the values of 0..254 are then equally likely to one part in 250. */
static void fill_noise(cairn_scene *s, int threshold)
{
    size_t n = (size_t)s->canvas.h * (size_t)s->canvas.w;
    uint8_t *p = s->canvas.pixels;
    for (size_t i = 0; i < n; i += 2) {
        uint32_t word = cairn_rng_u32(s->rng);
        for (size_t j = i; j < i + 2 && j < n; j++, word >>= 16) {
            int v = (int)(((word & 0xffff) * 255) >> 16);
            p[j] = (uint8_t)(threshold < 0 ? v : v > threshold ? 255 : 0);
        }
    }
}

cairn_status cairn_scene_blobs(cairn_scene *s)
{
    fill_noise(s, cairn_scene_pick(s, 0, 255));
    int mean = cairn_scene_background(s);
    for (int i = 0; i < 100; i++) {
        int x = cairn_scene_pick(s, 0, s->canvas.w - 1), y = cairn_scene_pick(s, 0, s->canvas.h - 1);
        int radius = cairn_scene_length(s, 25, 38, 1);
        cairn_draw_disc(&s->canvas, x, y, radius, cairn_scene_contrast(s, mean));
    }
    cairn_canvas blurred = {0};
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_canvas_create(&blurred, s->canvas.h, s->canvas.w));
    CAIRN_TRY(cairn_canvas_box_blur(&blurred, &s->canvas, cairn_scene_length(s, 150, 499, 1)));
    cairn_canvas_free(&s->canvas);
    s->canvas = blurred;
    blurred = (cairn_canvas){0};
done:
    cairn_canvas_free(&blurred);
    return st;
}

cairn_status cairn_scene_noise(cairn_scene *s)
{
    fill_noise(s, -1);
    if (s->unit >= 1) return CAIRN_OK;
    /* A pixel of a smaller canvas stands for 1/unit^2 published ones; their mean deviates by so much less. Without this
     * the noise would come out of the final blur several times too strong. */
    size_t n = (size_t)s->canvas.h * (size_t)s->canvas.w;
    for (size_t i = 0; i < n; i++) s->canvas.pixels[i] = (uint8_t)lround(127 + (s->canvas.pixels[i] - 127) * s->unit);
    return CAIRN_OK;
}
