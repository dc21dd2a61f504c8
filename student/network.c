#include "student/network.h"

#include "graph/program.h"
#include "ops/pointwise/pointwise.h"
#include "student/mobilenet.h"
#include "train/checkpoint.h"

#include <string.h>

enum { KEPT = 4 };

typedef struct compiled {
    int n, h, w; /* padded */
    uint64_t used;
    cairn_graph *g;
    cairn_model model;
    cairn_tid image;
    cairn_network_graph outputs;
    cairn_program *program;
} compiled;

struct cairn_network {
    cairn_gpu *gpu;
    cairn_store *store;
    cairn_network_spec spec;
    compiled programs[KEPT];
    bool batch_statistics, raw_descriptors;
    uint64_t clock;
};

static void describe_student(char *text, size_t size, const cairn_network_spec *s)
{
    const cairn_sp_fpn_options *o = &s->sp_fpn;
    char style[CAIRN_MOBILENET_STYLE_BYTES];
    cairn_mobilenet_describe_style(style, sizeof style, &o->style);
    char heads[64] = "";
    const bool drop_in = s->kind == CAIRN_NETWORK_DROP_IN;
    if (drop_in)
        snprintf(heads, sizeof heads, " descriptor=%d separable=%d", s->heads.descriptor, s->heads.separable);
    snprintf(text, size, "%s width=%g channels=%d taps=%d,%d,%d,%d%s backbone=%s", drop_in ? "drop-in" : "sp-fpn",
             o->width, o->channels, o->taps[0], o->taps[1], o->taps[2], o->taps[3], heads, style);
}

void cairn_network_describe(char *text, size_t size, const cairn_network_spec *s)
{
    if (s->kind == CAIRN_NETWORK_SUPERPOINT)
        cairn_superpoint_describe(text, size, &s->superpoint);
    else
        describe_student(text, size, s);
}

static bool student_in_range(const cairn_network_spec *s)
{
    bool fine = s->sp_fpn.width >= 0.25 && s->sp_fpn.width <= 2 && s->sp_fpn.channels >= 8 && s->sp_fpn.channels <= 512;
    for (int i = 0; i < 4; i++)
        fine &= s->sp_fpn.taps[i] >= 1 && s->sp_fpn.taps[i] < cairn_mobilenet_feature_count(&s->sp_fpn.style) &&
                (i == 0 || s->sp_fpn.taps[i] > s->sp_fpn.taps[i - 1]);
    return fine;
}

static bool parse_student(cairn_network_spec *s, const char *text)
{
    char style[CAIRN_MOBILENET_STYLE_BYTES] = "small";
    cairn_sp_fpn_options *o = &s->sp_fpn;
    int *t = o->taps;
    int found = sscanf(text, "sp-fpn width=%lf channels=%d taps=%d,%d,%d,%d backbone=%79s", &o->width, &o->channels,
                       &t[0], &t[1], &t[2], &t[3], style);
    s->kind = CAIRN_NETWORK_SP_FPN;
    return found >= 6 && cairn_mobilenet_parse_style(&o->style, style) && student_in_range(s);
}

static bool parse_drop_in(cairn_network_spec *s, const char *text)
{
    char style[CAIRN_MOBILENET_STYLE_BYTES] = "";
    cairn_sp_fpn_options *o = &s->sp_fpn;
    int *t = o->taps, separable = 0;
    *s = (cairn_network_spec){.kind = CAIRN_NETWORK_DROP_IN};
    int found = sscanf(text, "drop-in width=%lf channels=%d taps=%d,%d,%d,%d descriptor=%d separable=%d backbone=%79s",
                       &o->width, &o->channels, &t[0], &t[1], &t[2], &t[3], &s->heads.descriptor, &separable, style);
    s->heads.separable = separable == 1;
    return found == 9 && cairn_mobilenet_parse_style(&o->style, style) && student_in_range(s) &&
           cairn_drop_in_takes(o) && s->heads.descriptor >= 1 && s->heads.descriptor <= 1024 && (separable == 0 || separable == 1);
}

