/* How rows of a product are cut into tiles. */
#ifndef LOCALRANK_TILES_H
#define LOCALRANK_TILES_H

/* Into how many, and how many rows the next one has, so that all are nearly alike. */
static inline int tiles_of(int rows, int most) { return (rows + most - 1) / most; }
static inline int tile_rows(int rows, int most) { return (rows + tiles_of(rows, most) - 1) / tiles_of(rows, most); }

#endif
