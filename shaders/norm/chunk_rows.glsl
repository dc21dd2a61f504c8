// Rows that chunk j of a cut (chunks.glsl) holds; step_log2 is the log2 of its ROWS_PER_STEP.
float chunk_rows(uint j)
{
    uint first = (j >> step_log2) * block_rows, end = min(first + block_rows, rows);
    uint begin = first + (j & ((1u << step_log2) - 1u));
    return begin < end ? float((end - begin + (1u << step_log2) - 1u) >> step_log2) : 0.0;
}
