#ifndef CAIRN_OPS_TILE_H
#define CAIRN_OPS_TILE_H
/* How a matrix product C [m,n] = A [m,k] B [k,n] is cut into workgroups in the classes simt and matrix: the host side
 * of shaders/include/tile/tile.glsl. */
#include "graph/lower.h"

enum { CAIRN_TILE_CONSTANT = 3 /* the first specialization constant of the tile */, CAIRN_TILE_CONSTANTS = 9 };

typedef struct cairn_tile {
    int m, n;        /* of C, made by one workgroup */
    int moment_rows; /* of C in one chunk of the partial moments that a kernel may leave of C's columns */
    int threads;     /* of the workgroup */
    int constant_count;
    uint32_t constants[CAIRN_TILE_CONSTANTS]; /* from CAIRN_TILE_CONSTANT on */
    int range_count;                          /* class matrix: 2, else 0 */
    cairn_slot ranges[2];                     /* magnitudes of A and B, bound after the kernel's own tensors */
} cairn_tile;

/* One product, and how to append its dispatches once the tile is known. */
typedef struct cairn_tile_product {
    const char *name;          /* of the choice: cairn_choice.name */
    int64_t m, n, k, batches;  /* batches: products of this size side by side */
    cairn_slot a, b;           /* the tensors that are read as A and B */
    uint32_t form[4];          /* what else its time depends on: kernel size, stride, ... */
    cairn_status (*emit)(cairn_lowering *l, const void *problem, const cairn_tile *tile);
    const void *problem;
} cairn_tile_product;

/* Lowers the product with one of the tiles that are fit for it: the tuned one, else the one with the least estimated
 * time; variable CAIRN_TILE forces one by number (modulo their count), for tests. In class simt the bits of C do not
 * depend on the tile.
 *
 * In class matrix factors are split into two halves each (about 21 bits, which passes as fp32), or rounded to fp16
 * where one of the two tensors is stored so; variable CAIRN_MATRIX_SPLIT=0 rounds them always. */
cairn_status cairn_tile_lower(cairn_lowering *l, const cairn_tile_product *product);
/* Sets the constants from CAIRN_TILE_CONSTANT on, the slots of the ranges and the threads; x, y, z count workgroups. */
void cairn_tile_call(cairn_kernel_call *call, const cairn_tile *tile, int64_t x, int64_t y, int64_t z);
static inline int64_t cairn_tiles(int64_t size, int tile)
{
    return (size + tile - 1) / tile;
}
#endif
