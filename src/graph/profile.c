#include "graph/profile.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { NAME_BYTES = 96, TOP_SHAPES = 16 };

typedef enum grouping { BY_OP, BY_KERNEL, BY_SHAPE, GROUPINGS } grouping;
static const char *const titles[GROUPINGS] = {"op", "kernel", "op, input to output"};
static const char *const members[GROUPINGS] = {"by_op", "by_kernel", "by_shape"};

typedef struct row {
    char name[NAME_BYTES];
    double ns, operations, bytes;
    int dispatches;
} row;

typedef struct profile {
    const cairn_program_timing *timings;
    int count;
    double total_ns;
    row *rows;
    int row_count;
} profile;

static void shape_text(char *text, size_t size, cairn_shape s)
{
    snprintf(text, size, "%dx%dx%dx%d", s.n, s.h, s.w, s.c);
}

static void name_of(char name[NAME_BYTES], const cairn_program_timing *t, grouping by)
{
    char in[48], out[48];
    shape_text(in, sizeof in, t->in);
    shape_text(out, sizeof out, t->out);
    if (by == BY_SHAPE)
        snprintf(name, NAME_BYTES, "%.32s %.28s to %.28s", t->op, in, out);
    else
        snprintf(name, NAME_BYTES, "%.90s", by == BY_OP ? t->op : t->kernel);
}

