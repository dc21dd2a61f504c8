/* Lines, polygons, ellipses and stars (teacher.md 2.2). */
#include "teacher/synthetic/scene.h"

#include <math.h>

enum { MOST_CORNERS = 7 };
static const double TURN = 6.283185307179586;

typedef struct segment {
    cairn_point a, b;
} segment;

static bool counter_clockwise(cairn_point a, cairn_point b, cairn_point c)
{
    return (int64_t)(c.y - a.y) * (b.x - a.x) > (int64_t)(b.y - a.y) * (c.x - a.x);
}

static bool crosses(segment p, segment q)
{
    return counter_clockwise(p.a, q.a, q.b) != counter_clockwise(p.b, q.a, q.b) &&
           counter_clockwise(p.a, p.b, q.a) != counter_clockwise(p.a, p.b, q.b);
}

cairn_status cairn_scene_lines(cairn_scene *s)
{
    segment accepted[9];
    int count = 0, attempts = cairn_scene_pick(s, 1, 9), bg = cairn_scene_background(s);
    int w = s->canvas.w, h = s->canvas.h;
    for (int n = 0; n < attempts; n++) {
        segment l;
        l.a.x = cairn_scene_pick(s, 0, w - 1);
        l.a.y = cairn_scene_pick(s, 0, h - 1);
        l.b.x = cairn_scene_pick(s, 0, w - 1);
        l.b.y = cairn_scene_pick(s, 0, h - 1);
        bool clash = false;
        for (int i = 0; i < count; i++) clash = clash || crosses(accepted[i], l);
        if (clash) continue;
        accepted[count++] = l;
        uint8_t colour = cairn_scene_contrast(s, bg);
        cairn_draw_line(&s->canvas, l.a, l.b, cairn_scene_length(s, 9, 18, 1), colour);
        cairn_scene_label(s, l.a);
        cairn_scene_label(s, l.b);
    }
    return CAIRN_OK;
}

typedef struct shape {
    cairn_point centre, v[MOST_CORNERS];
    int count;
    double radius;
} shape;

/* Points on `spokes` rays, one in each equal slice of the circle; each coordinate has its own random factor. */
static void spread(cairn_scene *s, shape *p, int spokes, double least, double cx, double cy)
{
    p->count = spokes;
    p->centre = cairn_scene_point(cx, cy);
    for (int i = 0; i < spokes; i++) {
        double angle = TURN / spokes * (i + cairn_scene_u(s));
        double fx = fmax(cairn_scene_u(s), least), fy = fmax(cairn_scene_u(s), least);
        p->v[i] = cairn_scene_point(cx + fx * p->radius * cos(angle), cy + fy * p->radius * sin(angle));
    }
}

static double between(cairn_point a, cairn_point b)
{
    return hypot(a.x - b.x, a.y - b.y);
}

/* Interior angle at b. */
static double angle_at(cairn_point a, cairn_point b, cairn_point c)
{
    double ux = a.x - b.x, uy = a.y - b.y, vx = c.x - b.x, vy = c.y - b.y;
    double cosine = (ux * vx + uy * vy) / (hypot(ux, uy) * hypot(vx, vy));
    return acos(fmax(-1, fmin(1, cosine)));
}

/* One draw of 2.2 "polygon": it may keep fewer than three vertices. */
static void sample_polygon(cairn_scene *s, shape *p)
{
    int corners = cairn_scene_pick(s, 3, MOST_CORNERS), n = 0, kept = 0;
    p->radius = fmax(cairn_scene_u(s) * s->min_side / 2, s->min_side / 10);
    double cx = cairn_rng_between(s->rng, p->radius, s->canvas.w - p->radius);
    double cy = cairn_rng_between(s->rng, p->radius, s->canvas.h - p->radius);
    spread(s, p, corners, 0.4, cx, cy);
    cairn_point apart[MOST_CORNERS];
    for (int i = 0; i < corners; i++)
        if (between(p->v[i], p->v[(i + corners - 1) % corners]) > 0.01) apart[n++] = p->v[i];
    for (int i = 0; i < n; i++)
        if (angle_at(apart[(i + n - 1) % n], apart[i], apart[(i + 1) % n]) < TURN / 3) p->v[kept++] = apart[i];
    p->count = kept;
}

cairn_status cairn_scene_polygon(cairn_scene *s)
{
    shape p;
    int bg = cairn_scene_background(s);
    do sample_polygon(s, &p);
    while (p.count < 3);
    cairn_draw_polygon(&s->canvas, p.v, p.count, cairn_scene_contrast(s, bg));
    for (int i = 0; i < p.count; i++) cairn_scene_label(s, p.v[i]);
    return CAIRN_OK;
}

static bool overlap(const shape *p, const shape *q)
{
    if (between(p->centre, q->centre) + fmin(p->radius, q->radius) < fmax(p->radius, q->radius)) return true;
    for (int i = 0; i < p->count; i++)
        for (int j = 0; j < q->count; j++)
            if (crosses((segment){p->v[i], p->v[(i + 1) % p->count]}, (segment){q->v[j], q->v[(j + 1) % q->count]}))
                return true;
    return false;
}

