/* The GLSL of a chain of pointwise nodes. It depends on the nodes and on which dimensions the inputs have whole, not on
 * sizes or parameters, so that few texts serve many layers. */
#include "graph/fuse/fuse.h"

#include <stdarg.h>
#include <string.h>

enum { MOST_TEXT = 16384 };

typedef struct writer {
    char *text;
    size_t used;
    bool full;
} writer;

static void put(writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(writer *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(w->text + w->used, MOST_TEXT - w->used, fmt, args);
    va_end(args);
    if (n < 0 || w->used + (size_t)n >= MOST_TEXT)
        w->full = true;
    else
        w->used += (size_t)n;
}

/* The result's dimensions N, H, W merged, and which of them each input has whole. */
typedef struct access {
    cairn_chain_layout layout;
    bool whole[CAIRN_CHAIN_INPUTS][3], splat[CAIRN_CHAIN_INPUTS];
    bool has[3]; /* the dimension is there: its size may be above 1 */
    bool flat;   /* one run of vectors */
} access;

static void add_dimension(access *a, int *count, int64_t size, const bool *whole, int inputs, bool (*merged)[3])
{
    bool same = *count > 0;
    if (size == 1) return;
    for (int i = 0; i < inputs && same; i++) same = merged[i][*count - 1] == whole[i];
    if (same) {
        a->layout.size[*count - 1] *= size;
        return;
    }
    a->layout.size[*count] = size;
    for (int i = 0; i < inputs; i++) merged[i][*count] = whole[i];
    ++*count;
}

static void find_access(access *a, const cairn_graph *g, const cairn_chain *chain)
{
    cairn_shape s = chain->shape;
    const int64_t sizes[3] = {s.n, s.h, s.w};
    bool merged[CAIRN_CHAIN_INPUTS][3] = {{false}}, all_whole = true;
    int count = 0;
    *a = (access){.layout = {.size = {1, 1, 1}, .columns = cairn_shape_groups(s)}};
    for (int d = 0; d < 3; d++) {
        bool whole[CAIRN_CHAIN_INPUTS];
        for (int i = 0; i < chain->input_count; i++) {
            cairn_shape t = cairn_graph_shape(g, chain->inputs[i]);
            whole[i] = (d == 0 ? t.n : d == 1 ? t.h : t.w) == sizes[d];
        }
        add_dimension(a, &count, sizes[d], whole, chain->input_count, merged);
    }
    for (int d = 2, from = count - 1; d >= 0; d--, from--) { /* to the right: rows are the last */
        int64_t size = from >= 0 ? a->layout.size[from] : 1;
        a->has[d] = from >= 0;
        for (int i = 0; i < chain->input_count; i++) a->whole[i][d] = from >= 0 && merged[i][from];
        if (d != from) a->layout.size[d] = size;
    }
    for (int i = 0; i < chain->input_count; i++) {
        a->splat[i] = cairn_graph_shape(g, chain->inputs[i]).c == 1 && s.c > 1;
        all_whole &= cairn_shape_equal(cairn_graph_shape(g, chain->inputs[i]), s);
    }
    a->flat = all_whole && s.c % 4 == 0;
    if (a->flat) a->layout = (cairn_chain_layout){{1, 1, cairn_shape_vectors(s)}, 1};
}

/* Index of input i's element in the current row, without the row's part. */
static void put_base(writer *w, const access *a, int i)
{
    const bool *whole = a->whole[i];
    const char *groups = a->splat[i] ? "1u" : "columns";
    put(w, "%s", a->splat[i] ? "0u" : "column");
    if (a->flat) return;
    if (whole[1]) put(w, " + middle * %s%s", groups, whole[2] ? " * rows" : "");
    if (whole[0]) put(w, " + outer * %s%s%s", groups, whole[2] ? " * rows" : "", whole[1] ? " * middles" : "");
}

static bool varies_by_row(const access *a, int i)
{
    return a->flat || a->whole[i][2];
}

static void put_loads(writer *w, const access *a, const cairn_chain *chain, bool by_row)
{
    const char *indent = by_row ? "        " : "    ";
    for (int i = 0; i < chain->input_count; i++) {
        const char *splat = a->splat[i] ? ".xxxx" : "", *groups = a->splat[i] ? "" : " * columns";
        if (!by_row) put(w, "%suint base%d = ", indent, i), put_base(w, a, i), put(w, ";\n");
        if (by_row != varies_by_row(a, i)) continue;
        if (by_row)
            put(w, "%svec4 x%d = LOAD(in%d, base%d + r%s)%s;\n", indent, i, i, i, groups, splat);
        else
            put(w, "%svec4 x%d = LOAD(in%d, base%d)%s;\n", indent, i, i, i, splat);
    }
}

static void put_operand(writer *w, const cairn_chain *chain, int node, cairn_tid t)
{
    for (int i = 0; i < node; i++)
        if (chain->nodes[i].outputs[0] == t) {
            put(w, "v%d", i);
            return;
        }
    for (int i = 0; i < chain->input_count; i++)
        if (chain->inputs[i] == t) put(w, "x%d", i);
}

/* One node's expression with its places filled in. */
static void put_value(writer *w, const cairn_chain *chain, int node, float *parameters, int *parameter_count)
{
    const cairn_node *n = &chain->nodes[node];
    cairn_expression e = {.text = ""};
    n->op->expression(n, &e);
    put(w, "        vec4 v%d = ", node);
    for (const char *c = e.text; *c; c++) {
        if (*c == '$' && c[1] >= '0' && c[1] < '0' + n->input_count)
            put_operand(w, chain, node, n->inputs[*++c - '0']);
        else if (*c == '#' && c[1] >= '0' && c[1] < '0' + e.parameter_count)
            put(w, "p%d", *parameter_count + (*++c - '0'));
        else
            put(w, "%c", *c);
    }
    put(w, ";\n");
    for (int i = 0; i < e.parameter_count; i++) parameters[(*parameter_count)++] = e.parameters[i];
}

static int count_parameters(const cairn_chain *chain)
{
    int count = 0;
    for (int i = 0; i < chain->node_count; i++) {
        cairn_expression e = {.parameter_count = 0};
        chain->nodes[i].op->expression(&chain->nodes[i], &e);
        count += e.parameter_count;
    }
    return count;
}

static void put_head(writer *w, const cairn_chain *chain)
{
    put(w, "#version 450\n#extension GL_GOOGLE_include_directive : require\n"
           "#include \"tensor.glsl\"\n#include \"rows.glsl\"\n#include \"pointwise.glsl\"\n");
    for (int i = 0; i < chain->input_count; i++) put(w, "INPUT(%d, in%d);\n", i, i);
    for (int i = 0; i < chain->output_count; i++) put(w, "OUTPUT(%d, out%d);\n", chain->input_count + i, i);
    put(w, "layout(push_constant) uniform Push { uint first, rows, columns, c, middles;");
    for (int i = 0; i < count_parameters(chain); i++) put(w, " float p%d;", i);
    put(w, " };\nvoid main()\n{\n    uint column = lane_column();\n    if (column >= columns) return;\n");
}

cairn_status cairn_chain__text(char **text, const cairn_graph *g, const cairn_chain *chain, cairn_chain_layout *layout,
                               float *parameters, int *parameter_count)
{
    access a;
    writer w = {.text = malloc(MOST_TEXT)};
    *text = NULL;
    *parameter_count = 0;
    if (!w.text) return cairn_error_set(CAIRN_E_NOMEM, "no memory to write a kernel");
    find_access(&a, g, chain);
    *layout = a.layout;
    put_head(&w, chain);
    if (!a.flat && a.has[1]) /* the planes */
        put(&w, "    uint outer = gl_WorkGroupID.z / middles, middle = gl_WorkGroupID.z %% middles;\n");
    put_loads(&w, &a, chain, false);
    put(&w, "    uint base = gl_WorkGroupID.z * rows * columns + column;\n    FOR_ROWS(r, first, rows) {\n");
    put_loads(&w, &a, chain, true);
    for (int i = 0; i < chain->node_count; i++) {
        put_value(&w, chain, i, parameters, parameter_count);
        for (int k = 0; k < chain->output_count; k++) {
            if (chain->outputs[k] != chain->nodes[i].outputs[0]) continue;
            put(&w, chain->shape.c % 4 ? "        STORE(out%d, base + r * columns, zero_padding(v%d, column, c));\n"
                                       : "        STORE(out%d, base + r * columns, v%d);\n", k, i);
        }
    }
    put(&w, "    }\n}\n");
    if (w.full) {
        free(w.text);
        return cairn_error_set(CAIRN_E_FAIL, "internal error: a fused kernel is longer than %d bytes", MOST_TEXT);
    }
    *text = w.text;
    return CAIRN_OK;
}
