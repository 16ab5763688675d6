/* The ring's inner loops in CPython's stable ABI: buffers in, buffers out, every size checked before it is used, the
   interpreter lock released meanwhile. Each has a NumPy twin that gives the same values. ValueError for a size that does
   not fit: the caller is at fault, never a peer, whose frames are measured before. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "vectorised.h"

#define BLOCK_BYTES 4096
#define AHEAD_BYTES 2048
#define MAGNITUDE 0x7FFFFFFF

/* Word by word, least significant byte first, on any machine. */
static uint64_t word(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Add a product of two words to a number of 128 bits. */
static void add_product(uint64_t a, uint64_t b, uint64_t *low, uint64_t *high) {
#ifdef __SIZEOF_INT128__
    unsigned __int128 sum = ((unsigned __int128)*high << 64 | *low) + (unsigned __int128)a * b;
    *low = (uint64_t)sum;
    *high = (uint64_t)(sum >> 64);
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    uint64_t product = other << 32 | (uint32_t)(a0 * b0);
    *low += product;
    *high += a1 * b1 + (middle >> 32) + (other >> 32) + (*low < product);
#endif
}

static void write_word(uint64_t value, uint8_t *bytes) {
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

/* Add the products of two pairs of words, each with its mask, to two numbers: neither waits for the other's carry. */
static void add_pairs(const uint8_t *data, const uint8_t *mask, uint64_t *sums) {
    add_product(word(data) + word(mask), word(data + 8) + word(mask + 8), &sums[0], &sums[1]);
    add_product(word(data + 16) + word(mask + 16), word(data + 24) + word(mask + 24), &sums[2], &sums[3]);
}

/* A line of 64 bytes at a time, asked for some lines before it is needed. */
static void hash_block(const uint8_t *block, const uint8_t *key, uint8_t *hash) {
    uint64_t sums[4] = {0};
    for (size_t i = 0; i < BLOCK_BYTES; i += 64) {
        PREFETCH((const void *)((uintptr_t)(block + i) + AHEAD_BYTES)); /* may be beyond the array, which is harmless */
        add_pairs(block + i, key + i, sums);
        add_pairs(block + i + 32, key + i + 32, sums);
    }
    uint64_t low = sums[0] + sums[2];
    write_word(low, hash);
    write_word(sums[1] + sums[3] + (low < sums[2]), hash + 8);
}

static int32_t bits_of(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

VECTORISED static int are_within(const float *values, size_t count, int32_t most) {
    int32_t beyond = 0;
    for (size_t i = 0; i < count; i++) {
        beyond |= (bits_of(values[i]) & MAGNITUDE) > most;
    }
    return !beyond;
}

VECTORISED static int add_floats(const float *incoming, const float *own, float *out, size_t count, int32_t own_most,
                                 int32_t most) {
    int32_t beyond = 0;
    for (size_t i = 0; i < count; i++) {
        float sum = incoming[i] + own[i];
        beyond |= ((bits_of(own[i]) & MAGNITUDE) > own_most) | ((bits_of(sum) & MAGNITUDE) > most);
        out[i] = sum;
    }
    return !beyond;
}

static PyObject *finish(Py_buffer *views, int count, const char *problem, PyObject *result) {
    for (int i = 0; i < count; i++) {
        PyBuffer_Release(&views[i]);
    }
    if (problem) {
        PyErr_SetString(PyExc_ValueError, problem);
        return NULL;
    }
    return Py_NewRef(result);
}

static PyObject *kernel_hash_blocks(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer views[3];
    if (!PyArg_ParseTuple(arguments, "y*y*w*", &views[0], &views[1], &views[2])) {
        return NULL;
    }
    Py_ssize_t blocks = views[0].len / BLOCK_BYTES;
    if (views[0].len % BLOCK_BYTES || views[1].len != BLOCK_BYTES || views[2].len != 16 * blocks) {
        return finish(views, 3, "expected blocks and a key of 4096 bytes, and 16 bytes for each block", NULL);
    }
    const uint8_t *data = views[0].buf, *key = views[1].buf;
    uint8_t *hashes = views[2].buf;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t block = 0; block < blocks; block++) {
        hash_block(data + block * BLOCK_BYTES, key, hashes + 16 * block);
    }
    Py_END_ALLOW_THREADS
    return finish(views, 3, NULL, Py_None);
}

static PyObject *kernel_add(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer views[3];
    float own_most, most;
    if (!PyArg_ParseTuple(arguments, "y*y*w*ff", &views[0], &views[1], &views[2], &own_most, &most)) {
        return NULL;
    }
    if (views[0].itemsize != sizeof(float) || views[0].len != views[1].len || views[0].len != views[2].len) {
        return finish(views, 3, "expected three arrays of float32 and one size", NULL);
    }
    int is_within;
    Py_BEGIN_ALLOW_THREADS
    is_within = add_floats(views[0].buf, views[1].buf, views[2].buf, (size_t)views[0].len / sizeof(float),
                           bits_of(own_most), bits_of(most));
    Py_END_ALLOW_THREADS
    return finish(views, 3, NULL, is_within ? Py_True : Py_False);
}

static PyObject *kernel_within(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer view;
    float most;
    if (!PyArg_ParseTuple(arguments, "y*f", &view, &most)) {
        return NULL;
    }
    if (view.itemsize != sizeof(float)) {
        return finish(&view, 1, "expected an array of float32", NULL);
    }
    int is_within;
    Py_BEGIN_ALLOW_THREADS
    is_within = are_within(view.buf, (size_t)view.len / sizeof(float), bits_of(most));
    Py_END_ALLOW_THREADS
    return finish(&view, 1, NULL, is_within ? Py_True : Py_False);
}

static PyMethodDef methods[] = {
    {"hash_blocks", kernel_hash_blocks, METH_VARARGS, "hash_blocks(blocks, key, hashes): see check.py."},
    {"add", kernel_add, METH_VARARGS, "add(incoming, own, out, own_most, most): see reduce.py."},
    {"within", kernel_within, METH_VARARGS, "within(values, most): see reduce.py."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "The ring's inner loops, compiled.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&definition); }