cairn_status cairn_network_parse(cairn_network_spec *spec, const char *text, const char *where)
{
    cairn_network_spec s = {0};
    cairn_classifier_options classifier;
    bool known = false;
    if (cairn_superpoint_parse(&s.superpoint, text)) {
        s.kind = CAIRN_NETWORK_SUPERPOINT;
        known = true;
    } else {
        known = parse_student(&s, text) || parse_drop_in(&s, text);
    }
    if (!known && cairn_classifier_parse(&classifier, text))
        return cairn_error_set(CAIRN_E_FORMAT,
                               "%s: holds a classifier of ImageNet, which finds no keypoints; a student may start from "
                               "it (setting backbone of its stage)",
                               where);
    if (!known)
        return cairn_error_set(CAIRN_E_FORMAT,
                               "%s: the model is '%.80s'; expected 'superpoint width=.. descriptor=.. order=..', "
                               "'sp-fpn width=.. channels=.. taps=..' or 'drop-in width=.. channels=.. taps=..'",
                               where, text);
    *spec = s;
    return CAIRN_OK;
}

cairn_network_graph cairn_network_build(cairn_model *m, const cairn_network_spec *spec, cairn_tid image)
{
    cairn_network_graph out = {CAIRN_NONE, CAIRN_NONE, CAIRN_NONE, CAIRN_NONE};
    if (spec->kind != CAIRN_NETWORK_SP_FPN) {
        cairn_superpoint_outputs o = spec->kind == CAIRN_NETWORK_SUPERPOINT
                                         ? cairn_superpoint(m, image, &spec->superpoint)
                                         : cairn_drop_in(m, image, &spec->sp_fpn, &spec->heads);
        out = (cairn_network_graph){o.logits, cairn_superpoint_heatmap(m->g, o.logits), o.descriptor, o.raw};
    } else {
        out.logits = cairn_sp_fpn(m, image, &spec->sp_fpn);
        out.heatmap = cairn_op_sigmoid(m->g, out.logits);
    }
    return out;
}

static void forget(compiled *c)
{
    cairn_program_destroy(&c->program);
    cairn_model_uninit(&c->model);
    cairn_graph_destroy(&c->g);
    *c = (compiled){0};
}

static cairn_status compile(cairn_network *net, compiled *c, int n, int h, int w)
{
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_graph_create(&c->g));
    cairn_model_init(&c->model, c->g, net->batch_statistics);
    c->model.keep_running = true;
    c->image = cairn_graph_input(c->g, "image", (cairn_shape){n, h, w, 1});
    c->outputs = cairn_network_build(&c->model, &net->spec, c->image);
    if (net->raw_descriptors) c->outputs.descriptor = c->outputs.raw;
    cairn_graph_output(c->g, c->outputs.heatmap, "heatmap");
    cairn_graph_output(c->g, c->outputs.descriptor, "descriptor");
    CAIRN_TRY(cairn_program_create(&c->program, net->gpu, c->g, net->store, NULL));
    c->n = n;
    c->h = h;
    c->w = w;
done:
    if (st < 0) forget(c);
    return st;
}

cairn_status cairn_network_fill_store(cairn_store *store, const cairn_network_spec *spec, const char *path,
                                      uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    cairn_graph *g = NULL;
    cairn_model m = {0};
    CAIRN_TRY(cairn_graph_create(&g));
    cairn_model_init(&m, g, false);
    cairn_network_build(&m, spec, cairn_graph_input(g, "image", (cairn_shape){1, 32, 32, 1})); /* for its parameters */
    CAIRN_TRY(cairn_checkpoint_start(path, store, &m, seed));
done:
    cairn_model_uninit(&m);
    cairn_graph_destroy(&g);
    return st;
}

static cairn_status create(cairn_network **out, cairn_gpu *gpu, const cairn_network_spec *spec, const char *path,
                           uint32_t seed)
{
    cairn_status st = CAIRN_OK;
    *out = NULL;
    cairn_network *net = calloc(1, sizeof *net);
    if (!net) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a network");
    net->gpu = gpu;
    net->spec = *spec;
    CAIRN_TRY(cairn_store_create(&net->store, gpu));
    CAIRN_TRY(cairn_network_fill_store(net->store, spec, path, seed));
    *out = net;
    net = NULL;
done:
    cairn_network_destroy(&net);
    return st;
}

cairn_status cairn_network_load(cairn_network **out, cairn_gpu *gpu, const char *path)
{
    cairn_status st = CAIRN_OK;
    char *text = NULL;
    cairn_network_spec spec;
    *out = NULL;
    CAIRN_TRY(cairn_checkpoint_metadata(&text, path, "model"));
    CAIRN_TRY(cairn_network_parse(&spec, text, path));
    CAIRN_TRY(create(out, gpu, &spec, path, 0));
done:
    free(text);
    return st;
}

