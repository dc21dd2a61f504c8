#include "experiments/gallery/drawing.h"

#include <cairo/cairo.h>
#include <math.h>

enum { GAP = 8, BAND = 26, FONT_SIZE = 14, WANTED_SIDE = 480, MOST_ZOOM = 4, MOST_SIDE = 30000 };
static const double ground[3] = {0.086, 0.094, 0.114}, ink[3] = {0.92, 0.93, 0.95};
static const double good[3] = {0.18, 0.80, 0.44}, bad[3] = {0.93, 0.26, 0.28};

typedef struct canvas {
    cairo_surface_t *surface;
    cairo_t *cr;
    int h, w;
} canvas;

static void canvas_free(canvas *c)
{
    if (c->cr) cairo_destroy(c->cr);
    if (c->surface) cairo_surface_destroy(c->surface);
    *c = (canvas){0};
}

static cairn_status canvas_create(canvas *c, int h, int w)
{
    *c = (canvas){.h = h, .w = w};
    if (h < 1 || w < 1 || h > MOST_SIDE || w > MOST_SIDE)
        return cairn_error_set(CAIRN_E_INVALID, "a drawing of %dx%d pixels: expected sides of 1 to %d", w, h,
                               MOST_SIDE);
    c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
    c->cr = cairo_create(c->surface);
    if (cairo_status(c->cr) != CAIRO_STATUS_SUCCESS) {
        cairn_status st = cairn_error_set(CAIRN_E_NOMEM, "a drawing of %dx%d pixels: %s", w, h,
                                          cairo_status_to_string(cairo_status(c->cr)));
        canvas_free(c);
        return st;
    }
    cairo_set_source_rgb(c->cr, ground[0], ground[1], ground[2]);
    cairo_paint(c->cr);
    return CAIRN_OK;
}

static cairn_status canvas_read(cairn_image *out, canvas *c)
{
    cairn_status st = CAIRN_OK;
    cairo_surface_flush(c->surface);
    CAIRN_TRY(cairn_image_create(out, c->h, c->w, 3));
    const unsigned char *bytes = cairo_image_surface_get_data(c->surface);
    size_t stride = (size_t)cairo_image_surface_get_stride(c->surface);
    for (int y = 0; y < c->h; y++) {
        const uint32_t *row = (const uint32_t *)(const void *)(bytes + (size_t)y * stride);
        float *to = out->pixels + (size_t)y * (size_t)c->w * 3;
        for (int x = 0; x < c->w; x++)
            for (int k = 0; k < 3; k++) to[3 * x + k] = (float)((row[x] >> (16 - 8 * k)) & 255) / 255;
    }
done:
    return st;
}

static uint32_t byte_of(float v)
{
    return v > 0 ? (uint32_t)(fminf(v, 1) * 255 + 0.5f) : 0;
}

/* The image on a surface of its own. */
static cairo_surface_t *surface_of(const cairn_image *image)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, image->w, image->h);
    unsigned char *bytes = cairo_image_surface_get_data(surface);
    if (!bytes) return surface; /* carries its error to the canvas */
    size_t stride = (size_t)cairo_image_surface_get_stride(surface), c = (size_t)image->c;
    for (int y = 0; y < image->h; y++) {
        uint32_t *row = (uint32_t *)(void *)(bytes + (size_t)y * stride);
        const float *from = image->pixels + (size_t)y * (size_t)image->w * c;
        for (size_t x = 0; x < (size_t)image->w; x++) {
            const float *p = from + x * c;
            row[x] = byte_of(p[0]) << 16 | byte_of(c == 3 ? p[1] : p[0]) << 8 | byte_of(c == 3 ? p[2] : p[0]);
        }
    }
    cairo_surface_mark_dirty(surface);
    return surface;
}

static int zoom_for(const cairn_image *image)
{
    int side = image->h > image->w ? image->h : image->w;
    int zoom = (WANTED_SIDE + side - 1) / side;
    return zoom < 1 ? 1 : zoom > MOST_ZOOM ? MOST_ZOOM : zoom;
}

static void draw_image(cairo_t *cr, const cairn_image *image, double left, double top, int zoom)
{
    cairo_surface_t *surface = surface_of(image);
    cairo_save(cr);
    cairo_translate(cr, left, top);
    cairo_scale(cr, zoom, zoom);
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_rectangle(cr, 0, 0, image->w, image->h);
    cairo_fill(cr);
    cairo_restore(cr);
    cairo_surface_destroy(surface);
}

