/* Shared by the files of the compiled kernel. Each function has a NumPy twin that gives the same values. */

#ifndef CUPEL_TOPLOC_KERNEL_H
#define CUPEL_TOPLOC_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "vectorised.h"

#define PRIME 65497u
#define MAGNITUDE_MASK 0x7FFFu

void round_to_bfloat16(const uint32_t *bits, size_t elements, uint16_t *patterns);
/* Sizes of the working memory of `select_chunk`. */
size_t group_count(size_t elements);
size_t candidate_count(size_t k);
void select_chunk(const uint16_t *patterns, size_t elements, size_t k, int16_t *maxima, int64_t *candidates,
                  uint32_t *indices, uint16_t *values);

void prepare_inverses(void);
void interpolate_points(const uint16_t *nodes, const uint16_t *values, size_t k, uint16_t *scratch,
                        uint16_t *coefficients);
void evaluate_at(const uint16_t *coefficients, size_t k, const uint16_t *places, size_t points, uint16_t *scratch,
                 uint16_t *values);

#endif
