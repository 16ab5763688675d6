/* keccak-256 of bytes, and of many pieces of one size, in CPython's stable ABI: FIPS 202's permutation with Keccak's own padding.

   Buffers in, buffers out, sizes checked before they are used, the interpreter lock released meanwhile. Its twin is
   the library behind `hashing.keccak256`. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 25, ROUNDS = 24, RATE = 136, DIGEST = 32 };

/* Bytes from which on the interpreter lock is given up: some ten microseconds of work. */
#define LONG_BYTES 4096

static const uint64_t round_constants[ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* Of lane x + 5y: how far rho rotates it, and where pi puts it. */
static const unsigned rotations[LANES] = {
    0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14,
};
static const unsigned places[LANES] = {
    0, 10, 20, 5, 15, 16, 1, 11, 21, 6, 7, 17, 2, 12, 22, 23, 8, 18, 3, 13, 14, 24, 9, 19, 4,
};

static uint64_t rotated(uint64_t lane, unsigned by) { return lane << by | lane >> (-by & 63); }

static void permute(uint64_t *state) {
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t column[5], moved[LANES];
        for (int x = 0; x < 5; x++) {
            column[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20];
        }
        for (int x = 0; x < 5; x++) {
            uint64_t change = column[(x + 4) % 5] ^ rotated(column[(x + 1) % 5], 1);
            for (int lane = x; lane < LANES; lane += 5) {
                moved[places[lane]] = rotated(state[lane] ^ change, rotations[lane]);
            }
        }
        for (int row = 0; row < LANES; row += 5) {
            for (int x = 0; x < 5; x++) {
                state[row + x] = moved[row + x] ^ (~moved[row + (x + 1) % 5] & moved[row + (x + 2) % 5]);
            }
        }
        state[0] ^= round_constants[round];
    }
}

/* Bytes and lanes are little-endian to each other, whatever the machine is. */
static void absorb(uint64_t *state, const uint8_t *block) {
    for (int lane = 0; lane < RATE / 8; lane++) {
        uint64_t word = 0;
        for (int byte = 0; byte < 8; byte++) {
            word |= (uint64_t)block[8 * lane + byte] << 8 * byte;
        }
        state[lane] ^= word;
    }
    permute(state);
}

/* Of `first`, unless `held` is 0 and not 1, and the `size` bytes behind it. */
static void hash_piece(uint8_t first, size_t held, const uint8_t *piece, size_t size, uint8_t *digest) {
    uint64_t state[LANES] = {0};
    uint8_t block[RATE] = {first};
    while (held + size >= RATE) {
        size_t taken = RATE - held;
        memcpy(block + held, piece, taken);
        absorb(state, block);
        piece += taken;
        size -= taken;
        held = 0;
    }
    memset(block + held, 0, RATE - held);
    memcpy(block + held, piece, size);
    block[held + size] ^= 0x01;
    block[RATE - 1] ^= 0x80;
    absorb(state, block);
    for (int byte = 0; byte < DIGEST; byte++) {
        digest[byte] = (uint8_t)(state[byte / 8] >> 8 * (byte % 8));
    }
}

static PyObject *each(PyObject *Py_UNUSED(module), PyObject *arguments) {
    int first;
    Py_ssize_t size;
    Py_buffer pieces, digests;
    if (!PyArg_ParseTuple(arguments, "iny*w*", &first, &size, &pieces, &digests)) {
        return NULL;
    }
    int fits = first >= 0 && first < 256 && size >= 1 && pieces.len % size == 0 && digests.len % DIGEST == 0
               && pieces.len / size == digests.len / DIGEST;
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < digests.len / DIGEST; i++) {
            hash_piece((uint8_t)first, 1, (const uint8_t *)pieces.buf + i * size, (size_t)size,
                       (uint8_t *)digests.buf + i * DIGEST);
        }
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "a byte, pieces of one size, and 32 bytes for each");
    }
    PyBuffer_Release(&pieces);
    PyBuffer_Release(&digests);
    return fits ? Py_NewRef(Py_None) : NULL;
}

static PyObject *digest(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer data;
    uint8_t hash[DIGEST];
    if (!PyArg_ParseTuple(arguments, "y*", &data)) {
        return NULL;
    }
    if (data.len < LONG_BYTES) {
        hash_piece(0, 0, data.buf, (size_t)data.len, hash);
    } else {
        Py_BEGIN_ALLOW_THREADS
        hash_piece(0, 0, data.buf, (size_t)data.len, hash);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&data);
    return PyBytes_FromStringAndSize((const char *)hash, DIGEST);
}

static PyMethodDef methods[] = {
    {"digest", digest, METH_VARARGS, "digest(data): see hashing.py."},
    {"each", each, METH_VARARGS, "each(first, size, pieces, digests): see batch_hashing.py."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_keccak", "keccak-256 of many pieces.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__keccak(void) { return PyModuleDef_Init(&definition); }
