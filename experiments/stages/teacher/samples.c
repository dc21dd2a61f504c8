#include "experiments/stages/teacher/samples.h"

#include "experiments/stages/common.h"
#include "ops/image/geometry.h"
#include "teacher/labels/labels.h"

#include <string.h>

static cairn_rng rng_for(const cairn_sample_stream *s, uint32_t purpose)
{
    return cairn_rng_stream(s->seed, s->stage, s->step, s->sample, purpose);
}

static cairn_status copy_points(cairn_keypoints *out, const cairn_keypoints *points)
{
    cairn_status st = cairn_keypoints_create(out, points->count, 0);
    if (st >= 0 && points->count) memcpy(out->points, points->points, sizeof *points->points * (size_t)points->count);
    return st;
}

bool cairn_sample_on_device(const cairn_gpu *gpu, int place)
{
    return place == CAIRN_AUGMENT_AUTO ? !cairn_gpu_get_info(gpu)->is_cpu : place == CAIRN_AUGMENT_DEVICE;
}

/* Labels and valid cells into the batch. mask [h,w], or NULL where all of the image is valid. */
static cairn_status write_labels(cairn_sample_view *out, int h, int w, const cairn_keypoints *points, const float *mask,
                                 cairn_rng *rng)
{
    cairn_status st = CAIRN_OK;
    int cells = h / 8 * (w / 8);
    if (out->soft)
        CAIRN_TRY(cairn_labels_soft(out->labels, points, h, w));
    else
        CAIRN_TRY(cairn_labels_from_points(out->labels, points, h, w, rng));
    if (mask) CAIRN_TRY(cairn_labels_valid_cells(out->valid, mask, h, w));
    for (int i = 0; i < cells && !mask; i++) out->valid[i] = 1;
done:
    return st;
}

static cairn_status write_view(cairn_sample_view *out, const cairn_image *image, const cairn_keypoints *points,
                               const float *mask, cairn_rng *rng)
{
    memcpy(out->image, image->pixels, sizeof(float) * (size_t)image->h * (size_t)image->w);
    return write_labels(out, image->h, image->w, points, mask, rng);
}

/* The photo as it is, and what the device needs to change its light. */
static cairn_status write_photo(cairn_sample_view *out, const cairn_image *gray, cairn_rng *rng,
                                const cairn_photometric_options *photometric)
{
    cairn_photometric_plan plan;
    cairn_status st = CAIRN_OK;
    const size_t pixels = (size_t)gray->h * (size_t)gray->w, stride = (size_t)out->stride;
    for (size_t i = 0; i < pixels && out->image; i++) out->image[i * stride] = gray->pixels[i];
    if (!photometric) return CAIRN_OK;
    CAIRN_TRY(cairn_photometric_draw(&plan, rng, gray->h, gray->w, gray->c, photometric));
    CAIRN_TRY(cairn_photometric_for_device(out->light, out->mask, out->stride, &plan));
done:
    return st;
}

static void write_matrix(float *out, const cairn_homography *h)
{
    for (int k = 0; k < 9; k++) out[k] = (float)h->m[k];
}

/* The streams are those that the host's views draw from, in the same order. */
static cairn_status device_view(cairn_sample_view *out, cairn_homography *to_photo, const cairn_image *gray,
                                const cairn_keypoints *points, const cairn_photometric_options *photometric,
                                const cairn_homographic_options *homographic, cairn_rng rngs[3])
{
    cairn_status st = CAIRN_OK;
    cairn_keypoints moved = {0};
    float *mask = malloc(sizeof *mask * (size_t)gray->h * (size_t)gray->w);
    *to_photo = CAIRN_HOMOGRAPHY_IDENTITY;
    if (!mask) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a sample");
    CAIRN_TRY(copy_points(&moved, points));
    CAIRN_TRY(write_photo(out, gray, &rngs[0], photometric));
    if (homographic) CAIRN_TRY(cairn_augment_view(mask, &moved, gray->h, gray->w, &rngs[1], homographic, to_photo));
    if (out->matrix) write_matrix(out->matrix, to_photo);
    CAIRN_TRY(write_labels(out, gray->h, gray->w, &moved, homographic ? mask : NULL, &rngs[2]));
done:
    cairn_keypoints_free(&moved);
    free(mask);
    return st;
}

cairn_status cairn_sample_detector(cairn_sample_view *out, const cairn_image *gray, const cairn_keypoints *points,
                                   const cairn_photometric_options *photometric,
                                   const cairn_homographic_options *homographic, const cairn_sample_stream *stream)
{
    cairn_status st = CAIRN_OK;
    cairn_image changed = {0}, warped = {0};
    cairn_keypoints moved = {0};
    cairn_homography to_photo;
    cairn_rng rngs[3] = {rng_for(stream, CAIRN_PURPOSE_AUGMENT), rng_for(stream, CAIRN_PURPOSE_WARP),
                         rng_for(stream, CAIRN_PURPOSE_LABELS)};
    float *mask = NULL;
    if (out->light) return device_view(out, &to_photo, gray, points, photometric, homographic, rngs);
    CAIRN_TRY(cairn_image_copy(&changed, gray));
    CAIRN_TRY(copy_points(&moved, points));
    if (photometric) CAIRN_TRY(cairn_augment_photometric(&changed, &rngs[0], photometric));
    if (homographic) {
        mask = malloc(sizeof *mask * (size_t)gray->h * (size_t)gray->w);
        if (!mask) {
            st = cairn_error_set(CAIRN_E_NOMEM, "no memory for a sample");
            goto done;
        }
        CAIRN_TRY(cairn_augment_homographic(&warped, mask, &moved, &changed, &rngs[1], homographic, NULL));
    }
    CAIRN_TRY(write_view(out, homographic ? &warped : &changed, &moved, mask, &rngs[2]));
done:
    cairn_image_free(&changed);
    cairn_image_free(&warped);
    cairn_keypoints_free(&moved);
    free(mask);
    return st;
}

