/* The kernel's Python module, in CPython's stable ABI: buffers in, buffers out, every size and value checked before it
   is used, the interpreter lock released meanwhile. ValueError for a size that does not fit or a residue out of range:
   the caller is at fault, never a peer, whose bytes are decoded before. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

typedef struct {
    const void *hidden;
    const int64_t *lengths;
    size_t completions, tokens, width, chunk_tokens, k;
    int is_float;
    uint32_t *indices;
    uint16_t *values;
} Selection;

/* Get contiguous buffers of the objects; those from `writable` on are results. */
static int get_buffers(PyObject **objects, Py_buffer *views, int count, int writable) {
    for (int i = 0; i < count; i++) {
        int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (i >= writable ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(objects[i], &views[i], flags)) {
            while (i-- > 0) {
                PyBuffer_Release(&views[i]);
            }
            return 0;
        }
    }
    return 1;
}

static PyObject *finish(Py_buffer *views, int count, const char *problem) {
    for (int i = 0; i < count; i++) {
        PyBuffer_Release(&views[i]);
    }
    if (problem) {
        PyErr_SetString(PyExc_ValueError, problem);
        return NULL;
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    return Py_NewRef(Py_None);
}

static int has_format(const Py_buffer *view, const char *formats, Py_ssize_t itemsize) {
    return view->itemsize == itemsize && view->format && strlen(view->format) == 1 && strchr(formats, *view->format);
}

static size_t items(const Py_buffer *view) { return (size_t)(view->len / view->itemsize); }

static int are_residues(const Py_buffer *view) {
    const uint16_t *values = view->buf;
    uint16_t greatest = 0;
    for (size_t i = 0; i < items(view); i++) {
        greatest = values[i] > greatest ? values[i] : greatest;
    }
    return greatest < PRIME;
}

static const char *selection_problem(const Selection *selection, const Py_buffer *views) {
    /* Divisions, because products of hostile sizes could wrap. */
    const Selection *s = selection;
    size_t elements = items(&views[0]), chunks = 0;
    if (s->tokens < 1 || s->width < 1 || s->chunk_tokens < 1 || s->k < 1 || s->k > UINT32_MAX / 64) {
        return "a dimension is zero or too large";
    }
    if (s->width > UINT32_MAX / 2 / s->tokens || elements % (s->tokens * s->width)
        || elements / (s->tokens * s->width) != s->completions) {
        return "hidden is not of shape [completions, tokens, width]";
    }
    for (size_t i = 0; i < s->completions; i++) {
        if (s->lengths[i] < 1 || (uint64_t)s->lengths[i] > s->tokens) {
            return "a length is outside [1, tokens]";
        }
        chunks += ((size_t)s->lengths[i] - 1) / s->chunk_tokens + 1;
    }
    if (items(&views[2]) % s->k || items(&views[2]) / s->k != chunks || items(&views[3]) != items(&views[2])) {
        return "the results are not of shape [chunks, k]";
    }
    return NULL;
}

/* Every chunk of every completion. Returns 0 without memory. */
static int select_all(const Selection *s) {
    size_t rows = s->chunk_tokens < s->tokens ? s->chunk_tokens : s->tokens;
    size_t room = rows * s->width > s->k ? rows * s->width : s->k;
    int16_t *maxima = malloc((group_count(room) + 1) * sizeof *maxima);
    int64_t *candidates = malloc(candidate_count(s->k) * sizeof *candidates);
    uint16_t *copy = malloc(room * sizeof *copy);
    int has_memory = maxima && candidates && copy;
    size_t chunk = 0;
    for (size_t i = 0; has_memory && i < s->completions; i++) {
        for (size_t row = 0; row < (size_t)s->lengths[i]; row += rows, chunk++) {
            size_t left = (size_t)s->lengths[i] - row;
            size_t elements = (left < rows ? left : rows) * s->width;
            size_t start = (i * s->tokens + row) * s->width;
            const uint16_t *patterns = (const uint16_t *)s->hidden + start;
            if (s->is_float) {
                round_to_bfloat16((const uint32_t *)s->hidden + start, elements, copy);
                patterns = copy;
            }
            if (elements < s->k) {
                /* A short chunk is continued with +0.0. */
                memmove(copy, patterns, elements * sizeof *copy);
                memset(copy + elements, 0, (s->k - elements) * sizeof *copy);
                patterns = copy;
                elements = s->k;
            }
            select_chunk(patterns, elements, s->k, maxima, candidates, s->indices + chunk * s->k,
                         s->values + chunk * s->k);
        }
    }
    free(maxima);
    free(candidates);
    free(copy);
    return has_memory;
}

static PyObject *kernel_select(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *objects[4];
    Py_buffer views[4];
    Py_ssize_t tokens, width, chunk_tokens, k;
    if (!PyArg_ParseTuple(arguments, "OOnnnnOO", &objects[0], &objects[1], &tokens, &width, &chunk_tokens, &k,
                          &objects[2], &objects[3])) {
        return NULL;
    }
    if (tokens < 0 || width < 0 || chunk_tokens < 0 || k < 0) {
        PyErr_SetString(PyExc_ValueError, "a dimension is negative");
        return NULL;
    }
    if (!get_buffers(objects, views, 4, 2)) {
        return NULL;
    }
    int is_float = has_format(&views[0], "f", 4);
    if ((!is_float && !has_format(&views[0], "H", 2)) || !has_format(&views[1], "lq", 8)
        || !has_format(&views[2], "IL", 4) || !has_format(&views[3], "H", 2)) {
        return finish(views, 4, "expected float32 or uint16, int64, uint32 and uint16");
    }
    Selection selection = {views[0].buf, views[1].buf, items(&views[1]), (size_t)tokens, (size_t)width,
                           (size_t)chunk_tokens, (size_t)k, is_float, views[2].buf, views[3].buf};
    const char *problem = selection_problem(&selection, views);
    if (problem) {
        return finish(views, 4, problem);
    }
    int done;
    Py_BEGIN_ALLOW_THREADS
    done = select_all(&selection);
    Py_END_ALLOW_THREADS
    if (!done) {
        PyErr_NoMemory();
    }
    return finish(views, 4, NULL);
}

/* Both polynomial functions take two arrays of residues [rows, first] and [rows, second] and fill [rows, second]. */
static PyObject *on_rows(PyObject **objects, Py_ssize_t signed_first, Py_ssize_t signed_second, int interpolates) {
    Py_buffer views[3];
    size_t first = (size_t)signed_first, second = (size_t)signed_second;
    if (!get_buffers(objects, views, 3, 2)) {
        return NULL;
    }
    if (!has_format(&views[0], "H", 2) || !has_format(&views[1], "H", 2) || !has_format(&views[2], "H", 2)) {
        return finish(views, 3, "expected uint16");
    }
    if (signed_first < 1 || signed_second < 1 || items(&views[0]) % first
        || items(&views[1]) % second || items(&views[0]) / first != items(&views[1]) / second
        || items(&views[2]) != items(&views[1])) {
        return finish(views, 3, "the arrays' shapes do not fit");
    }
    if (!are_residues(&views[0]) || !are_residues(&views[1])) {
        return finish(views, 3, "a value is not below 65497");
    }
    size_t rows = items(&views[0]) / first;
    uint16_t *scratch = malloc(rows ? 4 * second * sizeof *scratch : 1);
    if (!scratch) {
        PyErr_NoMemory();
        return finish(views, 3, NULL);
    }
    const uint16_t *left = views[0].buf, *right = views[1].buf;
    uint16_t *results = views[2].buf;
    Py_BEGIN_ALLOW_THREADS
    for (size_t row = 0; row < rows; row++) {
        if (interpolates) {
            interpolate_points(left + row * first, right + row * first, first, scratch, results + row * first);
        } else {
            evaluate_at(left + row * first, first, right + row * second, second, scratch, results + row * second);
        }
    }
    Py_END_ALLOW_THREADS
    free(scratch);
    return finish(views, 3, NULL);
}

static PyObject *kernel_interpolate(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *objects[3];
    Py_ssize_t k;
    if (!PyArg_ParseTuple(arguments, "OOnO", &objects[0], &objects[1], &k, &objects[2])) {
        return NULL;
    }
    return on_rows(objects, k, k, 1);
}

static PyObject *kernel_evaluate(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *objects[3];
    Py_ssize_t k, points;
    if (!PyArg_ParseTuple(arguments, "OOnnO", &objects[0], &objects[1], &k, &points, &objects[2])) {
        return NULL;
    }
    return on_rows(objects, k, points, 0);
}

static int prepare(PyObject *Py_UNUSED(module)) {
    prepare_inverses();
    return 0;
}

static PyMethodDef methods[] = {
    {"select", kernel_select, METH_VARARGS,
     "select(hidden, lengths, tokens, width, chunk_tokens, k, indices, values): see native.py."},
    {"interpolate", kernel_interpolate, METH_VARARGS, "interpolate(nodes, values, k, coefficients): see native.py."},
    {"evaluate", kernel_evaluate, METH_VARARGS,
     "evaluate(coefficients, places, k, points, values): see native.py."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{Py_mod_exec, prepare}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "TOPLOC's inner loops, compiled.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&definition); }