static void draw_points(cairo_t *cr, const cairn_keypoints *k, double left, double top, int zoom)
{
    const double radius = 1.2 * zoom + 1.2;
    for (int i = k->count - 1; i >= 0; i--) {
        double rank = k->count > 1 ? (double)i / (k->count - 1) : 0;
        double x = left + (k->points[i].x + 0.5) * zoom, y = top + (k->points[i].y + 0.5) * zoom;
        if (!isfinite(x) || !isfinite(y)) continue;
        cairo_arc(cr, x, y, radius, 0, 6.283185307179586);
        cairo_set_line_width(cr, 3.2);
        cairo_set_source_rgba(cr, 0, 0, 0, 0.55 - 0.25 * rank);
        cairo_stroke_preserve(cr);
        cairo_set_line_width(cr, 1.5);
        cairo_set_source_rgba(cr, good[0], good[1], good[2], 1 - 0.45 * rank);
        cairo_stroke(cr);
    }
}

/* The title, cut with an ellipsis where it is too long. */
static void draw_title(cairo_t *cr, const char *title, double left, double top, double width)
{
    char text[256];
    cairo_text_extents_t extents;
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, FONT_SIZE);
    int length = snprintf(text, sizeof text, "%s", title);
    if (length >= (int)sizeof text) length = (int)sizeof text - 1;
    cairo_text_extents(cr, text, &extents);
    while (extents.x_advance > width - GAP && length > 1) {
        do length--;
        while (length > 1 && ((unsigned char)title[length] & 0xC0) == 0x80); /* not inside a UTF-8 character */
        snprintf(text, sizeof text, "%.*s\xE2\x80\xA6", length < 200 ? length : 200, title);
        cairo_text_extents(cr, text, &extents);
    }
    cairo_set_source_rgb(cr, ink[0], ink[1], ink[2]);
    cairo_move_to(cr, left + 4, top + BAND - 8);
    cairo_show_text(cr, text);
}

/* Height with the band, width; both after enlarging. */
static void picture_size(const cairn_picture *p, int *h, int *w)
{
    int zoom = zoom_for(p->image);
    *h = p->image->h * zoom + (p->title ? BAND : 0);
    *w = p->image->w * zoom;
}

static void draw_picture(cairo_t *cr, const cairn_picture *p, double left, double top)
{
    int zoom = zoom_for(p->image);
    if (p->title) {
        draw_title(cr, p->title, left, top, (double)p->image->w * zoom);
        top += BAND;
    }
    draw_image(cr, p->image, left, top, zoom);
    if (!p->points) return;
    cairo_save(cr);
    cairo_rectangle(cr, left, top, p->image->w * zoom, p->image->h * zoom);
    cairo_clip(cr);
    draw_points(cr, p->points, left, top, zoom);
    cairo_restore(cr);
}

cairn_status cairn_draw_keypoints(cairn_image *out, const cairn_picture *picture)
{
    return cairn_draw_grid(out, picture, 1, 1);
}

cairn_status cairn_draw_grid(cairn_image *out, const cairn_picture *pictures, int count, int columns)
{
    enum { MOST_PICTURES = 256, MOST_COLUMNS = 32 };
    cairn_status st = CAIRN_OK;
    canvas c = {0};
    int column_width[MOST_COLUMNS] = {0}, row_height[MOST_PICTURES] = {0}, h = 0, w = 0;
    *out = (cairn_image){0};
    if (count < 1 || count > MOST_PICTURES || columns < 1 || columns > MOST_COLUMNS)
        return cairn_error_set(CAIRN_E_INVALID, "a grid of %d pictures in %d columns: expected 1 to %d in 1 to %d",
                               count, columns, MOST_PICTURES, MOST_COLUMNS);
    for (int i = 0; i < count; i++) {
        int ph, pw;
        picture_size(&pictures[i], &ph, &pw);
        if (pw > column_width[i % columns]) column_width[i % columns] = pw;
        if (ph > row_height[i / columns]) row_height[i / columns] = ph;
    }
    for (int i = 0; i < columns && i < count; i++) w += column_width[i] + (i ? GAP : 0);
    for (int i = 0; i * columns < count; i++) h += row_height[i] + (i ? GAP : 0);
    CAIRN_TRY(canvas_create(&c, h, w));
    for (int i = 0, left = 0, top = 0; i < count; i++) {
        draw_picture(c.cr, &pictures[i], left, top);
        left += column_width[i % columns] + GAP;
        if ((i + 1) % columns) continue;
        left = 0;
        top += row_height[i / columns] + GAP;
    }
    CAIRN_TRY(canvas_read(out, &c));
done:
    canvas_free(&c);
    return st;
}

typedef struct lines {
    const double *from, *to;
    const uint8_t *correct;
    int count, most;
    double left_a, left_b, top_a, top_b;
    int zoom_a, zoom_b;
} lines;

