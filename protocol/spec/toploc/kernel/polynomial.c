/* Polynomials over the integers modulo 65497, through points and at points; coefficients ascending.

   Residues fill 16 bits. Products are Montgomery's (1985) with radix 2^16, so that vector registers of 16-bit lanes
   never widen: `multiply(a, b)` is a * b / 2^16, and one factor is kept scaled by 2^16. */

#include "kernel.h"

#define PRIME_INVERSE 0x9069u /* of PRIME modulo 2^16 */
#define RADIX_SQUARED 1521u   /* 2^32 modulo PRIME: 2^16 is 39 */

static uint16_t scaled_inverses[PRIME];

static inline uint16_t multiply(uint16_t a, uint16_t b) {
    uint32_t product = (uint32_t)a * b;
    uint16_t high = (uint16_t)(product >> 16);
    uint16_t quotient = (uint16_t)((uint16_t)product * PRIME_INVERSE);
    uint16_t carried = (uint16_t)(((uint32_t)quotient * PRIME) >> 16);
    return (uint16_t)(high - carried + (high < carried ? PRIME : 0));
}

static inline uint16_t subtract(uint16_t a, uint16_t b) { return (uint16_t)(a - b + (a < b ? PRIME : 0)); }

static inline uint16_t scaled(uint16_t a) { return multiply(a, RADIX_SQUARED); }

/* Inverse of every residue but 0, from smaller ones: p = q*a + r gives 1/a = -q/r. */
void prepare_inverses(void) {
    scaled_inverses[1] = scaled(1);
    for (uint32_t a = 2; a < PRIME; a++) {
        uint32_t negated = PRIME - PRIME / a;
        scaled_inverses[a] = (uint16_t)((uint64_t)negated * scaled_inverses[PRIME % a] % PRIME);
    }
}

/* The polynomial of degree below k through k points with distinct nodes, by Newton's divided differences.
   nodes, values: below PRIME. scratch: 4 * k elements. */
VECTORISED void interpolate_points(const uint16_t *nodes, const uint16_t *values, size_t k, uint16_t *scratch,
                                   uint16_t *coefficients) {
    uint16_t *differences = scratch, *newton = scratch + k, *gaps = scratch + 2 * k, *shifted = scratch + 3 * k;
    for (size_t i = 0; i < k; i++) {
        differences[i] = values[i];
    }
    newton[0] = differences[0];
    for (size_t order = 1; order < k; order++) {
        for (size_t i = 0; i < k - order; i++) {
            gaps[i] = scaled_inverses[subtract(nodes[i + order], nodes[i])];
        }
        for (size_t i = 0; i < k - order; i++) {
            differences[i] = multiply(subtract(differences[i + 1], differences[i]), gaps[i]);
        }
        newton[order] = differences[0];
    }
    /* Newton's form to powers, from the innermost bracket: p * (x - node) + difference. */
    coefficients[0] = newton[k - 1];
    for (size_t degree = 1; degree < k; degree++) {
        uint16_t node = scaled(nodes[k - 1 - degree]);
        for (size_t i = 0; i < degree; i++) {
            shifted[i] = multiply(coefficients[i], node);
        }
        coefficients[degree] = coefficients[degree - 1];
        for (size_t i = degree - 1; i > 0; i--) {
            coefficients[i] = subtract(coefficients[i - 1], shifted[i]);
        }
        coefficients[0] = subtract(newton[k - 1 - degree], shifted[0]);
    }
}

/* The polynomial's value at each place, by Horner's rule. All below PRIME. scratch: 2 * points elements. */
VECTORISED void evaluate_at(const uint16_t *coefficients, size_t k, const uint16_t *places, size_t points,
                            uint16_t *scratch, uint16_t *values) {
    for (size_t i = 0; i < points; i++) {
        scratch[i] = scaled(places[i]);
        values[i] = 0;
    }
    for (size_t power = k; power-- > 0;) {
        /* Subtracting PRIME - c is adding c, and needs no carry. */
        uint16_t negated = (uint16_t)(PRIME - coefficients[power]);
        for (size_t i = 0; i < points; i++) {
            values[i] = subtract(multiply(values[i], scratch[i]), negated);
        }
    }
}
