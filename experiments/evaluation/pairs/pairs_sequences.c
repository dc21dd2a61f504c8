/* Pairs from image sequences: image 1 with each other image. */
#include "data/folders/sequences.h"
#include "experiments/evaluation/pairs/pairs.h"

#include <string.h>

typedef struct sequence_pairs {
    cairn_sequences sequences;
    cairn_protocol_view view;
    int *order;        /* [kept] sequences that take part */
    int kept, pairs;   /* of those sequences */
    int count;         /* pairs handed out */
    cairn_image first; /* image 1, as the file has it, of sequence number `first_of`; -1: none */
    int first_of;
} sequence_pairs;

static cairn_status adapt(cairn_image *out, cairn_adaptation *adaptation, const cairn_image *image,
                          const cairn_image *first, const cairn_protocol_view *view, const char *path)
{
    char reason[256];
    cairn_status st = cairn_adapt_image(out, adaptation, image, first, view);
    if (st != CAIRN_E_INVALID) return st;
    snprintf(reason, sizeof reason, "%s", cairn_error_message());
    return cairn_error_set(CAIRN_E_FORMAT, "%s: %s", path, reason);
}

static cairn_status load_first(sequence_pairs *self, int at)
{
    if (self->first_of == at) return CAIRN_OK;
    self->first_of = -1;
    cairn_image_free(&self->first);
    cairn_status st = cairn_image_load(&self->first, self->sequences.items[at].paths[0], 1);
    if (st >= 0) self->first_of = at;
    return st;
}

static cairn_status load_pair(sequence_pairs *self, int at, int k, cairn_pair *out)
{
    static const cairn_pair_kind kinds[] = {CAIRN_PAIR_ILLUMINATION, CAIRN_PAIR_VIEWPOINT, CAIRN_PAIR_BLUR};
    cairn_status st = CAIRN_OK;
    const cairn_sequence *s = &self->sequences.items[at];
    cairn_adaptation of_a, of_b;
    cairn_image whole = {0};
    out->kind = kinds[s->kind];
    snprintf(out->name, sizeof out->name, "%.64s/1-%d", s->name, k + 1);
    snprintf(out->sequence, sizeof out->sequence, "%s", s->name);
    snprintf(out->image_a, sizeof out->image_a, "%.64s/1", s->name);
    snprintf(out->image_b, sizeof out->image_b, "%.64s/%d", s->name, k + 1);
    CAIRN_TRY(load_first(self, at));
    CAIRN_TRY(cairn_image_load(&whole, s->paths[k], 1));
    CAIRN_TRY(adapt(&out->a, &of_a, &self->first, NULL, &self->view, s->paths[0]));
    CAIRN_TRY(adapt(&out->b, &of_b, &whole, &self->first, &self->view, s->paths[k]));
    out->a_to_b = cairn_adapt_homography(&s->from_first[k], &of_a, &of_b);
done:
    cairn_image_free(&whole);
    return st;
}

static cairn_status get(void *state, int i, cairn_pair *out)
{
    sequence_pairs *self = state;
    int at = (int)((int64_t)i * self->pairs / self->count), n = 0;
    *out = (cairn_pair){0};
    for (; at >= self->sequences.items[self->order[n]].images - 1; n++)
        at -= self->sequences.items[self->order[n]].images - 1;
    cairn_status st = load_pair(self, self->order[n], at + 1, out);
    if (st < 0) cairn_pair_free(out);
    return st;
}

static void destroy(void *state)
{
    sequence_pairs *self = state;
    cairn_sequences_free(&self->sequences);
    cairn_image_free(&self->first);
    free(self->order);
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

static cairn_status choose(sequence_pairs *self, const char *folder, bool leave_out_large)
{
    self->order = malloc(((size_t)self->sequences.count + 1) * sizeof *self->order);
    if (!self->order) return cairn_error_set(CAIRN_E_NOMEM, "no memory for the sequences of %s", folder);
    for (int i = 0; i < self->sequences.count; i++) {
        const cairn_sequence *s = &self->sequences.items[i];
        if (leave_out_large && cairn_protocol_is_large(s->name)) continue;
        self->order[self->kept++] = i;
        self->pairs += s->images - 1;
    }
    if (self->kept) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_NOTFOUND, "%s: has only sequences that this protocol leaves out", folder);
}

cairn_status cairn_pairs_from_sequences(cairn_pair_source *out, const char *folder, const cairn_protocol_view *view,
                                        bool leave_out_large, int most)
{
    enum { LEAST_SIDE = 32, MOST_SIDE = 16384 };
    cairn_status st = CAIRN_OK;
    const bool sized = view->resize == CAIRN_RESIZE_CROP || view->resize == CAIRN_RESIZE_TOP_LEFT;
    *out = (cairn_pair_source){0};
    if ((sized && (view->h < LEAST_SIDE || view->w < LEAST_SIDE || view->h > MOST_SIDE || view->w > MOST_SIDE)) ||
        most < 0)
        return cairn_error_set(CAIRN_E_INVALID,
                               "at most %d evaluation pairs of %dx%d: expected 0 or more, and sides of %d to %d pixels",
                               most, view->w, view->h, LEAST_SIDE, MOST_SIDE);
    sequence_pairs *self = calloc(1, sizeof *self);
    if (!self) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a source of pairs");
    self->view = *view;
    self->first_of = -1;
    CAIRN_TRY(cairn_sequences_open(&self->sequences, folder));
    CAIRN_TRY(choose(self, folder, leave_out_large));
    self->count = most && most < self->pairs ? most : self->pairs;
    *out = (cairn_pair_source){.count = self->count, .state = self, .get = get, .destroy = destroy};
    name_of(out->name, folder);
    self = NULL;
done:
    if (self) destroy(self);
    return st;
}
