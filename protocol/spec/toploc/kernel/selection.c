/* A chunk's k elements of greatest magnitude, ties to the lower index, in one pass over the chunk.

   The chunk is cut into tiles of rows of LANES elements, and a tile's columns into groups of one element per row. The
   pass takes each group's greatest magnitude, which needs no work across a vector register. The k-th greatest of those
   is a floor: k elements reach it, so nothing below it is selected, and only the few groups that reach it are looked
   at again. Their elements go into a buffer of bounded size, cut back to the best k whenever it is full. */

#include "kernel.h"

#define LANES 32
#define ROWS 32
#define FEW_ROWS 8
#define MANY_GROUPS 8 /* times k: enough for a floor that few elements reach */

size_t group_count(size_t elements) { return elements / FEW_ROWS; }

size_t candidate_count(size_t k) { return 4 * k + 2 * LANES * ROWS; }

/* To nearest, ties to even; every NaN becomes the quiet one, which rounding would carry into the sign. */
VECTORISED void round_to_bfloat16(const uint32_t *bits, size_t elements, uint16_t *patterns) {
    for (size_t i = 0; i < elements; i++) {
        uint32_t rounded = (bits[i] + (((bits[i] >> 16) & 1) + 0x7FFF)) >> 16;
        patterns[i] = (uint16_t)((bits[i] & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC0 : rounded);
    }
}

/* The greatest magnitudes of a tile's groups. Signed, because that is what the oldest vector units compare. */
static inline void tile_maxima(const uint16_t *tile, size_t rows, int16_t *maxima) {
    int16_t greatest[LANES] = {0};
    for (size_t row = 0; row < rows; row++) {
        for (size_t lane = 0; lane < LANES; lane++) {
            int16_t magnitude = (int16_t)(tile[row * LANES + lane] & MAGNITUDE_MASK);
            greatest[lane] = magnitude > greatest[lane] ? magnitude : greatest[lane];
        }
    }
    for (size_t lane = 0; lane < LANES; lane++) {
        maxima[lane] = greatest[lane];
    }
}

VECTORISED static void all_maxima(const uint16_t *patterns, size_t tiles, size_t rows, int16_t *maxima) {
    /* Constant row counts, so that the compiler keeps a tile in registers. */
    if (rows == ROWS) {
        for (size_t tile = 0; tile < tiles; tile++) {
            tile_maxima(patterns + tile * ROWS * LANES, ROWS, maxima + tile * LANES);
        }
    } else {
        for (size_t tile = 0; tile < tiles; tile++) {
            tile_maxima(patterns + tile * FEW_ROWS * LANES, FEW_ROWS, maxima + tile * LANES);
        }
    }
}

VECTORISED static size_t count_magnitudes(const int16_t *magnitudes, size_t count, int16_t floor) {
    size_t total = 0;
    for (size_t start = 0; start < count; start += 32767) {
        size_t end = count - start < 32767 ? count : start + 32767;
        int16_t part = 0;
        for (size_t i = start; i < end; i++) {
            part = (int16_t)(part + (magnitudes[i] >= floor));
        }
        total += (size_t)part;
    }
    return total;
}

VECTORISED static size_t count_candidates(const int64_t *candidates, size_t count, int64_t floor) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += candidates[i] >= floor;
    }
    return total;
}

/* The k-th greatest of at least k magnitudes, bit by bit: the greatest floor that k of them reach. */
static int16_t kth_magnitude(const int16_t *magnitudes, size_t count, size_t k) {
    int16_t floor = 0;
    for (int bit = 14; bit >= 0; bit--) {
        int16_t higher = (int16_t)(floor | 1 << bit);
        floor = count_magnitudes(magnitudes, count, higher) >= k ? higher : floor;
    }
    return floor;
}

/* Keep the best k of the candidates and return the least magnitude among them. */
static uint32_t cut_back(int64_t *candidates, size_t count, size_t k) {
    int64_t floor = 0;
    for (int bit = 46; bit >= 0; bit--) {
        int64_t higher = floor | (int64_t)1 << bit;
        floor = count_candidates(candidates, count, higher) >= k ? higher : floor;
    }
    size_t kept = 0;
    for (size_t i = 0; kept < k; i++) {
        int64_t candidate = candidates[i];
        candidates[kept] = candidate;
        kept += candidate >= floor;
    }
    return (uint32_t)(floor >> 32);
}

/* One sortable number per element: magnitude above, and below it an index that counts down. No two are equal. */
static inline int64_t candidate_of(const uint16_t *patterns, size_t index) {
    return (int64_t)(patterns[index] & MAGNITUDE_MASK) << 32 | (UINT32_MAX - (uint32_t)index);
}

void select_chunk(const uint16_t *patterns, size_t elements, size_t k, int16_t *maxima, int64_t *candidates,
                  uint32_t *indices, uint16_t *values) {
    size_t rows = elements / ROWS >= MANY_GROUPS * k ? ROWS : FEW_ROWS;
    size_t tiles = elements / (rows * LANES);
    size_t capacity = candidate_count(k);
    size_t count = 0;
    uint32_t floor = 0;
    all_maxima(patterns, tiles, rows, maxima);
    if (tiles * LANES >= k) {
        floor = (uint32_t)kth_magnitude(maxima, tiles * LANES, k);
    }
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t start = tile * rows * LANES;
        for (size_t lane = 0; lane < LANES; lane++) {
            if ((uint32_t)maxima[tile * LANES + lane] < floor) {
                continue;
            }
            for (size_t row = 0; row < rows; row++) {
                size_t index = start + row * LANES + lane;
                candidates[count] = candidate_of(patterns, index);
                count += (patterns[index] & MAGNITUDE_MASK) >= floor;
            }
        }
        if (count + LANES * ROWS > capacity) {
            /* A later element has to exceed the least: of equals the earlier stays. */
            floor = cut_back(candidates, count, k) + 1u;
            count = k;
        }
    }
    for (size_t index = tiles * rows * LANES; index < elements; index++) {
        candidates[count] = candidate_of(patterns, index);
        count += (patterns[index] & MAGNITUDE_MASK) >= floor;
    }
    cut_back(candidates, count, k);
    for (size_t i = 0; i < k; i++) {
        indices[i] = UINT32_MAX - (uint32_t)candidates[i];
        values[i] = patterns[indices[i]];
    }
}
