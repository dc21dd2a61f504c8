/* cairn synthesize: synthetic shapes as files, or as a sheet to look at. */
#include "cli/command.h"
#include "system/parallel.h"
#include "teacher/synthetic/dataset.h"

typedef struct synthesize_options {
    char out[CAIRN_SETTING_TEXT_BYTES], sheet[CAIRN_SETTING_TEXT_BYTES], primitives[CAIRN_SETTING_TEXT_BYTES];
    int layout;
    int64_t images, height, width, canvas_height, seed, rows;
    bool literal_labels, json;
} synthesize_options;

static const cairn_setting table[] = {
    CAIRN_SETTING_TEXT_ROW(synthesize_options, out, "", "folder of the dataset"),
    CAIRN_SETTING_CHOICE_ROW(synthesize_options, layout, 0, "tf,pairs", "of its files"),
    CAIRN_SETTING_INT_ROW(synthesize_options, images, 10000, 1, 1000000,
                          "training images of a primitive; the published kept parts of it are drawn"),
    CAIRN_SETTING_TEXT_ROW(synthesize_options, primitives, "all", "all, or which with commas"),
    CAIRN_SETTING_INT_ROW(synthesize_options, height, 120, 8, 2048, "of the images, pixels"),
    CAIRN_SETTING_INT_ROW(synthesize_options, width, 160, 8, 2048, "of the images, pixels"),
    CAIRN_SETTING_INT_ROW(synthesize_options, canvas_height, 960, 60, 4096,
                          "rows that shapes are drawn on; fewer are faster and coarser"),
    CAIRN_SETTING_INT_ROW(synthesize_options, seed, 0, 0, 4294967295.0, "of the drawings"),
    CAIRN_SETTING_BOOL_ROW(synthesize_options, literal_labels, 0,
                           "labels without the half-pixel correction, as the published ones"),
    CAIRN_SETTING_TEXT_ROW(synthesize_options, sheet, "", "picture (png) of examples with their labels"),
    CAIRN_SETTING_INT_ROW(synthesize_options, rows, 3, 1, 64, "examples of each primitive in it"),
    CAIRN_SETTING_BOOL_ROW(synthesize_options, json, 0, "numbers and speed as a line of JSON"),
    {0},
};

static void print_report(const cairn_shapes_dataset_report *r, const synthesize_options *o)
{
    const double whole = r->cpu_seconds > 0 ? r->made / r->cpu_seconds : 0;
    const double drawn = r->draw_seconds > 0 ? r->made / r->draw_seconds : 0;
    if (o->json) {
        printf("{\"images\":%d,\"there\":%d,\"height\":%lld,\"width\":%lld,\"canvas_height\":%lld,\"cores\":%d,"
               "\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"draw_seconds\":%.3f,\"images_per_second_per_core\":%.2f,"
               "\"drawn_per_second_per_core\":%.2f}\n",
               r->made, r->there, (long long)o->height, (long long)o->width, (long long)o->canvas_height, cairn_cores(),
               r->seconds, r->cpu_seconds, r->draw_seconds, whole, drawn);
        return;
    }
    printf("%s: %d images", o->out, r->made);
    if (r->there) printf(", %d were there", r->there);
    printf("\n");
    if (r->made)
        printf("%.1f images/s for each core with encoding and writing, %.1f drawing alone; an earlier implementation "
               "reports 2.3 (100,000 in 12 hours)\n",
               whole, drawn);
}

static cairn_status save_sheet(const synthesize_options *o, const cairn_shapes_dataset_options *d)
{
    cairn_status st = CAIRN_OK;
    int kinds = 0;
    cairn_image sheet = {0};
    for (int p = 0; p < CAIRN_SHAPE_COUNT; p++) kinds += d->primitives[p];
    CAIRN_TRY(cairn_shapes_contact_sheet(&sheet, (uint32_t)o->seed, (int)o->rows, kinds, d->primitives, &d->shapes));
    CAIRN_TRY(cairn_image_save_png(&sheet, o->sheet));
    if (!o->json) printf("%s: %lld examples of each primitive\n", o->sheet, (long long)o->rows);
done:
    cairn_image_free(&sheet);
    return st;
}

static cairn_status run(const void *options, const char *const *words, int word_count)
{
    (void)words, (void)word_count;
    const synthesize_options *o = options;
    cairn_status st = CAIRN_OK;
    cairn_shapes_dataset_report report;
    cairn_shapes_dataset_options d = CAIRN_SHAPES_DATASET_OPTIONS_INIT;
    d.shapes = (cairn_shapes_options){(int)o->height, (int)o->width, (int)o->canvas_height, o->literal_labels};
    d.layout = (cairn_shapes_layout)o->layout;
    d.seed = (uint32_t)o->seed;
    d.images = (int)o->images;
    d.progress = true;
    if (!o->out[0] && !o->sheet[0])
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --out DIR or --sheet FILE.png is missing"));
    CAIRN_TRY(cairn_shapes_choose(d.primitives, o->primitives, "command line: primitives"));
    CAIRN_TRY(cairn_shapes_check(&d.shapes));
    if (o->sheet[0]) CAIRN_TRY(save_sheet(o, &d));
    if (!o->out[0]) goto done;
    CAIRN_TRY(cairn_shapes_dataset_write(&report, o->out, &d));
    print_report(&report, o);
done:
    return st;
}

const cairn_command cairn_command_synthesize = {
    .name = "synthesize",
    .summary = "draw synthetic shapes with their corners into files",
    .synopsis = "--out DIR [--layout tf|pairs] [--images N] [--sheet FILE.png]",
    .details =
        "Draws on all cores. Training needs no such files, it draws as it goes; they are for other programs and for\n"
        "looking at. The same command goes on where an interrupted one was; a larger --images adds to what is there.\n"
        "Beside the training images come a fiftieth of them for validation and a twentieth for tests; of ellipses,\n"
        "stripes and noise 0.3, 0.2 and 0.1 of the others, as published.\n\n"
        "Primitives: lines, polygon, polygons, ellipses, star, checkerboard, stripes, cube, noise.\n"
        "Layouts:\n"
        "  tf     draw_star/images/training/0.png and draw_star/points/training/0.npy, (row, column) in float64, as\n"
        "         the published TensorFlow code writes them\n"
        "  pairs  training/star-000000.png beside .npz with points (x, y, 1) and size, as our label files",
    .example = "  cairn synthesize --sheet shapes.png\n"
               "  cairn synthesize --out shapes --images 1000",
    .options = table,
    .options_bytes = sizeof(synthesize_options),
    .run = run,
};