/* The texture covers the whole canvas in the definition; only the part that can reach the polygon is drawn. */
static cairn_status fill_textured(cairn_scene *s, const shape *p, int bg)
{
    int k = cairn_scene_length(s, 50, 99, 1), x0 = s->canvas.w, y0 = s->canvas.h, x1 = 0, y1 = 0;
    for (int i = 0; i < p->count; i++) {
        x0 = p->v[i].x < x0 ? p->v[i].x : x0;
        y0 = p->v[i].y < y0 ? p->v[i].y : y0;
        x1 = p->v[i].x > x1 ? p->v[i].x : x1;
        y1 = p->v[i].y > y1 ? p->v[i].y : y1;
    }
    x0 = x0 > k ? x0 - k : 0;
    y0 = y0 > k ? y0 - k : 0;
    x1 = x1 + k < s->canvas.w ? x1 + k : s->canvas.w - 1;
    y1 = y1 + k < s->canvas.h ? y1 + k : s->canvas.h - 1;
    cairn_canvas patch = {0}, blurred = {0};
    cairn_status st = CAIRN_OK;
    CAIRN_TRY(cairn_canvas_create(&patch, y1 - y0 + 1, x1 - x0 + 1));
    CAIRN_TRY(cairn_canvas_create(&blurred, y1 - y0 + 1, x1 - x0 + 1));
    uint8_t base = cairn_scene_contrast(s, bg);
    for (int i = 0; i < patch.h * patch.w; i++) patch.pixels[i] = base;
    for (int i = 0; i < 3000; i++) {
        int x = cairn_scene_pick(s, 0, s->canvas.w - 1), y = cairn_scene_pick(s, 0, s->canvas.h - 1);
        int radius = cairn_scene_length(s, 0, 19, 0);
        cairn_draw_disc(&patch, x - x0, y - y0, radius, cairn_scene_contrast(s, bg));
    }
    CAIRN_TRY(cairn_canvas_box_blur(&blurred, &patch, k));
    cairn_draw_polygon_patch(&s->canvas, p->v, p->count, &blurred, x0, y0);
done:
    cairn_canvas_free(&patch);
    cairn_canvas_free(&blurred);
    return st;
}

cairn_status cairn_scene_polygons(cairn_scene *s)
{
    shape accepted[30];
    int count = 0, bg = cairn_scene_background(s);
    cairn_status st = CAIRN_OK;
    for (int n = 0; n < 30; n++) {
        shape *p = &accepted[count];
        sample_polygon(s, p);
        bool clash = p->count < 3;
        for (int i = 0; i < count && !clash; i++) clash = overlap(&accepted[i], p);
        if (clash) continue;
        count++;
        CAIRN_TRY(fill_textured(s, p, bg));
        for (int i = 0; i < p->count; i++) cairn_scene_label(s, p->v[i]);
    }
done:
    return st;
}

cairn_status cairn_scene_ellipses(cairn_scene *s)
{
    struct {
        cairn_point centre;
        int reach;
    } accepted[20];
    int count = 0, bg = cairn_scene_background(s);
    for (int n = 0; n < 20; n++) {
        int a = (int)fmax(cairn_scene_u(s) * s->min_side / 4, s->min_side / 20);
        int b = (int)fmax(cairn_scene_u(s) * s->min_side / 4, s->min_side / 20), reach = a > b ? a : b;
        cairn_point c;
        c.x = cairn_scene_pick(s, reach, s->canvas.w - reach - 1);
        c.y = cairn_scene_pick(s, reach, s->canvas.h - reach - 1);
        bool clash = false;
        for (int i = 0; i < count; i++) clash = clash || reach > between(c, accepted[i].centre) - accepted[i].reach;
        if (clash) continue;
        accepted[count].centre = c;
        accepted[count++].reach = reach;
        uint8_t colour = cairn_scene_contrast(s, bg);
        cairn_draw_ellipse(&s->canvas, c.x, c.y, a, b, 90 * cairn_scene_u(s), colour);
    }
    return CAIRN_OK;
}

cairn_status cairn_scene_star(cairn_scene *s)
{
    shape p;
    int branches = cairn_scene_pick(s, 3, 5), thickness = cairn_scene_length(s, 9, 18, 1);
    int bg = cairn_scene_background(s);
    p.radius = fmax(cairn_scene_u(s) * s->min_side / 2, s->min_side / 5);
    int reach = (int)p.radius;
    double cx = cairn_scene_pick(s, reach, s->canvas.w - reach - 1);
    double cy = cairn_scene_pick(s, reach, s->canvas.h - reach - 1);
    spread(s, &p, branches, 0.3, cx, cy);
    cairn_scene_label(s, p.centre);
    for (int i = 0; i < branches; i++) {
        cairn_draw_line(&s->canvas, p.centre, p.v[i], thickness, cairn_scene_contrast(s, bg));
        cairn_scene_label(s, p.v[i]);
    }
    return CAIRN_OK;
}
