/* Pairs from image sequences: image 1 with each other image. */
#include "data/sequences.h"
#include "experiments/evaluation/pairs.h"

#include <string.h>

typedef struct sequence_pairs {
    cairn_sequences sequences;
    int h, w;
    int count; /* pairs handed out, of sequences.pairs */
} sequence_pairs;

cairn_homography cairn_pair_adapt(const cairn_homography *a_to_b, double scale_a, const double offset_a[2],
                                  double scale_b, const double offset_b[2])
{
    cairn_homography to_a = {{1 / scale_a, 0, offset_a[0] / scale_a, 0, 1 / scale_a, offset_a[1] / scale_a, 0, 0, 1}};
    cairn_homography from_b = {{scale_b, 0, -offset_b[0], 0, scale_b, -offset_b[1], 0, 0, 1}};
    cairn_homography first = cairn_homography_multiply(a_to_b, &to_a);
    return cairn_homography_multiply(&from_b, &first);
}

static cairn_status load(cairn_image *out, double *scale, double offset[2], const char *path, int h, int w)
{
    cairn_status st = CAIRN_OK;
    cairn_image whole = {0};
    CAIRN_TRY(cairn_image_load(&whole, path, 1));
    st = cairn_image_resize_crop(out, &whole, h, w, scale, &offset[0], &offset[1]);
    if (st == CAIRN_E_INVALID)
        st = cairn_error_set(CAIRN_E_FORMAT, "%s: an image of %dx%d is too long and thin to fill %dx%d", path, whole.w,
                             whole.h, w, h);
done:
    cairn_image_free(&whole);
    return st;
}

static cairn_status get(void *state, int i, cairn_pair *out)
{
    const sequence_pairs *self = state;
    static const cairn_pair_kind kinds[] = {CAIRN_PAIR_ILLUMINATION, CAIRN_PAIR_VIEWPOINT, CAIRN_PAIR_BLUR};
    cairn_status st = CAIRN_OK;
    const cairn_sequence *s = self->sequences.items;
    double scale_a, scale_b, offset_a[2], offset_b[2];
    int at = (int)((int64_t)i * self->sequences.pairs / self->count);
    *out = (cairn_pair){0};
    for (; at >= s->images - 1; s++) at -= s->images - 1;
    int k = at + 1; /* from 0 */
    out->kind = kinds[s->kind];
    snprintf(out->name, sizeof out->name, "%.64s/1-%d", s->name, k + 1);
    CAIRN_TRY(load(&out->a, &scale_a, offset_a, s->paths[0], self->h, self->w));
    CAIRN_TRY(load(&out->b, &scale_b, offset_b, s->paths[k], self->h, self->w));
    out->a_to_b = cairn_pair_adapt(&s->from_first[k], scale_a, offset_a, scale_b, offset_b);
done:
    if (st < 0) cairn_pair_free(out);
    return st;
}

static void destroy(void *state)
{
    sequence_pairs *self = state;
    cairn_sequences_free(&self->sequences);
    free(self);
}

/* The last part of the path, whatever the number of slashes behind it. */
static void name_of(char name[64], const char *folder)
{
    size_t end = strlen(folder);
    while (end > 1 && folder[end - 1] == '/') end--;
    size_t start = end;
    while (start && folder[start - 1] != '/') start--;
    snprintf(name, 64, "%.*s", end - start > 63 ? 63 : (int)(end - start), folder + start);
}

cairn_status cairn_pairs_from_sequences(cairn_pair_source *out, const char *folder, int h, int w, int most)
{
    enum { LEAST_SIDE = 32, MOST_SIDE = 16384 };
    cairn_status st = CAIRN_OK;
    *out = (cairn_pair_source){0};
    if (h < LEAST_SIDE || w < LEAST_SIDE || h > MOST_SIDE || w > MOST_SIDE || most < 0)
        return cairn_error_set(CAIRN_E_INVALID,
                               "at most %d evaluation pairs of %dx%d: expected 0 or more, and sides of %d to %d pixels",
                               most, w, h, LEAST_SIDE, MOST_SIDE);
    sequence_pairs *self = calloc(1, sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a source of pairs");
    self->h = h;
    self->w = w;
    CAIRN_TRY(cairn_sequences_open(&self->sequences, folder));
    self->count = most && most < self->sequences.pairs ? most : self->sequences.pairs;
    *out = (cairn_pair_source){.count = self->count, .state = self, .get = get, .destroy = destroy};
    name_of(out->name, folder);
    self = NULL;
done:
    free(self);
    return st;
}