cairn_status cairn_sample_warped(cairn_sample_view *out, cairn_homography *to_warped, const cairn_image *gray,
                                 const cairn_keypoints *points, const cairn_photometric_options *photometric,
                                 const cairn_homographic_options *homographic, const cairn_sample_stream *stream)
{
    cairn_status st = CAIRN_OK;
    cairn_image warped = {0};
    cairn_keypoints moved = {0};
    cairn_homography warped_to_input;
    cairn_rng rngs[3] = {rng_for(stream, CAIRN_PURPOSE_AUGMENT_WARPED), rng_for(stream, CAIRN_PURPOSE_WARP),
                         rng_for(stream, CAIRN_PURPOSE_LABELS_WARPED)};
    if (out->light) {
        st = device_view(out, &warped_to_input, gray, points, photometric, homographic, rngs);
        return st < 0 ? st : cairn_homography_invert(to_warped, &warped_to_input);
    }
    float *mask = malloc(sizeof *mask * (size_t)gray->h * (size_t)gray->w);
    if (!mask) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a sample");
    CAIRN_TRY(copy_points(&moved, points));
    CAIRN_TRY(cairn_augment_homographic(&warped, mask, &moved, gray, &rngs[1], homographic, &warped_to_input));
    CAIRN_TRY(cairn_homography_invert(to_warped, &warped_to_input));
    CAIRN_TRY(cairn_augment_photometric(&warped, &rngs[0], photometric));
    CAIRN_TRY(write_view(out, &warped, &moved, mask, &rngs[2]));
done:
    cairn_image_free(&warped);
    cairn_keypoints_free(&moved);
    free(mask);
    return st;
}

cairn_tid cairn_sample_device_view(cairn_graph *g, const cairn_device_view *v)
{
    const cairn_shape s = cairn_graph_shape(g, v->photo);
    const bool warps = v->matrices != CAIRN_NONE;
    cairn_tid image = v->photo;
    if (warps && v->warp_first) image = cairn_op_warp(g, image, v->matrices, s.h, s.w);
    if (v->rows != CAIRN_NONE) image = cairn_op_photometric(g, image, v->photo, 1 + v->view, v->rows);
    if (warps && !v->warp_first) image = cairn_op_warp(g, image, v->matrices, s.h, s.w);
    return image;
}

static int photo_channels(const cairn_sample_layout *layout)
{
    return layout->device && layout->photometric ? 2 : 1;
}

cairn_tid cairn_sample_detector_input(cairn_training *t, int n, const cairn_sample_layout *layout)
{
    const cairn_shape row = {n, 1, 1, CAIRN_PHOTOMETRIC_FLOATS}, matrix = {n, 1, 1, 9};
    const cairn_tid image =
        cairn_graph_input(t->g, "image", (cairn_shape){n, layout->h, layout->w, photo_channels(layout)});
    t->inputs[0] = image;
    if (!layout->device) return image;
    const cairn_tid rows = cairn_graph_input(t->g, "light", row);
    const cairn_tid matrices = cairn_graph_input(t->g, "to_photo", matrix);
    CAIRN_ASSERT(t->input_count == layout->inputs);
    t->inputs[t->input_count++] = rows;
    t->inputs[t->input_count++] = matrices;
    const cairn_device_view view = {image, layout->photometric ? rows : CAIRN_NONE,
                                    layout->homographic ? matrices : CAIRN_NONE, 0, false};
    return cairn_sample_device_view(t->g, &view);
}

void cairn_sample_build_detector(cairn_training *t, const cairn_network_spec *spec, int n,
                                 const cairn_sample_layout *layout, const cairn_detector_options *options)
{
    const cairn_shape cells = {n, layout->h / 8, layout->w / 8, 1};
    t->inputs[1] = cairn_graph_input(t->g, "labels", (cairn_shape){n, cells.h, cells.w, layout->label_channels});
    t->inputs[2] = cairn_graph_input(t->g, "valid", cells);
    t->input_count = layout->inputs;
    const cairn_network_graph net = cairn_network_build(t->model, spec, cairn_sample_detector_input(t, n, layout));
    t->loss = cairn_detector_loss_of(t->g, net.logits, t->inputs[1], t->inputs[2], options);
}

cairn_sample_view cairn_sample_detector_view(float *const *inputs, int i, const cairn_sample_layout *layout, bool soft)
{
    const size_t pixels = (size_t)layout->h * (size_t)layout->w, n = (size_t)i, stride = (size_t)photo_channels(layout);
    cairn_sample_view view = {.image = inputs[0] + n * pixels * stride,
                              .labels = inputs[1] + n * (pixels / 64) * (size_t)layout->label_channels,
                              .valid = inputs[2] + n * (pixels / 64),
                              .soft = soft,
                              .stride = (int)stride};
    if (!layout->device) return view;
    view.mask = view.image + 1;
    view.light = inputs[layout->inputs] + n * CAIRN_PHOTOMETRIC_FLOATS;
    view.matrix = inputs[layout->inputs + 1] + n * 9;
    return view;
}