cairn_status cairn_network_create_untrained(cairn_network **out, cairn_gpu *gpu, const cairn_network_spec *spec,
                                            uint32_t seed)
{
    return create(out, gpu, spec, NULL, seed);
}

void cairn_network_destroy(cairn_network **network)
{
    if (!*network) return;
    for (int i = 0; i < KEPT; i++) forget(&(*network)->programs[i]);
    cairn_store_destroy(&(*network)->store);
    free(*network);
    *network = NULL;
}

const cairn_network_spec *cairn_network_get_spec(const cairn_network *network)
{
    return &network->spec;
}

cairn_store *cairn_network_store(cairn_network *network)
{
    return network->store;
}

void cairn_network_use_batch_statistics(cairn_network *network, bool use)
{
    if (network->batch_statistics == use) return;
    for (int i = 0; i < KEPT; i++) forget(&network->programs[i]);
    network->batch_statistics = use;
}

void cairn_network_use_raw_descriptors(cairn_network *network, bool use)
{
    if (network->raw_descriptors == use) return;
    for (int i = 0; i < KEPT; i++) forget(&network->programs[i]);
    network->raw_descriptors = use;
}

int cairn_network_dimension(const cairn_network *network)
{
    const cairn_network_spec *s = &network->spec;
    return s->kind == CAIRN_NETWORK_SUPERPOINT ? s->superpoint.descriptor
           : s->kind == CAIRN_NETWORK_DROP_IN  ? s->heads.descriptor
                                               : 0;
}

static cairn_status find_program(cairn_network *net, int n, int h, int w, compiled **out)
{
    compiled *oldest = &net->programs[0];
    *out = NULL;
    for (int i = 0; i < KEPT; i++) {
        compiled *c = &net->programs[i];
        if (c->program && c->n == n && c->h == h && c->w == w) *out = c;
        if (c->used < oldest->used) oldest = c;
    }
    cairn_status st = CAIRN_OK;
    if (!*out) {
        forget(oldest);
        st = compile(net, oldest, n, h, w);
        if (st >= 0) *out = oldest;
    }
    if (*out) (*out)->used = ++net->clock;
    return st;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Copies [n,h,w] into [n,ph,pw], repeating the last row and column. */
static void pad_images(float *out, const float *images, int n, int h, int w, int ph, int pw)
{
    for (int i = 0; i < n; i++)
        for (int y = 0; y < ph; y++) {
            const float *row = images + ((size_t)i * (size_t)h + (size_t)smaller(y, h - 1)) * (size_t)w;
            float *to = out + ((size_t)i * (size_t)ph + (size_t)y) * (size_t)pw;
            for (int x = 0; x < pw; x++) to[x] = row[smaller(x, w - 1)];
        }
}

cairn_status cairn_network_run(cairn_network *net, const float *images, int n, int h, int w, float *heatmap,
                               float *descriptors)
{
    cairn_status st = CAIRN_OK;
    int ph = (h + 7) / 8 * 8, pw = (w + 7) / 8 * 8;
    float *padded = NULL;
    compiled *c;
    if (n < 1 || h < 32 || w < 32)
        return cairn_error_set(CAIRN_E_SHAPE, "an image of %dx%d pixels is too small; at least 32x32 are needed", w, h);
    CAIRN_TRY(find_program(net, n, ph, pw, &c));
    padded = malloc(sizeof *padded * (size_t)n * (size_t)ph * (size_t)pw);
    if (!padded) {
        st = cairn_error_set(CAIRN_E_NOMEM, "no memory for %d images of %dx%d", n, pw, ph);
        goto done;
    }
    pad_images(padded, images, n, h, w, ph, pw);
    CAIRN_TRY(cairn_program_write(c->program, c->image, padded));
    CAIRN_TRY(cairn_program_run(c->program));
    CAIRN_TRY(cairn_program_read(c->program, c->outputs.heatmap, padded));
    for (int i = 0; i < n; i++)
        for (int y = 0; y < h; y++)
            memcpy(heatmap + ((size_t)i * (size_t)h + (size_t)y) * (size_t)w,
                   padded + ((size_t)i * (size_t)ph + (size_t)y) * (size_t)pw, sizeof *heatmap * (size_t)w);
    if (descriptors && c->outputs.descriptor != CAIRN_NONE)
        CAIRN_TRY(cairn_program_read(c->program, c->outputs.descriptor, descriptors));
done:
    free(padded);
    return st;
}