static void draw_lines(cairo_t *cr, const lines *l, bool correct)
{
    const double *colour = correct ? good : bad;
    int shown = l->most > 0 && l->most < l->count ? l->most : l->count;
    cairo_set_line_width(cr, 1.1);
    cairo_set_source_rgba(cr, colour[0], colour[1], colour[2], correct ? 0.8 : 0.65);
    for (int k = 0; k < shown; k++) {
        int i = (int)((int64_t)k * l->count / shown);
        if (correct != (!l->correct || l->correct[i])) continue;
        double xa = l->left_a + (l->from[2 * i] + 0.5) * l->zoom_a,
               ya = l->top_a + (l->from[2 * i + 1] + 0.5) * l->zoom_a;
        double xb = l->left_b + (l->to[2 * i] + 0.5) * l->zoom_b, yb = l->top_b + (l->to[2 * i + 1] + 0.5) * l->zoom_b;
        cairo_move_to(cr, xa, ya);
        cairo_line_to(cr, xb, yb);
        cairo_stroke(cr);
        cairo_arc(cr, xa, ya, 2.2, 0, 6.283185307179586);
        cairo_fill(cr);
        cairo_arc(cr, xb, yb, 2.2, 0, 6.283185307179586);
        cairo_fill(cr);
    }
}

cairn_status cairn_draw_matches(cairn_image *out, const cairn_picture *a, const cairn_picture *b, const double *from,
                                const double *to, const uint8_t *correct, int count, int most)
{
    cairn_status st = CAIRN_OK;
    canvas c = {0};
    int ha, wa, hb, wb;
    *out = (cairn_image){0};
    picture_size(a, &ha, &wa);
    picture_size(b, &hb, &wb);
    CAIRN_TRY(canvas_create(&c, ha > hb ? ha : hb, wa + GAP + wb));
    draw_picture(c.cr, a, 0, 0);
    draw_picture(c.cr, b, wa + GAP, 0);
    lines l = {from,
               to,
               correct,
               count,
               most,
               0,
               wa + GAP,
               a->title ? BAND : 0,
               b->title ? BAND : 0,
               zoom_for(a->image),
               zoom_for(b->image)};
    draw_lines(c.cr, &l, false);
    draw_lines(c.cr, &l, true);
    CAIRN_TRY(canvas_read(out, &c));
done:
    canvas_free(&c);
    return st;
}

void cairn_colour_map(double value, double rgb[3])
{
    /* Nine stops of the "magma" map of matplotlib (CC0). */
    static const unsigned char stops[9][3] = {{0, 0, 4},      {28, 16, 68},    {79, 18, 123},
                                              {129, 37, 129}, {181, 54, 122},  {229, 80, 100},
                                              {251, 135, 97}, {254, 194, 135}, {252, 253, 191}};
    double at = value > 0 ? fmin(value, 1) * 8 : 0;
    int low = at >= 8 ? 7 : (int)at;
    for (int k = 0; k < 3; k++) rgb[k] = (stops[low][k] + (at - low) * (stops[low + 1][k] - stops[low][k])) / 255;
}

cairn_status cairn_draw_heatmap(cairn_image *out, const cairn_image *image, const float *heatmap, int h, int w)
{
    cairn_status st = CAIRN_OK;
    cairn_image mixed = {0};
    *out = (cairn_image){0};
    if (image->h != h || image->w != w)
        return cairn_error_set(CAIRN_E_SHAPE, "heatmap of %dx%d on an image of %dx%d: expected equal sizes", w, h,
                               image->w, image->h);
    CAIRN_TRY(cairn_image_to_rgb(&mixed, image));
    size_t count = (size_t)h * (size_t)w;
    float most = 0;
    for (size_t i = 0; i < count; i++)
        if (heatmap[i] > most && isfinite(heatmap[i])) most = heatmap[i];
    for (size_t i = 0; i < count; i++) {
        double value = most > 0 && heatmap[i] > 0 ? sqrt(fmin(heatmap[i] / most, 1)) : 0, rgb[3];
        double share = fmin(1, 0.25 + 1.5 * value); /* of the colour; the rest shows the image, darkened */
        cairn_colour_map(value, rgb);
        for (size_t k = 0; k < 3; k++)
            mixed.pixels[3 * i + k] = (float)(share * rgb[k] + (1 - share) * 0.7 * mixed.pixels[3 * i + k]);
    }
    CAIRN_TRY(cairn_draw_keypoints(out, &(cairn_picture){&mixed, NULL, NULL}));
done:
    cairn_image_free(&mixed);
    return st;
}
