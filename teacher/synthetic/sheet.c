#include "teacher/synthetic/synthetic_shapes.h"

#include <math.h>

enum { ZOOM = 3, GAP = 6 };

static void put(cairn_image *rgb, int y, int x, float r, float g, float b)
{
    if (y < 0 || x < 0 || y >= rgb->h || x >= rgb->w) return;
    float *p = rgb->pixels + ((size_t)y * rgb->w + x) * 3;
    p[0] = r;
    p[1] = g;
    p[2] = b;
}

static void paste(cairn_image *rgb, int y0, int x0, const cairn_image *gray, const cairn_keypoints *corners)
{
    for (int y = 0; y < gray->h * ZOOM; y++)
        for (int x = 0; x < gray->w * ZOOM; x++) {
            float v = gray->pixels[(size_t)(y / ZOOM) * gray->w + x / ZOOM];
            put(rgb, y0 + y, x0 + x, v, v, v);
        }
    for (int i = 0; i < corners->count; i++) {
        double cx = x0 + (corners->points[i].x + 0.5) * ZOOM - 0.5, cy = y0 + (corners->points[i].y + 0.5) * ZOOM - 0.5;
        put(rgb, (int)lround(cy), (int)lround(cx), 1, 0, 0);
        for (int y = (int)cy - 7; y <= (int)cy + 8; y++)
            for (int x = (int)cx - 7; x <= (int)cx + 8; x++)
                if (fabs(hypot(x - cx, y - cy) - 5.5) < 0.8) put(rgb, y, x, 0.1f, 0.9f, 0.2f);
    }
}

cairn_status cairn_shapes_contact_sheet(cairn_image *rgb, uint32_t seed, int rows, int cols, const bool *chosen,
                                        const cairn_shapes_options *options)
{
    cairn_primitive shown[CAIRN_SHAPE_COUNT];
    int kinds = 0;
    cairn_image sheet = {0}, gray = {0};
    cairn_keypoints corners = {0};
    cairn_status st = CAIRN_OK;
    *rgb = (cairn_image){0};
    if (rows < 1 || cols < 1 || rows > 64 || cols > 64)
        return cairn_error_set(CAIRN_E_INVALID, "contact sheet: %d rows and %d columns; each must be 1..64", rows,
                               cols);
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++)
        if (!chosen || chosen[p]) shown[kinds++] = (cairn_primitive)p;
    CAIRN_ASSERT(kinds > 0);
    int h = options->h * ZOOM + GAP, w = options->w * ZOOM + GAP;
    CAIRN_TRY(cairn_image_create(&sheet, rows * h + GAP, cols * w + GAP, 3));
    for (int i = 0; i < sheet.h * sheet.w * 3; i++) sheet.pixels[i] = 1;
    for (int n = 0; n < rows * cols; n++) {
        cairn_rng rng = cairn_rng_stream(seed, 0, (uint32_t)n, 0, 0);
        CAIRN_TRY(cairn_shapes_draw(&gray, &corners, &rng, shown[n % kinds], options));
        paste(&sheet, GAP + n / cols * h, GAP + n % cols * w, &gray, &corners);
        cairn_image_free(&gray);
        cairn_keypoints_free(&corners);
    }
    *rgb = sheet;
    sheet = (cairn_image){0};
done:
    cairn_image_free(&sheet);
    cairn_image_free(&gray);
    cairn_keypoints_free(&corners);
    return st;
}
