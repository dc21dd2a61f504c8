/* Resizing for a protocol, and what it does to the homography. */
#include "experiments/evaluation/protocol.h"

enum { LEAST_SIDE = 32, MOST_SIDE = 16384 };

static cairn_status check(int h, int w, const cairn_image *image)
{
    if (h >= LEAST_SIDE && w >= LEAST_SIDE && h <= MOST_SIDE && w <= MOST_SIDE) return CAIRN_OK;
    return cairn_error_set(CAIRN_E_INVALID, "an image of %dx%d would become %dx%d pixels; sides of %d to %d are needed",
                           image->w, image->h, w, h, LEAST_SIDE, MOST_SIDE);
}

/* The source cuts both images by image 1's scale and multiplies H by [[1,1,s],[1,1,s],[1/s,1/s,1]], which is
 * S(s) H S(1/s): right where both images have one size. Where the second is smaller than the cut, NumPy's slice ends
 * with the image and the enlargement differs by axis, which H does not know of. */
static cairn_status top_left(cairn_image *out, cairn_adaptation *a, const cairn_image *image, const cairn_image *first,
                             const cairn_protocol_view *view)
{
    cairn_status st = CAIRN_OK;
    cairn_image cut = {0};
    const double by_height = (double)view->h / first->h, by_width = (double)view->w / first->w;
    const double s = by_height > by_width ? by_height : by_width;
    int h = (int)(view->h / s), w = (int)(view->w / s);
    if (h > image->h) h = image->h;
    if (w > image->w) w = image->w;
    CAIRN_TRY(check(h, w, image));
    CAIRN_TRY(cairn_image_crop(&cut, image, 0, 0, h, w));
    CAIRN_TRY(cairn_image_resize(out, &cut, view->h, view->w));
    *a = (cairn_adaptation){s, s, 0, 0};
done:
    cairn_image_free(&cut);
    return st;
}

static cairn_status stretch(cairn_image *out, cairn_adaptation *a, const cairn_image *image, int64_t h, int64_t w)
{
    cairn_status st = CAIRN_OK;
    if (h > MOST_SIDE) h = MOST_SIDE + 1;
    if (w > MOST_SIDE) w = MOST_SIDE + 1;
    CAIRN_TRY(check((int)h, (int)w, image));
    CAIRN_TRY(cairn_image_resize(out, image, (int)h, (int)w));
    *a = (cairn_adaptation){(double)w / image->w, (double)h / image->h, 0, 0};
done:
    return st;
}

cairn_status cairn_adapt_image(cairn_image *out, cairn_adaptation *adaptation, const cairn_image *image,
                               const cairn_image *first, const cairn_protocol_view *view)
{
    cairn_status st = CAIRN_OK;
    const bool upright = image->h > image->w;
    double scale;
    *out = (cairn_image){0};
    *adaptation = (cairn_adaptation){1, 1, 0, 0};
    switch (view->resize) {
    case CAIRN_RESIZE_CROP:
        CAIRN_TRY(cairn_image_resize_crop(out, image, view->h, view->w, &scale, &adaptation->offset_x,
                                          &adaptation->offset_y));
        adaptation->scale_x = adaptation->scale_y = scale;
        break;
    case CAIRN_RESIZE_TOP_LEFT:
        CAIRN_TRY(top_left(out, adaptation, image, first ? first : image, view));
        break;
    case CAIRN_RESIZE_SHORT_SIDE:
        CAIRN_TRY(stretch(out, adaptation, image, upright ? (int64_t)image->h * view->h / image->w : view->h,
                          upright ? view->h : (int64_t)image->w * view->h / image->h));
        break;
    case CAIRN_RESIZE_STRETCH:
        CAIRN_TRY(stretch(out, adaptation, image, view->h, view->w));
        break;
    default:
        CAIRN_TRY(check(image->h, image->w, image));
        CAIRN_TRY(cairn_image_copy(out, image));
    }
done:
    return st;
}

cairn_homography cairn_adapt_homography(const cairn_homography *a_to_b, const cairn_adaptation *a,
                                        const cairn_adaptation *b)
{
    const cairn_homography to_a = {
        {1 / a->scale_x, 0, a->offset_x / a->scale_x, 0, 1 / a->scale_y, a->offset_y / a->scale_y, 0, 0, 1}};
    const cairn_homography from_b = {{b->scale_x, 0, -b->offset_x, 0, b->scale_y, -b->offset_y, 0, 0, 1}};
    const cairn_homography first = cairn_homography_multiply(a_to_b, &to_a);
    return cairn_homography_multiply(&from_b, &first);
}
