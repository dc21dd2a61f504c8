#include "reference/image/photometric.h"

#include "base/rng.h"
#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Places in a row: src/ops/image/photometric.c writes it. */
enum {
    ORDER, ADD = 6, FACTOR, CENTRE, TAU, SHADE_RADIUS, SHADE_SCALE, SHADE_NORM, MOTION_RADIUS, MOTION_X, MOTION_Y,
    MOTION_SCALE, MOTION_NORM, DEVIATION, KEY = 20, COUNTER = 24, SPECKLE_WORD = 30, NOISE_WORD = 32, BLACK = 34,
    WHITE = 36, ROW = 40
};

typedef struct picture {
    const double *row;
    const double *mask; /* every `stride`th element */
    int stride, h, w;
    double *v, *other; /* [h,w] */
} picture;

static uint32_t word_at(const double *halves)
{
    return (uint32_t)halves[0] << 16 | (uint32_t)halves[1];
}

/* The stream behind its first `words` words. */
static cairn_rng stream_at(const double *row, uint32_t words)
{
    cairn_rng rng = {.key = {word_at(row + KEY), word_at(row + KEY + 2)},
                     .counter = {word_at(row + COUNTER), word_at(row + COUNTER + 2), word_at(row + COUNTER + 4),
                                 words / 4},
                     .used = 4};
    for (uint32_t i = 0; i < words % 4; i++) (void)cairn_rng_u32(&rng);
    return rng;
}

static int mirrored(int i, int n)
{
    i = abs(i) % (2 * n - 2);
    return i < n ? i : 2 * n - 2 - i;
}

static void clip(picture *p)
{
    for (int i = 0; i < p->h * p->w; i++) p->v[i] = fmin(1, fmax(0, p->v[i]));
}

static void contrast(picture *p)
{
    double centre = p->row[CENTRE], sum = 0;
    for (int i = 0; i < p->h * p->w; i++) sum += p->v[i];
    if (centre < 0) centre = sum / (p->h * p->w);
    for (int i = 0; i < p->h * p->w; i++) p->v[i] = (p->v[i] - centre) * p->row[FACTOR] + centre;
}

static void speckle(picture *p)
{
    cairn_rng rng = stream_at(p->row, word_at(p->row + SPECKLE_WORD));
    for (int i = 0; i < p->h * p->w; i++) {
        const uint32_t u = cairn_rng_u32(&rng);
        if (u < word_at(p->row + BLACK))
            p->v[i] = 0;
        else if (u < word_at(p->row + WHITE))
            p->v[i] = 1;
    }
}

static void noise(picture *p)
{
    cairn_rng rng = stream_at(p->row, word_at(p->row + NOISE_WORD));
    for (int i = 0; i < p->h * p->w; i++) p->v[i] += p->row[DEVIATION] * cairn_rng_normal(&rng);
}

/* out = in blurred along a line of steps (dx, dy); `in` has every stride-th element. */
static void along(double *out, const double *in, int stride, const picture *p, int dx, int dy, int radius, double scale,
                  double norm)
{
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            double sum = 0;
            for (int k = -radius; k <= radius; k++)
                sum += exp(-scale * k * k) *
                       in[(int64_t)(mirrored(y + k * dy, p->h) * p->w + mirrored(x + k * dx, p->w)) * stride];
            out[y * p->w + x] = norm * sum;
        }
}

static void shade(picture *p)
{
    const int n = p->h * p->w, radius = (int)p->row[SHADE_RADIUS];
    double *blurred = malloc((size_t)n * sizeof *blurred);
    CAIRN_ASSERT(blurred);
    along(p->other, p->mask, p->stride, p, 1, 0, radius, p->row[SHADE_SCALE], p->row[SHADE_NORM]);
    along(blurred, p->other, 1, p, 0, 1, radius, p->row[SHADE_SCALE], p->row[SHADE_NORM]);
    for (int i = 0; i < n; i++) p->v[i] *= 1 - p->row[TAU] * blurred[i];
    free(blurred);
}

static void motion(picture *p)
{
    along(p->other, p->v, 1, p, (int)p->row[MOTION_X], (int)p->row[MOTION_Y], (int)p->row[MOTION_RADIUS],
          p->row[MOTION_SCALE], p->row[MOTION_NORM]);
    memcpy(p->v, p->other, sizeof *p->v * (size_t)(p->h * p->w));
}

void cairn_reference_photometric(const cairn_node *node, const cairn_graph *g, double *const *inputs,
                                 double *const *outputs)
{
    const cairn_photometric_attributes *a = cairn_node_attributes(node);
    const cairn_shape s = cairn_graph_shape(g, node->inputs[0]), m = cairn_graph_shape(g, node->inputs[1]);
    const int pixels = s.h * s.w;
    double *other = malloc((size_t)pixels * sizeof *other);
    CAIRN_ASSERT(other);
    for (int n = 0; n < s.n; n++) {
        picture p = {.row = inputs[2] + (int64_t)n * ROW, .mask = inputs[1] + (int64_t)n * pixels * m.c + a->channel,
                     .stride = m.c, .h = s.h, .w = s.w, .v = outputs[0] + (int64_t)n * pixels, .other = other};
        for (int i = 0; i < pixels; i++) p.v[i] = inputs[0][((int64_t)n * pixels + i) * s.c];
        for (int k = 0; k < 6; k++) {
            switch ((int)p.row[ORDER + k]) {
            case 0:
                for (int i = 0; i < pixels; i++) p.v[i] += p.row[ADD];
                break;
            case 1: contrast(&p); break;
            case 2: speckle(&p); break;
            case 3: noise(&p); break;
            case 4: shade(&p); break;
            default: motion(&p); continue; /* not clipped */
            }
            clip(&p);
        }
    }
    free(other);
}