static int by_time(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (x->ns != y->ns) return x->ns > y->ns ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void group(profile *p, grouping by)
{
    p->row_count = 0;
    for (int i = 0; i < p->count; i++) {
        const cairn_program_timing *t = &p->timings[i];
        char name[NAME_BYTES];
        int k = 0;
        name_of(name, t, by);
        while (k < p->row_count && strcmp(p->rows[k].name, name)) k++;
        row *r = &p->rows[k];
        if (k == p->row_count) {
            p->row_count++;
            *r = (row){0};
            memcpy(r->name, name, sizeof name);
        }
        r->ns += t->ns;
        r->operations += t->operations;
        r->bytes += t->bytes;
        r->dispatches++;
    }
    for (int i = 0; i < p->row_count; i++)
        if (p->rows[i].ns < 1) p->rows[i].ns = 1; /* a coarse clock; rates stay finite */
    qsort(p->rows, (size_t)p->row_count, sizeof *p->rows, by_time);
}

static cairn_status begin(profile *p, cairn_program *program)
{
    cairn_status st;
    *p = (profile){0};
    CAIRN_TRY(cairn_program_timings(program, &p->timings, &p->count));
    p->rows = calloc((size_t)p->count + 1, sizeof *p->rows);
    if (!p->rows) return cairn_error_set(CAIRN_E_NOMEM, "no memory for a profile");
    for (int i = 0; i < p->count; i++) p->total_ns += p->timings[i].ns;
    if (p->total_ns < 1) p->total_ns = 1;
done:
    return st;
}

/* Not for kernels: operations are known by op only, and spread evenly over its dispatches. */
static double share_of_ceiling(const row *r, const cairn_ceilings *c)
{
    double compute = r->operations / r->ns / c->fp32_gflops;
    double memory = r->bytes / r->ns / c->copy_gbps;
    return compute > memory ? compute : memory;
}

static void print_group(FILE *out, profile *p, grouping by, const cairn_ceilings *c)
{
    const bool operations = by != BY_KERNEL;
    group(p, by);
    const int shown = by == BY_SHAPE && p->row_count > TOP_SHAPES ? TOP_SHAPES : p->row_count;
    fprintf(out, "%-62s %6s %10s %6s %9s %8s%s\n", titles[by], "calls", "ms", "share", operations ? "GFLOP/s" : "",
            "GB/s", c && operations ? " ceiling" : "");
    for (int i = 0; i < shown; i++) {
        const row *r = &p->rows[i];
        fprintf(out, "%-62s %6d %10.3f %5.1f%%", r->name, r->dispatches, r->ns / 1e6, 100 * r->ns / p->total_ns);
        if (operations)
            fprintf(out, " %9.2f", r->operations / r->ns);
        else
            fprintf(out, " %9s", "");
        fprintf(out, " %8.2f", r->bytes / r->ns);
        if (c && operations) fprintf(out, " %6.0f%%", 100 * share_of_ceiling(r, c));
        fputc('\n', out);
    }
    if (shown < p->row_count) fprintf(out, "... and %d more\n", p->row_count - shown);
    fputc('\n', out);
}

cairn_status cairn_profile_print(FILE *out, cairn_program *program, const cairn_ceilings *ceilings)
{
    cairn_status st;
    profile p;
    CAIRN_TRY(begin(&p, program));
    for (int by = BY_OP; by < GROUPINGS; by++) print_group(out, &p, (grouping)by, ceilings);
    double operations = 0, bytes = 0;
    for (int i = 0; i < p.count; i++) operations += p.timings[i].operations, bytes += p.timings[i].bytes;
    fprintf(out, "sum of %d dispatches: %.3f ms, %.2f GFLOP/s, %.2f GB/s\n", p.count, p.total_ns / 1e6,
            operations / p.total_ns, bytes / p.total_ns);
    if (ceilings)
        fprintf(out, "ceilings of this device: %.1f GFLOP/s fp32 multiply-adds, %.1f GB/s copying %.0f MiB\n",
                ceilings->fp32_gflops, ceilings->copy_gbps, ceilings->copy_mib);
done:
    free(p.rows);
    return st;
}

static void add_group(cJSON *root, profile *p, grouping by, const cairn_ceilings *c)
{
    cJSON *list = cJSON_AddArrayToObject(root, members[by]);
    group(p, by);
    for (int i = 0; i < p->row_count; i++) {
        const row *r = &p->rows[i];
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "name", r->name);
        cJSON_AddNumberToObject(entry, "dispatches", r->dispatches);
        cJSON_AddNumberToObject(entry, "ms", r->ns / 1e6);
        cJSON_AddNumberToObject(entry, "share", r->ns / p->total_ns);
        if (by != BY_KERNEL) cJSON_AddNumberToObject(entry, "gflops", r->operations / r->ns);
        cJSON_AddNumberToObject(entry, "gbps", r->bytes / r->ns);
        if (c && by != BY_KERNEL) cJSON_AddNumberToObject(entry, "ceiling", share_of_ceiling(r, c));
        cJSON_AddItemToArray(list, entry);
    }
}

cairn_status cairn_profile_json(FILE *out, cairn_program *program, const cairn_ceilings *ceilings)
{
    cairn_status st;
    profile p;
    char *text = NULL;
    cJSON *root = cJSON_CreateObject();
    CAIRN_TRY(begin(&p, program));
    cJSON_AddNumberToObject(root, "total_ms", p.total_ns / 1e6);
    if (ceilings) {
        cJSON *c = cJSON_AddObjectToObject(root, "ceilings");
        cJSON_AddNumberToObject(c, "fp32_gflops", ceilings->fp32_gflops);
        cJSON_AddNumberToObject(c, "copy_gbps", ceilings->copy_gbps);
        cJSON_AddNumberToObject(c, "copy_mib", ceilings->copy_mib);
    }
    for (int by = BY_OP; by < GROUPINGS; by++) add_group(root, &p, (grouping)by, ceilings);
    text = root ? cJSON_PrintUnformatted(root) : NULL;
    if (!text) CAIRN_TRY(cairn_error_set(CAIRN_E_NOMEM, "no memory for a profile"));
    if (fprintf(out, "%s\n", text) < 0 || fflush(out)) st = cairn_error_set(CAIRN_E_IO, "cannot write the profile");
done:
    cJSON_free(text);
    cJSON_Delete(root);
    free(p.rows);
    return st;
}
