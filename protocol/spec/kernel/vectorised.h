/* One build serves every x86-64 machine: the loader picks the copy that the processor can run. Elsewhere the compiler's
   own target decides. */

#ifndef CUPEL_VECTORISED_H
#define CUPEL_VECTORISED_H

#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define VECTORISED __attribute__((target_clones("avx2", "default")))
#else
#define VECTORISED
#endif

#if defined(__GNUC__)
#define PREFETCH(place) __builtin_prefetch(place)
#else
#define PREFETCH(place)
#endif

#endif
